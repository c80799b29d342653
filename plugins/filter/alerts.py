# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of Prometheus from the files of alerts, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: alert_rules
short_description: Make the rules of Prometheus from a folder of alerts
positional: _input
options:
  _input:
    description: The folder on the controller.
    type: path
    required: true
  values:
    description: Thresholds and targets by the names of their variables.
    type: dict
    required: true
  patience:
    description: Each alert's time before it fires, and the time that it looks back, is multiplied by this.
    type: float
    default: 1.0
  interval:
    description: Seconds between two samples.
    type: int
    default: 15
  runbooks:
    description: What links to the documentation begin with.
    type: str
    default: ""
  absent:
    description: >-
      Beginnings of names of metrics that this stack has none of; alerts that read them are left
      out.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- ansible.builtin.debug:
    msg: "{{ 'roles/monitoring/files/alerts' | stanchion.stack.alert_rules(values={'backup_rpo': 120}) }}"
"""

RETURN = r"""
_value:
  description: The texts of the rule files by their names.
  type: dict
"""


def alert_rules(
    folder: str,
    values: Mapping[str, Any],
    patience: float = 1.0,
    interval: int = 15,
    runbooks: str = "",
    absent: Sequence[str] = (),
) -> dict[str, str]:
    """Return the texts of the rule files by their names."""
    alerts = part("alerts.rules")
    declared = alerts.Declared(values, float(patience), int(interval), runbooks, absent)
    try:
        rules: dict[str, str] = alerts.rules(Path(folder), declared)
    except part("alerts.load").AlertError as error:
        raise AnsibleFilterError(str(error)) from error
    return rules


def alert_receivers(webhooks: Sequence[Any], mail: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all receivers, with nothing secret in them."""
    shown: list[dict[str, Any]] = _asked("receivers", webhooks, mail)
    return shown


def alert_secrets(webhooks: Sequence[Any], mail: Sequence[Any], heartbeat: str = "") -> dict[str, str]:
    """Return what is secret of the receivers, by the names of the files that hold it."""
    hidden: dict[str, str] = _asked("secrets", webhooks, mail, heartbeat)
    return hidden


def _asked(function: str, *arguments: Any) -> Any:
    receivers = part("alerts.receivers")
    try:
        return getattr(receivers, function)(*arguments)
    except receivers.ReceiverError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "alert_receivers": alert_receivers,
            "alert_rules": alert_rules,
            "alert_secrets": alert_secrets,
        }
