"""What failed, and with which exit code it ends."""

from __future__ import annotations

from typing import Any

import pytest

from stanchion.engine import Outcome
from stanchion.errors import ConfigurationError, FailedNotServingError
from stanchion.exit_codes import ExitCode
from stanchion.report.failure import Fault, explain, last_lines, message_of, of_a_restore, with_state
from stanchion.run.events import Event
from stanchion.run.recording import Recording

FAILED = Outcome(return_code=2, stopped=None)


def failing(
    action: str = "ansible.builtin.command", host: str = "one", task: str = "a | Do", **result: Any
) -> Event:
    return Event(
        kind="failed",
        at=0,
        task=task,
        role="postgres",
        action=action,
        path="/x.yml:3",
        host=host,
        result=result,
    )


def code(*failures: Event) -> ExitCode:
    fault = explain(FAILED, Recording(failures=list(failures)), "")
    assert fault is not None
    return fault.error.exit_code


def test_all_is_well() -> None:
    assert explain(Outcome(return_code=0, stopped=None), Recording(), "") is None
    rescued = Recording(failures=[failing(msg="rescued")])
    assert explain(Outcome(return_code=0, stopped=None), rescued, "") is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (failing(msg="x", stanchion={"exit": "lock"}), ExitCode.LOCKED),
        (failing(msg="x", stanchion={"exit": "configuration"}), ExitCode.CONFIGURATION),
        (failing(msg="x", stanchion={"exit": "unreachable"}), ExitCode.UNREACHABLE),
        (failing("ansible.builtin.validate_argument_spec", msg="x"), ExitCode.CONFIGURATION),
        (failing("stanchion.stack.known_variables", msg="x"), ExitCode.CONFIGURATION),
        (failing(msg="Error connecting: Error while fetching server API version"), ExitCode.UNREACHABLE),
        (failing(msg="Task failed: Missing sudo password"), ExitCode.CONFIGURATION),
        (failing(msg="sudo: a password is required"), ExitCode.CONFIGURATION),
    ],
)
def test_the_class_of_a_failed_task(event: Event, expected: ExitCode) -> None:
    assert code(event) == expected


def test_any_other_failure_waits_for_a_look() -> None:
    fault = explain(FAILED, Recording(failures=[failing(msg="boom", stderr="a\nb")]), "")
    assert fault is not None
    assert fault.undecided
    assert (fault.error.exit_code, fault.error.what, fault.last_lines) == (5, "boom", ("a", "b"))


def test_a_name_that_nobody_knows_is_no_class() -> None:
    fault = explain(FAILED, Recording(failures=[failing(msg="x", stanchion={"exit": "whatever"})]), "")
    assert fault is not None
    assert fault.undecided


@pytest.mark.parametrize(("name", "code"), [("configuration", 2), ("lock", 6)])
def test_a_mistake_that_shows_after_changes_does_not_claim_that_there_were_none(name: str, code: int) -> None:
    change = Event(kind="ok", at=0, task="a | Do", role="postgres", host="one", result={"changed": True})
    recording = Recording(
        changes=[change], failures=[failing(msg="An empty secret.", stanchion={"exit": name})]
    )
    fault = explain(FAILED, recording, "")
    assert fault is not None
    assert fault.undecided
    assert (fault.error.exit_code, fault.error.what) == (ExitCode.FAILED_NOT_SERVING, "An empty secret.")
    # What a dry run counts as changes was not done.
    previewed = explain(FAILED, recording, "", dry_run=True)
    assert previewed is not None
    assert (previewed.undecided, previewed.error.exit_code) == (False, code)


def test_a_host_that_falls_silent_after_changes_is_still_unreachable() -> None:
    change = Event(kind="ok", at=0, task="a | Do", role="postgres", host="one", result={"changed": True})
    failures = [failing(msg="x", stanchion={"exit": "unreachable"})]
    fault = explain(FAILED, Recording(changes=[change], failures=failures), "")
    assert fault is not None
    assert fault.error.exit_code == ExitCode.UNREACHABLE


def test_missing_sudo_names_the_option() -> None:
    fault = explain(FAILED, Recording(failures=[failing(msg="Missing sudo password")]), "")
    assert "--ask-become-pass" in str(fault.error if fault else "")


def test_the_last_failure_counts_but_not_that_of_the_lock_given_back() -> None:
    lock = failing("stanchion.stack.deploy_lock", task="Give it back", msg="no lock")
    fault = explain(FAILED, Recording(failures=[failing(msg="rescued"), failing(msg="real"), lock]), "")
    assert fault is not None
    assert fault.error.what == "real"
    only = explain(FAILED, Recording(failures=[lock]), "")
    assert only is not None
    assert only.error.what == "no lock"


def test_every_host_of_the_failed_task_is_named() -> None:
    fault = explain(
        FAILED, Recording(failures=[failing(host="one", msg="x"), failing(host="two", msg="x")]), ""
    )
    assert fault is not None
    assert fault.hosts == ("one", "two")


def test_unreachable_hosts() -> None:
    gone = [Event(kind="unreachable", at=0, host=name, result={"msg": "no route"}) for name in ("one", "two")]
    fault = explain(FAILED, Recording(unreachable=gone), "")
    assert fault is not None
    assert (fault.error.exit_code, fault.hosts) == (ExitCode.UNREACHABLE, ("one", "two"))


