"""From a run's result and what its hosts told of the past to the report of a period: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stanchion.exit_codes import ExitCode
from stanchion.history.events import events_of
from stanchion.history.figures import figures_of
from stanchion.history.lines import plots_of
from stanchion.history.measures import seconds
from stanchion.history.model import Outcome, Past, Period, Source
from stanchion.history.plots import Asked
from stanchion.report.headline import counted
from stanchion.report.model import Result
from stanchion.report.validation import latest, sentence

Facts = Mapping[str, Any]
_RECORDS = {
    "runs": "Deploys",
    "jobs": "Backups and drills",
    "recoveries": "Recoveries",
    "targets": "Targets of backups",
}

_STATE = {"safe": "is safe", "unsafe": "is not safe", "incomplete": "is safe, as far as could be seen"}


def period_of(result: Result, asked: Asked, histories: Mapping[str, Facts]) -> Period:
    """Return the report; a host that told nothing of its past is named among what could not be looked at."""
    hosts = [past_of(host, history) for host, history in sorted(histories.items())]
    unread = [*_silent(result, hosts), *(name for host in hosts for name in _unread(host))]
    status, code = _verdict(result, unread)
    return Period(
        status=status,
        exit_code=code,
        headline=_headline(result, status, hosts, asked, unread),
        error=result.error,
        stack=result.stack,
        since=_moment(asked.since),
        until=_moment(asked.until),
        hosts=hosts,
        validations=latest(result.validations),
        warnings=[*result.warnings, *(text for history in histories.values() for text in _warnings(history))],
        run=result.run,
    )


def past_of(host: str, history: Facts) -> Past:
    """Return what happened on one host."""
    plots, events, sources = plots_of(history), events_of(history), _sources(history)
    return Past(
        host=host,
        sources=sources,
        figures=figures_of(plots, events, sources, _moment(history["until"])),
        plots=plots,
        events=events,
    )


def _silent(result: Result, hosts: Sequence[Past]) -> list[str]:
    """Return what to say of hosts that were checked, and told nothing of their past."""
    told = {host.host for host in hosts}
    return [f"the past of {each.host}" for each in latest(result.validations) if each.host not in told]


def _verdict(result: Result, unread: Sequence[str]) -> tuple[Outcome, int]:
    if result.status not in ("safe", "unsafe", "absent"):
        return "failed", result.exit_code
    if result.status == "safe" and unread:
        return "incomplete", ExitCode.CHECK_FAILED
    return result.status, result.exit_code


def _unread(past: Past) -> list[str]:
    """Return the names of what could not be looked at."""
    sources = {each.name: each.title for each in past.sources if each.state == "unread"}
    # What one source explains is not told for each of its plots.
    alone = [] if sources else [plot.title for plot in past.plots if plot.state == "unread"]
    return [*(title.lower() for title in sources.values()), *alone]


def _headline(
    result: Result, status: Outcome, hosts: Sequence[Past], asked: Asked, unread: Sequence[str]
) -> str:
    if status == "failed":
        return result.headline
    name = result.stack or "the stack"
    if status == "absent":
        return f"absent: {name} is not deployed"
    checks = sentence(latest(result.validations))
    happened = " and ".join(_counts(hosts))
    over = f"; in {seconds(asked.until - asked.since)}: {happened}" if happened else ""
    missing = f"; could not look: {', '.join(unread)}" if unread else ""
    return f"{status}: {name} {_STATE[status]} ({checks}){over}{missing}"


def _counts(hosts: Sequence[Past]) -> Iterator[str]:
    """Yield how many alerts and deploys there were, where somebody could look: none is a number, too."""
    states = {(source.name, source.state) for host in hosts for source in host.sources}
    events = [event for host in hosts for event in host.events]
    if {state for name, state in states if name == "alerts"} == {"read"}:
        yield counted(sum(event.lane == "alerts" for event in events), "alert")
    if {state for name, state in states if name == "runs"} == {"read"}:
        yield counted(sum(event.what == "deploy" for event in events), "deploy")


def _sources(history: Facts) -> list[Source]:
    server, alerts = history["prometheus"], history["alerts"]
    version = f" {server['version']}" if server.get("version") else ""
    where = f"Prometheus{version} at {server.get('url')}"
    found = [
        _source("prometheus", "Figures", server, server["asked"], where),
        _source("alerts", "Alerts", alerts, server["asked"], where),
    ]
    for name, title in _RECORDS.items():
        answer = history[name]
        found.append(_source(name, title, answer, True, "the host's own records"))
    return found


def _source(name: str, title: str, answer: Facts, asked: bool, where: str) -> Source:
    if not asked:
        return Source(name=name, title=title, state="off", words="the stack has none (stack_monitoring)")
    if not answer.get("ok"):
        return Source(name=name, title=title, state="unread", words=f"could not look: {answer.get('error')}")
    return Source(name=name, title=title, state="read", words=where)


def _warnings(history: Facts) -> Iterator[str]:
    """Yield what is not whole, though the source answered."""
    for name, title in _RECORDS.items():
        count = history[name].get("unread", 0)
        if count:
            left_out = "is left out" if count == 1 else "are left out"
            yield f"{counted(count, 'record')} of {title.lower()} cannot be read, and {left_out}."
    for job, reach in (history["jobs"].get("reach") or {}).items():
        if reach > history["since"]:
            since = f"{_moment(reach):%Y-%m-%d %H:%M} UTC"
            yield f"Records of {job} go back to {since} only: older ones were let go."


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
