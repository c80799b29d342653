# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets all Ansible runs of one test run share the modules that they pack: a fifth of their processor time.

Ansible packs each module once a run, into the run's own temporary folder. A link there leads to one folder
for all, which tests/run makes anew: the modules do not change meanwhile.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

from ansible import constants
from ansible.plugins.callback import CallbackBase

from stanchion.run.leash import GARBAGE_AFTER

DOCUMENTATION = r"""
name: module_cache
type: aggregate
short_description: Share packed modules between Ansible runs
description:
  - Links the folder that Ansible packs modules into to the one that C(STANCHION_TEST_MODULES) names.
requirements:
  - Enabled by C(ANSIBLE_CALLBACKS_ENABLED).
"""


class CallbackModule(CallbackBase):
    """Makes the link before the first module is packed."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_cache"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        # Where module_common.py of ansible-core looks, under a lock of its own.
        place = Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache"
        place.symlink_to(os.environ["STANCHION_TEST_MODULES"])
        # What the runner does for its own runs.
        gc.set_threshold(*GARBAGE_AFTER)
