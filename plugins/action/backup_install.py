# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs the command that the module of the same name installs. That module is the documentation."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

from ansible.plugins.action import ActionBase

MODULE = "stanchion.stack.backup_install"
# The oldest that a zip file can say: the same files make the same archive.
EPOCH = (1980, 1, 1, 0, 0, 0)


class ActionModule(ActionBase):
    """Hands the package over as one archive: one module run instead of one for each file."""

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if "package" in args:
            args["archive"] = base64.b64encode(packed(Path(args.pop("package")))).decode()
        result.update(self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars))
        return result


def packed(folder: Path) -> bytes:
    """Return every Python file of a folder as a zip archive that Python runs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder)), EPOCH), path.read_bytes())
    return buffer.getvalue()
