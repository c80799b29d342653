# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far apart the moments of a cron expression are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: cron_periods
short_description: Tell the longest time between two moments of each cron expression
positional: _input
options:
  _input:
    description: Cron expressions by their names. Empty ones are left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- ansible.builtin.debug:
    msg: "{{ {'full': '15 1 * * 0'} | stanchion.stack.cron_periods }}"
"""

RETURN = r"""
_value:
  description: By name, C(cron) as it was given and C(period) in seconds.
  type: dict
"""


def cron_periods(schedule: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return expression and period of each job that has one."""
    period = part("contract.schedule").period
    try:
        return {
            str(job): {"cron": str(cron), "period": period(str(cron))}
            for job, cron in schedule.items()
            if cron
        }
    except ValueError as error:
        raise AnsibleFilterError(f"backup_schedule: {error}") from error


class FilterModule:
    """Registers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cron_periods": cron_periods}
