# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the image modules do with the Docker client, and how they tell that it failed."""

from __future__ import annotations

import shutil

from ansible.module_utils.basic import AnsibleModule

_LAST_LINES = 15


def docker(module: AnsibleModule, *arguments: str, timeout: int, what: str, data: bytes | None = None) -> str:
    """Return what `docker ARGUMENTS` prints, or fail the module with its last lines."""
    status, output, errors = ask(module, *arguments, timeout=timeout, data=data)
    if status != 0:
        module.fail_json(msg=failure(what, status, output + errors, timeout, root_of(module)))
    return output


def ask(
    module: AnsibleModule, *arguments: str, timeout: int, data: bytes | None = None
) -> tuple[int, str, str]:
    """Return status, output and errors of `docker ARGUMENTS`; the status is 124 or 137 when time was up."""
    return module.run_command(
        ["timeout", "--kill-after=10", str(timeout), "docker", *arguments],
        data=data,
        binary_data=True,
        errors="replace",
        # BuildKit, where the client has it, draws a moving picture otherwise.
        environ_update={"LC_ALL": "C", "BUILDKIT_PROGRESS": "plain"},
    )


def failure(what: str, status: int, output: str, timeout: int, root: str) -> str:
    """Return what went wrong, with the last lines that the client printed."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    last = "\n".join(lines[-_LAST_LINES:])
    if "no space left on device" in output.lower():
        what += f": the disk is full ({free_space(root)}). Make room and run this again"
    elif status in (124, 137):
        what += f": it was not finished after {timeout} s"
    return f"{what}. Last lines:\n{last}"


def root_of(module: AnsibleModule) -> str:
    status, output, _ = module.run_command(
        ["timeout", "10", "docker", "info", "--format", "{{.DockerRootDir}}"]
    )
    return output.strip() if status == 0 else "/"


def free_space(root: str) -> str:
    try:
        return f"{shutil.disk_usage(root).free // 2**20} MiB free in {root}"
    except OSError as error:
        return str(error)
