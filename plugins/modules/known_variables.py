#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: known_variables
short_description: Refuse variables that no role knows
description:
  - Compares the variables of a host with the C(meta/argument_specs.yml) of every role of this collection.
    Each one that begins with a role's name or with C(stack_), and that nothing reads, is named with its near
    matches and, as far as it is found, the file and line that sets it.
  - A name outside of those that is all but one of ours, like C(postgress_memory), is a warning.
  - It is an action and looks at no host.
options: {}
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It only reads.
"""

EXAMPLES = r"""
- name: Refuse variables that no role knows
  stanchion.stack.known_variables:
"""

RETURN = r"""
unknown:
  description: The variables that nothing reads, each with C(name), C(near) and C(places).
  returned: always
  type: list
  elements: dict
stanchion:
  description: With what a command line should end, when this fails. C(exit) is V(configuration).
  returned: failure
  type: dict
"""
