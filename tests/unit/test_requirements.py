"""docs/requirements.md has every item of the document, and what it names is there."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import click
import pytest

from stanchion import cli
from stanchion.checks import catalogue

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (ROOT / "docs" / "requirements_source.md").read_text()
MAP = (ROOT / "docs" / "requirements.md").read_text()
CHECKS = catalogue()
SUBJECTS = {check.subject for check in CHECKS.values()}

NAMES = sorted(set(re.findall(r"`([^`]+)`", MAP)))
COMMANDS = [name for name in NAMES if name.startswith("python runner.py ")]
SLUGS = [name for name in NAMES if re.fullmatch(r"[a-z]+\.[a-z_]+", name) and "/" not in name]
PLACES = [name for name in NAMES if "/" in name]

# How many rows each part of the catalogue of checks has.
ROWS = {
    "POOL": 8, "CONN": 5, "AUTH": 9, "TLS": 4, "VOL": 5, "DISK": 8, "BKP": 16, "RST": 4, "INT": 5, "VAC": 6,
    "SEQ": 1, "LCK": 4, "TXN": 5, "REP": 2, "SET": 10, "COL": 2, "VER": 1, "CTR": 19, "NET": 5, "DNS": 3,
    "HOST": 1, "ORD": 1, "ENV": 5, "IMG": 5, "TIM": 3, "CRN": 4, "LOG": 3, "MON": 7, "DEP": 5, "DKR": 2,
    "KRN": 1,
}  # fmt: skip


def outline_of_source() -> list[tuple[str, list[str]]]:
    """Return the document's headings, each with its list items; examples of YAML and Python have none."""
    outline: list[tuple[str, list[str]]] = []
    fences = 0
    for line in SOURCE.splitlines():
        if line.strip().startswith("```"):
            fences += -1 if line.strip() == "```" else 1
        elif fences == 0 and line.startswith("#"):
            outline.append((line.lstrip("# "), []))
        elif fences < 2 and (item := re.match(r"\s*(?:\d+\.|-|✓|✗) (.+)", line)):
            outline[-1][1].append(item[1].strip())
    return outline[1:]


def outline_of_map() -> list[tuple[str, list[str]]]:
    """Return the map's headings, each with the first cells of its table."""
    outline: list[tuple[str, list[str]]] = []
    for line in MAP.splitlines():
        if line.startswith("#"):
            outline.append((line.lstrip("# "), []))
        elif line.startswith("| ") and not line.startswith(("| item |", "| rows |", "| --- |")):
            outline[-1][1].append(line.split(" | ")[0].removeprefix("| "))
    return outline[1:]


def left_out() -> dict[str, str]:
    """Return the rows that no check covers, each with the reason; A-01…A-03 is three of them."""
    found = {}
    for rows, reason in re.findall(r"^\| ([A-Z]+-\d\d.*?) \| (.*) \|$", MAP, re.MULTILINE):
        for part in rows.split(", "):
            first, _, last = part.partition("…")
            name, begin = first.split("-")
            end = last.split("-")[1] if last else begin
            found |= {f"{name}-{number:02}": reason for number in range(int(begin), int(end) + 1)}
    return found


def test_the_document_is_read_as_it_is_meant() -> None:
    outline = outline_of_source()
    assert len(outline) == 19
    assert sum(len(items) for _, items in outline) == 79
    assert ("1. Docker Compose Update", ["Database Service", "Backend Service", "Network Configuration"]) in (
        outline
    )


def test_every_heading_and_every_item_is_mapped() -> None:
    source = outline_of_source()
    assert outline_of_map()[: len(source)] == source


def test_every_item_names_what_does_it_or_what_it_comes_with() -> None:
    for line in MAP.splitlines():
        if line.startswith("| ") and line.count(" | ") == 3 and not line.startswith(("| item", "| ---")):
            _, done, checked, proved = line.strip("| ").split(" | ")
            for cell in (done, proved):
                assert "`" in cell or "not yet, comes with" in cell, line
            assert "`" in checked, line


def test_there_are_names_of_every_kind() -> None:
    assert len(COMMANDS) > 3
    assert len(SLUGS) > 60
    assert len(PLACES) > 40


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    assert (ROOT / file).exists()
    if test:
        assert f"def {test}(" in (ROOT / file).read_text()


@pytest.mark.parametrize("slug", SLUGS)
def test_a_check_is_there(slug: str) -> None:
    assert slug in CHECKS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_there(command: str) -> None:
    found: click.Command = cli.program
    words = command.split()[2:]
    while isinstance(found, click.Group):
        assert words[0] in found.commands
        found = found.commands[words.pop(0)]
    options = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options
    for option, value in itertools.pairwise(words):
        if option == "--only":
            assert value in SUBJECTS


def test_every_row_is_covered_by_a_check_or_left_out_for_a_reason() -> None:
    every = {f"{name}-{number:02}" for name, count in ROWS.items() for number in range(1, count + 1)}
    assert len(every) == 159
    # A check of ours alone has no row.
    covered = {row for check in CHECKS.values() for row in check.rows} - {"ours"}
    without = left_out()
    assert covered - every == set()
    assert covered & set(without) == set(), "a check covers it: take it out of the map"
    assert every - covered - set(without) == set()
    assert all(without.values())
