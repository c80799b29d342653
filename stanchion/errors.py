"""The exceptions of a run. Every class carries the exit code it ends with and what to do about it.

How a task says which class its failure belongs to: a module or action that fails may put

    stanchion: {"exit": "configuration" | "unreachable" | "lock"}

beside its `msg`. Where it says nothing, stanchion.report.failure decides by the action's name. The names are
the keys of BY_NAME below. A mistake of the configuration that shows only after something was changed is told
in its own words, and ends as any other failure does.
"""

from __future__ import annotations

from typing import ClassVar

from stanchion.exit_codes import ExitCode


class StanchionError(Exception):
    """An expected error: one readable paragraph, no stack trace."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    remedy: ClassVar[str] = ""

    def __init__(self, what: str, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.advice = self.remedy if remedy is None else remedy

    @property
    def kind(self) -> str:
        """Return the class as results name it."""
        return type(self).__name__.removesuffix("Error")

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".strip()


class ConfigurationError(StanchionError):
    """What was asked for cannot be meant: nothing has been changed."""

    exit_code = ExitCode.CONFIGURATION
    remedy = "Correct it and run the same command again."


class InstallationError(ConfigurationError):
    """A package that the command line needs is not there."""

    remedy = "Run `make venv`, then `. .venv/bin/activate`, and run this again."


class UsageError(ConfigurationError):
    """The command line itself is wrong."""

    remedy = "See --help of the verb."


class InventoryError(ConfigurationError):
    """The inventory is missing, unreadable, or has no such host."""

    remedy = "Name a folder or file with -i, for example -i inventory/local."


class SecretOnCommandLineError(ConfigurationError):
    """A secret on the command line would be seen in the process list and the shell's history."""

    remedy = (
        "Put it into a vault file of the inventory "
        "(ansible-vault edit inventory/NAME/group_vars/stack/vault.yml), "
        "or into a file of mode 0600 on the host, and name that file."
    )


class SudoError(ConfigurationError):
    """The roles act as root, and this user cannot become root."""

    remedy = "Run it as root, or with --ask-become-pass to be asked for the sudo password."


class ConfirmationError(ConfigurationError):
    """A destructive verb was not confirmed."""

    remedy = "Say --yes when you mean it."


class UnreachableError(StanchionError):
    """A host or its engine does not answer."""

    exit_code = ExitCode.UNREACHABLE
    remedy = "See that the host is up and that its Docker engine answers (docker info), then run it again."


class CheckFailedError(StanchionError):
    """What was looked at is not healthy."""

    exit_code = ExitCode.CHECK_FAILED
    remedy = "Run deploy: it brings back what is missing."


class FailedServingError(StanchionError):
    """The run failed, and what served before serves on."""

    exit_code = ExitCode.FAILED_SERVING
    remedy = "The earlier state serves on. Mend the cause and run deploy again: it resumes."


class FailedNotServingError(StanchionError):
    """The run failed, and nothing serves."""

    exit_code = ExitCode.FAILED_NOT_SERVING
    remedy = "Nothing serves now. Mend the cause and run deploy again: it resumes."


class LockedError(StanchionError):
    """Another run holds the lock of a host."""

    exit_code = ExitCode.LOCKED
    remedy = "Wait for that run to end; a lock whose holder is gone is taken over by itself."


class TimedOutError(StanchionError):
    """The run was ended by --timeout."""

    exit_code = ExitCode.TIMED_OUT
    remedy = "Run it again, with more time: deploy resumes where it was."


class InternalError(StanchionError):
    """A bug of this program, or Ansible was killed."""

    exit_code = ExitCode.INTERNAL
    remedy = "Run it again; if it comes back, the log shows the place."


class InterruptedRunError(StanchionError):
    """Ctrl-C."""

    exit_code = ExitCode.INTERRUPTED
    remedy = "Run deploy again: it resumes."


class TerminatedRunError(StanchionError):
    """SIGTERM."""

    exit_code = ExitCode.TERMINATED
    remedy = "Run deploy again: it resumes."


BY_NAME: dict[str, type[StanchionError]] = {
    "configuration": ConfigurationError,
    "unreachable": UnreachableError,
    "lock": LockedError,
}
