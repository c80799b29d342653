"""From a host's facts to what people see."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stanchion.engine import Request
from stanchion.report import next_steps
from stanchion.report.build import health_of, silent_engine
from stanchion.report.stack import host_of, serves
from stanchion.run.recording import Recording

NOW = "2026-11-24T18:00:00+00:00"


def item(name: str, role: str, **more: Any) -> dict[str, Any]:
    values = {
        "name": name,
        "role": role,
        "image": f"{role}:abc",
        "state": "running",
        "running": True,
        "health": "healthy",
        "started_at": "2026-11-24T17:59:00.123456789Z",
        "restart_count": 0,
        "ports": [],
    }
    return values | more


# The same image has another name here, of which no container knows.
REFS = ["a:dev", "postgres:abc"]


def facts(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "stack": "demo",
        "collected_at": NOW,
        "engine": {"ok": True, "state": "running", "version": "26.1"},
        "containers": {"ok": True, "entries": list(containers)},
        "volumes": {
            "ok": True,
            "entries": [{"name": "demo-pgdata", "role": "postgres", "used_by": ["demo-db"]}],
        },
        "volume_record": {
            "ok": True,
            "exists": True,
            "record": {"volume": "demo-pgdata", "state": "active", "system_identifier": 7439, "timeline": 2},
        },
        "images": {
            "ok": True,
            "entries": [
                {"id": "1", "refs": REFS, "created": "2026-11-21T17:00:00+00:00", "in_use": True},
                {
                    "id": "2",
                    "refs": ["postgres:old"],
                    "created": "2026-11-01T17:00:00+00:00",
                    "in_use": False,
                },
            ],
        },
        "lock": {"ok": True, "state": "free", "holder": None},
    }
    return values | more


DATABASE = item("demo-db", "postgres")
BACKEND = item("demo-backend-1", "backend", ports=[{"address": "127.0.0.1", "port": 5000}])
DECLARED = {"database": True, "backend_replicas": 1}


def test_a_healthy_host() -> None:
    host = host_of("one", facts(BACKEND, DATABASE), DECLARED)
    assert [container.name for container in host.containers] == ["demo-db", "demo-backend-1"]
    assert host.containers[1].addresses == ["127.0.0.1:5000"]
    assert host.containers[0].uptime_seconds is not None
    assert 59 < host.containers[0].uptime_seconds < 60
    assert [(volume.name, volume.active) for volume in host.volumes] == [("demo-pgdata", True)]
    assert host.volume_record is not None
    assert (host.volume_record.system_identifier, host.volume_record.timeline) == ("7439", 2)
    assert [(image.name, image.age_days) for image in host.images] == [("postgres:abc", 3)]
    assert (host.missing, host.unreadable, host.lock) == ([], [], None)
    assert serves([host])
    assert health_of([host]) == "healthy"


def test_a_missing_replica_is_told_and_a_candidate_is_none() -> None:
    candidate = item("demo-backend-2-candidate", "backend", health="starting")
    host = host_of("one", facts(DATABASE, BACKEND, candidate), {"database": True, "backend_replicas": 3})
    assert host.missing == ["2 backend replicas"]
    assert health_of([host]) == "degraded"


def test_a_missing_companion_is_told() -> None:
    declared = {**DECLARED, "backend_companions": ["demo-backend-worker"]}
    assert host_of("one", facts(DATABASE, BACKEND), declared).missing == ["demo-backend-worker"]
    worker = item("demo-backend-worker", "backend")
    assert host_of("one", facts(DATABASE, BACKEND, worker), declared).missing == []


PASSING = {
    "demo-db-initialise": "postgres",
    "demo-db-identify-0a1b2c3d": "postgres",
    "demo-db-rehearsal-0a1b2c3d": "postgres",
    "demo-migrate": "backend",
    "demo-backend-endpoints": "backend",
    "demo-backend-candidate": "backend",
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_container_is_neither_the_database_nor_a_replica(name: str) -> None:
    passing = item(name, PASSING[name], health=None)
    lasting = BACKEND if PASSING[name] == "postgres" else DATABASE
    host = host_of("one", facts(passing, lasting), DECLARED)
    assert host.missing == ["the database" if lasting is BACKEND else "1 backend replica"]
    assert not serves([host])


def test_a_replica_that_is_being_replaced_still_serves() -> None:
    host = host_of("one", facts(DATABASE, item("demo-backend-1-previous", "backend")), DECLARED)
    assert serves([host])
    assert health_of([host]) == "degraded"


def test_an_unhealthy_database_does_not_serve() -> None:
    host = host_of("one", facts(item("demo-db", "postgres", health="unhealthy"), BACKEND), DECLARED)
    assert not serves([host])
    assert health_of([host]) == "down"


def test_a_stopped_container_is_not_well_and_has_no_uptime() -> None:
    stopped = item("demo-backend-1", "backend", running=False, state="exited", health="unhealthy")
    host = host_of("one", facts(DATABASE, stopped), DECLARED)
    (seen,) = [container for container in host.containers if container.role == "backend"]
    assert (seen.well, seen.uptime_seconds) == (False, None)


def test_database_and_backend_may_live_apart() -> None:
    hosts = [
        host_of("one", facts(DATABASE), {"database": True}),
        host_of("two", facts(BACKEND), {"backend_replicas": 1}),
    ]
    assert health_of(hosts) == "healthy"


def test_nothing_is_absent() -> None:
    host = host_of("one", facts(engine={"ok": True, "state": "absent"}), DECLARED)
    assert health_of([host]) == "absent"
    assert host.missing == ["the database", "1 backend replica"]


def test_what_could_not_be_looked_at_is_never_green() -> None:
    host = host_of(
        "one", facts(DATABASE, BACKEND, volumes={"ok": False, "error": "no answer within 5 s"}), DECLARED
    )
    assert host.unreadable == ["volumes: no answer within 5 s"]
    assert health_of([host]) == "degraded"


def test_a_silent_engine_is_a_fault() -> None:
    silent = {"ok": False, "state": "unreachable", "error": "connection refused"}
    host = host_of(
        "one", facts(engine=silent, containers={"ok": False, "error": "connection refused"}), DECLARED
    )
    fault = silent_engine([host])
    assert fault is not None
    assert (fault.error.exit_code, fault.hosts) == (3, ("one",))
    assert host.missing == [], "not looked at is not missing"
    assert host.unreadable[-1] == "containers: connection refused"
    assert silent_engine([host_of("two", facts(DATABASE), DECLARED)]) is None


def test_a_dry_run_is_applied_by_the_same_words(tmp_path: Path) -> None:
    own = {"stanchion_run": {"id": "x"}, "validation_facts_dir": "/x/facts"}
    asked = {"stack_update_images": True, "stack_restore_from": "repo1", "stack_backend_replicas": 3}
    asked |= {"stack_no_validation": False, "since": date(2026, 11, 25)}
    request = Request(
        root=tmp_path,
        inventory=tmp_path / "my hosts",
        playbook="deploy.yml",
        limit="one,two*",
        check=True,
        variables={**own, **asked},
    )
    (step,) = next_steps.of("deploy", "planned", request, [], Recording())
    assert step.partition(" deploy ")[2] == (
        f"-i '{tmp_path}/my hosts' --limit 'one,two*' --update-images --restore-from repo1 "
        "-e stack_backend_replicas=3 -e stack_no_validation=false -e 'since=\"2026-11-25\"'"
    )
    assert step.startswith("apply it: ")
    data = {**own, "stack_delete_data": "demo", "stack_delete_backups": "demo", "stack_name": "demo"}
    (step,) = next_steps.of(
        "destroy", "planned", replace(request, limit=None, variables=data), [], Recording()
    )
    words = step.partition("hosts' ")[2]
    assert words == "--delete-data demo --delete-backups demo -e 'stack_name=\"demo\"'"


def test_what_is_paused_is_let_go_on_by_hand(tmp_path: Path) -> None:
    host = host_of("one", facts({**DATABASE, "state": "paused", "running": False}, BACKEND), DECLARED)
    request = Request(root=tmp_path, inventory=tmp_path / "inventory", playbook="status.yml", variables={})
    steps = next_steps.of("status", "down", request, [host], Recording())
    assert steps == ["let it go on: docker unpause demo-db (on one)"]


def test_who_holds_the_lock() -> None:
    holder = {"user": "operator", "hostname": "desk", "verb": "deploy", "since": 1795542000.0}
    host = host_of("one", facts(lock={"ok": True, "state": "held", "holder": holder}), DECLARED)
    assert host.lock == "operator@desk with deploy since 2026-11-24 17:40:00 UTC"
