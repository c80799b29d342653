"""Figures of a moment: what a look says, what is a difference of two, and what could not be seen."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from stanchion.history.now import Alert, Now, Used, now_of
from stanchion.report import live
from stanchion.report.stack import host_of

PROMETHEUS = {
    "connections": [({}, 14.0)],
    "max_connections": [({}, 100.0)],
    "requests": [({"replica": "backend-1"}, 12.5), ({"replica": "backend-2"}, 0.5)],
    "errors": [({"replica": "backend-1"}, 0.0), ({"replica": "backend-2"}, 3.0)],
    "p95": [({"replica": "backend-1"}, 0.042)],
    "alerts": [({"alertname": "PoolSaturated", "severity": "warning", "replica": "backend-2"}, 1.0)],
}
RUNNING = {"image": "x:1", "state": "running", "running": True, "health": "healthy", "restart_count": 1}


def pool(used: float) -> dict[str, Any]:
    lines = [f"db_pool_in_use {used}", "db_pool_limit 15.0", "db_pool_waiting 0.0", 'db_pool_x{a="b"} 1.0']
    return {"ok": True, "reason": None, "lines": lines}


def cgroup(cpu: float) -> dict[str, Any]:
    return {"cpu_seconds": cpu, "cpus": 2.0, "working_set": 300 * 1024**2, "memory_limit": 512 * 1024**2}


@pytest.fixture
def facts() -> dict[str, Any]:
    entries = {
        name: {"ok": True, "series": [{"labels": labels, "value": value} for labels, value in series]}
        for name, series in PROMETHEUS.items()
    }
    return {
        "collected_at": "2026-11-30T12:00:10+00:00",
        "engine": {"ok": True, "state": "running"},
        "containers": {
            "ok": True,
            "entries": [
                {"name": "demo-db", "role": "postgres", **RUNNING},
                {"name": "demo-backend-1", "role": "backend", **RUNNING},
                {"name": "demo-backend-2", "role": "backend", **RUNNING, "health": "unhealthy"},
            ],
        },
        "metrics": {"ok": True, "entries": {"demo-backend-2": pool(15.0), "demo-backend-1": pool(3.0)}},
        "cgroups": {"ok": True, "entries": {"demo-db": cgroup(110.0)}},
        "figures": {"ok": True, "asked": True, "entries": entries},
    }


def before(facts: dict[str, Any], cpu: float) -> dict[str, Any]:
    earlier = copy.deepcopy(facts)
    earlier.update(collected_at="2026-11-30T12:00:00+00:00")
    earlier["cgroups"]["entries"]["demo-db"]["cpu_seconds"] = cpu
    return earlier


def shown(facts: dict[str, Any], now: Now | None) -> str:
    out = Console(file=io.StringIO(), width=140)
    out.print(live.screen(host_of("one", facts, {}), now))
    text = out.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_a_look(facts: dict[str, Any]) -> None:
    now = now_of(facts, None)
    first, second = now.replicas
    assert (first.name, first.pool, first.requests, first.p95) == (
        "demo-backend-1",
        Used(3.0, 15.0),
        12.5,
        0.042,
    )
    assert (second.pool.share, second.errors, second.p95) == (1.0, 3.0, None)
    assert now.connections == Used(14.0, 100.0)
    assert now.alerts == (Alert("PoolSaturated", "warning", "backend-2"),)
    assert now.memory["demo-db"] == Used(300 * 1024**2, 512 * 1024**2)
    assert (now.cpu, now.unread) == ({}, ()), "of one look there is no difference"


def test_processor_time_is_a_difference_of_two_looks(facts: dict[str, Any]) -> None:
    assert now_of(facts, before(facts, 105.0)).cpu == {"demo-db": Used(0.5, 2.0)}


def test_a_container_that_was_restarted_between_them_is_not_known(facts: dict[str, Any]) -> None:
    assert now_of(facts, before(facts, 4000.0)).cpu == {}


def test_a_prometheus_that_does_not_answer(facts: dict[str, Any]) -> None:
    facts["figures"] = {"ok": False, "error": "http://x does not answer"}
    now = now_of(facts, None)
    assert now.alerts is None, "nobody has looked: that is not none"
    assert now.unread == ("Prometheus: http://x does not answer",)
    assert now.replicas[0].pool == Used(3.0, 15.0), "its pool it says itself"
    text = shown(facts, now)
    assert "could not look" in text
    assert "none fires" not in text


def test_a_stack_without_prometheus(facts: dict[str, Any]) -> None:
    facts["figures"] = {"ok": True, "asked": False, "entries": {}}
    now = now_of(facts, None)
    assert now.alerts is None
    assert now.unread == ("Prometheus: the stack has none (stack_monitoring)",)


def test_a_query_that_failed(facts: dict[str, Any]) -> None:
    facts["figures"]["entries"]["p95"] = {"ok": False, "error": "too many samples"}
    assert now_of(facts, None).unread == ("too many samples",)


def test_a_backend_that_tells_nothing(facts: dict[str, Any]) -> None:
    facts["metrics"]["entries"]["demo-backend-1"] = {"ok": False, "error": "it hangs"}
    first = now_of(facts, None).replicas[0]
    assert (first.pool, first.unread) == (Used(None, None), "it hangs")


def test_the_screen(facts: dict[str, Any]) -> None:
    lines = shown(facts, now_of(facts, before(facts, 105.0))).splitlines()
    database = next(line for line in lines if line.startswith("demo-db"))
    assert "━━━─────────  0.5 CPU of 2 CPU".replace("  ", " ") in database
    assert "300 MB of 512 MB" in database
    assert any("unhealthy" in line for line in lines)
    assert any("PoolSaturated backend-2" in line for line in lines)
    full = next(line for line in lines if "15 of 15" in line)
    assert "━" * 12 in full and "─" not in full


def test_the_screen_before_the_first_figures(facts: dict[str, Any]) -> None:
    text = shown(facts, None)
    assert "demo-db" in text
    assert "alerts" not in text
