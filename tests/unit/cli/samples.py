"""Results for the tests of renderers and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stanchion.report.model import (
    Change,
    Container,
    Failure,
    Host,
    Image,
    Part,
    Result,
    Run,
    Volume,
    VolumeRecord,
)

STARTED = datetime(2026, 11, 24, 17, 40, tzinfo=UTC)


def container(name: str, role: str, **more: Any) -> Container:
    values = {
        "image": f"{role}:abc",
        "state": "running",
        "health": "healthy",
        "well": True,
        "addresses": [],
        "started_at": STARTED,
        "uptime_seconds": 75.0,
        "restarts": 0,
    }
    return Container(name=name, role=role, **(values | more))


DATABASE = container("demo-db", "postgres")
BACKEND = container("demo-backend-1", "backend", addresses=["127.0.0.1:5000"])
SICK = container("demo-backend-2", "backend", health="unhealthy", well=False, restarts=3)


def host(*containers: Container, name: str = "one", **more: Any) -> Host:
    values = {
        "engine": "running",
        "engine_version": "26.1",
        "missing": [],
        "volumes": [Volume(name="demo-pgdata", role="postgres", used_by=["demo-db"], active=True)],
        "volume_record": VolumeRecord(
            volume="demo-pgdata", state="active", system_identifier="7439", timeline=1
        ),
        "images": [Image(name="postgres:abc", created=STARTED, age_days=3)],
        "lock": None,
        "unreadable": [],
    }
    return Host(name=name, containers=list(containers), **(values | more))


def run(**more: Any) -> Run:
    values = {
        "id": "20261124T174000Z-deploy-abc123",
        "verb": "deploy",
        "version": "0.1.0",
        "user": "alice",
        "controller": "desk",
        "directory": "/home/alice/stack",
        "inventory": "/home/alice/stack/inventory/local",
        "limit": None,
        "check": False,
        "started": STARTED,
        "seconds": 41.2,
        "folder": "/state/runs/x",
        "log": "/state/runs/x/log",
    }
    return Run(**(values | more))


def deployed(**more: Any) -> Result:
    values = {
        "verb": "deploy",
        "status": "deployed",
        "exit_code": 0,
        "headline": "deployed: demo is healthy on 1 host in 41 s, 2 changes",
        "stack": "demo",
        "hosts": [host(DATABASE, BACKEND)],
        "changed": 2,
        "changes": [
            Change(role="postgres", task="Create the volume", host="one"),
            Change(role="postgres", task="Start the container", host="one"),
        ],
        "parts": [Part(name="postgres", seconds=20.1, tasks=12, changed=2)],
        "next_steps": ["use it: curl -s http://127.0.0.1:5000/health"],
        "run": run(),
    }
    return Result(**(values | more))


def failed(**more: Any) -> Result:
    failure = Failure(
        kind="FailedServing",
        what="The new version did not become healthy.",
        hosts=["one"],
        role="backend",
        task="Wait until the candidate is healthy",
        place="roles/backend/tasks/roll_out.yml:12",
        last_lines=["boom: cannot import app"],
        remedy="The earlier state serves on.",
        log="/state/runs/x/log",
    )
    return deployed(
        **(
            {
                "status": "failed",
                "exit_code": 4,
                "headline": "deploy failed on one, in backend after 9.0 s",
                "error": failure,
            }
            | more
        )
    )
