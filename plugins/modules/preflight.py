#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Tell everything that stands in the way of a deploy, before anything is touched
description:
  - Looks at the host once with M(stanchion.stack.stack_facts) and compares what is there with what a role has
    declared. Fails with every problem at once. Each says what is wrong, where, and what to do.
  - Works on a host that has no engine yet, and in check mode.
  - What could not be looked at is a problem, never taken for granted.
  - It is an action; the comparing happens on the controller, in the Python package C(stanchion).
options:
  subject:
    description: What is looked at.
    choices: [host, network, postgres, backend, backup, recovery, monitoring]
    required: true
    type: str
  declared:
    description:
      - What the role is about to make, mostly its variables under their own names. What a subject needs
        stands at the top of C(stanchion/preflight/SUBJECT.py).
      - C(stack_name) is always needed. C(secret_files) and C(state_dir) go to M(stanchion.stack.stack_facts).
      - It holds no secrets, only paths of files that do.
    required: true
    type: dict
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It only reads.
notes:
  - Where the variable C(stack_preflight_facts) holds the result of M(stanchion.stack.stack_facts) for this
    stack with what the subject needs in it, the host is not looked at again. A playbook registers it before
    its preflights, all of which run before anything changes.
"""

EXAMPLES = r"""
- name: preflight | Compare the declared networks with the host
  stanchion.stack.preflight:
    subject: network
    declared:
      stack_name: "{{ stack_name }}"
      stack_app_network: "{{ stack_app_network }}"
      stack_app_subnet: "{{ stack_app_subnet }}"
      stack_edge_network: "{{ stack_edge_network }}"
      stack_edge_subnet: "{{ stack_edge_subnet }}"
      stack_backend_replicas: "{{ stack_backend_replicas }}"
      stack_backend_companions: "{{ stack_backend_companions }}"
"""

RETURN = r"""
problems:
  description: What was found, errors and warnings.
  returned: always
  type: list
  elements: dict
  contains:
    slug:
      description: The problem's name, C(subject.what).
      type: str
    what:
      description: What is wrong.
      type: str
    where:
      description: Where people find it.
      type: str
    remedy:
      description: What to do.
      type: str
    exit:
      description: V(configuration), or V(unreachable) where the host or its engine does not answer.
      type: str
    level:
      description: V(error), or V(warning) for a risk that may be taken.
      type: str
stanchion:
  description: With what a command line should end, when this fails. C(exit) is V(configuration) for example.
  returned: failure
  type: dict
"""
