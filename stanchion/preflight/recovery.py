"""Can the declared watch be meant: is it patient enough for what it watches, and can it ask it?

Declared: `stack_name`, `state_dir`; under their own names `recovery_backend_patience`,
`recovery_database_patience`, `recovery_liveness_path`, `recovery_mailto`; and `backend_start_period` and
`database_start_period`, the start periods of the health checks that the roles declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanchion.preflight import values
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts

# What is declared is compared with what is declared.
SOURCES = ("engine",)

# Its table is /etc/cron.d/stanchion-NAME-recovery, and one of backups is /etc/cron.d/stanchion-NAME.
_TABLE = "-recovery"


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the watch that cannot be meant."""
    counts = values.counts("recovery", declared, "recovery_backend_patience", "recovery_database_patience")
    return [
        *counts,
        *(() if counts else _patience(declared)),
        *_path(declared),
        *_mailto(declared),
        *_name(declared),
    ]


def _problem(slug: str, variable: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where=f"the variable {variable}", remedy=remedy)


def _patience(declared: Declared) -> Iterator[Problem]:
    for part in ("backend", "database"):
        variable, text = f"recovery_{part}_patience", declared.text(f"{part}_start_period")
        patience, start = declared.number(variable), values.interval_seconds(text)
        if patience < start:
            yield _problem(
                "recovery.patience",
                variable,
                f"{variable} is {patience} s, and the {part} may take {text} to start: it would be "
                "restarted while it does, again and again.",
                f"Set it to {start:.0f} or more.",
            )


def _path(declared: Declared) -> Iterator[Problem]:
    path = declared.text("recovery_liveness_path")
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path:
        yield _problem(
            "recovery.liveness_path",
            "recovery_liveness_path",
            f"recovery_liveness_path is {values.shown(path)}, which is no path of a URL.",
            "Begin it with a slash and leave spaces out, like /livez.",
        )


def _mailto(declared: Declared) -> Iterator[Problem]:
    mailto = declared.text("recovery_mailto")
    if mailto and not values.MAIL_ADDRESSES.fullmatch(mailto):
        yield _problem(
            "recovery.mailto",
            "recovery_mailto",
            f"recovery_mailto is {values.shown(mailto)}, which cron does not take for an address.",
            "Write addresses with commas between them, or nothing.",
        )


def _name(declared: Declared) -> Iterator[Problem]:
    name = declared.text("stack_name")
    if name.endswith(_TABLE):
        other = name[: -len(_TABLE)]
        yield _problem(
            "recovery.stack_name",
            "stack_name",
            f"The backups of {name} and the watch of a stack {other} would have the same table of cron.",
            "Give the stack a name with another end; or have no watch (recovery_watch: false), and no stack "
            f"{other} on this host.",
        )
    if "." in name:
        yield _problem(
            "recovery.stack_name",
            "stack_name",
            f"The table of the watch would be /etc/cron.d/stanchion-{name}{_TABLE}, which cron passes over: "
            "it reads no name with a dot.",
            "Give the stack a name without one; or have no watch (recovery_watch: false).",
        )
