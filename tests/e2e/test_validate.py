"""validate on what is not well as a whole: absent, frozen, recovering, unreachable."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import yaml
from stack import Run, Stack


def validate(stack: Stack, *argv: str) -> tuple[Run, float]:
    """Return the run and the seconds that it took."""
    began = time.monotonic()
    run = stack.runner("validate", "--format", "json", *argv)
    return run, time.monotonic() - began


def outcomes(run: Run) -> dict[str, int]:
    return run.result["validations"][-1]["counts"]


def unread(run: Run) -> list[str]:
    """Return the reasons of the checks that could not look."""
    findings: list[dict[str, Any]] = run.result["validations"][-1]["findings"]
    return [finding["summary"] for finding in findings if finding["outcome"] == "error"]


def test_a_deployed_stack_is_safe_and_the_look_changes_nothing(stack: Stack) -> None:
    """At least seventy checks, none failed, none unreadable; containers as before, none left behind."""
    before = (stack.picture(), stack.identities())
    # Other tests kill the server: what its log says of that is theirs.
    run, _ = validate(stack, "-e", "validation_log_window=20")
    assert run.code == 0, run.result["headline"]
    counts = outcomes(run)
    assert (counts["fail"], counts["error"]) == (0, 0), run.result["headline"]
    assert sum(counts.values()) >= 70
    # What every report shows of the backups: a full one, the archive, the schedule, a proved restore.
    held = run.result["validations"][-1]["protection"]
    assert held["full_age"] is not None
    assert held["restorable_age"] < 180
    assert set(held["jobs"]) == {"full", "diff", "incr", "verify", "drill"}
    assert held["drills_proved"] >= 1
    assert held["sets_proved"] >= 1
    assert held["rpo"] is not None
    assert held["rto"] is not None
    assert (stack.picture(), stack.identities()) == before


def test_a_stack_that_is_not_deployed(stack: Stack) -> None:
    """Absent, with the command that deploys it; nothing asked is never safe."""
    run, _ = validate(stack.with_variables(stack_name="nobody", stack_state_dir="/var/lib/stanchion/nobody"))
    assert (run.code, run.result["status"]) == (1, "absent")
    assert "is not deployed" in run.result["headline"]


def test_a_frozen_database_is_an_answer_within_15_seconds(stack: Stack) -> None:
    """Paused by hand: named, and what could not be read is no pass."""
    stack.host.run("docker", "pause", f"{stack.name}-db")
    try:
        run, seconds = validate(stack)
    finally:
        stack.host.run("docker", "unpause", f"{stack.name}-db")
    stack.wait_until_healthy()
    assert run.code == 1
    assert seconds < 15
    assert any("takes the connection and says nothing" in reason for reason in unread(run))
    assert "paused" in run.out


@contextlib.contextmanager
def recovering(stack: Stack) -> Iterator[None]:
    """A server that follows a log that never ends, and takes no connections meanwhile."""
    configuration = f"/var/lib/stanchion/{stack.name}/postgres/config/postgresql.conf"
    database = f"{stack.name}-db"
    signal = "/var/lib/postgresql/data/standby.signal"
    stack.host.run("sh", "-euc", f"echo 'hot_standby = off' >> {configuration}")
    stack.host.run("docker", "exec", database, "touch", signal)
    stack.host.run("docker", "restart", "-t", "60", database)
    try:
        yield
    finally:
        stack.host.run("docker", "exec", database, "rm", signal)
        stack.host.run("sed", "-i", "/^hot_standby = off$/d", configuration)
        stack.host.run("docker", "restart", "-t", "60", database)
        stack.wait_until_healthy()


def test_a_recovering_database_is_called_so_not_dead(stack: Stack) -> None:
    """What it cannot be asked is unread, with the reason."""
    with recovering(stack):
        run, _ = validate(stack)
    assert run.code == 1
    assert any("recovering or starting, which is not dead" in reason for reason in unread(run)), run.text


def test_the_other_hosts_are_told_when_one_cannot_be_reached(stack: Stack) -> None:
    """Exit code 3, the unreachable host by its name, and the findings of the one that answers."""
    path = stack.inventory
    inventory = yaml.safe_load(path.read_text())
    inventory["stack"]["hosts"] = {"gone": {"ansible_host": "no-such-container"}}
    path.write_text(yaml.safe_dump(inventory))
    alone = stack.with_variables()
    command = alone.command("validate", "--format", "json")
    command[command.index("-i") + 1] = str(path)
    run = alone.execute(command)
    assert run.code == 3, run.text
    assert run.result["error"]["hosts"] == ["gone"]
    assert [validation["host"] for validation in run.result["validations"]] == ["dockerhost"]


def test_a_deploy_that_would_not_be_safe_is_refused_before_anything(stack: Stack) -> None:
    """A critical check of the phase preflight, on what no role looks for: nothing is changed."""
    writer = f"{stack.name}-second-writer"
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    stack.host.run("docker", "create", "--name", writer, "--volume", f"{stack.name}-pgdata:/data", image)
    try:
        before = (stack.picture(), stack.identities())
        run = stack.runner("deploy", "--format", "json")
        assert (stack.picture(), stack.identities()) == before
    finally:
        stack.host.run("docker", "rm", "--force", writer)
    assert run.code == 1, run.text
    (asked,) = run.result["validations"]
    failed = [each["slug"] for each in asked["findings"] if each["outcome"] == "fail"]
    assert (asked["phase"], failed) == ("preflight", ["volume.single_writer"])
