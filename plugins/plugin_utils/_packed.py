# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs a Python program for a host: one module run instead of one for each file."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

from ansible.plugins.action import ActionBase

# The oldest that a zip file can say: the same files make the same archive.
EPOCH = (1980, 1, 1, 0, 0, 0)
# What programs of hosts share (`stanchion_host`): every archive has it.
SHARED = Path(__file__).resolve().parents[2] / "roles" / "stack" / "files" / "host"


class PackingAction(ActionBase):
    """Hands the option `package` over as one archive to the module that `MODULE` names."""

    MODULE = ""

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if "package" in args:
            args["archive"] = encoded(Path(args.pop("package")))
        result.update(self._execute_module(module_name=self.MODULE, module_args=args, task_vars=task_vars))
        return result


def encoded(folder: Path) -> str:
    """Return the packed folder as an option of a module takes it."""
    return base64.b64encode(packed(folder)).decode()


def packed(folder: Path) -> bytes:
    """Return every Python file of a folder, and of what hosts share, as a zip archive that Python runs."""
    files = {str(path.relative_to(place)): path for place in (SHARED, folder) for path in place.rglob("*.py")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes())
    return buffer.getvalue()
