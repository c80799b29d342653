# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks once, asks every check of a phase, and plans. plugins/modules/stack_validate.py documents it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.module_utils._lock import Host
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

MODULE = "stanchion.stack.stack_facts"


class ActionModule(ActionBase):
    """Collects what the chosen checks read, decides on the controller, and says whether to go on."""

    _VALID_ARGS = frozenset({"phase", "only", "fail_on", "timeout", "facts_dir", "declared", "recovery"})

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        checks = part("checks")
        _, args = self.validate_argument_spec(
            {
                "phase": {"choices": ["preflight", "deploy", "runtime"], "default": "runtime"},
                "only": {"type": "list", "elements": "str", "default": []},
                "fail_on": {"choices": ["fail", "warn"], "default": "fail"},
                "timeout": {"type": "float", "default": 5.0},
                "facts_dir": {"type": "path"},
                "declared": {"type": "dict", "required": True},
                "recovery": {"type": "dict"},
            }
        )
        phase = checks.Phase(args["phase"])
        try:
            chosen = checks.select(phase, args["only"])
        except checks.UnknownCheckError as error:
            return {**result, "failed": True, "msg": str(error), "stanchion": {"exit": "configuration"}}
        thresholds = self._thresholds(chosen, task_vars)
        asked = checks.request(args["declared"], chosen, thresholds)
        if args["recovery"] is not None:
            asked["sources"] = sorted({*asked["sources"], "recovery"})
        facts = self._facts(asked, args, task_vars)
        if facts.get("failed"):
            return {**result, **facts}
        host = str(task_vars.get("inventory_hostname", "the host"))
        if args["facts_dir"]:
            folder = Path(args["facts_dir"])
            folder.mkdir(mode=0o700, exist_ok=True)
            kept = checks.without_secrets(args["declared"])
            self._keep(folder / f"{host}-{phase}.json", facts, kept, thresholds, phase)
        report = checks.report(facts, args["declared"], thresholds, phase, chosen)
        result.update(
            changed=False,
            validation={**report.as_dict(), "fail_on": args["fail_on"]},
            refusal=report.refusal(host, args["fail_on"]),
        )
        if args["recovery"] is not None:
            look = checks.Look(facts, args["declared"], thresholds, phase)
            # Of what was never deployed there is nothing to recover.
            findings = report.findings if report.deployed else ()
            result["recovery"] = self._plan(look, findings, args["recovery"])
        return result

    def _thresholds(self, chosen: list, task_vars: dict) -> dict:
        """Read every threshold from the variable of its name."""
        return {
            limit.variable: self._templar.template(task_vars.get(limit.variable, limit.default))
            for check in chosen
            for limit in check.thresholds
        }

    def _facts(self, request: dict, args: dict, task_vars: dict) -> dict:
        began = time.time()
        answer = self._execute_module(
            module_name=MODULE, module_args={**request, "timeout": args["timeout"]}, task_vars=task_vars
        )
        ended = time.time()
        if answer.get("failed"):
            return answer
        facts = answer["stack_facts"]
        clock = facts.get("clock") or {"ok": False, "error": "the host's clock was not looked at"}
        facts["controller_clock"] = (
            {"ok": True, "offset": clock["time"] - (began + ended) / 2, "uncertainty": (ended - began) / 2}
            if clock["ok"]
            else clock
        )
        self._bury(facts.get("lock") or {})
        return facts

    @staticmethod
    def _bury(lock: dict) -> None:
        """Tell that a lock's holder is gone, where it ran here: its host sees only that its lease runs."""
        if lock.get("state") == "held" and lock.get("holder"):
            reason = part("lock").death(lock["holder"], Host.this())
            if reason:
                lock.update(state="dead", reason=reason)

    @staticmethod
    def _plan(look: Any, findings: Sequence, given: dict) -> dict:
        """Return the causes of what failed, and what is to be done now; times are seconds since 1970."""
        recovery = part("recovery")
        before = given.get("earlier") or {}
        kept = look.facts.get("recovery") or {"ok": False}
        found = recovery.plan(
            look,
            findings,
            approved=given.get("approve") or [],
            records=kept["records"] if kept["ok"] else None,
            earlier=[recovery.Found.from_dict(each) for each in before.get("causes") or []],
            done=given.get("done") or [],
        )
        now = time.time()
        return {
            **found.as_dict(),
            "detected": before.get("detected") or now,
            "acted": min((float(each["at"]) for each in given.get("done") or []), default=None),
            "back": None if found.critical else before.get("back") or now,
        }

    @staticmethod
    def _keep(path: Path, facts: dict, declared: dict, thresholds: dict, phase: str) -> None:
        kept = {"facts": facts, "declared": declared, "thresholds": thresholds, "phase": str(phase)}
        with open(path, "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            json.dump(kept, file)
