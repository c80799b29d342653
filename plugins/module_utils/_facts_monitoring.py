# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus and Alertmanager say of themselves, and whether this host writes its figures for them.

Moments are Unix seconds, by this host's clock: both programs run on it. Of receivers only names are told,
never where they are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ansible_collections.stanchion.stack.plugins.module_utils._facts_recovery import (
    CRON,
    json_object,
    table_facts,
)
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import ask_all
from ansible_collections.stanchion.stack.plugins.module_utils._secret_text import hidden
from ansible_collections.stanchion.stack.plugins.module_utils._web import Web

SWITCH = "DeadMansSwitch"
FIGURES = "stanchion_figures.prom"
WRITTEN = "stanchion_figures_timestamp_seconds"
# Seconds in which deliveries are looked for, and between two points of that. Prometheus looks no closer.
WINDOW, STEP = 3600, 15
# What Prometheus takes for the present: an older sample is none.
_PRESENT = 300
# As long as the alerts wait: a container that is replaced is away for a moment.
_PATIENCE = 120
# A rule can't be broken into more alerts than anybody reads.
_MOST_ALERTS = 200
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RELOADED = "alertmanager_config_last_reload_"
_REQUESTS = "alertmanager_notification_requests_total"
_REFUSED = "alertmanager_notification_requests_failed_total"
_EXPORTER = {"up": "pg_up", "scrape_error": "pg_exporter_last_scrape_error"}
# By receiver and what it is: (sent, failed) at each moment.
Counted = Mapping[tuple[str, str], Mapping[float, tuple[float, float]]]


def monitoring_facts(
    stack: str, state_dir: str, asked: Mapping[str, Any] | None, timeout: float, cron: Path = CRON
) -> dict:
    """Ask both at once, each within the time limit; nobody is asked where no address is given.

    Args:
        asked: `prometheus` and `alertmanager`, addresses; `auth_file` and `ca_file` where they need them.
    """
    folder = Path(state_dir) / "monitoring"
    parts = {"figures": lambda: figures_facts(stack, folder, cron)}
    if asked:
        parts["prometheus"] = lambda: _prometheus(_web(asked, "prometheus", timeout * 0.9))
        parts["alertmanager"] = lambda: _alertmanager(_web(asked, "alertmanager", timeout * 0.9))
    return ask_all(parts, timeout)


def _web(asked: Mapping[str, Any], name: str, timeout: float) -> Web:
    return Web(asked[name], timeout, asked.get("auth_file"), asked.get("ca_file"))


# The figures of this host


def figures_facts(stack: str, folder: Path, cron: Path = CRON) -> dict:
    """Compare the table of the figures' job with what was written, and read when they were written last."""
    settings = json_object(folder / "settings.json")
    table = cron / f"stanchion-{stack}-monitoring"
    return {
        "installed": settings is not None,
        "cron_path": str(table),
        **table_facts(table, (settings or {}).get("cron_text", "")),
        "path": str(folder / "metrics" / FIGURES),
        "written": _written(folder / "metrics" / FIGURES),
    }


def _written(path: Path) -> float | None:
    """Return what the figures themselves say of when they were written, None of none that say it."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    return next((value for _, value in _samples(text, WRITTEN)), None)


def _samples(text: str, name: str) -> Iterator[tuple[str, float]]:
    """Yield name and value of the samples whose names begin so; none has a time of its own."""
    for line in text.splitlines():
        if line.startswith(name):
            told, _, value = line.rpartition(" ")
            try:
                yield told.partition("{")[0], float(value)
            except ValueError:
                continue


# Prometheus


def _prometheus(web: Web) -> dict:
    runtime = _api(web, "status/runtimeinfo")
    rules = list(_rules(_api(web, "rules?type=alert")))
    return {
        "started": moment(runtime["startTime"]),
        "loaded": moment(runtime["lastConfigTime"]),
        "reload_ok": runtime["reloadConfigSuccess"],
        "retention": runtime["storageRetention"],
        "targets": _targets(web),
        "rules": rules,
        "metrics": _metrics(web, (rule["expr"] for rule in rules)),
        "alerts": [_alert(each) for each in _api(web, "alerts")["alerts"][:_MOST_ALERTS]],
        "alertmanagers": len(_api(web, "alertmanagers")["activeAlertmanagers"]),
        "dropped": _dropped(web),
        "exporter": _exporter(web),
        "deliveries": _deliveries(web),
    }


def _api(web: Web, path: str, form: Mapping[str, Any] | None = None) -> Any:
    return web.json(f"/api/v1/{path}", form)["data"]


def _query(web: Web, query: str) -> list[dict]:
    found: list[dict] = _api(web, "query", {"query": query})["result"]
    return found


def _targets(web: Web) -> list[dict]:
    told = _api(web, "targets?state=active")["activeTargets"]
    up = {(each["metric"]["job"], each["metric"]["instance"]) for each in _lately(web, "up")}
    return [_target(each, up) for each in told]


def _lately(web: Web, metric: str) -> list[dict]:
    """Return the series that were not 0 all the time of late."""
    return _query(web, f"max_over_time({metric}[{_PATIENCE}s]) > 0")


def _target(told: Mapping[str, Any], up: Container[tuple[str, str]]) -> dict:
    labels = told["labels"]
    return {
        "up_lately": (labels.get("job"), labels.get("instance")) in up,
        "job": labels.get("job", ""),
        "instance": hidden(labels.get("instance", "")),
        "health": told["health"],
        "error": hidden(told["lastError"]),
        "scraped": moment(told["lastScrape"]),
    }


def _rules(told: Mapping[str, Any]) -> Iterator[dict]:
    for group in told["groups"]:
        for rule in group["rules"]:
            yield {
                "alert": rule["name"],
                "expr": rule["query"],
                "health": rule["health"],
                "error": rule.get("lastError", ""),
                "evaluated": moment(rule["lastEvaluation"]),
                "interval": float(group["interval"]),
            }


def _metrics(web: Web, expressions: Iterable[str]) -> list[str]:
    """Return which of the words in these expressions are names of series that have a value now.

    All names of a server are thousands; and one that went away a week ago would be among them.
    """
    words = sorted({word for each in expressions for word in _NAME.findall(each)})
    told = _query(web, f'group by (__name__) ({{__name__=~"{"|".join(words)}"}})') if words else []
    return sorted(each["metric"]["__name__"] for each in told)


def _alert(told: Mapping[str, Any]) -> dict:
    labels = {name: hidden(value) for name, value in told["labels"].items() if name != "alertname"}
    return {
        "alert": told["labels"]["alertname"],
        "state": told["state"],
        "since": moment(told["activeAt"]),
        "labels": labels,
    }


def _dropped(web: Web) -> float:
    """Return how many alerts went to no Alertmanager in the last five minutes."""
    told = _query(web, f"sum(increase(prometheus_notifications_dropped_total[{_PRESENT}s]))")
    return float(told[0]["value"][1]) if told else 0.0


def _exporter(web: Web) -> dict:
    """Return what the database's exporter says of itself, None of what it does not say."""
    told = _query(web, f'{{__name__=~"{"|".join(_EXPORTER.values())}"}}')
    values = {each["metric"]["__name__"]: float(each["value"][1]) for each in told}
    found: dict = {name: values.get(metric) for name, metric in _EXPORTER.items()}
    return {**found, "up_lately": bool(_lately(web, _EXPORTER["up"]))}


