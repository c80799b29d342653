"""What has to be asked of a host for a choice of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanchion.checks.pool_view import READ_BESIDE
from stanchion.checks.registry import Check, sources_of

# Gathered in any case: every report says when it looked, and on what clock.
ALWAYS = ("clock", "containers", "engine")


def request(
    declared: Mapping[str, Any], checks: Sequence[Check], thresholds: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of stack_facts."""
    stack = declared["stack"]
    postgres: Mapping[str, Any] = declared.get("postgres", {})
    # What the action itself adds is no source of the module.
    sources = sorted({*ALWAYS, *sources_of(checks)} - {"controller_clock"})
    return {
        "stack": stack["name"],
        "sources": sources,
        "state_dir": stack["state_dir"],
        "secrets_dir": stack["secrets_dir"],
        "socket": postgres.get("socket"),
        "database": stack["database_name"],
        "database_port": stack["database_port"],
        "names": [stack["database_alias"]],
        "app_network": stack["app_network"],
        "edge_network": stack["edge_network"],
        "environment": _declared_names(declared),
        "backup_dir": thresholds.get("validation_backup_dir") or None,
        "log_window": float(thresholds.get("validation_log_window", 3600)),
    }


def _declared_names(declared: Mapping[str, Any]) -> list[str]:
    """Return the variables whose values checks read: those that are declared, and some that may be added."""
    definitions = (
        definition
        for part in ("postgres", "backend")
        for definition in (declared.get(part) or {}).get("containers", {}).values()
    )
    return sorted(
        {*READ_BESIDE, *(name for definition in definitions for name in definition.get("env") or {})}
    )
