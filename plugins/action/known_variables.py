# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Refuses variables that no role knows. plugins/modules/known_variables.py is its documentation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ansible import context
from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """Compares the host's variables with every role's argument_specs, on the controller alone."""

    _requires_connection = False
    _VALID_ARGS = frozenset()

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        variables = part("variables")
        hidden = variables.shadowed(self._sources(task_vars))
        if hidden:
            result.update(failed=True, changed=False, stanchion={"exit": "configuration"})
            result["msg"] = "\n".join(
                f"Ansible does not read {file}, since there is a folder {folder}/. Move the file into it. "
                "Nothing was changed."
                for file, folder in hidden
            )
            return result
        known = variables.known(ROLES)
        unknown = [self._located(found, task_vars) for found in variables.unknown(task_vars, known)]
        alike = [self._located(found, task_vars) for found in variables.suspicious(task_vars, known)]
        result.update(
            changed=False,
            unknown=[asdict(found) for found in unknown],
            warnings=[f"No role of this collection reads {found}" for found in alike],
        )
        if unknown:
            count = "1 variable" if len(unknown) == 1 else f"{len(unknown)} variables"
            lines = [f"No role knows {count} of {task_vars.get('inventory_hostname')}; nothing was changed."]
            result.update(failed=True, stanchion={"exit": "configuration"})
            result["msg"] = "\n".join([*lines, *map(str, unknown)])
        return result

    @staticmethod
    def _sources(task_vars: dict) -> list[str]:
        sources = list(task_vars.get("ansible_inventory_sources") or [])
        playbooks = task_vars.get("playbook_dir")
        if playbooks:
            sources += [str(Path(playbooks) / folder) for folder in ("group_vars", "host_vars")]
        return sources

    def _located(self, found: object, task_vars: dict) -> object:
        sources = self._sources(task_vars)
        extra = [str(argument) for argument in context.CLIARGS.get("extra_vars") or ()]
        return part("variables").located(found, sources, extra)
