"""The scene of all faults, and the table at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault import Row
from rich.console import Console
from rich.table import Table
from scene import Scene
from stack import ROOT, Run, Stack

# What an assertion of theirs has compared is told as in a test.
pytest.register_assert_rewrite(*(path.stem for path in Path(__file__).parent.glob("f[0-9]*_*.py")))

COLUMNS = {
    "": lambda row: row.id,
    "fault": lambda row: row.fault,
    "cause named": lambda row: row.cause,
    "detected after": lambda row: seconds(row.detected),
    "write gap (API / SQL)": lambda row: f"{seconds(row.gap_api)} / {seconds(row.gap_sql)}",
    "lost": lambda row: count(row.lost),
    "unexpected": lambda row: count(row.unexpected),
    "remedy": lambda row: row.remedy,
    "recovered after": lambda row: seconds(row.recovered),
    "limits": lambda row: row.limits,
    "how real": lambda row: row.how_real,
}
rows_key = pytest.StashKey[list[Row]]()


def seconds(value: float | None) -> str:
    """Return a figure as the table has it."""
    return "-" if value is None else f"{value:.1f} s"


def count(value: int | None) -> str:
    """Return a count as the table has it."""
    return "-" if value is None else str(value)


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures of tests/e2e/machines.py, and a place for the table."""
    config.pluginmanager.import_plugin("machines")
    config.stash[rows_key] = []


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> list[Row]:
    """The lines as they are measured; each test adds its own."""
    return pytestconfig.stash[rows_key]


@pytest.fixture(scope="session")
def scene(first_stack: Stack, first_deploy: Run) -> Iterator[Scene]:
    """The stack of most tests, with the writers ready to be started."""
    first_stack.bring_back()
    scene = Scene(first_stack)
    scene.install()
    yield scene
    first_stack.sql("DROP TABLE fault_rows; DELETE FROM medications WHERE name ~ '^f[0-9]+-'")


def pytest_terminal_summary(config: pytest.Config) -> None:
    """Print the table, and keep it for people and for programs."""
    rows = sorted(config.stash[rows_key], key=lambda row: row.id)
    if not rows:
        return
    table = Table(title="Faults", show_lines=True)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    cells = [[of(row) for of in COLUMNS.values()] for row in rows]
    for row, line in zip(rows, cells, strict=True):
        table.add_row(*line, style=None if row.passed else "red")
    Console(width=200).print(table)
    # Beside the results of the run, so that `make test` leaves the whole table alone.
    xml = config.getoption("xmlpath")
    keep(Path(xml).parent if xml else ROOT / ".stanchion" / "faults", rows, cells)


def keep(folder: Path, rows: list[Row], cells: list[list[str]]) -> None:
    """Write the table as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *cells]
    text = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    (folder / "faults.md").write_text(text + "\n")
