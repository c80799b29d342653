# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carries an archive between controller and host. The module of the same name is its documentation."""

from __future__ import annotations

from pathlib import Path

from ansible import constants
from ansible.plugins.action import ActionBase

MODULE = "stanchion.stack.image_transfer"


class ActionModule(ActionBase):
    """Ships the archive before a load and fetches it after a save; it never passes through memory."""

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        carries = args.get("state") in ("saved", "loaded") and not self._task.check_mode
        if carries:
            # What one host hands to another lies in the run's own folder, which vanishes with the run.
            name = f"{args['ref'].replace('/', '_').replace(':', '_')}.tar"
            args.setdefault("path", str(Path(constants.DEFAULT_LOCAL_TMP) / name))
        try:
            if carries:
                args["archive"] = self._place(args)
            result.update(self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars))
            if carries and args["state"] == "saved" and not result.get("failed"):
                self._connection.fetch_file(args["archive"], args["path"])
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _place(self, args: dict) -> str:
        folder = self._make_tmp_path()
        remote = self._connection._shell.join_path(folder, "image.tar")
        if args["state"] == "loaded":
            self._transfer_file(args["path"], remote)
            self._fixup_perms2((folder, remote))
        return remote
