"""What an adoption made of a compose file: what is left first, each with its line."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TextIO

from stanchion.report.model import Adopted
from stanchion.report.place import to_place
from stanchion.report.terminal import console

_STYLES = {"refused": "bold red", "left": "bold yellow", "hardened": "bold cyan", "carried": "bold green"}
_MEANINGS = {
    "refused": "why nothing is written",
    "left": "not in the inventory, or a guess",
    "hardened": "in it, and not as it was",
    "carried": "in it",
}


def write(result: Adopted, output_format: str, path: Path | None) -> None:
    """Write the result to the file, else to stdout."""
    with to_place(path) as stream:
        if output_format == "json":
            print(result.model_dump_json(indent=2), file=stream)
        else:
            render(result, stream)


def render(result: Adopted, stream: TextIO) -> None:
    """Print the result for people."""
    out = console(stream)
    out.print(result.headline, style="bold green" if result.exit_code == 0 else "bold red", soft_wrap=True)
    for kind, meaning in _MEANINGS.items():
        found = [each for each in result.findings if each.kind == kind]
        if not found:
            continue
        out.print(f"\n{kind}: {meaning}", style=_STYLES[kind], soft_wrap=True)
        width = max(len(f"{each.file}:{each.line}") for each in found)
        for each in found:
            out.print(f"  {f'{each.file}:{each.line}':<{width}}  {each.what}", soft_wrap=True)
            if each.remedy:
                # No width breaks it: it has commands.
                out.print(textwrap.indent(each.remedy, " " * (width + 4)), style="dim", soft_wrap=True)
    rows = [("warning", text) for text in result.warnings] + [("next", text) for text in result.next_steps]
    if rows:
        out.print()
    for label, text in rows:
        out.print(f"{label:<10}{text}", soft_wrap=True)
