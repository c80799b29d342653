"""The verbs that run a playbook, and by what the end of each is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """What a verb's run is about.

    Attributes:
        about: `health` of what runs, `safety` by the checks, `removal`, or `work` that is done or not and
            says nothing of the stack's health.
        asks_checks: its playbook validates; what the checks saw stays in the run's folder.
        interrupts: what fails in it may have stopped what serves, so a failure is followed by a look.
    """

    about: Literal["health", "safety", "removal", "work"]
    asks_checks: bool = False
    interrupts: bool = False


VERBS: Mapping[str, Kind] = {
    "deploy": Kind("health", asks_checks=True, interrupts=True),
    "status": Kind("health"),
    "validate": Kind("safety", asks_checks=True),
    "report": Kind("safety", asks_checks=True),
    "recover": Kind("safety", asks_checks=True, interrupts=True),
    "destroy": Kind("removal", interrupts=True),
    "backup": Kind("work"),
    "backups": Kind("work"),
    "drill": Kind("work"),
    # One that puts its copy in the live database's place interrupts; that is its options' to say.
    "restore": Kind("work", asks_checks=True),
    "secrets": Kind("work"),
    # It only looks.
    "compose": Kind("health"),
}
