#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a cluster that somebody else's server has filled this stack's, before its own server starts on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _adoption
from ansible_collections.stanchion.stack.plugins.module_utils._one_shot import one_shot
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file
from ansible_collections.stanchion.stack.plugins.module_utils._volume import RefusedError

DOCUMENTATION = r"""
module: postgres_adoption
short_description: Make somebody else's cluster this stack's
description:
  - Starts a server that nobody can reach on the volume whose record says that its adoption was begun, and
    looks whether the cluster can be taken over. Then it gives the bootstrap superuser the name V(postgres),
    makes the application's role, hands over what that superuser owned in the application's database, and
    makes indexes anew that another version of a library has sorted.
  - What was cut off is done by the next run. Only the cluster's bootstrap superuser and the application's
    role are touched.
author: [Stanchion maintainers]
options:
  stack:
    description: Name of the stack.
    type: str
    required: true
  record:
    description: File of the volume's record.
    type: path
    required: true
  image:
    description: The server's image.
    type: str
    required: true
  config:
    description: Folder of the server's configuration.
    type: path
    required: true
  memory:
    description: Memory limit of the server.
    type: str
    required: true
  superuser:
    description: The cluster's bootstrap superuser.
    type: str
    required: true
  database:
    description: The application's database in it.
    type: str
    required: true
  role:
    description: The application's role.
    type: str
    required: true
attributes:
  check_mode:
    support: none
"""

EXAMPLES = r"""
- name: Take the cluster over
  stanchion.stack.postgres_adoption:
    stack: shop
    record: /var/lib/stanchion/shop/postgres/volume.json
    image: stanchion/postgres:1f2e3d4c
    config: /var/lib/stanchion/shop/postgres/config
    memory: 2g
    superuser: app
    database: shop
    role: app
"""

RETURN = r"""
resorted:
  description: Databases whose indexes were made anew, for another version of a library had sorted them.
  type: list
  elements: str
  returned: always
"""

# Indexes of a large database are made anew in hours.
WITHIN = 86400


def keep(path: Path, record: dict[str, Any]) -> None:
    write_file(path, (json.dumps(record, indent=2) + "\n").encode())


def say(module: AnsibleModule, volume: str, script: str) -> str:
    params = module.params
    arguments = [
        *("--memory", params["memory"], "--memory-swap", params["memory"], "--tmpfs", "/tmp"),  # noqa: S108
        *("--shm-size", "256m", "--no-healthcheck"),
        *("--volume", f"{volume}:/var/lib/postgresql/data"),
        *("--volume", f"{params['config']}:/etc/postgresql:ro"),
        *(params["image"], "offline", params["superuser"]),
    ]
    status, output, errors = one_shot(module, params["stack"], _adoption.PURPOSE, arguments, WITHIN, script)
    if status != 0:
        reason = errors.strip() or f"it ended with {status}"
        more = f" {wanted(params).dump_and_load_after_all}" if "locale" in reason else ""
        raise RefusedError(f"The cluster in the volume {volume} could not be taken over: {reason}.{more}")
    return output


def wanted(params: dict[str, Any]) -> _adoption.Adoption:
    return _adoption.Adoption(params["stack"], params["superuser"], params["database"], params["role"])


def adopt(module: AnsibleModule) -> list[str]:
    path = Path(module.params["record"])
    record = json.loads(path.read_text())
    volume, whose = record["volume"], wanted(module.params)
    keep(path, {**record, "adopting": _adoption.TAKEOVER})
    found: dict[str, Any] = {"extensions": []}
    for line in say(module, volume, _adoption.questions(whose)).splitlines():
        found.update(json.loads(line))
    _adoption.examine(found, whose)
    say(module, volume, _adoption.statements(found, whose))
    del record["adopting"]
    keep(path, record)
    return _adoption.resorted(found)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "record": {"type": "path", "required": True},
            "image": {"type": "str", "required": True},
            "config": {"type": "path", "required": True},
            "memory": {"type": "str", "required": True},
            "superuser": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
            "role": {"type": "str", "required": True},
        },
    )
    try:
        resorted = adopt(module)
    except RefusedError as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    except OSError as error:
        module.fail_json(
            msg=f"The record {module.params['record']} can't be kept: {error.strerror or error}."
        )
    module.exit_json(changed=True, resorted=resorted)


if __name__ == "__main__":
    main()