# Deliveries, by the counters that Alertmanager keeps and Prometheus remembers


def _deliveries(web: Web) -> list[dict]:
    now = time.time()
    form = {
        "query": f'{{__name__=~"{_REQUESTS}|{_REFUSED}"}}',
        "start": now - WINDOW,
        "end": now,
        "step": STEP,
    }
    counted = _counted(_api(web, "query_range", form)["result"])
    return [
        {"receiver": receiver, "integration": integration, **delivered(points, now - WINDOW)}
        for (receiver, integration), points in sorted(counted.items())
    ]


def _counted(series: Iterable[Mapping[str, Any]]) -> Counted:
    """Return both counters of each receiver, at the moments at which both are known."""
    told: dict[tuple[str, str], dict[str, dict[float, float]]] = {}
    for each in series:
        labels = each["metric"]
        # Only with its feature receiver-name-in-metrics does Alertmanager tell receivers apart.
        of = told.setdefault((labels.get("receiver_name", ""), labels.get("integration", "")), {})
        of[labels["__name__"]] = {float(at): float(value) for at, value in each["values"]}
    return {
        key: {
            at: (sent, of.get(_REFUSED, {})[at])
            for at, sent in of.get(_REQUESTS, {}).items()
            if at in of.get(_REFUSED, {})
        }
        for key, of in told.items()
    }


def delivered(points: Mapping[float, tuple[float, float]], since: float) -> dict:
    """Return what became of a receiver's messages: how many were tried and how many of these failed, and when
    one was last seen to arrive (`delivered`) and to fail (`refused`), None where none was.

    Args:
        points: at each moment how many were tried and had failed since Alertmanager began to count.
        since: where the points begin, unless nothing was counted then.
    """
    found: dict = {"tried": 0, "failed": 0, "delivered": None, "refused": None}
    # One that was not counted yet when the window began has begun with nothing.
    first = min(points, default=since)
    before = points.get(first, (0.0, 0.0)) if first <= since + _PRESENT else (0.0, 0.0)
    for at, (tried, failed) in sorted(points.items()):
        # Fewer than before: it was restarted, and counts anew.
        begun = (0.0, 0.0) if tried < before[0] else before
        more, refused = tried - begun[0], failed - begun[1]
        found["tried"] += int(more)
        found["failed"] += int(refused)
        if refused > 0:
            found["refused"] = at
        if more > refused:
            found["delivered"] = at
        before = (tried, failed)
    return found


# Alertmanager


def _alertmanager(web: Web) -> dict:
    status = web.json("/api/v2/status")
    said = urlencode({"filter": f'alertname="{SWITCH}"'})
    switch = web.json(f"/api/v2/alerts?{said}")
    reloaded = dict(_samples(web.text("/metrics"), _RELOADED))
    return {
        "version": status["versionInfo"]["version"],
        "started": moment(status["uptime"]),
        "loaded": reloaded.get(f"{_RELOADED}success_timestamp_seconds"),
        "reload_ok": reloaded.get(f"{_RELOADED}successful") == 1,
        "receivers": [each["name"] for each in web.json("/api/v2/receivers")],
        "switch": _switch(switch),
    }


def _switch(told: Iterable[Mapping[str, Any]]) -> dict | None:
    """Return when the dead-man's switch last came from Prometheus, and to whom it goes on."""
    came = [(moment(each["updatedAt"]), each) for each in told]
    if not came:
        return None
    at, newest = max(came, key=lambda each: each[0] or 0.0)
    status = newest["status"]
    return {
        "came": at,
        "receivers": [each["name"] for each in newest["receivers"]],
        "silenced": bool(status["silencedBy"] or status["inhibitedBy"]),
    }


def moment(text: str) -> float | None:
    """Return a moment in Unix seconds; the year 1 is never."""
    match = _MOMENT.fullmatch(text)
    if match is None or text.startswith("0001-"):
        return None
    whole, fraction, zone = match.groups()
    at = datetime.fromisoformat(whole + zone.replace("Z", "+00:00"))
    return at.timestamp() + float(fraction or 0)
