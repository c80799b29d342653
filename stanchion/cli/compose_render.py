"""Writes the compose file of the declared stack: asks the roles, on the controller, and no host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion.cli import session
from stanchion.cli.command import Options
from stanchion.compose import render as file
from stanchion.errors import ConfigurationError
from stanchion.report.place import to_place

# It takes four, and asks nobody.
_SECONDS = 60.0


def render(options: Options) -> int:
    """Write the file where it was asked for."""
    opened = session.open_session("compose", options, {})
    seconds = options.timeout or _SECONDS
    recording = session.look(opened, "reading what the roles declare", seconds, playbook="compose")
    text = file.render(_only(recording.composed))
    with to_place(options.output) as stream:
        stream.write(text)
    return 0


def _only(composed: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what is declared for the one host that has a part of the stack."""
    found = {host: each for host, each in composed.items() if each["postgres"] or each["backend"]}
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise ConfigurationError(
            "No host of the inventory has a database or a backend: there is nothing to write.",
            "Put it into the groups of the roles (database and backend).",
        )
    raise ConfigurationError(
        f"A compose file is of one host, and {', '.join(sorted(found))} each have a part of the stack.",
        "Name one of them with --limit.",
    )
