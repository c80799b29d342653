"""What a run ends with. The one table: the code takes its numbers here, docs/cli.md is compared with it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every verb."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "all is well"
    CHECK_FAILED = 1, "a check failed: what was looked at is not healthy"
    CONFIGURATION = 2, "wrong usage or configuration; nothing was changed"
    UNREACHABLE = 3, "a host or its Docker engine does not answer"
    FAILED_SERVING = 4, "the run failed; the earlier state serves on"
    FAILED_NOT_SERVING = 5, "the run failed; no earlier state serves"
    LOCKED = 6, "another run holds the lock of a host; nothing was changed"
    TIMED_OUT = 7, "the run did not finish within --timeout"
    PENDING = 8, "a plan has something to do; nothing was changed"
    INTERNAL = 70, "an internal error, or Ansible was killed"
    INTERRUPTED = 130, "interrupted (SIGINT, Ctrl-C)"
    TERMINATED = 143, "terminated (SIGTERM)"
