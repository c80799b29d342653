"""The plots of a report, as data: what each shows, and with which PromQL Prometheus is asked for it.

Metrics: docs of the role monitoring, backend/medication_tracker/metrics.py, and
roles/backup/files/command/stanchion_backup/looks/metrics.py. A `$word` in a query is set by the period: see
`Asked`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Template
from typing import Literal

Kind = Literal["line", "limit", "ahead"]
Unit = Literal["", "/s", "s", "%", "B"]
Worst = Literal["most", "least"]

_POINTS = 200
# Figures of containers are written each minute: closer points would only repeat them.
_CLOSEST = 60.0
# A window that holds two samples at least, whatever the scrape interval.
_NARROWEST = 120.0
_RATE = 300.0
_EVALUATIONS = 10
_METRIC = re.compile(r"\b(?:db|http|pg|stanchion)_\w+")
# How far disks are foretold: as far as the alert DiskFillsSoon looks.
AHEAD = 86400.0


@dataclass(frozen=True)
class Asked:
    """A period: Unix seconds."""

    since: float
    until: float

    @property
    def step(self) -> float:
        """Return the seconds between two points."""
        return max((self.until - self.since) / _POINTS, _CLOSEST)

    def fill(self, expression: str, how: str = "last") -> str:
        """Return a query with the words of this period.

        `$how` is the function over what lies between two points, of the length `$window`: a peak between them
        is seen. What has to be computed first is so each `$fine` seconds, its rates over `$rate` seconds, so
        that nothing lies between two of them either.
        """
        window = max(self.step, _NARROWEST)
        fine = max(window / _EVALUATIONS, _CLOSEST)
        return Template(expression).substitute(
            how=f"{how}_over_time",
            window=_seconds(window),
            fine=_seconds(fine),
            rate=_seconds(max(fine, _RATE)),
            ahead=f"{AHEAD:.0f}",
        )


def _seconds(value: float) -> str:
    return f"{math.ceil(value)}s"


@dataclass(frozen=True)
class Query:
    """One query, which may find several series.

    `legend` names a series by its labels. `kind`: a line; a limit, which is drawn dashed; or what the line
    will be in a day. `whole` asks for what the line is a part of, in `whole_unit`, for the legend alone.
    """

    expression: str
    legend: str
    kind: Kind = "line"
    whole: str = ""
    whole_unit: str = ""


@dataclass(frozen=True)
class Plot:
    """One picture.

    `worst` says which values between two points are drawn: the highest or the lowest. `limit` is a fixed
    limit beside those that are asked for; `target` names one of the backups' targets, rpo or rto, for one.
    """

    slug: str
    title: str
    unit: Unit
    what: str
    queries: tuple[Query, ...]
    worst: Worst = "most"
    limit: float | None = None
    target: str = ""

    @property
    def metrics(self) -> list[str]:
        """Return the names of the metrics that its first query reads, for a plot that found none."""
        return list(dict.fromkeys(_METRIC.findall(self.queries[0].expression)))


_REQUESTS = "http_request_duration_seconds"
_CPU = "rate(stanchion_container_cpu_seconds_total[$rate]) / stanchion_container_cpu_limit"
_MEMORY = "stanchion_container_memory_bytes / stanchion_container_memory_limit_bytes"
_RESTORABLE = "stanchion_backup_restorable_timestamp_seconds"
_FREE = "stanchion_disk_available_bytes / stanchion_disk_size_bytes"


def _quantile(part: str) -> str:
    # Without a request a quantile is no number; the comparison leaves those out.
    buckets = f"sum by (le) (rate({_REQUESTS}_bucket[$rate]))"
    return f"$how((histogram_quantile({part}, {buckets}) >= 0)[$window:$fine])"


def _errors() -> str:
    of = "sum by (replica) (rate({}[$rate]))"
    every = of.format(f"{_REQUESTS}_count")
    bad = of.format(f'{_REQUESTS}_count{{status=~"5.."}}')
    return f"$how((100 * ({bad} or 0 * {every}) / {every} >= 0)[$window:$fine])"


PLOTS: tuple[Plot, ...] = (
    Plot(
        "pool",
        "Connection pool",
        "",
        "Connections that requests hold, by replica. The dashed line is what its pool may open.",
        (
            Query("max by (replica) ($how(db_pool_in_use[$window]))", "{replica}"),
            Query("max by (replica) ($how(db_pool_limit[$window]))", "capacity of {replica}", "limit"),
        ),
    ),
    Plot(
        "refused",
        "Requests without a connection",
        "/s",
        "Requests that waited for a connection in vain, or were refused since too many waited.",
        (
            Query(
                "$how(sum by (replica) (rate(db_pool_timeouts_total[$rate])"
                " + rate(db_pool_refused_total[$rate]))[$window:$fine])",
                "{replica}",
            ),
        ),
    ),
    Plot(
        "connections",
        "Database connections",
        "",
        "Sessions of clients in the database. The dashed line is max_connections.",
        (
            Query(
                '$how(sum(pg_stat_activity_count{backend_type="client backend"})[$window:$fine])', "in use"
            ),
            Query("max($how(pg_settings_max_connections[$window]))", "max_connections", "limit"),
        ),
    ),
    Plot(
        "requests",
        "Requests",
        "/s",
        "Answers each second, by replica; health checks and scrapes are among them.",
        (Query(f"$how(sum by (replica) (rate({_REQUESTS}_count[$rate]))[$window:$fine])", "{replica}"),),
    ),
    Plot(
        "latency",
        "Latency",
        "s",
        "Half, 95 % and 99 % of all requests were faster than this.",
        tuple(Query(_quantile(part), f"p{part[2:]:0<2}") for part in ("0.5", "0.95", "0.99")),
    ),
    Plot(
        "errors",
        "Errors",
        "%",
        "Answers with a status of 500 and above, by replica.",
        (Query(_errors(), "{replica}"),),
    ),
    Plot(
        "cpu",
        "CPU of containers",
        "%",
        "Of what its limit allows, by container; over five minutes each. One without a limit is not shown.",
        (
            Query(
                f"$how((100 * {_CPU})[$window:$fine])",
                "{container}",
                whole="stanchion_container_cpu_limit",
                whole_unit="CPU",
            ),
        ),
        limit=100.0,
    ),
    Plot(
        "memory",
        "Memory of containers",
        "%",
        "Of its limit, by container, without caches that can go. One without a limit is not shown.",
        (
            Query(
                f"$how((100 * {_MEMORY})[$window:$fine])",
                "{container}",
                whole="stanchion_container_memory_limit_bytes",
                whole_unit="B",
            ),
        ),
        limit=100.0,
    ),
    Plot(
        "wal",
        "WAL on the data's disk",
        "B",
        "What the server keeps of its write-ahead log.",
        (Query("max($how(pg_wal_size_bytes[$window]))", "WAL"),),
    ),
    Plot(
        "archive",
        "WAL that waits to be archived",
        "",
        "Segments that no repository holds yet.",
        (Query("max($how(stanchion_backup_archive_ready_files[$window]))", "segments"),),
    ),
    Plot(
        "exposure",
        "What a lost host would cost",
        "s",
        "Age of the newest transaction that a repository holds. The dashed line is the target (RPO).",
        (
            Query(
                f"$how((time() - max by (repo) ({_RESTORABLE}))[$window:$fine])",
                "{repo}",
            ),
        ),
        target="rpo",
    ),
    Plot(
        "disk",
        "Free disk space",
        "%",
        "Of each file system, at its lowest. Dotted: in a day, if it goes on as in the last six hours.",
        (
            Query(
                f"$how((100 * {_FREE})[$window:$fine])",
                "{of}",
                whole="stanchion_disk_size_bytes",
                whole_unit="B",
            ),
            Query(
                "100 * predict_linear(stanchion_disk_available_bytes[6h], $ahead)"
                " / stanchion_disk_size_bytes",
                "{of}",
                "ahead",
            ),
        ),
        worst="least",
    ),
)

# What is computed of each line beside what is drawn.
HOWS = {"most": "max", "average": "avg", "least": "min"}


def queries(asked: Asked) -> dict[str, str]:
    """Return what is asked along the period, by PLOT.NUMBER.WHAT; WHAT is most, average or least."""
    return {
        f"{plot.slug}.{at}.{name}": asked.fill(query.expression, how)
        for plot, at, query in _numbered()
        for name, how in HOWS.items()
        if query.kind == "line" or (query.kind == "limit" and name == "most")
    }


def instants(asked: Asked) -> dict[str, str]:
    """Return what is asked at the end of the period: `last` of each line, `ahead`, and the `whole`."""
    found = {}
    for plot, at, query in _numbered():
        name = "ahead" if query.kind == "ahead" else "last"
        found[f"{plot.slug}.{at}.{name}"] = _last(query, asked)
        if query.whole:
            found[f"{plot.slug}.{at}.whole"] = query.whole
    return found


def _last(query: Query, asked: Asked) -> str:
    """Return the query of the end, over a short window: what is gone by then has no last value."""
    return Asked(asked.until - _CLOSEST, asked.until).fill(query.expression)


def _numbered() -> Iterator[tuple[Plot, int, Query]]:
    for plot in PLOTS:
        for at, query in enumerate(plot.queries):
            yield plot, at, query
