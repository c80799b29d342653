"""The report of a period in a real headless Chromium; from a week on record, so that it needs no stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, opened
from past_week import ASKED, history
from stack import ROOT
from test_report_in_browser import CONTRAST, RECORDED, each_scheme, each_width, runner

from stanchion.history.build import period_of
from stanchion.report.model import Result

PICTURES = ROOT / ".stanchion" / "tests" / "report"
HOSTILE = "</svg></style><img src=http://203.0.113.9/x onerror=alert(1)><script>alert(1)</script>"
# Of each picture that is shown: its plot, and how many pixels of lines and dots it has.
DRAWN = """[...document.querySelectorAll('figure.plot')].map((plot) => {
  const shown = [...plot.querySelectorAll('svg')].filter((each) => each.checkVisibility());
  const drawn = '.series.line path, .series.dotted circle';
  const marks = shown.flatMap((each) => [...each.querySelectorAll(drawn)]);
  const boxes = marks.map((each) => each.getBoundingClientRect());
  return [plot.id, shown.length, boxes.reduce((sum, each) => sum + each.width + each.height, 0)];
})"""
# Texts of pictures that reach over another one of the same axis, or out of their picture.
CROWDED = """[...document.querySelectorAll('svg')].filter((each) => each.checkVisibility()).flatMap((svg) => {
  const edge = svg.getBoundingClientRect(), found = [];
  for (const axis of svg.querySelectorAll('.axis.x, .axis.y')) {
    const texts = [...axis.querySelectorAll('text')];
    const boxes = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
    for (const [at, [text, box]] of boxes.entries()) {
      if (box.left < edge.left - 1 || box.right > edge.right + 1) found.push(`${text} leaves`);
      for (const [other, beside] of boxes.slice(at + 1))
        if (box.right > beside.left && beside.right > box.left
            && box.bottom > beside.top && beside.bottom > box.top) found.push(`${text} on ${other}`);
    }
  }
  return found;
})"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report as the command line writes it, of what a host told; with a name that tries to break out."""
    folder = tmp_path_factory.mktemp("period")
    checks, saved, path = folder / "checks.json", folder / "report.json", folder / "report.html"
    runner("validate", "--facts", str(RECORDED), "--format", "json", "--output", str(checks))
    result = Result.model_validate_json(checks.read_text())
    looks = [each.model_copy(update={"host": "one"}) for each in result.validations]
    told = history()
    told["jobs"]["entries"][3].update(error=HOSTILE, outcome="failed")
    seen = result.model_copy(update={"validations": looks, "verb": "report", "stack": "medication-tracker"})
    saved.write_text(period_of(seen, ASKED, {"one": told}).model_dump_json())
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
    page.picture(PICTURES / f"period-{width}-{scheme}.png")
    assert page.complaints() == []
    assert page.requests() == [report.as_uri()]
    assert page.ask("document.querySelectorAll('script, img').length") == 0


@each_width
def test_every_plot_has_data(page: Page, report: Path, width: int) -> None:
    page.open(report, width, "light")
    drawn = page.ask(DRAWN)
    assert len(drawn) == 15
    for plot, pictures, pixels in drawn:
        assert pictures == 1, plot
        assert pixels > 20, plot
    assert page.ask("document.querySelectorAll('figure.plot .numbers').length") == 15


@each_width
def test_nothing_is_wider_than_the_screen(page: Page, report: Path, width: int) -> None:
    page.open(report, width, "light")
    page.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.ask("document.documentElement.scrollWidth") <= width
    # The numbers of a plot are read at once, and not moved sideways.
    assert (
        page.ask(
            "[...document.querySelectorAll('figure.plot .scroll')]"
            ".filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.ariaLabel)"
        )
        == []
    )


@each_width
def test_no_text_of_a_picture_lies_on_another(page: Page, report: Path, width: int) -> None:
    page.open(report, width, "light")
    assert page.ask(CROWDED) == []
    smallest = page.ask(
        "Math.min(...[...document.querySelectorAll('svg text')].filter((each) => each.checkVisibility())"
        ".map((each) => each.getBoundingClientRect().height))"
    )
    assert smallest >= 10


@each_width
@each_scheme
def test_every_text_can_be_read(page: Page, report: Path, width: int, scheme: str) -> None:
    page.open(report, width, scheme)
    page.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.ask("document.querySelectorAll('.filter input').forEach((each) => { each.checked = true; })")
    contrast, text = page.ask(CONTRAST)
    assert contrast >= 4.5, text


@each_scheme
def test_lines_stand_out_from_their_card(page: Page, report: Path, scheme: str) -> None:
    """WCAG 2 asks for 3 to 1 of what is drawn."""
    page.open(report, 1280, scheme)
    hues = page.ask(
        "[...document.querySelectorAll('.series.line path')].map((each) => getComputedStyle(each).stroke)"
    )
    card = page.ask("getComputedStyle(document.querySelector('figure.plot')).backgroundColor")
    for hue in set(hues):
        assert _contrast(hue, card) >= 3, hue


def _contrast(one: str, other: str) -> float:
    lights = sorted((_light(one), _light(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _light(colour: str) -> float:
    parts = [int(each) / 255 for each in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(each * weight for each, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def test_it_can_be_printed(page: Page, report: Path) -> None:
    page.open(report, 700, "light")
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.ask("document.documentElement.scrollWidth") <= 700
    assert all(pictures == 1 and pixels > 20 for _, pictures, pixels in page.ask(DRAWN))
    page.picture(PICTURES / "period-print.png")
    page.call("Emulation.setEmulatedMedia", media="")


def test_pictures_have_names_and_are_one_thing_each(page: Page, report: Path) -> None:
    page.open(report, 1280, "light")
    nodes = [each for each in page.call("Accessibility.getFullAXTree")["nodes"] if not each.get("ignored")]
    # Chromium has said "img" and "image" for the same role.
    names = [each["name"]["value"] for each in nodes if each["role"]["value"] in ("img", "image")]
    assert len([each for each in names if each.startswith("Connection pool: ")]) == 1
    roles = [each["role"]["value"] for each in nodes]
    for landmark in ("banner", "main", "contentinfo"):
        assert roles.count(landmark) == 1, landmark
