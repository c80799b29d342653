"""The engine, and the lock of a run that died on this host."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.look import Look
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.registry import Failing, cause


@cause(
    "engine.stopped",
    Layer.ENGINE,
    "the Docker engine does not run",
    remedy="start_engine",
    shown_by=("engine.version",),
    explains=("*",),
    blocks=("*",),
)
def stopped(look: Look, _failing: Failing) -> Iterator[Seen]:
    engine = look.facts["engine"]
    if engine.get("state") == "stopped":
        yield Seen("docker", f"does not run: {engine.get('reason')}", ("service docker start",))


@cause(
    "engine.silent",
    Layer.ENGINE,
    "the Docker engine runs and does not answer",
    shown_by=("engine.version",),
    explains=("*",),
    blocks=("*",),
)
def silent(look: Look, _failing: Failing) -> Iterator[Seen]:
    engine = look.facts["engine"]
    # Containers may well serve on behind it, and a restart of the engine ends them: a person decides.
    if engine.get("state") == "unreachable":
        yield Seen("docker", f"does not answer: {engine.get('error') or engine.get('reason')}")


@cause(
    "host.cut_short",
    Layer.ENGINE,
    "a run was cut short on this host",
    remedy="take_over_lock",
    shown_by=("host.lock",),
)
def cut_short(look: Look, _failing: Failing) -> Iterator[Seen]:
    found = look.source("lock")
    if found["state"] in ("dead", "expired"):
        who = f"{found['holder']['verb']} by {found['holder']['user']}@{found['holder']['hostname']}"
        yield Seen(found["path"], f"{who} was cut short ({found['reason']}): run it again afterwards")
