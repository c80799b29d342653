"""What `status --watch` shows: one screen, drawn anew with each look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stanchion.history.measures import NOTHING, shown
from stanchion.history.now import Alert, Now, Replica, Used
from stanchion.report.headline import duration
from stanchion.report.model import Container, Host

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

_WIDTH = 12
_NEARLY, _ALL = 0.8, 0.95
_STYLES = {"critical": "bold red", "warning": "yellow"}


def screen(host: Host, now: Now | None) -> Group:
    """Return one host's part of the screen; `now` is None before the first look with figures."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    parts += [Text(f"missing   {what}", style="bold red") for what in host.missing]
    parts += [Text(f"unread    {what}", style="magenta") for what in host.unreadable]
    parts.append(_containers(host.containers, now))
    if now is not None:
        parts += [Text(), _replicas(now.replicas), Text(), _connections(now.connections), _alerts(now.alerts)]
        parts += [Text(f"unread    {what}", style="magenta") for what in now.unread]
    return Group(*parts)


def _containers(containers: Iterable[Container], now: Now | None) -> Table:
    table = _table("container", "health", "up", "restarts", "CPU", "memory")
    for each in containers:
        words = each.health if each.health and each.state == "running" else each.state
        table.add_row(
            each.name,
            _styled(words, "green" if each.well else "red"),
            NOTHING if each.uptime_seconds is None else duration(each.uptime_seconds),
            str(each.restarts),
            bar(_of(now.cpu if now else {}, each.name), "CPU"),
            bar(_of(now.memory if now else {}, each.name), "B"),
        )
    return table


def _of(figures: Mapping[str, Used], name: str) -> Used:
    return figures.get(name, Used(None, None))


def _replicas(replicas: Iterable[Replica]) -> Table:
    table = _table("replica", "pool", "waiting", "requests", "errors", "p95", "")
    for each in replicas:
        errors = "red" if each.errors else ""
        table.add_row(
            each.name,
            bar(each.pool, ""),
            _styled(shown(each.waiting, ""), "red" if each.waiting else ""),
            shown(each.requests, "/s"),
            _styled(shown(each.errors, "%"), errors),
            shown(each.p95, "s"),
            _styled(each.unread, "magenta"),
        )
    return table


def _connections(connections: Used) -> Text:
    from rich.text import Text

    return Text("database connections  ", style="dim").append_text(bar(connections, ""))


def _alerts(alerts: tuple[Alert, ...] | None) -> Text:
    from rich.text import Text

    text = Text("alerts                ", style="dim")
    if alerts is None:
        return text.append("could not look", style="magenta")
    if not alerts:
        return text.append("none fires", style="green")
    for at, each in enumerate(alerts):
        text.append(f"{' · ' if at else ''}{each.name}", style=_STYLES.get(each.severity, ""))
        text.append(f" {each.of}" if each.of else "", style="dim")
    return text


def bar(used: Used, unit: str) -> Text:
    """Return a part as a bar with its numbers; without a limit as its number alone."""
    from rich.text import Text

    share = used.share
    value = shown(used.value, unit)
    if share is None:
        return Text(value if used.value is None else f"{'':{_WIDTH}} {value}", style="dim")
    style = "red" if share >= _ALL else "yellow" if share >= _NEARLY else "green"
    filled = min(round(share * _WIDTH), _WIDTH)
    text = Text("━" * filled, style=style).append("─" * (_WIDTH - filled), style="dim")
    return text.append(f" {value} of {shown(used.limit, unit)}", style="not dim")


def _styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style=style)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
