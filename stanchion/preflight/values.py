"""Can the free text of the variables be meant: names, durations, sizes?

Docker, Postgres and their modules would refuse most of it too, but only once half a deploy is done. So
whatever is accepted here is what all of them take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from stanchion.contract import memory
from stanchion.contract.database import MOST_TEMP_FILES
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts, engine_api, has_engine

# Docker gives no container less memory, and takes no size of a log below one byte.
LEAST_MEMORY = 6 * memory.MB
LEAST_LOG = 1
# From Docker 25 on, a container that starts can be looked at each second (--health-start-interval). The same
# number is in plugins/module_utils/_docker_api.py: hosts have that, and not this package.
START_INTERVAL_API = (1, 44)

# A part of an image's name has the strictest rule of all that is called after the stack.
STACK = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*")
# NAME-backend-100-previous still is a label of DNS, which ends at 63.
STACK_LENGTH = 40
_DOCKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# As cron takes them.
MAIL_ADDRESSES = re.compile(r"[A-Za-z0-9._+@-]+(?:, ?[A-Za-z0-9._+@-]+)*")
# What Postgres keeps for itself.
OWN_DATABASES = ("postgres", "template0", "template1")
OWN_ROLES = ("postgres", "public", "none")

# sun_path of unix(7) has 108 bytes, the last of them a zero.
SOCKET_LENGTH = 107
_SOCKET = "/postgres/socket/.s.PGSQL.5432"

_SETTING = re.compile(r"([0-9]{1,10}(?:\.[0-9]{1,6})?)(us|ms|s|min|h|d)?")
_SETTING_MILLISECONDS = {
    "us": 0.001,
    "ms": 1.0,
    "s": 1000.0,
    "min": 60_000.0,
    "h": 3_600_000.0,
    "d": 86_400_000.0,
}
_MOST_MILLISECONDS = 2**31 - 1
_INTERVAL = re.compile(
    r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m(?!s))?(?:([0-9]{1,6})s)?(?:([0-9]{1,6})ms)?(?:([0-9]{1,6})us)?"
)
_INTERVAL_MICROSECONDS = (3_600_000_000, 60_000_000, 1_000_000, 1000, 1)
# The engine takes 0 for its own default, and nothing else below a millisecond.
_LEAST_MICROSECONDS = 1000


def stack_name(declared: Declared) -> list[Problem]:
    """Return what keeps containers, networks, volumes and images from being called after the stack."""
    name = declared.text("stack_name")
    if STACK.fullmatch(name) and len(name) <= STACK_LENGTH:
        return []
    return [
        _problem(
            "host.stack_name",
            "stack_name",
            name,
            f"no name for containers and images: {STACK_LENGTH} lower-case letters, digits and single dots, "
            "underscores or dashes between them at most",
            "Write it like medication-tracker.",
        )
    ]


def socket_path(declared: Declared) -> list[Problem]:
    """Return whether the kernel takes the path of the operators' socket."""
    folder = declared.text("state_dir")
    path = f"{folder.rstrip('/')}{_SOCKET}"
    length = len(path.encode())
    if folder.startswith("/") and length <= SOCKET_LENGTH:
        return []
    what = f"The operators' socket would be {path}, {length} bytes long; the kernel takes {SOCKET_LENGTH}."
    if not folder.startswith("/"):
        what = f"stack_state_dir is {folder!r}, which does not begin at the root of the host."
    return [
        Problem(
            slug="postgres.state_dir",
            what=what,
            where="the variable stack_state_dir",
            remedy="Give it a shorter absolute path, or the stack a shorter stack_name.",
        )
    ]


def docker_names(subject: str, declared: Declared, *variables: str) -> list[Problem]:
    """Return the variables whose value Docker does not take for a network's or a volume's name."""
    return _unmeant(
        f"{subject}.name",
        declared,
        variables,
        lambda text: _DOCKER.fullmatch(text) is not None,
        "no name that Docker takes",
        "Begin with a letter or a digit, and go on with those, dots, underscores or dashes.",
    )


def database_names(declared: Declared) -> list[Problem]:
    """Return what is wrong with the names of the application's database and role, and its host."""
    found = []
    for variable, own in (("stack_database_name", OWN_DATABASES), ("stack_database_user", OWN_ROLES)):
        name = declared.text(variable)
        if not IDENTIFIER.fullmatch(name):
            why = "not lower-case letters, digits and underscores, 63 of them at most, the first no digit"
        elif name in own or name.startswith("pg_"):
            why = "a name that Postgres keeps for itself"
        else:
            continue
        found.append(
            _problem("postgres.name", variable, name, why, "Write it like medication_tracker, in quotes.")
        )
    alias = declared.text("stack_database_alias")
    if not _HOST.fullmatch(alias):
        found.append(
            _problem("postgres.name", "stack_database_alias", alias, "no host name", "Write it like db.")
        )
    return found


