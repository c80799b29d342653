"""The closing screen: one sentence first, then what runs where, what changed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from stanchion.report import backups_taken, drills, findings, protection, recoveries, restores
from stanchion.report.headline import counted, duration
from stanchion.report.model import Change, Container, Failure, Host, Result, Validation
from stanchion.report.terminal import console
from stanchion.report.validation import sentence

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# What the checks are asked after.
_CHECKED = ("deploy", "restore")
_SHOWN_TASKS = 6
_LABEL_WIDTH = 10
_WIDE = 120


def render(result: Result, stream: TextIO, every: bool = False) -> None:
    """Print the result for people."""
    out = console(stream)
    style = "bold green" if result.exit_code == 0 else "bold red"
    out.print(result.headline, style="bold yellow" if result.status == "degraded" else style, soft_wrap=True)
    if result.error is not None:
        _error(out, result.error)
    if any(host.containers for host in result.hosts):
        out.print()
        out.print(_containers(result.hosts, wide=out.width >= _WIDE))
    if result.recoveries:
        recoveries.render(out, result)
    else:
        findings.render(out, result, every)
    restores.render(out, result)
    lines = [
        *backups_taken.lines(result),
        *drills.lines(result),
        *protection.lines(result),
        *restores.lines(result),
        *_findings(result),
        *_host_lines(result.hosts),
        *_run_lines(result),
    ]
    if lines:
        out.print()
    for label, text in lines:
        _labelled(out, label, text)


def _error(out: Console, error: Failure) -> None:
    out.print()
    out.print(error.what)
    where = [", ".join(error.hosts), error.role and f"role {error.role}", error.task, error.place]
    rows = [
        ("where", " · ".join(part for part in where if part)),
        ("do", error.remedy),
        ("log", error.log or ""),
    ]
    if error.last_lines:
        out.print()
        for line in error.last_lines:
            out.print(f"  {line}", style="dim", soft_wrap=True)
    out.print()
    for label, text in rows:
        if text:
            _labelled(out, label, text)


def _labelled(out: Console, label: str, text: str) -> None:
    """Print a line that no width breaks: it may be a path or a command."""
    from rich.text import Text

    out.print(Text(f"{label:<{_LABEL_WIDTH}}", style="bold").append(text, style="not bold"), soft_wrap=True)


def _containers(hosts: Iterable[Host], wide: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    # On a narrow terminal without the images: they stand below as well.
    headings = ("host", "container", *(["image"] if wide else []), "health", "address", "up", "restarts")
    for heading in headings:
        table.add_column(heading, overflow="fold", justify="right" if heading == "restarts" else "left")
    for host in hosts:
        for container in host.containers:
            table.add_row(
                host.name,
                container.name,
                *([_image(container.image)] if wide else []),
                _health(container),
                ", ".join(container.addresses) or "-",
                "-" if container.uptime_seconds is None else duration(container.uptime_seconds),
                str(container.restarts),
            )
    return table


def _image(name: str) -> str:
    """Return an image as `docker ps` shows it: a restored copy's has no name, and is the database's."""
    return name.removeprefix("sha256:")[:12] if name.startswith("sha256:") else name


def _health(container: Container) -> Text:
    from rich.text import Text

    words = container.health if container.health and container.state == "running" else container.state
    return Text(words, style="green" if container.well else "red")


def _findings(result: Result) -> list[tuple[str, str]]:
    lines = []
    for host in result.hosts:
        lines += [("missing", f"{what} on {host.name}") for what in host.missing if result.verb == "status"]
        lines += [("unread", f"{host.name}: {what}") for what in host.unreadable]
        if host.lock and result.verb == "status":
            lines.append(("locked", f"{host.name}: by {host.lock}"))
    return lines


def _host_lines(hosts: Iterable[Host]) -> list[tuple[str, str]]:
    lines = []
    images: dict[str, str] = {}
    for host in hosts:
        record = host.volume_record
        if record is None:
            lines += [
                ("data", f"volume {volume.name} on {host.name}, not recorded") for volume in host.volumes
            ]
        else:
            identity = f", system {record.system_identifier}" if record.system_identifier else ""
            timeline = f", timeline {record.timeline}" if record.timeline is not None else ""
            lines.append(
                ("data", f"volume {record.volume} on {host.name}: {record.state}{identity}{timeline}")
            )
            lines += [
                ("kept", f"volume {name} on {host.name}, which a restore has replaced")
                for name in record.replaced
            ]
        for image in host.images:
            images[image.name] = f"{image.name} ({_age(image.age_days)})"
    if images:
        lines.append(("images", " · ".join(images[name] for name in sorted(images))))
    return lines


def _age(days: int) -> str:
    return "of today" if days == 0 else f"{counted(days, 'day')} old"


def _run_lines(result: Result) -> list[tuple[str, str]]:
    lines = [("removed", f"{kind}: {', '.join(names)}") for kind, names in result.removed.items()]
    lines += [("checks", _checks(validation)) for validation in result.validations if result.verb in _CHECKED]
    if result.verb == "deploy":
        word = "would" if result.run is not None and result.run.check else "changed"
        lines += [(word, text) for text in _changes(result.changes)]
    slow = [part for part in result.parts if part.seconds >= 0.1]
    if result.verb != "status" and slow:
        lines.append(("took", " · ".join(f"{part.name} {duration(part.seconds)}" for part in slow)))
    if result.status == "planned" and result.run is not None and result.run.check:
        lines.append(("details", f"{result.run.log} (with --diff: every difference of a file)"))
    lines += [("warning", text) for text in result.warnings]
    lines += [("next", text) for text in result.next_steps]
    return lines


def _checks(validation: Validation) -> str:
    """Return one line for the checks of one phase."""
    return f"{validation.phase} on {validation.host}: {sentence([validation])}"


def _changes(changes: Iterable[Change]) -> list[str]:
    by_role: dict[str, list[str]] = {}
    for change in changes:
        tasks = by_role.setdefault(change.role, [])
        if change.task not in tasks:
            tasks.append(change.task)
    return [f"{role}: {_first(tasks)}" for role, tasks in by_role.items()]


def _first(tasks: list[str]) -> str:
    more = len(tasks) - _SHOWN_TASKS
    return "; ".join(tasks[:_SHOWN_TASKS]) + (f"; and {more} more" if more > 0 else "")
