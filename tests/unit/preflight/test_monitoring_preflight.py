"""The declared monitoring: ports that are free, times and sizes that Prometheus takes."""

import pytest

from stanchion.preflight import monitoring
from stanchion.preflight.reading import Declared

DECLARED = {
    "stack_name": "medication-tracker",
    "state_dir": "/var/lib/stanchion/medication-tracker",
    "monitoring_prometheus_port": 9090,
    "monitoring_alertmanager_port": 9093,
    "monitoring_scrape_interval": 15,
    "monitoring_alert_patience": 1.0,
    "monitoring_retention": "30d",
    "monitoring_retention_size": "2GB",
    "monitoring_endpoints": [],
    "stack_monitoring_connections": 3,
    "backend_ports": [5000, 5001],
}


def listener(port, stack="", role="", container="", address="127.0.0.1"):
    return {"port": port, "address": address, "stack": stack, "role": role, "container": container}


def facts(*entries, error=""):
    ports = {"ok": True, "entries": list(entries), "containers_error": error}
    return {"engine": {"ok": True, "state": "running", "api_version": "1.41"}, "ports": ports}


def found(*entries, error="", **changed):
    problems = monitoring.look(Declared({**DECLARED, **changed}), facts(*entries, error=error))
    return {each.slug: str(each) for each in problems}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"monitoring_alert_patience": "0.02"},
        {"monitoring_retention": "1w2d"},
        {"monitoring_retention_size": "512MiB"},
        {"monitoring_endpoints": ["https://medication.example/health", "http://10.0.0.1:8080"]},
        {"monitoring_scrape_interval": 60},
        {"stack_name": "monitoring-of-things"},
    ],
)
def test_what_can_be_meant(changed):
    assert found(**changed) == {}


def test_what_it_publishes_already_is_its_own():
    assert found(listener(9090, "medication-tracker", "monitoring", "medication-tracker-prometheus")) == {}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (listener(9090, "shop", "monitoring", "shop-prometheus"), "by the container shop-prometheus"),
        (listener(9093, address="0.0.0.0"), "by a program that listens on 0.0.0.0"),
        (listener(9093, "medication-tracker", "backend", "x"), "by the container x"),
    ],
)
def test_a_port_that_somebody_has(entry, says):
    assert says in found(entry)["monitoring.port_taken"]


def test_a_port_on_another_address_is_free():
    assert found(listener(9090, address="10.0.0.1")) == {}


@pytest.mark.parametrize(
    ("changed", "slug", "says"),
    [
        ({"monitoring_prometheus_port": 5001}, "monitoring.port_taken", "a replica of this stack"),
        ({"monitoring_alertmanager_port": 9090}, "monitoring.port_taken", "the other page"),
        ({"monitoring_alertmanager_port": 70000}, "monitoring.port_range", "no port"),
        ({"monitoring_prometheus_port": 0}, "monitoring.count", "monitoring_prometheus_port"),
        ({"stack_monitoring_connections": 0}, "monitoring.count", "stack_monitoring_connections"),
        ({"monitoring_scrape_interval": 61}, "monitoring.interval", "from 1 to 60"),
        ({"monitoring_alert_patience": "-1"}, "monitoring.patience", "no number of 0 or more"),
        ({"monitoring_retention": "a month"}, "monitoring.retention", "like 30d"),
        ({"monitoring_retention": ""}, "monitoring.retention", "like 30d"),
        ({"monitoring_retention_size": "2 G"}, "monitoring.retention", "like 2GB"),
        ({"monitoring_endpoints": ["medication.example"]}, "monitoring.endpoint", "no address"),
        ({"monitoring_endpoints": ["https://me:secret@example.org/"]}, "monitoring.endpoint", "no password"),
        ({"stack_name": "shop-monitoring"}, "monitoring.stack_name", "a stack shop"),
        ({"stack_name": "shop.eu"}, "monitoring.stack_name", "name with a dot"),
    ],
)
def test_what_can_not(changed, slug, says):
    assert list(found(**changed)) == [slug]
    assert says in found(**changed)[slug]


def test_ports_that_nobody_could_look_at_are_not_taken_for_free():
    assert list(found(error="it hangs")) == ["host.unreadable"]