def test_no_host_matched() -> None:
    fault = explain(Outcome(return_code=0, stopped=None), Recording(no_hosts=True), "")
    assert fault is not None
    assert fault.error.exit_code == ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("interrupted", ExitCode.INTERRUPTED),
        ("terminated", ExitCode.TERMINATED),
        ("timed out", ExitCode.TIMED_OUT),
    ],
)
def test_stopped_runs_say_what_state_they_leave(reason: Any, expected: ExitCode) -> None:
    recording = Recording()
    recording.add(Event(kind="task", at=0, task="a | Do", role="postgres"))
    recording.add(
        Event(kind="ok", at=1, task="a | Do", role="postgres", host="one", result={"changed": True})
    )
    fault = explain(Outcome(return_code=99, stopped=reason), recording, "")
    assert fault is not None
    assert fault.error.exit_code == expected
    assert fault.ended == reason
    assert "in postgres; 1 change was made" in fault.error.what
    assert "resumes" in fault.error.advice
    assert fault.cut_short
    told = with_state(fault, True)
    assert told.error.what == f"{fault.error.what} The stack serves."
    assert (told.error.exit_code, told.error.advice) == (expected, fault.error.advice)
    assert with_state(fault, False).error.what.endswith("made. The stack does not serve.")
    assert with_state(fault, None).error.what.endswith("could not be looked at.")


@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_what_the_host_says_of_a_restore_is_not_said_again(way: str) -> None:
    what = f"It is not finished: the old database is stopped. `restore --{way}` goes on."
    told = of_a_restore(Fault(FailedNotServingError(what)))
    assert (told.error.what, told.error.advice) == (what, "Nothing serves now.")


def test_a_restore_that_was_refused_is_refused_as_it_was() -> None:
    fault = Fault(ConfigurationError("No such moment.", "Name another."))
    assert of_a_restore(fault) is fault


def test_a_run_stopped_before_it_began_or_dry_leaves_the_hosts_as_they_were() -> None:
    stopped = Outcome(return_code=99, stopped="interrupted")
    begun = Recording()
    begun.add(Event(kind="task", at=0, task="a | Do", role="postgres"))
    for fault in (explain(stopped, Recording(), ""), explain(stopped, begun, "", dry_run=True)):
        assert fault is not None
        assert not fault.cut_short


def test_killed_by_somebody_else() -> None:
    fault = explain(Outcome(return_code=None, stopped=None), Recording(), "")
    assert fault is not None
    assert fault.error.exit_code == ExitCode.INTERNAL


@pytest.mark.parametrize(
    ("return_code", "log", "expected", "text"),
    [
        (
            4,
            "[ERROR]: Unable to parse\nsecond line\n\nmore",
            ExitCode.CONFIGURATION,
            "Unable to parse second line",
        ),
        (
            1,
            "[ERROR]: Attempting to decrypt but no vault secrets found\n",
            ExitCode.CONFIGURATION,
            "VAULT_PASSWORD_FILE",
        ),
        (250, "[ERROR]: Unexpected Exception\n", ExitCode.INTERNAL, "Unexpected Exception"),
        (1, "", ExitCode.CONFIGURATION, "without saying why"),
    ],
)
def test_a_run_that_never_began(return_code: int, log: str, expected: ExitCode, text: str) -> None:
    fault = explain(Outcome(return_code=return_code, stopped=None), Recording(), log)
    assert fault is not None
    assert fault.error.exit_code == expected
    assert text in str(fault.error)


def test_an_unreadable_file_is_named_with_the_reason() -> None:
    log = (
        "YAML parsing failed: no end.\nOrigin: /x/hosts.yml:2:1\nYAML parsing failed: no end.\n[ERROR]: No.\n"
    )
    fault = explain(Outcome(return_code=4, stopped=None), Recording(), log)
    assert fault is not None
    assert fault.last_lines == ("YAML parsing failed: no end.", "Origin: /x/hosts.yml:2:1")


def test_messages() -> None:
    assert message_of({"msg": " x "}) == "x"
    assert message_of({"msg": "all", "results": [{"msg": "fine"}, {"failed": True, "msg": "this"}]}) == "this"
    assert "hidden" in message_of({"censored": "the output has been hidden", "changed": False})
    assert "stack trace is in the log" in message_of({"msg": "MODULE FAILURE\nSee stdout/stderr"})
    assert message_of({}) == "The task failed without saying why."


def test_a_stack_trace_that_a_container_logged_is_shown() -> None:
    quoted = "The last lines of its log:\nTraceback (most recent call last):\nKeyError: 'SETTING'"
    assert message_of({"msg": quoted, "stanchion": {"exit": "rollout"}}) == quoted


def test_last_lines() -> None:
    assert last_lines({"stdout": "\n".join(map(str, range(30)))})[0] == "18"
    assert last_lines({"stderr": " \n", "stdout": "out"}) == ["out"]
    assert last_lines({"module_stderr": "Traceback (most recent call last)\n  x"}) == []
    assert last_lines({"results": [{"failed": True, "stderr": "in the item"}]}) == ["in the item"]
