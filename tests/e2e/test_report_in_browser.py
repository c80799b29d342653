"""The HTML report in a real headless Chromium: on a desk and on a phone, light and dark, without network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Page, opened
from stack import ROOT

RECORDED = ROOT / "tests" / "unit" / "checks" / "recorded" / "healthy.json"
PICTURES = ROOT / ".stanchion" / "tests" / "report"
HOSTILE = "</style></details><img src=http://203.0.113.9/x onerror=alert(1)><script>alert(1)</script>"

# The lowest contrast of any text with what it stands on, and that text. WCAG 2 asks for 4.5 to 1.
CONTRAST = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const below = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = [99, ''];
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(below(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst[0]) worst = [contrast, node.data.trim()];
  }
  return worst;
})()"""

each_width = pytest.mark.parametrize("width", [1280, 390])
each_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])


def runner(*arguments: str) -> None:
    """Run a verb whose result may well be bad."""
    done = subprocess.run([sys.executable, "runner.py", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr


def findings(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one finding of every outcome, made from what the checks really said."""
    passed = [each for each in result["validations"][0]["findings"] if each["outcome"] == "pass"]
    endings = ("fail", "error", "error", "warn", "warn", "skip")
    ill = [{**passed[0], "outcome": outcome, "slug": f"x.{at}"} for at, outcome in enumerate(endings)]
    ill[0]["evidence"] = [
        {"what": HOSTILE, "level": "bad", "of": HOSTILE},
        {"what": "x" * 4000, "level": "warn", "of": "a_very_long_name_of_a_table_" * 10},
    ]
    ill[3]["evidence"] = [{"what": f"row {n}", "level": "bad", "of": ""} for n in range(300)]
    return [*ill, *passed]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report as the command line writes it, with every outcome in it and names that try to break out."""
    folder = tmp_path_factory.mktemp("report")
    saved, path = folder / "result.json", folder / "report.html"
    runner("validate", "--facts", str(RECORDED), "--format", "json", "--output", str(saved))
    result = json.loads(saved.read_text())
    found = findings(result)
    counts = {name: sum(each["outcome"] == name for each in found) for name in ("pass", "fail", "warn")}
    result["validations"][0].update(findings=found, counts=counts)
    saved.write_text(json.dumps({**result, "status": "unsafe", "exit_code": 1}))
    runner("report", "--from", str(saved), "--format", "html", "--output", str(path))
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab of a browser of this module's own."""
    with opened(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@each_width
@each_scheme
def test_it_shows_without_an_error_and_without_network(
    page: Page, report: Path, width: int, scheme: str
) -> None:
    page.open(report, width, scheme)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.picture(PICTURES / f"report-{width}-{scheme}.png")
    assert page.complaints() == []
    assert page.requests() == [report.as_uri()]
    assert page.ask("document.scripts.length + document.images.length") == 0
    assert page.ask("document.querySelectorAll('.card').length") > 5


@each_width
def test_nothing_is_wider_than_the_screen(page: Page, report: Path, width: int) -> None:
    page.open(report, width, "light")
    page.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.ask("document.documentElement.scrollWidth") <= width


@each_width
@each_scheme
def test_every_text_can_be_read(page: Page, report: Path, width: int, scheme: str) -> None:
    page.open(report, width, scheme)
    page.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.ask("document.querySelectorAll('.filter input').forEach((each) => { each.checked = true; })")
    contrast, text = page.ask(CONTRAST)
    assert contrast >= 4.5, text
    paper = page.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(paper) > 127) is (scheme == "light")


def test_outcomes_can_be_hidden_and_shown(page: Page, report: Path) -> None:
    page.open(report, 1280, "light")

    def shown(outcome: str) -> int:
        cards = f"[...document.querySelectorAll('.card.{outcome}')]"
        return int(page.ask(f"{cards}.filter((each) => each.checkVisibility()).length"))

    assert (shown("fail"), shown("error"), shown("warn")) == (1, 1, 2)
    assert shown("pass") == shown("skip") == 0, "what is well is counted"
    for outcome in ("warn", "skip"):
        page.ask(f"document.querySelector('#show-{outcome}').click()")
    assert (shown("warn"), shown("skip")) == (0, 1)


def test_it_can_be_read_aloud_and_by_keyboard(page: Page, report: Path) -> None:
    page.open(report, 1280, "light")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node.get("ignored") and "role" in node]
    for landmark in ("banner", "main", "contentinfo"):
        assert roles.count(landmark) == 1, landmark
    named = {
        node["role"]["value"]: node["name"]["value"]
        for node in nodes
        if not node.get("ignored") and node.get("name", {}).get("value")
    }
    assert {"checkbox", "group", "heading"} <= set(named)
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert page.ask("document.activeElement.className") == "jump"


def test_what_is_touched_is_large_enough(page: Page, report: Path) -> None:
    page.open(report, 390, "light")
    heights = page.ask(
        "[...document.querySelectorAll('.filter label, summary')]"
        ".filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height)"
    )
    assert min(heights) >= 32
