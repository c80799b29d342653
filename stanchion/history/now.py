"""Figures of this moment: what `status --watch` asks, and what is made of the answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]

# Two minutes hold two samples, whatever the scrape interval; more would be no figure of now.
_RATE = "2m"
_OF = "sum by (replica) (rate(http_request_duration_seconds_count{}[{}]))"
_EVERY = _OF.format("", _RATE)
_BAD = _OF.format('{status=~"5.."}', _RATE)
_BUCKETS = f"sum by (le, replica) (rate(http_request_duration_seconds_bucket[{_RATE}]))"
QUERIES: Mapping[str, str] = {
    "connections": 'sum(pg_stat_activity_count{backend_type="client backend"})',
    "max_connections": "max(pg_settings_max_connections)",
    "requests": _EVERY,
    "errors": f"100 * ({_BAD} or 0 * {_EVERY}) / {_EVERY}",
    "p95": f"histogram_quantile(0.95, {_BUCKETS})",
    "alerts": 'ALERTS{alertstate="firing",alertname!="DeadMansSwitch"}',
}


@dataclass(frozen=True)
class Used:
    """A part of something: both in the same unit; None is what could not be seen, or has no limit."""

    value: float | None
    limit: float | None

    @property
    def share(self) -> float | None:
        """Return the part, from 0 to 1, as far as both are known."""
        return self.value / self.limit if self.value is not None and self.limit else None


NOTHING = Used(None, None)


@dataclass(frozen=True)
class Replica:
    """One backend: its pool as it says itself, its traffic as Prometheus saw it in the last two minutes."""

    name: str
    pool: Used
    waiting: float | None
    requests: float | None
    errors: float | None
    p95: float | None
    unread: str


@dataclass(frozen=True)
class Alert:
    """One that fires."""

    name: str
    severity: str
    of: str


@dataclass(frozen=True)
class Now:
    """What a look at a host found beside the state of its containers. `unread`: what could not be seen."""

    replicas: tuple[Replica, ...]
    connections: Used
    alerts: tuple[Alert, ...] | None
    cpu: Mapping[str, Used]
    memory: Mapping[str, Used]
    unread: tuple[str, ...]


def now_of(facts: Facts, before: Facts | None) -> Now:
    """Return the figures of a look; `before` is the one ahead of it, for what is a difference of both."""
    figures = facts["figures"]
    backends = facts["metrics"].get("entries") or {}
    connections = Used(_only(figures, "connections"), _only(figures, "max_connections"))
    return Now(
        replicas=tuple(_replica(name, backends[name], figures) for name in sorted(backends)),
        connections=connections,
        alerts=_alerts(figures),
        cpu=_cpu(facts, before),
        memory={
            name: Used(each["working_set"], each["memory_limit"]) for name, each in _cgroups(facts).items()
        },
        unread=tuple(_unread(facts)),
    )


def _unread(facts: Facts) -> Iterator[str]:
    figures = facts["figures"]
    for name, title in (
        ("figures", "Prometheus"),
        ("metrics", "the backends"),
        ("cgroups", "CPU and memory"),
    ):
        if not facts[name]["ok"]:
            yield f"{title}: {facts[name]['error']}"
    if figures["ok"] and not figures["asked"]:
        yield "Prometheus: the stack has none (stack_monitoring)"
    failed = [each["error"] for each in (figures.get("entries") or {}).values() if not each["ok"]]
    yield from failed[:1]


def _series(figures: Facts, name: str) -> list[Facts]:
    answer = (figures.get("entries") or {}).get(name) or {"ok": False}
    return list(answer["series"]) if answer["ok"] else []


def _only(figures: Facts, name: str) -> float | None:
    found = _series(figures, name)
    return found[0]["value"] if found else None


def _replica(container: str, told: Facts, figures: Facts) -> Replica:
    def traffic(name: str) -> float | None:
        # Prometheus has them without the stack's name.
        values = [each["value"] for each in _series(figures, name) if _same(container, each["labels"])]
        return values[0] if values else None

    lines = _lines(told.get("lines") or ())
    return Replica(
        name=container,
        pool=Used(lines.get("db_pool_in_use"), lines.get("db_pool_limit")),
        waiting=lines.get("db_pool_waiting"),
        requests=traffic("requests"),
        errors=traffic("errors"),
        p95=traffic("p95"),
        unread=str((told.get("reason") if told["ok"] else told["error"]) or ""),
    )


def _same(container: str, labels: Mapping[str, str]) -> bool:
    replica = labels.get("replica", "")
    return bool(replica) and (container == replica or container.endswith(f"-{replica}"))


def _lines(lines: Sequence[str]) -> dict[str, float]:
    """Return the values of metrics that have no label."""
    found = {}
    for line in lines:
        name, _, value = line.partition(" ")
        if "{" not in name:
            found[name] = float(value)
    return found


def _alerts(figures: Facts) -> tuple[Alert, ...] | None:
    """Return what fires; None where nobody could look."""
    answer = (figures.get("entries") or {}).get("alerts") or {"ok": False}
    if not answer["ok"]:
        return None
    about = ("replica", "container", "repo", "instance", "of", "datname")
    return tuple(
        Alert(
            name=labels.get("alertname", ""),
            severity=labels.get("severity", ""),
            of=next((labels[name] for name in about if labels.get(name)), ""),
        )
        for labels in (each["labels"] for each in answer["series"])
    )


def _cgroups(facts: Facts) -> Mapping[str, Facts]:
    return facts["cgroups"].get("entries") or {} if facts["cgroups"]["ok"] else {}


def _cpu(facts: Facts, before: Facts | None) -> dict[str, Used]:
    """Return the processors that each container used since the look before; none of one restarted since."""
    if before is None:
        return {}
    earlier, seconds = _cgroups(before), _between(before, facts)
    found = {}
    for name, each in _cgroups(facts).items():
        used, was = each.get("cpu_seconds"), (earlier.get(name) or {}).get("cpu_seconds")
        if used is not None and was is not None and used >= was and seconds > 0:
            found[name] = Used((used - was) / seconds, each["cpus"])
    return found


def _between(before: Facts, facts: Facts) -> float:
    from stanchion.moments import moment

    first, second = moment(before["collected_at"]), moment(facts["collected_at"])
    return (second - first).total_seconds() if first and second else 0.0
