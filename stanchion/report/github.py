"""What GitHub Actions shows of a result: annotations, and a page of the job's summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from stanchion.report.model import Result

# Ten of a kind are shown for a step; the tenth says how many more there are.
_SHOWN = 9
# A summary above 1 MiB is dropped as a whole.
_SUMMARY_BYTES = 1024 * 1024 - 1024


def tell(result: Result, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
    """Write both, where this runs in a job of GitHub Actions."""
    if environment.get("GITHUB_ACTIONS") == "true":
        for line in workflow_commands(result):
            print(line, file=stream, flush=True)
    if environment.get("GITHUB_STEP_SUMMARY"):
        _append(Path(environment["GITHUB_STEP_SUMMARY"]), summary(result))


def workflow_commands(result: Result) -> list[str]:
    """Return the workflow commands, the worst first."""
    found = _errors(result)
    lines = [f"::error{place}::{_escape(text)}" for place, text in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"::error::and {len(found) - _SHOWN} more in the summary")
    return lines


def _errors(result: Result) -> list[tuple[str, str]]:
    found = []
    if result.error is not None:
        file, _, line = (result.error.place or "").rpartition(":")
        place = f" file={_escape_property(file)},line={line}" if file and line.isdigit() else ""
        found.append((place, f"{result.error.what} {result.error.remedy}".strip()))
    if result.exit_code == 0:
        return found
    for host in result.hosts:
        found += [("", f"{host.name}: {what} is missing") for what in host.missing]
        found += [
            ("", f"{host.name}: {container.name} is {container.health or container.state}")
            for container in host.containers
            if not container.well
        ]
        found += [("", f"{host.name}: could not look: {what}") for what in host.unreadable]
    return found


def summary(result: Result) -> str:
    """Return the result as a short page of markdown."""
    lines = [f"### {result.headline}", ""]
    if result.error is not None:
        lines += [f"{result.error.what} {result.error.remedy}".strip(), ""]
    if any(host.containers for host in result.hosts):
        lines += ["| host | container | health | address | image |", "| --- | --- | --- | --- | --- |"]
        lines += [
            f"| {host.name} | {c.name} | {c.health or c.state} | {', '.join(c.addresses)} | {c.image} |"
            for host in result.hosts
            for c in host.containers
        ]
        lines.append("")
    lines += [f"- {text}" for _, text in _errors(result)]
    lines += [f"- changed by {c.role} on {c.host}: {c.task}" for c in result.changes]
    return "\n".join(lines) + "\n"


def _append(path: Path, text: str) -> None:
    before = path.stat().st_size if path.exists() else 0
    room = _SUMMARY_BYTES - before
    data = text.encode()
    if len(data) > room:
        data = data[: max(room, 0)].rpartition(b"\n")[0] + b"\n"
    with path.open("ab") as file:
        file.write(data)


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
