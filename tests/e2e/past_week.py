"""A week of a stack as the module stack_history tells it, the same each time: quiet, with one bad night."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from stanchion.history.plots import Asked, instants, queries

UNTIL = datetime(2026, 11, 30, 8, 0, tzinfo=UTC).timestamp()
DAY = 86400.0
ASKED = Asked(UNTIL - 7 * DAY, UNTIL)
# A Thursday night in which somebody's report held every connection.
NIGHT = UNTIL - 3.4 * DAY
GIB = 1024**3

Value = Callable[[float], float | None]


def wave(at: float) -> float:
    """Return how busy the day is, 0 to 1: the night is quiet, and so is the weekend."""
    moment = datetime.fromtimestamp(at, UTC)
    day = (
        max(0.0, math.sin((moment.hour + moment.minute / 60 - 5) / 14 * math.pi))
        if 5 <= moment.hour < 19
        else 0
    )
    return day * (0.35 if moment.weekday() >= 5 else 1.0) + 0.05


def noise(at: float, seed: int) -> float:
    """Return something between -1 and 1 that looks like chance, and is none."""
    return math.sin(at / 977 + seed * 2.1) * math.sin(at / 353 + seed) * math.cos(at / 7919 - seed)


def bad(at: float) -> float:
    """Return 1 in the bad night, else 0."""
    return 1.0 if 0 <= at - NIGHT < 2.2 * 3600 else 0.0


def replicas(base: Callable[[float, int], float]) -> list[tuple[dict[str, str], Value]]:
    """Return a series for each replica; the second one was away for half an hour."""

    def of(number: int) -> Value:
        return lambda at: None if number == 2 and 0 <= at - NIGHT - 9 * 3600 < 6000 else base(at, number)

    return [({"replica": f"backend-{number}"}, of(number)) for number in (1, 2)]


def containers(figure: Callable[[float, int], float]) -> list[tuple[dict[str, str], Value]]:
    """Return a series for each container."""
    names = (
        ("db", "postgres"),
        ("backend-1", "backend"),
        ("backend-2", "backend"),
        ("prometheus", "monitoring"),
    )

    def of(number: int) -> Value:
        return lambda at: figure(at, number)

    labels = [{"container": f"medication-tracker-{name}", "role": role} for name, role in names]
    return [(each, of(number)) for number, each in enumerate(labels)]


def disks(figure: Callable[[float, int], float]) -> list[tuple[dict[str, str], Value]]:
    """Return a series for each file system."""

    def of(number: int) -> Value:
        return lambda at: figure(at, number)

    return [
        ({"of": name, "path": f"/{name}"}, of(at)) for at, name in enumerate(("data", "repository", "docker"))
    ]


def one(figure: Value, **labels: str) -> list[tuple[dict[str, str], Value]]:
    """Return the only series of a query."""
    return [(labels, figure)]


def latency(scale: float) -> Value:
    """Return a quantile: slow in the bad night."""
    return lambda at: scale * (0.012 + 0.02 * wave(at) + 0.004 * noise(at, 3)) + scale * 0.9 * bad(at)


def saw(at: float) -> float:
    """Return how much WAL there is since the last checkpoint, 0 to 1."""
    return (at / 5400) % 1


SERIES: dict[str, list[tuple[dict[str, str], Value]]] = {
    "pool.0": replicas(lambda at, n: round(min(15.0, 1 + 8 * wave(at) + 1.5 * noise(at, n) + 14 * bad(at)))),
    "pool.1": replicas(lambda at, n: 15.0),
    "refused.0": replicas(lambda at, n: bad(at) * (0.4 + 0.2 * noise(at, n))),
    "connections.0": one(lambda at: round(9 + 14 * wave(at) + 2 * noise(at, 5) + 24 * bad(at))),
    "connections.1": one(lambda at: 100.0),
    "requests.0": replicas(lambda at, n: 0.4 + 22 * wave(at) + 2 * abs(noise(at, n)) + (2 if n == 1 else 0)),
    "latency.0": one(latency(0.5)),
    "latency.1": one(latency(2.4)),
    "latency.2": one(latency(4.5)),
    "errors.0": replicas(lambda at, n: bad(at) * (6 + 3 * noise(at, n))),
    "cpu.0": containers(
        lambda at, n: (24, 30, 28, 5)[n] * (0.1 + wave(at)) + 3 * abs(noise(at, n)) + 40 * bad(at) * (n == 0)
    ),
    "memory.0": containers(lambda at, n: (62, 41, 43, 35)[n] + 4 * noise(at, n) + 6 * wave(at)),
    "wal.0": one(lambda at: GIB * (0.3 + 0.5 * saw(at) + 0.9 * bad(at))),
    "archive.0": one(lambda at: round(2 * abs(noise(at, 8)) + 11 * bad(at))),
    "exposure.0": one(lambda at: 30 + 25 * abs(noise(at, 9)) + 400 * bad(at), repo="repo1"),
    "disk.0": disks(
        lambda at, n: (71, 64, 58)[n] - (0.9, 1.6, 0.2)[n] * (at - ASKED.since) / DAY + 0.2 * noise(at, n)
    ),
}
WHOLES: dict[str, list[tuple[dict[str, str], Value]]] = {
    "cpu.0": containers(lambda at, n: (2.0, 1.0, 1.0, 0.5)[n]),
    "memory.0": containers(lambda at, n: (1024, 512, 512, 384)[n] * 1024**2),
    "disk.0": disks(lambda at, n: (80, 200, 80)[n] * GIB),
}
AHEAD = {"disk.1": disks(lambda at, n: (64.6, 51.0, 56.3)[n])}
SHARES = {"most": 1.08, "average": 1.0, "least": 0.93}


def history(asked: Asked = ASKED) -> dict[str, Any]:
    """Return the answer of the module, as JSON has brought it here."""
    times = [asked.since + at * asked.step for at in range(int((asked.until - asked.since) / asked.step) + 1)]
    answer = {
        "version": 1,
        "stack": "medication-tracker",
        "since": asked.since,
        "until": asked.until,
        "elapsed": 1.4,
        "prometheus": {"asked": True, "url": "http://127.0.0.1:9090", "ok": True, "version": "2.53.3"},
        "times": times,
        "series": {key: {"ok": True, "series": list(_along(key, times))} for key in queries(asked)},
        "instants": {key: {"ok": True, "series": list(_instant(key, times[-1]))} for key in instants(asked)},
        "alerts": {"ok": True, "step": 60.48, "entries": _alerts()},
        "runs": {"ok": True, "unread": 0, "entries": _runs()},
        "jobs": {
            "ok": True,
            "unread": 0,
            "reach": {},
            "entries": sorted(_jobs(), key=lambda job: job["ended"]),
        },
        "recoveries": {"ok": True, "unread": 0, "entries": _recoveries()},
        "targets": {"ok": True, "rpo": 120, "rto": 900},
    }
    return dict(json.loads(json.dumps(answer)))


def _along(key: str, times: list[float]) -> Iterator[dict[str, Any]]:
    of, _, how = key.rpartition(".")
    share = 1.0 if of.startswith(("pool.", "connections.", "disk.")) else SHARES[how]
    for labels, figure in SERIES[of]:
        values = [figure(at) for at in times]
        yield {
            "labels": labels,
            "values": [None if each is None else round(each * share, 4) for each in values],
        }


def _instant(key: str, at: float) -> Iterator[dict[str, Any]]:
    of, _, what = key.rpartition(".")
    source = {"last": SERIES, "whole": WHOLES, "ahead": AHEAD}[what]
    for labels, figure in source[of]:
        yield {"labels": labels, "value": figure(at)}


def _alerts() -> list[dict[str, Any]]:
    def alert(name: str, severity: str, since: float, hours: float, **labels: str) -> dict[str, Any]:
        every = {"alertname": name, "alertstate": "firing", "severity": severity, **labels}
        return {"labels": every, "spans": [[NIGHT + since * 3600, NIGHT + (since + hours) * 3600]]}

    return [
        alert("PoolSaturated", "warning", 0.1, 2.1, replica="backend-1"),
        alert("PoolSaturated", "warning", 0.1, 2.0, replica="backend-2"),
        alert("PoolTimeouts", "critical", 0.2, 1.9, replica="backend-1"),
        alert("ErrorRate", "critical", 0.3, 1.8, replica="backend-1"),
        alert("LongTransaction", "warning", -0.1, 2.4, datname="medication_tracker"),
        alert("ContainerDown", "critical", 9.05, 1.4, container="medication-tracker-backend-2"),
        {
            "labels": {
                "alertname": "CertificateExpires",
                "severity": "warning",
                "instance": "https://example.org",
            },
            "spans": [[UNTIL - 1.2 * DAY, UNTIL]],
        },
    ]


def _runs() -> list[dict[str, Any]]:
    def run(days: float, verb: str, outcome: str, seconds: float) -> dict[str, Any]:
        return {
            "id": f"run-{days}",
            "verb": verb,
            "version": "0.1.0",
            "user": "operator",
            "controller": "desk",
            "outcome": outcome,
            "check": False,
            "ended": UNTIL - days * DAY,
            "seconds": seconds,
        }

    return [
        run(6.1, "deploy", "succeeded", 42.0),
        run(4.02, "deploy", "failed", 31.5),
        run(3.98, "deploy", "succeeded", 40.2),
        run(2.95, "recover", "succeeded", 12.0),
        run(0.9, "deploy", "succeeded", 18.7),
    ]


def _job(job: str, days: float, seconds: float, **more: Any) -> dict[str, Any]:
    ended = UNTIL - days * DAY
    nothing = dict.fromkeys(
        ("repo", "verdict", "rpo_seconds", "rto_seconds", "rto_to", "data_bytes", "repositories")
    )
    known = {"job": job, "started": ended - seconds, "ended": ended, "seconds": seconds, "outcome": "ok"}
    return {**nothing, **known, "error": "", **more}


def _taken(kind: str, stored: float) -> dict[str, Any]:
    return {"repo1": {"label": "x", "type": kind, "bytes": 2.1 * GIB, "stored": stored, "seconds": 20.0}}


def _jobs() -> Iterator[dict[str, Any]]:
    for day in range(7):
        kind = "full" if day == 1 else "diff"
        stored = 0.62 * GIB if kind == "full" else (0.05 + 0.02 * (6 - day)) * GIB
        yield _job(kind, day + 0.25, 70.0 if kind == "full" else 21.0, repositories=_taken(kind, stored))
        for hour in range(0, 24, 6):
            yield _job("incr", day + hour / 24, 9.0, repositories=_taken("incr", (0.01 + hour / 4000) * GIB))
    reason = "repo1 does not answer: a connection was refused."
    yield _job("incr", (UNTIL - NIGHT) / DAY - 0.05, 31.0, outcome="failed", error=reason)
    yield _job("verify", 1.2, 95.0, repositories={"repo1": "ok"})
    for days, rpo, rto in ((6.3, 41.0, 62.0), (4.3, 55.5, 66.1), (2.3, 38.2, 64.0), (0.3, 47.0, 71.5)):
        yield _job("drill", days, 120.0, repo="repo1", verdict="proved", rpo_seconds=rpo, rto_seconds=rto)
    yield _job(
        "drill", 3.3, 44.0, repo="repo1", verdict="failed", outcome="failed", error="The copy had no room."
    )


def _recoveries() -> list[dict[str, Any]]:
    restart = {
        "by": "watch",
        "remedy": "restart_backend",
        "of": "medication-tracker-backend-2",
        "seconds": 6.0,
    }
    return [
        {**restart, "at": NIGHT + 9.1 * 3600, "outcome": "failed", "why": "It did not come up."},
        {**restart, "at": NIGHT + 10.4 * 3600, "outcome": "done", "why": "It was dead for 120 s."},
    ]
