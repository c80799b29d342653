"""Problems as people read them, and what a run ends with."""

import pytest

from stanchion.preflight import Declared, DeclaredError, Problem, errors, exit_of, text_of
from stanchion.preflight.reading import show

TAKEN = Problem("backend.port_taken", "Port 5000 is taken.", "the variable x", "Set another.")
SILENT = Problem("engine.unreachable", "It is silent.", "the engine", "Restart it.", exit="unreachable")
RISK = Problem("backend.public", "It is public.", "the variable x", "Do not.", level="warning")


def test_one_problem_is_one_paragraph():
    assert text_of([TAKEN], "backend", "web-1") == (
        "The backend preflight of web-1 found 1 problem; nothing was changed. Port 5000 is taken. "
        "See the variable x. Set another."
    )


def test_several_problems_are_all_told():
    lines = text_of([TAKEN, SILENT], "backend", "web-1").splitlines()
    assert lines[0] == "The backend preflight of web-1 found 2 problems; nothing was changed."
    assert lines[1].startswith("1. Port 5000")
    assert lines[2].startswith("2. It is silent")


def test_warnings_stop_nothing():
    assert errors([RISK, TAKEN]) == [TAKEN]


def test_exit():
    assert exit_of([TAKEN]) == "configuration"
    assert exit_of([TAKEN, SILENT]) == "unreachable"


def test_as_data():
    assert TAKEN.as_dict() == {
        "slug": "backend.port_taken",
        "what": "Port 5000 is taken.",
        "where": "the variable x",
        "remedy": "Set another.",
        "exit": "configuration",
        "level": "error",
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 * 1024**2), ("2g", 2 * 1024**3), ("1.5G", 1536 * 1024**2), (1024, 1024), ("1GB", 1024**3)],
)
def test_sizes(text, size):
    assert Declared({"x": text}).size("x") == size


@pytest.mark.parametrize("text", ["", "many", "-1g", "1x", "1 2", "1GiB", "1 g", "1gb"])
def test_what_is_no_size(text):
    with pytest.raises(DeclaredError, match="x is"):
        Declared({"x": text}).size("x")


def test_missing_and_null_are_the_same():
    assert Declared({"x": None}).get("x", 3) == 3
    with pytest.raises(DeclaredError, match="was not told x"):
        Declared({"x": None}).get("x")


def test_sizes_for_people():
    assert (show(512 * 1024**2), show(1536 * 1024**2)) == ("512 MB", "1.5 GB")
