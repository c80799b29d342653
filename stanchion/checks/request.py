"""What has to be asked of a host for a choice of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanchion.checks.pool_view import READ_BESIDE
from stanchion.checks.registry import Check, sources_of
from stanchion.secret_names import HIDDEN, holds_secret

PARTS = ("postgres", "backend", "monitoring")
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
        "address_variable": _address_variable(declared),
        "repository": stack["backup_repository"] if stack.get("backup") else None,
        "monitoring": _pages(declared),
        "log_window": float(thresholds.get("validation_log_window", 3600)),
    }


def without_secrets(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is declared as it may be kept: variables that hold a secret keep their names only."""
    kept = dict(declared)
    for part in PARTS:
        if part in declared:
            containers = {n: definition_without_secrets(d) for n, d in declared[part]["containers"].items()}
            kept[part] = {**declared[part], "containers": containers}
    return kept


def definition_without_secrets(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container's definition in which variables that hold a secret keep their names only."""
    env = (definition.get("env") or {}).items()
    shown = {name: HIDDEN if holds_secret(name, str(value)) else value for name, value in env}
    return {**definition, "env": shown}


def _pages(declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return where Prometheus and Alertmanager answer, and how they are asked; None where there are none."""
    monitoring: Mapping[str, Any] = declared.get("monitoring", {})
    if not monitoring.get("enabled"):
        return None
    named = ("prometheus", "alertmanager", "auth_file", "ca_file")
    return {name: monitoring[name] for name in named if monitoring.get(name)}


def _address_variable(declared: Mapping[str, Any]) -> str:
    """Return in which variable the backend has the database's address."""
    names: Mapping[str, str] = declared.get("backend", {}).get("variable_names") or {}
    return names.get("DATABASE_URL", "DATABASE_URL")


def _declared_names(declared: Mapping[str, Any]) -> list[str]:
    """Return the variables whose values checks read: those that are declared, and some that may be added."""
    definitions = (
        definition
        for part in PARTS
        for definition in (declared.get(part) or {}).get("containers", {}).values()
    )
    return sorted(
        {*READ_BESIDE, *(name for definition in definitions for name in definition.get("env") or {})}
    )
