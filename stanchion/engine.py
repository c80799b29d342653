"""Runs one playbook. The only importer of ansible_runner: typed request in, typed events and outcome out."""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stanchion.run import environment
from stanchion.run.become import password_pipe
from stanchion.run.events import Event, parse
from stanchion.run.folder import RunFolder
from stanchion.run.stopping import GRACE_SECONDS, Reason, Stopper


class Listener(Protocol):
    """Who is told while it runs."""

    def on_event(self, event: Event) -> None:
        """Hear of a task that began or ended."""

    def on_stop(self, reason: Reason) -> None:
        """Hear that Ansible was asked to stop."""


@dataclass(frozen=True)
class Request:
    """What to run."""

    root: Path
    playbook: Path
    inventory: Path
    limit: str | None = None
    check: bool = False
    diff: bool = False
    variables: Mapping[str, object] = field(default_factory=dict)
    verbosity: int = 0
    become_password: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    grace: float = GRACE_SECONDS


@dataclass(frozen=True)
class Outcome:
    """How it ended. `return_code` is None where Ansible was killed; `stopped` says whether that was us, and
    `hurried` whether it was asked for twice."""

    return_code: int | None
    stopped: Reason | None
    hurried: bool = False


def run(request: Request, folder: RunFolder, listener: Listener) -> Outcome:
    """Run the playbook to its end, or until it is stopped."""
    with contextlib.ExitStack() as stack:
        variables = stack.enter_context(folder.variables_file(request.variables))
        password = stack.enter_context(password_pipe(folder.path, request.become_password))
        stopper = stack.enter_context(Stopper(listener.on_stop, request.timeout, request.grace))
        stack.callback(folder.command.unlink, missing_ok=True)
        runner = _runner(request, folder, _arguments(request, variables, password), stopper, listener)
        runner.run()
        # A signal that comes after the last task stops nothing.
        stopped = None if runner.rc == 0 else stopper.reason
        return Outcome(return_code=runner.rc, stopped=stopped, hurried=stopper.hurried)


def _arguments(request: Request, variables: Path | None, password: Path | None) -> list[str]:
    arguments = ["-i", str(request.inventory)]
    if request.limit is not None:
        arguments += ["--limit", request.limit]
    if request.check:
        arguments.append("--check")
    if request.diff:
        arguments.append("--diff")
    if variables is not None:
        arguments += ["-e", f"@{variables}"]
    if password is not None:
        arguments += ["--become-password-file", str(password)]
    if request.verbosity:
        arguments.append("-" + "v" * request.verbosity)
    return arguments


def _runner(
    request: Request, folder: RunFolder, arguments: list[str], stopper: Stopper, listener: Listener
) -> Any:
    config = importlib.import_module("ansible_runner.config.runner").RunnerConfig(
        private_data_dir=str(folder.path),
        project_dir=str(request.root),
        ident="ansible",
        playbook=str(request.playbook),
        cmdline=shlex.join(arguments),
        # Facts hold the hosts' environment: in memory only.
        fact_cache_type="memory",
        quiet=True,
        envvars=environment.settings(request.root) | dict(request.environment),
    )
    config.prepare()
    # It starts from the whole environment of this process, and writes all of it to a file.
    config.env = environment.scrub(config.env)
    config.env["PATH"] = environment.with_own_programs(config.env.get("PATH", os.defpath))
    config.command = [sys.executable, "-P", "-m", "stanchion.run.leash", str(os.getpid()), *config.command]
    # How long a signal or the time limit may go unnoticed.
    config.pexpect_timeout = 0.5

    def on_event(raw: dict[str, Any]) -> bool:
        event = parse(raw)
        if event is not None:
            listener.on_event(event)
        # Nothing of an event stays on disk: its results may be large, and the log tells the story.
        return False

    def on_status(status: Mapping[str, Any], **_: object) -> None:
        if status["status"] == "running":
            # Written just before, and of no use to anybody.
            folder.command.unlink(missing_ok=True)

    return importlib.import_module("ansible_runner.runner").Runner(
        config, event_handler=on_event, status_handler=on_status, cancel_callback=stopper.must_kill
    )
