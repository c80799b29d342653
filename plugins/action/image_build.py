# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends the build context as one tar. The module of the same name is its documentation."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

MODULE = "stanchion.stack.image_build"


class ActionModule(ActionBase):
    """Packs the context on the controller, ships it, and lets the module build it."""

    _supports_async = True

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if not self._task.check_mode:
            args["archive"] = self._ship(Path(args["context"]), str(args.get("dockerfile", "Dockerfile")))
        try:
            result.update(
                self._execute_module(
                    module_name=MODULE, module_args=args, task_vars=task_vars, wrap_async=self._task.async_val
                )
            )
        finally:
            # In the background it is still read; Ansible's wrapper then removes it at the end.
            if not self._task.async_val:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _ship(self, context: Path, dockerfile: str) -> str:
        folder = self._make_tmp_path()
        remote = self._connection._shell.join_path(folder, "context.tar")
        with tempfile.NamedTemporaryFile(dir=constants.DEFAULT_LOCAL_TMP) as local:
            part("image.context").write_context(context, dockerfile, Path(local.name))
            self._transfer_file(local.name, remote)
        self._fixup_perms2((folder, remote))
        return remote
