"""The checks have looked at everything and left nothing behind."""

from __future__ import annotations

import json

from testinfra.host import Host

STACK = "validation-scenario"


def containers(host: Host) -> list[dict]:
    names = host.check_output("docker ps --all --quiet").split()
    return json.loads(host.check_output(f"docker inspect {' '.join(names)}"))


def test_no_container_is_left_of_the_look_from_outside(host: Host) -> None:
    assert sorted(found["Name"] for found in containers(host)) == [f"/{STACK}-backend-1", f"/{STACK}-db"]


def test_nothing_was_restarted(host: Host) -> None:
    assert {found["RestartCount"] for found in containers(host)} == {0}


def test_no_session_of_the_look_is_left(host: Host) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stanchion%'"
    psql = "docker exec %s psql -U postgres -XAtqc %s"
    assert host.check_output(psql, f"{STACK}-db", query) == "0"
