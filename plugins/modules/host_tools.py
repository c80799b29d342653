#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells which commands, Python libraries and paths a host lacks."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: host_tools
short_description: Tell which commands, Python libraries and paths a host lacks
description:
  - Looks with the interpreter that modules run under, so that a library counts where they will find it.
  - Changes nothing.
options:
  commands:
    description: Commands to look for on PATH.
    type: list
    elements: str
    default: []
  libraries:
    description: Python libraries to look for.
    type: list
    elements: str
    default: []
  paths:
    description: Files or folders to look for.
    type: list
    elements: path
    default: []
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: It only reads.
"""

EXAMPLES = r"""
- name: See what the Docker modules lack
  stanchion.stack.host_tools:
    commands: [docker]
    libraries: [requests]
  register: tools
"""

RETURN = r"""
missing:
  description: Whatever was asked for and is not there, in the order commands, libraries, paths.
  returned: always
  type: list
  elements: str
"""


def missing(commands: list[str], libraries: list[str], paths: list[str]) -> list[str]:
    """Return what is not there."""
    return [
        *(name for name in commands if shutil.which(name) is None),
        *(name for name in libraries if importlib.util.find_spec(name) is None),
        *(path for path in paths if not Path(path).exists()),
    ]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "commands": {"type": "list", "elements": "str", "default": []},
            "libraries": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, missing=missing(**module.params))


if __name__ == "__main__":
    main()
