"""The few numbers with which a report begins, out of its plots and events: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from stanchion.history.lines import limit_of
from stanchion.history.measures import NOTHING, number, shown
from stanchion.history.model import Event, Figure, Plot, Source, Tone
from stanchion.report.headline import counted, duration

# Of a pool or of max_connections. It is the colour only: when checks and alerts begin their thresholds say.
_NEARLY_ALL = 0.9


def figures_of(
    plots: Sequence[Plot], events: Sequence[Event], sources: Sequence[Source], until: datetime
) -> list[Figure]:
    """Return the numbers; what could not be looked at says so in its place."""
    by_slug = {plot.slug: plot for plot in plots}
    state = {source.name: source for source in sources}
    return [
        _alerts(events, state["alerts"], until),
        _changes(events, state["runs"]),
        _share(by_slug["pool"], "Pool peak"),
        _share(by_slug["connections"], "Connections peak"),
        _most(by_slug["latency"], "Slowest p95", "p95"),
        _errors(by_slug["errors"]),
        _backups(events, state["jobs"]),
        _drills(events, by_slug["rto"], state["jobs"]),
    ]


def _unread(label: str, state: str, words: str) -> Figure:
    if state == "off":
        return Figure(label=label, value=NOTHING, note="not measured", tone="quiet")
    return Figure(label=label, value="?", note=words or "could not look", tone="warn")


def _of(events: Sequence[Event], lane: str) -> list[Event]:
    return [event for event in events if event.lane == lane]


def _alerts(events: Sequence[Event], source: Source, until: datetime) -> Figure:
    if source.state != "read":
        return _unread("Alerts", source.state, "could not look")
    fired = _of(events, "alerts")
    critical = sum(event.tone == "bad" for event in fired)
    firing = sum(event.until is None for event in fired)
    total = sum(((event.until or until) - event.at).total_seconds() for event in fired)
    now = f"{firing} firing now" if firing else "none firing now"
    tone: Tone = "bad" if critical else "warn" if fired else "well"
    kinds = f"{critical} critical, " if critical else ""
    lasted = f", {duration(total)} in all" if total else ""
    return Figure(label="Alerts", value=str(len(fired)), note=f"{kinds}{now}{lasted}", tone=tone)


def _changes(events: Sequence[Event], source: Source) -> Figure:
    if source.state != "read":
        return _unread("Deploys", source.state, "could not look")
    deploys = [event for event in _of(events, "deploys") if event.what == "deploy"]
    others = len(_of(events, "deploys")) - len(deploys)
    failed = sum(event.tone != "well" for event in deploys)
    note = ", ".join(
        filter(None, (f"{failed} not well" if failed else "", counted(others, "other run") if others else ""))
    )
    return Figure(label="Deploys", value=str(len(deploys)), note=note, tone="warn" if failed else "quiet")


def _share(plot: Plot, label: str) -> Figure:
    """Return the fullest of the lines, against its limit."""
    lines = [
        each for each in plot.series if each.kind == "line" and each.numbers and each.numbers.most is not None
    ]
    if not lines:
        return _unread(label, plot.state, "no data" if plot.state == "read" else "could not look")
    fullest = max(lines, key=lambda each: (each.numbers and each.numbers.most) or 0.0)
    most = fullest.numbers.most if fullest.numbers else None
    limit = limit_of(fullest, [each for each in plot.series if each.kind == "limit"])
    of = f" of {number(limit)}" if limit is not None else ""
    tone: Tone = "bad" if limit and most is not None and most >= _NEARLY_ALL * limit else "quiet"
    note = fullest.name if len(lines) > 1 else ""
    return Figure(label=label, value=f"{shown(most, plot.unit)}{of}", note=note, tone=tone)


def _most(plot: Plot, label: str, name: str) -> Figure:
    line = next((each for each in plot.series if each.name == name), None)
    if line is None or line.numbers is None:
        return _unread(label, plot.state, "no data" if plot.state == "read" else "could not look")
    note = f"{shown(line.numbers.average, plot.unit)} on average"
    return Figure(label=label, value=shown(line.numbers.most, plot.unit), note=note, tone="quiet")


def _errors(plot: Plot) -> Figure:
    lines = [each.numbers for each in plot.series if each.kind == "line" and each.numbers]
    if not lines:
        return _unread("Errors", plot.state, "no data" if plot.state == "read" else "could not look")
    averages = [each.average for each in lines if each.average is not None]
    most = max((each.most for each in lines if each.most is not None), default=None)
    average = sum(averages) / len(averages) if averages else None
    tone: Tone = "warn" if most else "well"
    return Figure(label="Errors", value=shown(average, "%"), note=f"{shown(most, '%')} at worst", tone=tone)


def _backups(events: Sequence[Event], source: Source) -> Figure:
    if source.state != "read":
        return _unread("Backups", source.state, "could not look")
    every = [event for event in _of(events, "backups") if event.what.endswith("backup")]
    well, failed = (sum(event.tone == tone for event in every) for tone in ("well", "bad"))
    tone: Tone = "bad" if failed else "well" if well else "warn"
    return Figure(
        label="Backups", value=str(well), note=f"{failed} failed" if failed else "none failed", tone=tone
    )


def _drills(events: Sequence[Event], rto: Plot, source: Source) -> Figure:
    if source.state != "read":
        return _unread("Restores proved", source.state, "could not look")
    drills = _of(events, "drills")
    proved = sum(event.outcome == "proved" for event in drills)
    failed = sum(event.tone == "bad" for event in drills)
    tone: Tone = "bad" if failed else "well" if proved else "warn"
    return Figure(
        label="Restores proved", value=str(proved), note=", ".join(_of_drills(rto, failed)), tone=tone
    )


def _of_drills(rto: Plot, failed: int) -> Iterator[str]:
    most = max((each.numbers.most for each in rto.series if each.numbers and each.numbers.most), default=None)
    if failed:
        yield f"{failed} failed"
    if most is not None:
        yield f"slowest {duration(most)}"
