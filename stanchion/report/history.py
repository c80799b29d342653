"""The records of past runs, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from stanchion.report.headline import counted, duration
from stanchion.report.model import History, Record
from stanchion.report.place import to_place
from stanchion.report.terminal import console


def write(found: Iterable[Mapping[str, Any]], output_format: str, path: Path | None) -> None:
    """Write the runs, newest last."""
    history = History(runs=list(_of_this_version(found)))
    with to_place(path) as stream:
        if output_format == "json":
            print(history.model_dump_json(indent=2), file=stream)
        else:
            _render(history, stream)


def _of_this_version(found: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield what can be read: a line that another version wrote must not hide the others."""
    left_out = 0
    for record in found:
        try:
            yield Record.model_validate(record)
        except ValidationError:
            left_out += 1
    if left_out:
        print(f"{counted(left_out, 'run')} of another version left out.", file=sys.stderr)


def _render(history: History, stream: TextIO) -> None:
    from rich.table import Table

    out = console(stream)
    if not history.runs:
        out.print("no runs yet")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for heading in ("when (UTC)", "verb", "outcome", "exit", "changes", "took", "who", "inventory"):
        table.add_column(heading, overflow="fold")
    for run in history.runs:
        table.add_row(
            f"{run.started:%Y-%m-%d %H:%M:%S}",
            run.verb,
            run.status,
            str(run.exit_code),
            str(run.changes),
            duration(run.seconds),
            f"{run.user}@{run.controller}",
            run.inventory + (f" ({run.limit})" if run.limit else ""),
        )
    out.print(table)
