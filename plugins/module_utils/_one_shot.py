# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A container that looks at something and is gone: confined, without network, and never in its own way."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ansible.module_utils.basic import AnsibleModule

TIMED_OUT = 124
PURPOSE = "io.stanchion.one-shot"


def one_shot(
    module: AnsibleModule,
    stack: str,
    purpose: str,
    arguments: Sequence[str],
    within: int,
    stdin: str | None = None,
) -> tuple[int, str, str]:
    """Return status, output and errors of `docker run ARGUMENTS`; the status is 124 when time was up.

    One that a killed run left behind is taken away. Its name may still be taken while it goes, so every
    container has a name of its own.
    """
    sweep(module, stack, purpose)
    name = f"{stack}-db-{purpose}-{secrets.token_hex(4)}"
    status, output, errors = module.run_command(
        [
            *("timeout", str(within), "docker", "run", "--rm", "--init", "--name", name),
            *("--network", "none", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges"),
            *(f"--label={key}={value}" for key, value in _labels(stack, purpose).items()),
            *(["--interactive"] if stdin is not None else []),
            *arguments,
        ],
        data=stdin,
        errors="replace",
    )
    if status == TIMED_OUT:
        module.run_command(["docker", "rm", "--force", name])
    return status, output, errors


def sweep(module: AnsibleModule, stack: str, purpose: str) -> None:
    """Take away what a killed run has left behind."""
    filters = [f"--filter=label={key}={value}" for key, value in _labels(stack, purpose).items()]
    left = module.run_command(["docker", "ps", "--all", "--quiet", *filters])[1].split()
    if left:
        module.run_command(["docker", "rm", "--force", *left])


def _labels(stack: str, purpose: str) -> dict[str, str]:
    return {"io.stanchion.stack": stack, "io.stanchion.role": "postgres", PURPOSE: purpose}
