"""The Docker engine: there, and new enough."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, PREFLIGHT, RUNTIME, Threshold, check


@check(
    "engine.version",
    rows="DKR-01",
    title="The Docker engine answers and is new enough",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Without its engine nothing on the host can be started, stopped or looked at; an older one does "
    "not know what the roles ask of it.",
    remedy="Start it (systemctl start docker, or service docker start), or upgrade it to 20.10 or newer.",
    source="ours: the oldest engine that the roles are tested with is 20.10, which speaks API 1.41",
    reads=("engine",),
    thresholds=(
        Threshold(
            "validation_engine_api", "1.41", "version", "ours: of engine 20.10, the oldest that is tested"
        ),
    ),
)
def version(look: Look) -> Iterator[Evidence]:
    engine = look.source("engine")
    if engine["state"] != "running":
        if look.phase == PREFLIGHT:
            raise SkipError(f"the engine is {engine['state']}; the deploy brings it")
        yield bad(f"is {engine['state']}: {engine.get('reason')}", "engine")
        return
    least = str(look.setting("validation_engine_api"))
    if _number(engine["api_version"]) < _number(least):
        text = (
            f"{engine['version']} speaks API {engine['api_version']}, and {least} is the oldest that will do"
        )
        yield bad(text, "engine")
    else:
        kept = "keeps" if engine["live_restore"] else "stops"
        text = f"{engine['version']} (API {engine['api_version']}); it {kept} containers when it is restarted"
        yield note(text, "engine")


def _number(version: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))
