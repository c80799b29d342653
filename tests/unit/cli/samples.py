"""Results for the tests of renderers and programs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from stanchion.report import text
from stanchion.report.model import (
    Change,
    Checked,
    Container,
    Failure,
    Host,
    Image,
    Part,
    Result,
    Run,
    Seen,
    Validation,
    Volume,
    VolumeRecord,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(result: Result, **more: Any) -> str:
    """Return what a terminal shows of a result."""
    stream = io.StringIO()
    text.render(result, stream, **more)
    return stream.getvalue()


STARTED = datetime(2026, 11, 24, 17, 40, tzinfo=UTC)

_WELL = {"image": "x:1", "state": "running", "running": True, "health": "healthy"}
# What a look finds of a stack that serves.
SERVING = {
    "stack": "demo",
    "engine": {"ok": True, "state": "running"},
    "containers": {
        "ok": True,
        "entries": [
            {"name": "demo-db", "role": "postgres", **_WELL},
            {"name": "demo-backend-1", "role": "backend", **_WELL},
        ],
    },
}


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
        "user": "operator",
        "controller": "desk",
        "directory": "/home/operator/stack",
        "inventory": "/home/operator/stack/inventory/local",
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


HOSTILE = (
    "</style></details><script>alert(1)</script> | `x` ![i](http://x) $a$ [b](c) "
    "\x1b[31mred\x1b[0m \u202e \x00 ]]>"
)


def checked(slug: str, outcome: str, **more: Any) -> Checked:
    values = {
        "severity": "critical",
        "title": f"{slug} is as it should be",
        "summary": f"{slug} was looked at",
        "why": "A pool that runs dry makes every request wait.",
        "remedy": "Set stack_db_pool_size and run `python runner.py deploy`.",
        "page": f"docs/checks.md#{slug.replace('.', '')}",
        "evidence": [],
    }
    return Checked(slug=slug, outcome=outcome, **(values | more))


def seen(what: str, level: str = "bad", **more: Any) -> Seen:
    return Seen(**({"what": what, "level": level, "of": ""} | more))


def validation(*findings: Checked, host: str = "one", **more: Any) -> Validation:
    counted = {
        name: sum(f.outcome == name for f in findings) for name in ("pass", "warn", "fail", "error", "skip")
    }
    values = {
        "phase": "runtime",
        "deployed": True,
        "applicable": len(findings),
        "counts": counted,
        "seconds": 0.8,
        "findings": list(findings),
    }
    return Validation(host=host, **(values | more))


POOL = checked(
    "pool.arithmetic",
    "fail",
    title="What all replicas may open at once fits into max_connections",
    summary="medication-tracker: up to 248 connections are wanted, and 84 are there",
    evidence=[
        seen("up to 248 connections are wanted, and 84 are there", of="medication-tracker"),
        seen("4 hosts x 2 replicas x 2 workers x (5 + 10), doubled", "note"),
    ],
)
LATE = checked(
    "transaction.idle",
    "warn",
    severity="warning",
    title="No transaction is left open and idle",
    summary="pid 4711: idle in transaction for 92 s (and 1 more)",
    why="It holds back the clean-up of dead rows, and whatever it has locked stays locked.",
    remedy="Find the leak in the application; idle_in_transaction_session_timeout ends them.",
    evidence=[
        seen(
            "idle in transaction for 92 s, last: UPDATE doses SET taken_at = now() WHERE id = 1",
            of="pid 4711",
        ),
        seen("idle in transaction for 31 s, last: SELECT 1", of="pid 4712"),
    ],
)
FROZEN = [
    checked(f"database.{name}", "error", summary="sql could not be read: no answer within 5 s")
    for name in ("settings", "locks", "roles", "slots")
]
IDLE = checked("replication.slots", "skip", summary="there are no slots", severity="warning")
WELL = checked("container.memory_limit", "pass", severity="warning", summary="medication-tracker-db: 2048MB")


def unsafe(*validations: Validation, **more: Any) -> Result:
    values = {
        "verb": "validate",
        "status": "unsafe",
        "exit_code": 1,
        "headline": "unsafe: demo on 1 host in 2.1 s; 8 checks: 1 failed, 4 could not look",
        "stack": "demo",
        "validations": list(validations) or [validation(POOL, *FROZEN, LATE, IDLE, WELL)],
        "run": run(verb="validate", seconds=2.1),
    }
    return Result(**(values | more))


def hostile() -> Result:
    """Return a result in which everything that comes from somewhere else tries to break out."""
    bad = checked("pool.usage", "fail", summary=HOSTILE, evidence=[seen(HOSTILE, of=HOSTILE)])
    late = checked("pool.wait", "warn", summary=HOSTILE, evidence=[seen(HOSTILE, file=HOSTILE, line=3)])
    others = [checked("pool.other", outcome, summary=HOSTILE) for outcome in ("error", "skip", "pass")]
    return unsafe(validation(bad, late, *others, host=HOSTILE), headline=HOSTILE, warnings=[HOSTILE])
