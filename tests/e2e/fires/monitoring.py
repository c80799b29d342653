"""The monitoring itself: what it does not see, and whom it does not reach."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from stack import Stack, until

from fires.fire import Broken, Fire, by_shell, by_sql

STATE = "/var/lib/stanchion/{stack}/monitoring"
CRON = "/etc/cron.d/stanchion-{stack}-monitoring"
FIGURES = f"{STATE}/metrics/stanchion_figures.prom"
PROMETHEUS = "http://127.0.0.1:9090/api/v1"
# Two looks of Prometheus at its targets, and a message that is tried again in between.
SEEN = 90
# Nothing that has begun or was mended just now is an excuse.
AT_ONCE = {"validation_monitoring_settle_seconds": 0}
# Where nobody listens.
NOBODY = "http://127.0.0.1:9/"


def asked(stack: Stack, path: str, query: str = "") -> Any:
    """Return what Prometheus answers."""
    form = ["--data-urlencode", f"query={query}"] if query else []
    return json.loads(stack.host.run("curl", "-s", "-m", "10", *form, f"{PROMETHEUS}/{path}"))["data"]


def holds(stack: Stack, query: str) -> Callable[[], bool]:
    """Say whether a query has an answer."""
    return lambda: bool(asked(stack, "query", query)["result"])


def seen(do: str, undo: str, shows: str, over: str) -> Broken:
    """Break by a shell command and put back by another, and have Prometheus see both: two queries."""

    @contextlib.contextmanager
    def broken(stack: Stack) -> Iterator[None]:
        with by_shell(do, undo)(stack):
            until(holds(stack, shows), f"Prometheus does not see {shows}", within=SEEN)
            yield
        until(holds(stack, over), f"Prometheus does not see {over}", within=SEEN)

    return broken


def in_file(path: str, of: str, change: str) -> tuple[str, str]:
    """Return the commands that change a file of a program and put it back, each with a reload."""
    kept = f"/run/{of}.kept"
    reload = f"docker kill --signal HUP {{stack}}-{of}; sleep 2"
    # Written in place: the owner stays.
    return f"cp -p {path} {kept}; {change} {path}; {reload}", f"cat {kept} > {path}; {reload}"


DOWN = 'up{job="blackbox"} == 0'
UP = 'min(up{job="blackbox"}) == 1'
REFUSED = "alertmanager_notification_requests_failed_total > 0"

TO_NOBODY, BACK = in_file(
    f"{STATE}/alertmanager/alertmanager.yml",
    "alertmanager",
    f"sed -i \"s|^  - name: nobody$|&\\n    webhook_configs: [{{url: '{NOBODY}'}}]|;"
    ' s|receiver: heartbeat|receiver: nobody|"',
)
MONITORING = "monitoring"

FIRES = [
    Fire(
        "monitoring.targets",
        MONITORING,
        seen(
            "docker stop -t 2 {stack}-blackbox-exporter", "docker start {stack}-blackbox-exporter", DOWN, UP
        ),
        r"blackbox .*: gives no figures: ",
        variables=AT_ONCE,
        # Until two minutes have gone by it is a moment's absence.
        outcome="warn",
    ),
    Fire(
        "monitoring.metrics",
        MONITORING,
        seen(
            # One that runs goes on for its minute.
            f"cp -p {CRON} /run/figures.kept; sed -i 's/^[*]/# &/' {CRON};"
            f" flock {STATE}/figures.lock mv {FIGURES} /run/figures.prom",
            f"cp -p /run/figures.kept {CRON}; mv /run/figures.prom {FIGURES}",
            "absent(stanchion_container_running)",
            "stanchion_container_running",
        ),
        r"stanchion_container_running: has no value, so .*ContainerDown.* cannot fire",
    ),
    Fire(
        "monitoring.figures", MONITORING, None, r"is not as it was written, missing: [*] [*] [*] [*] [*] root"
    ),
    Fire(
        "monitoring.delivery",
        MONITORING,
        seen(
            TO_NOBODY,
            # One that is being tried is tried on after a reload.
            f"{BACK}; docker restart -t 2 {{stack}}-alertmanager",
            REFUSED,
            "alertmanager_config_last_reload_successful == 1",
        ),
        r"nobody \(webhook\): the last message failed .* ago",
        # What has failed within the hour stays told.
        green=("pass", "warn"),
    ),
    Fire(
        "monitoring.configuration",
        MONITORING,
        by_shell(*in_file(f"{STATE}/prometheus/prometheus.yml", "prometheus", "sed -i '$a nonsense: true'")),
        r"Prometheus: has refused its last configuration",
    ),
    Fire(
        "monitoring.exporter_role",
        MONITORING,
        by_sql("ALTER ROLE stanchion_monitor CREATEDB", "ALTER ROLE stanchion_monitor NOCREATEDB"),
        r"stanchion_monitor: has the rights createdb",
    ),
    Fire(
        "monitoring.switch",
        MONITORING,
        None,
        r"Alertmanager: got it .* ago, allowed are 0 s",
        variables={"validation_monitoring_switch_seconds": 0},
    ),
    Fire(
        "monitoring.receiver",
        MONITORING,
        None,
        r"monitoring_heartbeat_url is empty: of a host that is gone nobody is told",
        variables={"monitoring_webhooks": [], "monitoring_mail": [], "monitoring_heartbeat_url": ""},
        # A stack of the tests need not tell anybody.
        green=("pass", "warn"),
    ),
    Fire(
        "monitoring.declared",
        "no monitoring",
        None,
        r"stack_monitoring is false",
        variables={"stack_monitoring": False},
    ),
]
