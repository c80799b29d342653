#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.module_utils._facts_files import recorded_volume
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

DOCUMENTATION = r"""
module: stack_removal
short_description: Remove a stack's containers and networks, its data only when its name is repeated
description:
  - Removes what carries the label C(io.stanchion.stack=STACK) and nothing else. Backends stop first, the
    database last, each with its own stop time-out, so that the database shuts down cleanly.
  - Volumes, secrets, records and images stay. With O(delete_data) the stack's volumes, secrets and records
    go too, for good; images stay even then. The volume that the host's record names is the stack's, with
    the label or, where it was made by hand, without.
  - In the stack's folder only what the roles have written is deleted. The folder goes where nothing else is
    in it; anything else stays, with a warning that names it.
  - Refuses, before anything is touched, where a container of somebody else uses a network or a volume that
    would go.
  - On a host without an engine there is nothing to remove but the folder.
options:
  stack:
    description: Name of the stack, the value of the label.
    required: true
    type: str
  delete_data:
    description: The stack's name once more. Anything else is refused.
    type: str
  state_dir:
    description: The stack's folder on the host. With O(delete_data), one that can't be one stack's own is
      refused; it has to be an absolute path without C(..).
    required: true
    type: path
  secrets_dir:
    description: Where its secrets lie. Outside of O(state_dir) they stay, with a warning.
    type: path
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: Tells what would go.
  idempotent:
    support: full
    description: What is gone already is no change.
"""

EXAMPLES = r"""
- name: Remove the containers and networks
  stanchion.stack.stack_removal:
    stack: medication-tracker
    state_dir: /var/lib/stanchion/medication-tracker

- name: Remove the data too, for good
  stanchion.stack.stack_removal:
    stack: medication-tracker
    delete_data: medication-tracker
    state_dir: /var/lib/stanchion/medication-tracker
"""

RETURN = r"""
stack:
  description: The stack that was removed.
  returned: success
  type: str
removed:
  description: What went, or would go in check mode, by kind.
  returned: success
  type: dict
  contains:
    containers:
      description: Names, in the order they were stopped.
      type: list
    networks:
      description: Names.
      type: list
    volumes:
      description: Names.
      type: list
    folders:
      description: The stack's folder, or what went of it where something else is in it.
      type: list
stanchion:
  description: With what a command line should end, when this fails.
  returned: failure
  type: dict
"""


# As many of the things that stay are named.
NAMED = 5


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "delete_data": {"type": "str"},
            "state_dir": {"type": "path", "required": True},
            "secrets_dir": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        removed, warnings = _run(module)
    except _removal.RefusedError as error:
        told = {"stanchion": {"exit": error.exit}} if error.exit else {}
        module.fail_json(msg=str(error), **told)
    except OSError as error:
        module.fail_json(msg=f"Not all of {module.params['state_dir']} could be deleted: {error}.")
    for warning in warnings:
        module.warn(warning)
    before = "".join(f"{kind}: {name}\n" for kind, names in removed.items() for name in names)
    module.exit_json(
        changed=any(removed.values()),
        stack=module.params["stack"],
        removed=removed,
        diff={"before": before, "after": ""},
    )


def _run(module: AnsibleModule) -> tuple[dict[str, list[str]], list[str]]:
    stack, named = module.params["stack"], module.params["delete_data"]
    data = named is not None
    if data and named != stack:
        raise _removal.RefusedError(
            f"The data of {named} was to be deleted, but the stack of this host is called {stack}. "
            f"Nothing was removed. Repeat the stack's own name when its data shall go."
        )
    folder = Path(module.params["state_dir"])
    secrets = Path(module.params["secrets_dir"]) if module.params["secrets_dir"] else None
    files = _removal.Files()
    if data:
        _removal.check_folder(folder)
        files = _removal.files(folder, secrets)
    program = module.get_bin_path("docker")
    plan = _removal.Plan()
    if program is not None:
        docker = _removal.Docker(module.run_command, program)
        plan = _removal.plan(docker, stack, data, _recorded_volume(folder) if data else None)
        if not module.check_mode:
            _removal.carry_out(docker, plan)
    warnings = _stays(folder, secrets, files) if data else []
    if not module.check_mode:
        _removal.delete(files)
    removed = {
        "containers": [container.name for container in plan.containers],
        "networks": plan.networks,
        "volumes": plan.volumes,
        "folders": [str(folder)] if files.all_goes else [str(path) for path in files.own],
    }
    return removed, warnings


def _recorded_volume(folder: Path) -> str | None:
    try:
        return recorded_volume(str(folder))
    except (UnreadableError, OSError) as error:
        raise _removal.RefusedError(
            f"Which volume holds the data is not known: {error}. Nothing was removed. Put the record back "
            "from a copy; or delete it, then the volumes with the stack's label go and no other."
        ) from error


def _stays(folder: Path, secrets: Path | None, files: _removal.Files) -> list[str]:
    warnings = []
    if files.strange:
        named = ", ".join(map(str, files.strange[:NAMED]))
        more = f" and {len(files.strange) - NAMED} more" if len(files.strange) > NAMED else ""
        warnings.append(f"{folder} stays, since this is not the stack's: {named}{more}.")
    if secrets is not None and not _removal.is_inside(secrets, folder) and secrets.exists():
        warnings.append(
            f"The secrets in {secrets} lie outside of the stack's folder and stay; remove them by hand."
        )
    return warnings


if __name__ == "__main__":
    main()
