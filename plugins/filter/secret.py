# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the preflight is told of secrets that a vault gives: a word each, never the secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text

DOCUMENTATION = r"""
name: secret_kinds
short_description: Say of each given secret what it is made of, and nothing else
description:
  - V(empty), V(ascii) or V(text) (one printable line), V(other) for everything else.
positional: _input
options:
  _input:
    description: Secrets by their names. One that is null was not given, and is left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- ansible.builtin.debug:
    msg: "{{ {'app_password': app_password | default(none)} | stanchion.stack.secret_kinds }}"
"""

RETURN = r"""
_value:
  description: What each is made of, by name.
  type: dict
"""


def secret_kinds(secrets: Mapping[str, Any]) -> dict[str, str]:
    """Return a word for each secret that was given."""
    return {
        str(name): _secret_text.kind(str(value).encode())
        for name, value in secrets.items()
        if value is not None
    }


class FilterModule:
    """Registers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"secret_kinds": secret_kinds}
