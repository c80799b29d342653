# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads on the controller which image is declared. The module of the same name is its documentation."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part


class ActionModule(ActionBase):
    """Hashes the context, or reads the digest; asks no host."""

    _requires_connection = False

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        package = part("image.request")
        try:
            request = package.read_request(self._task.args)
        except (package.ImageError, OSError) as error:
            return {**result, "failed": True, "msg": str(error), "stanchion": {"exit": "configuration"}}
        return {**result, "changed": False, "request": request.as_dict()}
