"""Can the declared monitoring be meant: ports that are free, times and sizes that Prometheus takes?

Declared: `stack_name`, `state_dir`; under their own names `monitoring_prometheus_port`,
`monitoring_alertmanager_port`, `monitoring_scrape_interval`, `monitoring_alert_patience`,
`monitoring_retention`, `monitoring_retention_size`, `monitoring_endpoints` and
`stack_monitoring_connections`; and `backend_ports`, on which the replicas are published.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from stanchion.preflight import values
from stanchion.preflight.ports import LAST_PORT, unread, users_of
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts

SOURCES = ("engine", "ports")
ROLE = "monitoring"
PORTS = ("monitoring_prometheus_port", "monitoring_alertmanager_port")
LOOPBACK = ipaddress.IPv4Address("127.0.0.1")

# Its table is /etc/cron.d/stanchion-NAME-monitoring, and one of backups is /etc/cron.d/stanchion-NAME.
_TABLE = "-monitoring"
# As Prometheus 2.53 reads them: model.ParseDuration, and units.Base2Bytes.
_DURATION = re.compile(r"(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?")
_SIZE = re.compile(r"\d+(?:\.\d+)?(?:[KMGTPE]i?)?B")
# The figures' job has a minute, and cron begins the next one then.
_LONGEST_INTERVAL = 60


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the monitoring that cannot be meant."""
    counts = values.counts(
        ROLE, declared, *PORTS, "monitoring_scrape_interval", "stack_monitoring_connections"
    )
    return [
        *counts,
        *(() if counts else (*_ports(declared, facts), *_interval(declared))),
        *_patience(declared),
        *_retention(declared),
        *_endpoints(declared),
        *_name(declared),
    ]


def _problem(slug: str, variable: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where=f"the variable {variable}", remedy=remedy)


def _ports(declared: Declared, facts: Facts) -> Iterator[Problem]:
    ports = {variable: declared.number(variable) for variable in PORTS}
    others = {int(port): "a replica of this stack" for port in declared.get("backend_ports", [])}
    broken = unread(facts)
    yield from broken
    taken = {} if broken else users_of(LOOPBACK, ports.values(), (declared.text("stack_name"), ROLE), facts)
    for variable, port in ports.items():
        user = others.get(port) or taken.get(port)
        if not 1 <= port <= LAST_PORT:
            yield _problem(
                "monitoring.port_range",
                variable,
                f"{variable} is {port}, which is no port.",
                f"Set it to a number from 1 to {LAST_PORT}.",
            )
        elif user:
            yield _problem(
                "monitoring.port_taken",
                variable,
                f"Port {port} is taken already on the host, by {user}.",
                f"Stop that, or set {variable} to another number.",
            )
        others[port] = "the other page of the monitoring"


def _interval(declared: Declared) -> Iterator[Problem]:
    seconds = declared.number("monitoring_scrape_interval")
    if not 1 <= seconds <= _LONGEST_INTERVAL:
        yield _problem(
            "monitoring.interval",
            "monitoring_scrape_interval",
            f"monitoring_scrape_interval is {seconds} s.",
            f"Set it to a number from 1 to {_LONGEST_INTERVAL}: alerts that wait a minute have to be "
            f"evaluated in it.",
        )


def _patience(declared: Declared) -> Iterator[Problem]:
    text = declared.text("monitoring_alert_patience")
    if not re.fullmatch(r"\d+(?:\.\d+)?", text):
        yield _problem(
            "monitoring.patience",
            "monitoring_alert_patience",
            f"monitoring_alert_patience is {values.shown(text)}, which is no number of 0 or more.",
            "1 is what the alerts are made for; 2 waits twice as long before each.",
        )


def _retention(declared: Declared) -> Iterator[Problem]:
    for variable, form, example in (
        ("monitoring_retention", _DURATION, "30d"),
        ("monitoring_retention_size", _SIZE, "2GB"),
    ):
        text = declared.text(variable)
        if not text or not form.fullmatch(text):
            yield _problem(
                "monitoring.retention",
                variable,
                f"{variable} is {values.shown(text)}, which Prometheus does not take.",
                f"Write it like {example}.",
            )


def _endpoints(declared: Declared) -> Iterator[Problem]:
    for url in declared.get("monitoring_endpoints", []):
        if not re.fullmatch(r"https?://[^\s/@]+(?:/\S*)?", str(url)):
            yield _problem(
                "monitoring.endpoint",
                "monitoring_endpoints",
                f"{values.shown(str(url))} is no address that could be asked.",
                "Write it like https://medication.example/health, with no password in it: it is a label "
                "of series.",
            )


def _name(declared: Declared) -> Iterator[Problem]:
    name = declared.text("stack_name")
    if name.endswith(_TABLE):
        other = name[: -len(_TABLE)]
        yield _problem(
            "monitoring.stack_name",
            "stack_name",
            f"The backups of {name} and the figures of a stack {other} would have the same table of cron.",
            f"Give the stack a name with another end; or have no monitoring (stack_monitoring: false), "
            f"and no stack "
            f"{other} on this host.",
        )
    if "." in name:
        yield _problem(
            "monitoring.stack_name",
            "stack_name",
            f"The table of the figures would be /etc/cron.d/stanchion-{name}{_TABLE}, which cron passes "
            f"over: it "
            "reads no name with a dot.",
            "Give the stack a name without one; or have no monitoring (stack_monitoring: false).",
        )
