# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the roles make of stack_backup_offsite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: offsite_repository
short_description: Read the declaration of the repository off the host
positional: _input
options:
  _input:
    description: The variable stack_backup_offsite.
    type: dict
    required: true
"""

EXAMPLES = r"""
- ansible.builtin.debug:
    msg: "{{ (stack_backup_offsite | stanchion.stack.offsite_repository).where }}"
"""

RETURN = r"""
_value:
  description:
    - C(kind), C(where) for people, C(options) of pgBackRest without C(repo2-), C(known_hosts) as text.
    - Empty where nothing is declared.
  type: dict
"""


def offsite_repository(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the repository as the role backup uses it."""
    if not declared:
        return {}
    try:
        return dict(part("contract.offsite").read(declared)._asdict())
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Registers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"offsite_repository": offsite_repository}
