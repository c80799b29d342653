"""What Prometheus, Alertmanager and the figures' job on the host told, as checks read it."""

from __future__ import annotations

from stanchion.checks.backup_view import elapsed
from stanchion.checks.look import Look, Row
from stanchion.checks.model import SkipError, UnreadableError
from stanchion.checks.registry import Threshold

PROMETHEUS, ALERTMANAGER, FIGURES = "prometheus", "alertmanager", "figures"
SWITCH = "DeadMansSwitch"
# What Prometheus takes for the present (its lookback delta), in seconds: an older figure is none.
PRESENT = 300.0

SETTLE = Threshold(
    "validation_monitoring_settle_seconds",
    300,
    "s",
    "ours: the host's figures come each minute, those of repositories every five",
)

_TITLES = {PROMETHEUS: "Prometheus", ALERTMANAGER: "Alertmanager", FIGURES: "the figures of this host"}


def declared(look: Look) -> Row:
    """Return what the role monitoring declares.

    Raises:
        SkipError: this stack is not monitored.
    """
    found: Row | None = look.declared.get("monitoring")
    if found is None:
        raise SkipError("nothing is declared of a monitoring")
    if not found["enabled"]:
        raise SkipError("stack_monitoring is false: this stack is not monitored")
    return found


def part(look: Look, name: str) -> Row:
    """Return what one of the three has told.

    Raises:
        SkipError: this stack is not monitored.
        UnreadableError: it could not be asked.
    """
    declared(look)
    found: Row | None = look.source("monitoring").get(name)
    if found is None:
        raise UnreadableError(f"{_TITLES[name]} was not asked")
    if not found["ok"]:
        raise UnreadableError(f"{_TITLES[name]} could not be asked: {found['error']}")
    return found


def is_settling(look: Look, within: float, *told: Row) -> bool:
    """Say whether there was no time yet for all to be seen: one of these programs was started, or has loaded
    its configuration, so lately (seconds), or something was mended."""
    moments = [each[name] for each in told for name in ("started", "loaded") if each[name] is not None]
    return any(elapsed(look, at) < within for at in (*moments, *_mended(look)))


def _mended(look: Look) -> list[float]:
    """Return when something was mended on this host: by recover, or by the watch."""
    kept = look.facts.get("recovery") or {}
    return [float(each["at"]) + float(each.get("seconds") or 0) for each in kept.get("records") or []]
