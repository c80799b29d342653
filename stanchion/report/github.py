"""What GitHub Actions shows of a result: annotations, and a page of the job's summary."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stanchion.report import markdown
from stanchion.report.model import Result
from stanchion.report.validation import stops
from stanchion.report.view import WORST_FIRST, Card, hosts_of

# Ten of a kind are shown for a step; the tenth says how many more there are.
_SHOWN = 9


def tell(result: Result, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
    """Write both, where this runs in a job of GitHub Actions."""
    if environment.get("GITHUB_ACTIONS") == "true":
        for line in workflow_commands(result):
            print(line, file=stream, flush=True)
    if environment.get("GITHUB_STEP_SUMMARY"):
        _append(Path(environment["GITHUB_STEP_SUMMARY"]), result)


def workflow_commands(result: Result) -> list[str]:
    """Return the workflow commands, the worst first."""
    found = [*_of_run(result), *_of_checks(result)]
    found.sort(key=lambda annotation: annotation.kind != "error")
    lines = [str(annotation) for annotation in found[:_SHOWN]]
    if hidden := found[_SHOWN:]:
        lines.append(f"::{hidden[0].kind}::and {len(hidden)} more in the summary")
    return lines


@dataclass(frozen=True)
class _Annotation:
    """One line that a job shows, at a place of a file where it has one."""

    kind: str
    text: str
    title: str = ""
    file: str = ""
    line: int | None = None

    def __str__(self) -> str:
        properties = {"file": self.file, "line": str(self.line)} if self.file and self.line else {}
        if self.title:
            properties["title"] = self.title
        given = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
        return f"::{self.kind}{' ' if given else ''}{given}::{_escape(self.text)}"


def _of_run(result: Result) -> Iterator[_Annotation]:
    """Yield what went wrong, and what a look found ill."""
    if result.error is not None:
        file, _, line = (result.error.place or "").rpartition(":")
        text = f"{result.error.what} {result.error.remedy}".strip()
        yield _Annotation("error", text, file=file, line=int(line) if line.isdigit() else None)
    if result.exit_code == 0:
        return
    for host in result.hosts:
        for what in host.missing:
            yield _Annotation("error", f"{host.name}: {what} is missing")
        for container in host.containers:
            if not container.well:
                state = container.health or container.state
                yield _Annotation("error", f"{host.name}: {container.name} is {state}")
        for what in host.unreadable:
            yield _Annotation("error", f"{host.name}: could not look: {what}")


def _of_checks(result: Result) -> Iterator[_Annotation]:
    """Yield what the checks found, the worst first over all hosts."""
    hosts = hosts_of(result.validations)
    for outcome in WORST_FIRST[:3]:
        for host in hosts:
            for card in host.of(outcome):
                yield _of_card(card, host.name, result)


def _of_card(card: Card, host: str, result: Result) -> _Annotation:
    ends = any(stops(finding, result.fail_on) for finding in card.findings)
    kind = "error" if ends else "warning"
    if card.outcome == "error":
        which = ", ".join(finding.slug for finding in card.findings)
        return _Annotation(kind, f"{host}: {card.reason} ({which})", card.unread)
    place = next((seen for seen in card.first.evidence if seen.line), None)
    text = f"{card.first.summary}. {card.first.remedy}"
    if place is None:
        return _Annotation(kind, f"{host}: {text}", card.first.slug)
    return _Annotation(kind, text, card.first.slug, place.file, place.line)


def _append(path: Path, result: Result) -> None:
    """Add the result's page to the summary, as much of it as still fits."""
    before = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        file.write(markdown.page(result, markdown.MOST_BYTES - before))


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
