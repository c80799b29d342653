"""Whether times can be compared: the host's clock, the controller's, and the time zone of the logs."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, INFO, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.checks.words import span

_UTC = frozenset(("utc", "etc/utc", "gmt", "etc/gmt", "zulu", "universal", "etc/universal"))


@check(
    "clock.synchronised",
    rows="TIM-01",
    title="The host's clock is kept by a time service",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="A clock that drifts makes a restore to a point in time end at the wrong moment, passwords and "
    "certificates expire early or late, and logs of two hosts cannot be put side by side.",
    remedy="Run a time service on the host: apt-get install chrony, or systemctl enable --now "
    "systemd-timesyncd. In a virtual machine the hypervisor may keep the clock without saying so.",
    source="awesome-prometheus-alerts, HostClockNotSynchronising and HostClockSkew; read from the kernel "
    "(adjtimex), whichever service it is",
    reads=("clock",),
    thresholds=(
        Threshold("validation_clock_offset_seconds", 0.05, "s", "awesome-prometheus-alerts, HostClockSkew"),
    ),
)
def synchronised(look: Look) -> Iterator[Evidence]:
    clock = look.source("clock")
    most = look.threshold("validation_clock_offset_seconds")
    if not clock["synchronised"]:
        yield bad("the kernel says that no time service keeps its clock")
    elif abs(clock["offset"]) > most:
        yield bad(f"the clock is {abs(clock['offset']):.3f} s off, and {most:g} s are tolerated")
    else:
        yield note(f"kept by a time service, {abs(clock['offset']):.3f} s off")


@check(
    "clock.difference",
    rows="TIM-02",
    title="The host's clock agrees with the controller's",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="Ages that the controller computes (of backups, of locks, of this report) are wrong by as much, and "
    "so is a point in time that somebody reads off their own clock for a restore.",
    remedy="Find out which of the two is wrong (date -u on both) and run a time service there.",
    source="check_postgres timesync",
    reads=("controller_clock",),
    thresholds=(
        Threshold("validation_clock_difference_seconds", 2, "s", "check_postgres timesync, its first"),
    ),
)
def difference(look: Look) -> Iterator[Evidence]:
    clock = look.source("controller_clock")
    # The host looked at its clock at some moment of the call; only what is beyond that is a difference.
    certain = max(abs(clock["offset"]) - clock["uncertainty"], 0.0)
    if certain > look.threshold("validation_clock_difference_seconds"):
        side = "ahead of" if clock["offset"] > 0 else "behind"
        yield bad(f"the host's clock is at least {certain:.1f} s {side} the controller's")
    else:
        yield note(f"{clock['offset']:+.1f} s, known to ±{clock['uncertainty']:.1f} s")


@check(
    "clock.database",
    rows="TIM-02",
    title="The database's clock is the host's",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Rows, backups and the moments of a restore carry the server's time. After a step back an "
    "incremental backup sorts before those that it builds on, and the next full one is refused.",
    remedy="Find out which of the two is wrong (date -u on the host, SELECT now() in the database): a clock "
    "that was set while the server ran, or a library that fakes it. Set it right and take a full backup.",
    source="ours, tried with libfaketime: pgBackRest takes its times from the server",
    reads=("sql.server",),
    thresholds=(
        Threshold(
            "validation_clock_database_seconds",
            60,
            "s",
            "ours: a look takes a quarter of a minute at most, and asks the server at some moment of it",
        ),
    ),
    part=POSTGRES,
)
def of_database(look: Look) -> Iterator[Evidence]:
    off = float(look.row("server")["clock"]) - look.now.timestamp()
    if abs(off) <= look.threshold("validation_clock_database_seconds"):
        yield note(f"within {max(abs(off), 1):.0f} s of the host's", look.database.name)
    else:
        which = "ahead of" if off > 0 else "behind"
        yield bad(f"its clock is {span(abs(off))} {which} the host's", look.database.name)


@check(
    "clock.timezone",
    rows="TIM-03",
    title="The database and its log use one time zone",
    phases=(DEPLOY, RUNTIME),
    severity=INFO,
    why="A log in local time has an hour twice a year that comes twice, and one that never was; a point in "
    "time taken from it may be an hour off.",
    remedy="Leave timezone and log_timezone out of postgres_settings (both are UTC), and deploy.",
    source="CIS PostgreSQL 17 Benchmark 3.1.26 for the log",
    reads=("sql.settings",),
    part=POSTGRES,
)
def timezone(look: Look) -> Iterator[Evidence]:
    zone, log = (look.settings[name]["setting"] for name in ("TimeZone", "log_timezone"))
    if zone == log or {zone.lower(), log.lower()} <= _UTC:
        yield note(f"both are {zone}")
    else:
        yield bad(f"TimeZone is {zone}, and log_timezone is {log}")
