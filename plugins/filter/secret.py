# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets kept out of what is told of them: a word for each, or its variable's name, never the secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: secret_kinds
short_description: Say of each given secret what it is made of, and nothing else
description:
  - V(empty), V(ascii) or V(text) (one printable line), V(other) for everything else.
  - C(without_secrets) takes a container's definition, as M(community.docker.docker_container) does, and hides
    the values of environment variables that hold a secret.
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


def without_secrets(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container's definition as a fact may hold it: facts stand in logs and artifacts."""
    return dict(part("checks.request").definition_without_secrets(definition))


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"secret_kinds": secret_kinds, "without_secrets": without_secrets}
