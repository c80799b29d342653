# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks for a host's lock in the name of this run. The module of the same name is its documentation."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.module_utils._lock import Host
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

MODULE = "stanchion.stack.deploy_lock"
# Where the host's facts keep when this run last renewed the lease, by the controller's clock.
MEMORY = "stanchion_lock"
# The module's default, and what a lease outlasts the longest wait by, in seconds.
LEASE = 1200
MARGIN = 300


class ActionModule(ActionBase):
    """Adds who asks; spares the host a renewal that is not due."""

    _VALID_ARGS = frozenset({"state", "lease_seconds", "directory"})

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = dict(self._task.args)
        verb = str(task_vars.get("ansible_play_name") or "ansible")
        here = Host.this()
        identity = part("lock").identity(verb.lower(), here).as_dict()
        memory = (task_vars.get("ansible_facts") or {}).get(MEMORY) or {}
        if args.get("state") == "renewed":
            # A role used without a lock has none to renew.
            if memory.get("run_id") != identity["run_id"] or self._task.check_mode:
                return {**result, "changed": False, "skipped": True}
            args["state"] = "held"
            if memory["directory"] is not None:
                args["directory"] = memory["directory"]
        held = args.get("state", "held") == "held"
        if held and self._is_fresh(memory, identity["run_id"], args):
            return {**result, "changed": False, "lock": {**memory["lock"], "taken": "fresh"}}
        args["identity"] = identity
        asked = time.monotonic()
        answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        lock = answer.get("lock") or {}
        if answer.get("failed") and lock.get("state") == "foreign" and lock.get("holder"):
            reason = part("lock").death(lock["holder"], here)
            if reason:
                args["dead"] = {"run_id": lock["holder"]["run_id"], "reason": reason}
                answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        result.update(answer)
        result["ansible_facts"] = {
            MEMORY: self._remember(result, identity["run_id"], asked, args.get("directory"))
        }
        return result

    def _is_fresh(self, memory: dict, run_id: str, args: dict) -> bool:
        """Nobody can have taken a lease that still runs, so a look at the host would tell nothing new.

        A dry run looks once: the same warning at each renewal would tell nothing new either.
        """
        if memory.get("run_id") != run_id or memory.get("directory") != args.get("directory"):
            return False
        if memory["dry"] or self._task.check_mode:
            return memory["dry"] and self._task.check_mode
        lease = memory["lock"]["holder"]["lease_seconds"]
        left = lease - (time.monotonic() - memory["renewed"])
        asked = int(args.get("lease_seconds", LEASE))
        # Who asks waits for MARGIN seconds less than what it asks for. More than the lease is left only after
        # the controller was booted. And the lease of a backup is not kept for what takes minutes: where this
        # run is killed, the host's scheduled jobs may wait for its end.
        return min(lease, 2 * max(asked, LEASE)) >= left >= max(lease * 2 / 3, asked - MARGIN)

    def _remember(self, result: dict, run_id: str, asked: float, directory: str | None) -> dict:
        lock = result.get("lock") or {}
        if result.get("failed") or (lock.get("state") != "held" and not self._task.check_mode):
            return {}
        return {
            "run_id": run_id,
            "renewed": asked,
            "dry": self._task.check_mode,
            "directory": directory,
            "lock": lock,
        }
