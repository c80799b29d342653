"""The catalogue as people read it: the list, one check, the page that each check points to."""

import json
import re
from pathlib import Path

import pytest

from stanchion import cli
from stanchion.checks import catalogue, defaults

ROOT = Path(__file__).resolve().parents[3]
CHECKS = catalogue()


def anchor(heading):
    """Return a heading's anchor as GitHub makes it: punctuation goes, spaces become hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_check_points_to_a_heading_of_its_page():
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    anchors = [anchor(heading) for heading in headings]
    assert len(anchors) == len(set(anchors)), "two headings have one anchor"
    assert {check.page for check in CHECKS.values()} <= {f"docs/checks.md#{name}" for name in anchors}


def test_the_page_has_no_check_that_is_gone():
    text = (ROOT / "docs" / "checks.md").read_text()
    assert set(re.findall(r"^### (\S+)$", text, re.MULTILINE)) == set(CHECKS)


def test_the_list_has_every_check(capsys):
    assert cli.run(["checks"]) == 0
    out = capsys.readouterr().out
    assert [slug for slug in CHECKS if slug not in out] == []
    assert f"{len(CHECKS)} in all" in out


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--subject", "container"], lambda check: check.subject == "container"),
        (["--phase", "file"], lambda check: "file" in check.phases),
        (["--severity", "critical"], lambda check: check.severity == "critical"),
    ],
)
def test_the_list_can_be_narrowed(capsys, options, kept):
    assert cli.run(["checks", "--format", "json", *options]) == 0
    listed = {check["slug"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert listed == {slug for slug, check in CHECKS.items() if kept(check)}


def test_a_list_of_none_is_no_error(capsys):
    assert cli.run(["checks", "--subject", "tls", "--severity", "info", "--phase", "preflight"]) == 0
    assert capsys.readouterr().out == "no such check\n"


def test_the_list_as_markdown_is_the_documentation(capsys):
    assert cli.run(["checks", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "checks.md").read_text()


@pytest.mark.parametrize("slug", CHECKS)
def test_a_check_is_explained_in_full(capsys, slug):
    check = CHECKS[slug]
    assert cli.run(["explain", slug]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for text in (check.title, check.why, check.remedy, check.source, check.page, *check.rows, *check.reads):
        assert " ".join(text.split()) in out
    for limit in check.thresholds:
        assert limit.variable in out
        assert limit.unit in out


@pytest.mark.parametrize("slug", CHECKS)
def test_a_check_is_explained_as_json(capsys, slug):
    assert cli.run(["explain", slug, "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["checks"]
    assert told["slug"] == slug
    assert [limit["variable"] for limit in told["thresholds"]] == [
        limit.variable for limit in CHECKS[slug].thresholds
    ]


def test_thresholds_are_variables_of_the_role():
    text = (ROOT / "roles" / "validation" / "defaults" / "main.yml").read_text()
    assert set(re.findall(r"^(validation_\w+):", text.split("# Thresholds ---")[1], re.MULTILINE)) == set(
        defaults(CHECKS.values())
    )
