# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs the program that the module of the same name installs. That module is the documentation."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.plugin_utils._packed import encoded

MODULE = "stanchion.stack.recovery_install"


class ActionModule(ActionBase):
    """Hands the package over as one archive: one module run instead of one for each file."""

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if "package" in args:
            args["archive"] = encoded(Path(args.pop("package")))
        result.update(self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars))
        return result