def settings_durations(subject: str, declared: Declared, *variables: str) -> list[Problem]:
    """Return the variables that Postgres would not take for a time-out."""
    return _unmeant(
        f"{subject}.duration",
        declared,
        variables,
        _is_setting,
        "no duration that Postgres takes",
        "Write a number and a unit (us, ms, s, min, h, d) without a space, like 30s; 0 means no limit.",
    )


def _is_setting(text: str) -> bool:
    match = _SETTING.fullmatch(text)
    if not match:
        return False
    return float(match[1]) * _SETTING_MILLISECONDS[match[2] or "ms"] <= _MOST_MILLISECONDS


def temporary_files(declared: Declared) -> list[Problem]:
    """Return what Postgres would not take for the most of temporary files; nothing said is computed."""
    variable = "postgres_temp_file_limit"
    text = declared.text(variable)
    try:
        if text in ("", "-1") or memory.size(variable, text) <= MOST_TEMP_FILES:
            return []
    except ValueError:
        pass
    return [
        _problem(
            "postgres.size",
            variable,
            text,
            f"no size that Postgres takes here, up to {memory.show(MOST_TEMP_FILES)}",
            "Write a number and a unit (kB, MB, GB, TB), like 20GB; -1 means no limit, and nothing at all "
            "twice the memory.",
        )
    ]


def intervals(subject: str, declared: Declared, *variables: str) -> list[Problem]:
    """Return the variables that Docker would not take for a health check's time."""
    return _unmeant(
        f"{subject}.interval",
        declared,
        variables,
        _is_interval,
        "no duration that Docker takes",
        "Write whole numbers with their units (h, m, s, ms), like 5s or 1m30s, a millisecond at least.",
    )


def seen_in_time(declared: Declared, facts: Facts, interval: str, timeout: str) -> list[Problem]:
    """Return an interval of health checks whose end comes too late for the time-out.

    Engines before 25 look for the first time one interval after the start; later ones look each second.
    """
    if not has_engine(facts) or engine_api(facts) >= START_INTERVAL_API:
        return []
    text, seconds = declared.text(interval), declared.number(timeout)
    if _microseconds(text) < seconds * 1_000_000:
        return []
    return [
        _problem(
            f"{interval.partition('_')[0]}.interval",
            interval,
            text,
            f"not below {timeout}, which is {seconds} s: a new container could not become healthy in time",
            f"Write a shorter one, or raise {timeout}.",
        )
    ]


def interval_seconds(text: str) -> float:
    """Return the length of a health check's time; 0 for what is none, which has its own problem."""
    return max(_microseconds(text), 0) / 1_000_000


def _is_interval(text: str) -> bool:
    length = _microseconds(text)
    return length == 0 or length >= _LEAST_MICROSECONDS


def _microseconds(text: str) -> int:
    """Return an interval's length, -1 for what is none."""
    match = _INTERVAL.fullmatch(text)
    if not match or not text:
        return -1
    parts = zip(match.groups(), _INTERVAL_MICROSECONDS, strict=True)
    return sum(int(number or 0) * unit for number, unit in parts)


def sizes(subject: str, declared: Declared, least: Mapping[str, int]) -> list[Problem]:
    """Return the variables whose value is no size, or one below the least that Docker takes."""
    found = []
    for variable, bottom in least.items():
        text = declared.text(variable)
        try:
            enough = memory.docker_size(text) >= bottom
        except ValueError:
            found.append(
                _problem(
                    f"{subject}.size",
                    variable,
                    text,
                    "no size",
                    "Write a number and a unit (k, m, g or t) without a space, like 512m or 4g.",
                )
            )
            continue
        if not enough:
            found.append(
                _problem(
                    f"{subject}.size",
                    variable,
                    text,
                    f"less than the {bottom} bytes that Docker wants",
                    "Raise it.",
                )
            )
    return found


def counts(subject: str, declared: Declared, *variables: str) -> list[Problem]:
    """Return the variables that are no whole number from 1 on."""
    return [
        _problem(
            f"{subject}.count", variable, declared.text(variable), "less than one", "Set it to 1 or more."
        )
        for variable in variables
        if declared.number(variable) < 1
    ]


def _unmeant(
    slug: str,
    declared: Declared,
    variables: Iterable[str],
    accepts: Callable[[str], bool],
    why: str,
    remedy: str,
) -> list[Problem]:
    """Return a problem for each variable whose text is not accepted."""
    texts = ((variable, declared.text(variable)) for variable in variables)
    return [_problem(slug, variable, text, why, remedy) for variable, text in texts if not accepts(text)]


def shown(text: str) -> str:
    """Return a value as a message may carry it: on one line, and not at any length."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def _problem(slug: str, variable: str, value: str, why: str, remedy: str) -> Problem:
    return Problem(
        slug=slug,
        what=f"{variable} is {shown(value)}, which is {why}.",
        where=f"the variable {variable}",
        remedy=remedy,
    )
