# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packs the program that the module of the same name installs. That module is the documentation."""

from __future__ import annotations

from ansible_collections.stanchion.stack.plugins.plugin_utils._packed import PackingAction


class ActionModule(PackingAction):
    """One module run instead of one for each file."""

    MODULE = "stanchion.stack.monitoring_install"
