#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the server's configuration files, after a scratch server has started with them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._one_shot import TIMED_OUT, one_shot
from ansible_collections.stanchion.stack.plugins.module_utils._private import (
    close_folder,
    make_folder,
    own_folder,
)

DOCUMENTATION = r"""
module: postgres_config_files
short_description: Write Postgres configuration files that have been rehearsed
description:
  - Compares the files with those in the folder. Where any differs, starts a scratch server of the image
    with all of the new files, in a container without network, and only then replaces the old ones.
  - A configuration that no server starts with is refused, and the running server's files stay as they are.
  - The files belong together (pg_hba.conf names maps of pg_ident.conf, settings depend on each other),
    so they are rehearsed and replaced together.
author: [Stanchion maintainers]
options:
  path:
    description: The folder that the server's container mounts as C(/etc/postgresql). The folder above it,
      with the server's files, is kept for root only.
    type: path
    required: true
  socket:
    description: Folder of the operators' socket, which the container mounts too. It is made for the
      server's user, and the folder above it is kept for root only.
    type: path
    required: true
  files:
    description: Content of each file, by its name.
    type: dict
    required: true
  image:
    description: The image whose C(rehearse) starts the scratch server. May be left out in check mode only.
    type: str
  stack:
    description: Name of the stack, for the scratch container's name and labels.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Compares, rehearses where there is an image, and replaces nothing.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Write the configuration
  stanchion.stack.postgres_config_files:
    stack: medication-tracker
    path: /var/lib/stanchion/medication-tracker/postgres/config
    socket: /var/lib/stanchion/medication-tracker/postgres/socket
    image: stanchion/postgres:1f2e3d4c
    files:
      postgresql.conf: "{{ lookup('ansible.builtin.template', 'postgresql.conf.j2') }}"
      pg_hba.conf: "{{ lookup('ansible.builtin.template', 'pg_hba.conf.j2') }}"
      pg_ident.conf: "{{ lookup('ansible.builtin.template', 'pg_ident.conf.j2') }}"
"""

RETURN = r"""
replaced:
  description: Names of the files that differ.
  type: list
  elements: str
  returned: always
"""

# Starting and stopping a scratch server takes two seconds; a machine under load may take longer.
REHEARSE_WITHIN = 120
# What `rehearse` ends with when the scratch server does not take the configuration.
SAID_NO = 1
SCRATCH = "/scratch"
# The server's user and group in its image, and who may reach the socket's folder.
SERVER = 999
SOCKET_MODE = 0o750


def write(folder: Path, files: dict[str, str]) -> None:
    make_folder(folder)
    folder.chmod(0o755)
    for name, content in files.items():
        path = folder / name
        path.write_text(content)
        path.chmod(0o644)


def replace(staged: Path, folder: Path, names: list[str]) -> None:
    """Move each file over the old one; its time becomes now, since a reload is decided by it."""
    make_folder(folder)
    folder.chmod(0o755)
    for name in names:
        with (staged / name).open() as file:
            os.fsync(file.fileno())
        os.utime(staged / name)
        (staged / name).rename(folder / name)


def rehearse(module: AnsibleModule, staged: Path) -> None:
    """Fail with what the scratch server said, where it did not start."""
    arguments = [
        *("--tmpfs", f"{SCRATCH}:rw,nosuid,nodev,mode=1777", "--env", f"TMPDIR={SCRATCH}"),
        *("--shm-size", "256m", "--volume", f"{staged}:/etc/postgresql:ro"),
        *(module.params["image"], "rehearse"),
    ]
    status, output, errors = one_shot(module, module.params["stack"], "rehearsal", arguments, REHEARSE_WITHIN)
    if status == 0:
        return
    if status == TIMED_OUT:
        output = f"it did not start within {REHEARSE_WITHIN} s"
    if status not in (SAID_NO, TIMED_OUT):
        module.fail_json(msg=f"The new configuration could not be rehearsed: {(errors or output).strip()}")
    module.fail_json(
        msg="Postgres does not start with the new configuration, "
        "so nothing was replaced and the running server keeps the old one. "
        "Correct postgres_settings. The server said:\n" + (output or errors).strip(),
        output=output,
        errors=errors,
        stanchion={"exit": "configuration"},
    )


def differing(folder: Path, files: dict[str, str]) -> list[dict[str, str]]:
    """Return a diff of each file that is not as it should be."""
    diffs = []
    for name, content in files.items():
        path = folder / name
        before = path.read_text() if path.is_file() else ""
        if before != content:
            diffs.append(
                {"before": before, "after": content, "before_header": str(path), "after_header": str(path)}
            )
    return diffs


def converge(module: AnsibleModule) -> dict[str, Any]:
    folder = Path(module.params["path"])
    files = module.params["files"]
    socket = Path(module.params["socket"])
    # The socket admits the server's user too, whose number may be anybody's on the host.
    closed = [close_folder(above, module.check_mode) for above in {folder.parent, socket.parent}]
    kept = own_folder(socket, SERVER, SOCKET_MODE, module.check_mode) or any(closed)
    diffs = differing(folder, files)
    replaced = [Path(diff["after_header"]).name for diff in diffs]
    if not diffs or (module.check_mode and not module.params["image"]):
        return {"changed": bool(diffs) or kept, "replaced": replaced, "diff": diffs}
    # A preview rehearses too, and leaves nothing behind.
    staged = Path(module.tmpdir, "config") if module.check_mode else folder.with_name(f"{folder.name}.next")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        write(staged, files)
        rehearse(module, staged)
        if not module.check_mode:
            replace(staged, folder, replaced)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return {"changed": True, "replaced": replaced, "diff": diffs}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "image": {"type": "str"},
            "stack": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if not module.params["image"] and not module.check_mode:
        module.fail_json(msg="image is needed: without it nothing can be rehearsed.")
    try:
        result = converge(module)
    except OSError as error:
        module.fail_json(
            msg=f"The configuration in {module.params['path']} can't be kept: {error.strerror or error}."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
