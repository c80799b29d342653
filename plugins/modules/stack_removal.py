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
  - The schedule of its backups and the program that it starts go first, so that no job begins meanwhile.
  - Volumes, secrets, records and images stay. With O(delete_data) the stack's volumes, secrets and records
    go too, for good; images stay even then. The volume that the host's record names is the stack's, with
    the label or, where it was made by hand, without.
  - Backups outlive the data. The repository on the host and the secrets that open it stay, with a warning
    that
    names both, unless O(delete_backups) repeats the stack's name as well. What lies in a repository off the
    host is never touched.
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
  delete_backups:
    description: The stack's name a third time, to delete the backups on this host too. Needs O(delete_data).
    type: str
  state_dir:
    description: The stack's folder on the host. With O(delete_data), one that can't be one stack's own is
      refused; it has to be an absolute path without C(..).
    required: true
    type: path
  secrets_dir:
    description: Where its secrets lie. Outside of O(state_dir) they stay, with a warning.
    type: path
  repository:
    description: The backups' repository on the host, for a host that has no record of it.
    type: str
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

- name: Remove the data too, for good; its backups stay
  stanchion.stack.stack_removal:
    stack: medication-tracker
    delete_data: medication-tracker
    state_dir: /var/lib/stanchion/medication-tracker

- name: Remove the data and the backups on this host
  stanchion.stack.stack_removal:
    stack: medication-tracker
    delete_data: medication-tracker
    delete_backups: medication-tracker
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
    schedule:
      description: The schedule of the backups and its program, and the tables of the watch and the figures.
      type: list
    backups:
      description: The stack's folders in a repository that is a folder of the host.
      type: list
kept:
  description: With O(delete_data), what of the backups stays, the repository and the secrets that open it.
  returned: success
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
            "delete_backups": {"type": "str"},
            "state_dir": {"type": "path", "required": True},
            "secrets_dir": {"type": "path"},
            "repository": {"type": "str"},
        },
        required_by={"delete_backups": ["delete_data"]},
        supports_check_mode=True,
    )
    try:
        removed, kept, warnings = _run(module)
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
        kept=kept,
        diff={"before": before, "after": ""},
    )


def _run(module: AnsibleModule) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Return what was removed, what of the backups was kept, and what has to be said."""
    stack, folder = module.params["stack"], Path(module.params["state_dir"])
    data, backups = _named(module, "delete_data"), _named(module, "delete_backups")
    secrets = Path(module.params["secrets_dir"]) if module.params["secrets_dir"] else None
    files, repository = _removal.Files(), None
    if data:
        _removal.check_folder(folder)
        repository = _removal.repository_of(folder) or module.params["repository"]
    schedule = [*_removal.scheduled(stack), *_removal.watched(stack), *_removal.figured(stack)]
    stored = _removal.stored(repository, stack)
    program = module.get_bin_path("docker")
    docker = _removal.Docker(module.run_command, program) if program is not None else None
    plan = _removal.Plan()
    if docker is not None:
        recorded = _recorded_volume(folder) if data else None
        volume = None if repository is None or repository.startswith("/") else repository
        plan = _removal.plan(docker, stack, data, recorded, backups, volume)
    stay: list[Path] = []
    if not backups and (plan.kept or stored):
        opens = _removal.secrets_of_backups(secrets or folder / "secrets")
        # What says where they are stays too: else nobody could delete them by name later.
        stay = [*opens, folder / "backup" / "settings.json"]
    if data:
        files = _removal.files(stack, folder, secrets, stay)
    warnings = _stays(folder, secrets, files) if data else []
    kept = [] if backups else [*plan.kept, *map(str, stored)]
    if kept:
        warnings.append(_kept(stack, kept, [path for path in files.kept if path.name != "settings.json"]))
    if not module.check_mode:
        _removal.delete(_removal.Files(own=schedule))
        if docker is not None:
            _removal.carry_out(docker, plan)
        if data:
            _removal.wait_for_jobs(module.run_command, folder)
            # They have written since.
            files = _removal.files(stack, folder, secrets, stay)
        _removal.delete(files)
        _removal.delete_stored(stored if backups else [])
    removed = {
        "containers": [container.name for container in plan.containers],
        "networks": plan.networks,
        "volumes": plan.volumes,
        "folders": [str(folder)] if files.all_goes else [str(path) for path in files.own],
        "schedule": [str(path) for path in schedule],
        "backups": [str(path) for path in stored] if backups else [],
    }
    return removed, [*kept, *map(str, files.kept)] if kept else [], warnings


def _named(module: AnsibleModule, option: str) -> bool:
    """Say whether this shall go; refuse a name that is not the stack's."""
    stack, named = module.params["stack"], module.params[option]
    if named is not None and named != stack:
        what = "data" if option == "delete_data" else "backups"
        raise _removal.RefusedError(
            f"The {what} of {named} were to be deleted, but the stack of this host is called {stack}. "
            "Nothing was removed. Repeat the stack's own name when they shall go."
        )
    return named is not None


def _kept(stack: str, kept: list[str], secrets: list[Path]) -> str:
    opened = f", and what opens them: {', '.join(map(str, secrets))}" if secrets else ""
    return (
        f"The backups of {stack} stay: {', '.join(kept)}{opened}. To restore them, deploy with "
        f"--restore-from repo1; to delete them for good, run destroy with --delete-data {stack} "
        f"--delete-backups {stack}."
    )


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
