# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compares what a role declared with the host. plugins/modules/preflight.py is its documentation."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

MODULE = "stanchion.stack.stack_facts"
# Where a playbook may keep one look for all its preflights.
SHARED = "stack_preflight_facts"


class ActionModule(ActionBase):
    """Gathers the facts that the subject needs, and fails with all its problems at once."""

    _VALID_ARGS = frozenset({"subject", "declared"})

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        preflight = part("preflight")
        _, args = self.validate_argument_spec(
            {
                "subject": {"choices": list(preflight.SUBJECTS), "required": True},
                "declared": {"type": "dict", "required": True},
            }
        )
        subject = preflight.SUBJECTS[args["subject"]]
        declared = preflight.Declared(args["declared"])
        try:
            facts = self._facts(subject.sources, declared, task_vars)
            if "failed" in facts:
                return {**result, **facts["failed"]}
            problems = subject.look(declared, facts)
        except preflight.DeclaredError as error:
            return {**result, "failed": True, "msg": str(error), "stanchion": {"exit": "configuration"}}
        result.update(changed=False, problems=[problem.as_dict() for problem in problems])
        result["warnings"] = [str(problem) for problem in problems if problem.level == "warning"]
        errors = preflight.errors(problems)
        if errors:
            host = str(task_vars.get("inventory_hostname", "the host"))
            result.update(
                failed=True,
                msg=preflight.text_of(errors, args["subject"], host),
                stanchion={"exit": preflight.exit_of(errors)},
            )
        return result

    def _facts(self, sources: tuple[str, ...], declared: object, task_vars: dict) -> dict:
        stack = declared.text("stack_name")
        paths = declared.get("secret_files", [])
        shared = (task_vars.get(SHARED) or {}).get("stack_facts") or {}
        if self._covers(shared, sources, paths, declared):
            return shared
        args = {
            "stack": stack,
            "sources": list(sources),
            "paths": paths,
            "state_dir": declared.get("state_dir", None),
            "repository": declared.get("stack_backup_repository", None),
        }
        answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        return {"failed": answer} if answer.get("failed") else answer["stack_facts"]

    @staticmethod
    def _covers(facts: dict, sources: tuple[str, ...], paths: list[str], declared: object) -> bool:
        """Say whether one look is of this stack, and holds all that a subject reads."""
        if not facts or not set(sources) <= set(facts):
            return False
        seen = (facts["stack"], facts["state_dir"])
        meant = (declared.text("stack_name"), declared.get("state_dir", seen[1]))
        described = (facts.get("files") or {}).get("entries", {})
        repository = (facts.get("repository") or {}).get("name")
        return (
            seen == meant
            and set(paths) <= set(described)
            and declared.get("stack_backup_repository", repository) == repository
        )
