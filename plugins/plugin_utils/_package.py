# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's Python package `stanchion`, which the collection's controller-side plugins import."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from ansible.errors import AnsibleError


def part(name: str) -> ModuleType:
    """Return the module stanchion.<name>, or say in one line what to install and where."""
    try:
        return importlib.import_module(f"stanchion.{name}")
    except ModuleNotFoundError as error:
        raise AnsibleError(
            f"The collection stanchion.stack needs the Python package {(error.name or name).split('.')[0]!r} "
            f"beside Ansible ({sys.executable}), on the controller only. In a clone of the project run "
            f"`make venv`, or `{sys.executable} -m pip install PATH_OF_THE_CLONE`."
        ) from error
