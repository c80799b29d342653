#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_validate
short_description: Ask every check of a phase about one host, changing nothing
description:
  - Looks at the host once with M(stanchion.stack.stack_facts) and hands what it saw to the checks of the
    Python package C(stanchion), on the controller.
  - A check that could not look is an error, never well. Every check that applies has an outcome.
  - It does not fail for what it finds; RV(refusal) says whether a play should.
options:
  phase:
    description: Which checks are asked.
    choices: [preflight, deploy, runtime]
    default: runtime
    type: str
  only:
    description: Checks or subjects; all of the phase where it is empty.
    type: list
    elements: str
    default: []
  fail_on:
    description: >-
      V(fail) refuses for a failed check and for a critical one that could not look, V(warn) for all.
    choices: [fail, warn]
    default: fail
    type: str
  timeout:
    description: Seconds within which each source on the host has to answer.
    type: float
    default: 5.0
  facts_dir:
    description: Folder on the controller in which what was seen is kept, a file of mode 0600 for each host.
    type: path
  declared:
    description: What the roles declare; roles/validation/README.md has its keys. No secrets.
    type: dict
    required: true
  recovery:
    description:
      - Where it is given, RV(recovery) says what caused that which failed, and what would mend it.
      - C(approve) are the remedies that a person has said yes to, C(earlier) is RV(recovery) of the look
        before in the same run, C(done) what was done since, each with C(remedy), C(of), C(outcome), C(why),
        C(at), C(seconds).
    type: dict
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It changes nothing.
notes:
  - It is an action. Thresholds are read from the variables C(validation_*) by their names.
"""

EXAMPLES = r"""
- name: Ask about the pool and the volume
  stanchion.stack.stack_validate:
    only: [pool, volume]
    declared: "{{ my_declaration }}"
  register: validation
"""

RETURN = r"""
validation:
  description: The outcome of every check that applies.
  returned: always
  type: dict
  contains:
    phase:
      description: The phase that was asked.
      type: str
    fail_on:
      description: What RV(refusal) was decided by.
      type: str
    applicable:
      description: How many checks apply to this host in this phase.
      type: int
    seconds:
      description: How long the look on the host took.
      type: float
    findings:
      description: >-
        Of each check V(slug), V(outcome) (V(pass), V(warn), V(fail), V(error), V(skip)), V(severity),
        V(summary) and V(evidence).
      type: list
      elements: dict
recovery:
  description: >-
    V(causes), each with what mends it and what became of it; V(todo), those whose remedies are to be used
    now; V(critical), whether anything critical is left; V(detected), V(acted) and V(back), in seconds
    since 1970.
  returned: with O(recovery)
  type: dict
refusal:
  description: Why a play should stop, with what to do; empty where it should go on.
  returned: always
  type: str
"""
