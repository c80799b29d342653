"""What went wrong in a run, and with which class of error it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stanchion import errors
from stanchion.engine import Outcome
from stanchion.exit_codes import ExitCode
from stanchion.run.events import Event
from stanchion.run.recording import Recording

_LAST_LINES = 12
_CHECKS_ROLE = "validation"
# The end of roles/recovery/tasks/recover.yml: what the checks have found after everything was done.
_LEFT_TASK = "recover | Say what is left"
# Tasks that only say what is declared: what fails in them is what was declared.
_DECLARING = "declare | "
_FILTER_FAILED = re.compile(r".*The filter plugin '[^']+' failed: ", re.DOTALL)
_LOCK_ACTION = "stanchion.stack.deploy_lock"
# What these refuse, they refuse before anything is touched.
_BY_ACTION: dict[str, type[errors.StanchionError]] = {
    "ansible.builtin.validate_argument_spec": errors.ConfigurationError,
    "stanchion.stack.known_variables": errors.ConfigurationError,
    "stanchion.stack.preflight": errors.ConfigurationError,
}
_NO_SUDO = re.compile(
    r"missing sudo password|sudo: a password is required|incorrect sudo password|no password was provided"
    r"|waiting for privilege escalation prompt|sudo: no tty present|is not in the sudoers file",
    re.IGNORECASE,
)
_NO_SSH = re.compile(r"Unable to execute ssh command line", re.IGNORECASE)
_NO_ENGINE = re.compile(r"Error connecting|Cannot connect to the Docker daemon", re.IGNORECASE)
# These promise that nothing was changed.
_NOTHING_CHANGED = (ExitCode.CONFIGURATION, ExitCode.LOCKED)
# What is known of the stack after a failed run; and what ends a restore that has begun.
_SERVES = {
    ExitCode.FAILED_SERVING: "The stack serves.",
    ExitCode.FAILED_NOT_SERVING: "Nothing serves now.",
}
_ENDS_A_RESTORE = (
    "`backups` tells whether the old database was stopped already: then `restore --resume` goes on, and "
    "`restore --rollback` returns to the old database."
)
_STOPPED: dict[str, tuple[type[errors.StanchionError], str]] = {
    "interrupted": (errors.InterruptedRunError, "Interrupted"),
    "terminated": (errors.TerminatedRunError, "Terminated"),
    "timed out": (errors.TimedOutError, "The time limit is over"),
}


@dataclass(frozen=True)
class Fault:
    """One explained failure. `undecided`: whether the stack still serves decides the class. `cut_short`: the
    run was stopped after it had begun, and whether the stack serves belongs to what is told of it."""

    error: errors.StanchionError
    undecided: bool = False
    cut_short: bool = False
    ended: str = "failed"
    hosts: tuple[str, ...] = ()
    event: Event | None = None
    last_lines: tuple[str, ...] = ()


def explain(outcome: Outcome, recording: Recording, log: str, dry_run: bool = False) -> Fault | None:
    """Return what failed, or None where all went well."""
    if outcome.stopped is not None:
        return _stopped(outcome.stopped, recording, dry_run)
    if recording.no_hosts:
        return Fault(errors.InventoryError("The inventory has no host for this play.", _NO_HOSTS_REMEDY))
    if outcome.return_code == 0:
        return None
    if outcome.return_code is None:
        return Fault(errors.InternalError("Ansible was killed.", "Run deploy again: it resumes."))
    failures = [event for event in recording.failures if not _is_finding(event, recording)]
    if failures:
        return _task_failed(failures, changed=bool(recording.changes) and not dry_run)
    if recording.unreachable:
        return _unreachable(recording.unreachable)
    if recording.failures:  # all of them findings: the result tells them itself
        return None
    return _never_started(outcome.return_code, log)


_NO_HOSTS_REMEDY = "Put the stack's hosts into the group `stack` of the inventory, or mend --limit."


def _stopped(reason: str, recording: Recording, dry_run: bool) -> Fault:
    error, what = _STOPPED[reason]
    where = f" in {recording.last_phase}" if recording.last_phase else " before anything was touched"
    count = len(recording.changes)
    done = f"{count} change{'s were' if count != 1 else ' was'} made"
    return Fault(
        error(f"{what}{where}; {done}."),
        cut_short=bool(recording.phases) and not dry_run,
        ended=reason,
        hosts=tuple(sorted(recording.hosts)),
    )


def with_state(fault: Fault, serves: bool | None) -> Fault:
    """Return the fault of a run cut short, with what a look found: None where it could not be looked at."""
    state = {
        True: "The stack serves.",
        False: "The stack does not serve.",
        None: "Whether the stack serves could not be looked at.",
    }[serves]
    return replace(fault, error=type(fault.error)(f"{fault.error.what} {state}", fault.error.advice))


def of_a_restore(fault: Fault) -> Fault:
    """Return the fault of a restore in the live database's place, with how to go on from there.

    Running deploy again does not: the host knows how far it came, and where it has said so, that stays.
    """
    error = fault.error
    if not fault.cut_short and error.exit_code not in _SERVES:
        return fault
    told = any(f"restore --{way}" in error.what for way in ("resume", "rollback"))
    advice = (_SERVES.get(error.exit_code, ""), "" if told else _ENDS_A_RESTORE)
    return replace(fault, error=type(error)(error.what, " ".join(filter(None, advice))))


def _unreachable(events: Sequence[Event]) -> Fault:
    first = events[0]
    message = message_of(first.result)
    hosts = tuple(dict.fromkeys(event.host for event in events))
    if _NO_SUDO.search(message):
        return Fault(errors.SudoError(f"On {first.host}: {message}"), hosts=hosts, event=first)
    error = errors.UnreachableError(
        message, "See that the host is up and that ssh works without a question, then run it again."
    )
    return Fault(error, hosts=hosts, event=first)


def _task_failed(failures: Sequence[Event], changed: bool) -> Fault:
    # The last one counts: an earlier one was rescued. Giving the lock back comes after whatever went wrong.
    last = next((e for e in reversed(failures) if e.action != _LOCK_ACTION), failures[-1])
    same = [event for event in failures if (event.task, event.path) == (last.task, last.path)]
    hosts = tuple(dict.fromkeys(event.host for event in same))
    message = message_of(last.result)
    lines = tuple(last_lines(last.result))
    kind, remedy = _class_of(last, message)
    if kind is errors.CheckFailedError:  # the findings themselves are told below it
        message = message.splitlines()[0]
    if kind is None or (changed and kind.exit_code in _NOTHING_CHANGED):
        return Fault(
            errors.FailedNotServingError(message), undecided=True, hosts=hosts, event=last, last_lines=lines
        )
    return Fault(kind(message, remedy), hosts=hosts, event=last, last_lines=lines)


def _is_finding(event: Event, recording: Recording) -> bool:
    """Say whether a task failed because of what the checks found after everything was done."""
    phases = [data["phase"] for host, data in recording.validations if host == event.host]
    if event.role != _CHECKS_ROLE and event.task != _LEFT_TASK:
        return False
    return bool(phases) and phases[-1] != "preflight"


def _class_of(event: Event, message: str) -> tuple[type[errors.StanchionError] | None, str | None]:
    """Return the class of a failed task, and the remedy where the message does not bring its own."""
    told = event.result.get("stanchion")
    if isinstance(told, Mapping) and told.get("exit") in errors.BY_NAME:
        return errors.BY_NAME[told["exit"]], ""
    if event.role == _CHECKS_ROLE and event.action == "ansible.builtin.fail":
        return errors.CheckFailedError, ""
    if _NO_SUDO.search(message):
        return errors.SudoError, None
    if _NO_SSH.search(message):
        return errors.UnreachableError, "Install an ssh client on this machine (Debian: openssh-client)."
    if event.task.startswith(_DECLARING):
        return errors.ConfigurationError, ""
    if event.action in _BY_ACTION:
        return _BY_ACTION[event.action], ""
    if _NO_ENGINE.search(message):
        return errors.UnreachableError, None
    return None, None


def _never_started(return_code: int, log: str) -> Fault:
    """Explain a run that ended before its first task: unreadable files, a missing vault password, a bug."""
    complaints = re.findall(r"^\[ERROR\]: (.+?)(?=^\[|\n\n|\Z)", log, re.MULTILINE | re.DOTALL)
    text = " ".join(complaints[0].split()) if complaints else "Ansible ended without saying why."
    if return_code == 250:
        return Fault(errors.InternalError(text))
    if "vault" in text.lower():
        remedy = "Name the file with the vault password in the environment: ANSIBLE_VAULT_PASSWORD_FILE."
        return Fault(errors.ConfigurationError(text, remedy))
    reasons = [line for line in log.splitlines() if line.startswith(("YAML parsing failed", "Origin: /"))]
    return Fault(errors.ConfigurationError(text), last_lines=tuple(dict.fromkeys(reasons)))


def message_of(result: Mapping[str, Any]) -> str:
    """Return what a failed task says of itself; of a loop, what its first failed item says."""
    for item in result.get("results") or []:
        if isinstance(item, Mapping) and item.get("failed"):
            return message_of(item)
    message = str(result.get("msg") or "").strip()
    if result.get("censored"):
        return "The task failed; what it says is hidden, since it handles a secret."
    # A module that failed of its own accord may quote the log of a container, stack traces included.
    crashed = "Traceback (most recent call last)" in message or message.startswith("MODULE FAILURE")
    if crashed and "stanchion" not in result:
        return "A module ended with an error of its own; its stack trace is in the log."
    # Ansible tells first where it was; what a filter of ours says is whole sentences.
    return _FILTER_FAILED.sub("", message) or "The task failed without saying why."


def last_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the end of what the failed thing printed."""
    for item in result.get("results") or []:
        if isinstance(item, Mapping) and item.get("failed"):
            return last_lines(item)
    for key in ("stderr", "module_stderr", "stdout", "module_stdout"):
        lines = [line for line in str(result.get(key) or "").splitlines() if line.strip()]
        if lines and not any("Traceback (most recent call last)" in line for line in lines):
            return lines[-_LAST_LINES:]
    return []
