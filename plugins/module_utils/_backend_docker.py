# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the backend's modules ask of Docker, by its command line, which every host of a stack has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# An engine that is alive answers within milliseconds; one that hangs must not hang the play.
_ANSWER_WITHIN = "60"


class DockerError(Exception):
    """The engine did not answer, or said no."""


def docker(module: AnsibleModule, *arguments: str) -> str:
    """Return what `docker ARGUMENTS` prints; standard error included, for `docker logs` uses both."""
    command = ["timeout", _ANSWER_WITHIN, "docker", *arguments]
    status, output, errors = module.run_command(command, errors="replace")
    if status == 124:
        raise DockerError(f"`docker {arguments[0]}` did not answer within {_ANSWER_WITHIN} s")
    if status != 0:
        raise DockerError(errors.strip() or f"`docker {arguments[0]}` ended with {status}")
    return output + errors


def inspect(module: AnsibleModule, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return `docker inspect` of those containers that exist, by name."""
    status, output, errors = module.run_command(
        ["timeout", _ANSWER_WITHIN, "docker", "container", "inspect", *names], errors="replace"
    )
    # It prints an array of what it found even when it ends with 1 for what it didn't find.
    if status not in (0, 1) or (status == 1 and "no such container" not in errors.lower()):
        raise DockerError(errors.strip() or f"`docker container inspect` ended with {status}")
    return {found["Name"].lstrip("/"): found for found in json.loads(output)}


def health_of(found: dict[str, Any]) -> str | None:
    """Return starting, healthy or unhealthy; None for a container without a health check."""
    status = (found["State"].get("Health") or {}).get("Status")
    return None if status == "none" else status
