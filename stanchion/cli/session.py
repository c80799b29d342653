"""One verb from its options to its exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from getpass import getpass
from pathlib import Path

from stanchion import engine
from stanchion.cli.command import Options
from stanchion.errors import (
    CheckFailedError,
    ConfirmationError,
    FailedServingError,
    InternalError,
)
from stanchion.report import build, output, place, progress
from stanchion.report.failure import Fault, explain, of_a_restore, with_state
from stanchion.report.model import Result
from stanchion.report.stack import serves
from stanchion.run import inventory, records, sudo, variables
from stanchion.run.context import Context, begin
from stanchion.run.events import Event
from stanchion.run.folder import RESULT, RunFolder
from stanchion.run.paths import find_root
from stanchion.run.recording import Recording
from stanchion.run.stopping import GRACE_SECONDS, Reason
from stanchion.run.verbs import VERBS

# A look takes seconds; one that hangs must not hold up the end of a failed run.
_LOOK_SECONDS = 60.0
# Whoever has stopped a run does not wait for long, and not at all after another Ctrl-C.
_SHORT_LOOK_SECONDS = 20.0
_SHORT_GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class Session:
    """A verb about to run: everything that could be refused has been."""

    context: Context
    request: engine.Request
    hosts: inventory.Inventory | None


@dataclass(frozen=True)
class _Watcher:
    """Records every event, and shows it."""

    recording: Recording
    shown: progress.Progress

    def on_event(self, event: Event) -> None:
        self.recording.add(event)
        self.shown.on_event(event)

    def on_stop(self, reason: Reason) -> None:
        self.shown.on_stop(reason)


def open_session(
    verb: str, options: Options, own: Mapping[str, object], read_inventory: bool = False
) -> Session:
    """Check what can be checked before anything starts."""
    root = find_root()
    place.check(options.output)
    path = inventory.resolve(options.inventory, root)
    given = {**variables.parse(options.extra), **own}
    check_sudo = sudo.needs_check(options.ask_become_pass)
    hosts = inventory.read(path, root) if read_inventory or options.limit or check_sudo else None
    if hosts is not None and options.limit:
        inventory.check_limit(options.limit, hosts)
    if hosts is not None and check_sudo:
        sudo.check(hosts)
    password = _become_password(options)
    context = begin(verb)
    if VERBS[verb].asks_checks:
        given["validation_facts_dir"] = str(context.folder.path / "facts")
    request = engine.Request(
        root=root,
        playbook=root / "playbooks" / f"{verb}.yml",
        inventory=path,
        limit=options.limit,
        check=options.check,
        diff=options.diff,
        variables={**given, "stanchion_run": _for_hosts(context)},
        verbosity=options.verbose,
        become_password=password,
        environment={"STANCHION_RUN_ID": context.id, "STANCHION_VERB": verb},
        timeout=options.timeout,
    )
    return Session(context, request, hosts)


def _for_hosts(context: Context) -> dict[str, object]:
    return {
        **context.identity(),
        "started": context.started.isoformat(),
        "epoch": context.started.timestamp(),
    }


def _become_password(options: Options) -> str | None:
    if not options.ask_become_pass:
        return None
    if options.no_input:
        raise ConfirmationError(
            "--ask-become-pass asks for a password, and --no-input forbids that.",
            "Name a file of mode 0600 in the environment: ANSIBLE_BECOME_PASSWORD_FILE.",
        )
    return getpass("sudo password: ", sys.stderr) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def perform(session: Session) -> Result:
    """Run the verb, decide how it ended, and keep a record of it."""
    return perform_recorded(session)[0]


def perform_recorded(session: Session) -> tuple[Result, Recording]:
    """Do the same, and return besides what the hosts have told."""
    context, request = session.context, session.request
    expected = records.expected_tasks(context.state, context.verb, str(request.inventory), request.check)
    recording = Recording()
    began = time.monotonic()
    with progress.follow(context.verb, expected) as shown:
        outcome = engine.run(request, context.folder, _Watcher(recording, shown))
    fault = explain(outcome, recording, _text(context.folder.log), dry_run=request.check)
    if fault is not None and fault.undecided:
        fault = _judged(session, recording, fault)
    if fault is not None and fault.cut_short and (_leaves_it_serving(context.verb) or _replaces(session)):
        fault = with_state(fault, None if outcome.hurried else _serves_now(session, recording, fault))
    if fault is not None and _replaces(session):
        fault = of_a_restore(fault)
    if fault is None and context.verb == "status":
        fault = build.silent_engine(build.hosts_of(recording))
    # To recover, an engine that does not answer is one finding of many.
    if fault is None and context.verb != "recover":
        fault = build.silent_engine_of_checks(recording)
    return keep(session, recording, fault, time.monotonic() - began), recording


def keep(session: Session, recording: Recording, fault: Fault | None, seconds: float) -> Result:
    """Return the result of a run that is over, and keep a record of it."""
    context = session.context
    result = build.result_of(context, session.request, recording, fault, seconds)
    context.folder.write(RESULT, result.model_dump_json(indent=2))
    records.append(context.state, build.record_of(result, recording.tasks))
    return result


def look(
    session: Session,
    why: str,
    seconds: float = _LOOK_SECONDS,
    grace: float = GRACE_SECONDS,
    playbook: str = "status",
) -> Recording:
    """Look at the hosts as `status` does, on behalf of another verb; or run another playbook that looks."""
    recording = Recording()
    request = replace(
        session.request,
        playbook=session.request.root / "playbooks" / f"{playbook}.yml",
        check=False,
        diff=False,
        timeout=seconds,
        grace=grace,
    )
    folder: RunFolder = session.context.folder.below("look")
    with progress.wait(session.context.verb, why) as shown:
        outcome = engine.run(request, folder, _Watcher(recording, shown))
    fault = explain(outcome, recording, _text(folder.log))
    if fault is not None:
        raise fault.error
    return recording


def _decide(session: Session, recording: Recording, fault: Fault) -> Fault:
    """Find out whether what ran before the failed run still serves."""
    from stanchion.errors import StanchionError

    try:
        seen = look(session, "failed; looking whether the earlier state serves")
    except StanchionError:
        # Could not look: never taken for a stack that serves.
        return fault
    recording.looks, recording.declared = seen.looks, seen.declared
    if serves(build.hosts_of(seen)):
        return replace(fault, error=FailedServingError(fault.error.what))
    return fault


def _judged(session: Session, recording: Recording, fault: Fault) -> Fault:
    """Give a failure its class, by what the verb is for."""
    kind = VERBS[session.context.verb]
    if kind.interrupts or _replaces(session):
        return _decide(session, recording, fault)
    if kind.about == "work":
        return replace(fault, error=CheckFailedError(fault.error.what, ""))
    return _unexpected(fault)


def _leaves_it_serving(verb: str) -> bool:
    """Whether a verb may stop what serves, and is not meant to: who removes a stack does not ask for it."""
    return VERBS[verb].interrupts and VERBS[verb].about != "removal"


def _replaces(session: Session) -> bool:
    """Whether a restore puts its copy in the live database's place: that stops what serves."""
    return bool(session.request.variables.get("stack_restoring"))


def _unexpected(fault: Fault) -> Fault:
    """Return the fault of a verb that changes nothing: whether the stack serves is not what it is about."""
    return replace(fault, error=InternalError(fault.error.what))


def _serves_now(session: Session, recording: Recording, fault: Fault) -> bool | None:
    """Look for a moment whether the stack serves after a run that was cut short; None: could not look."""
    from stanchion.errors import StanchionError

    why = f"{fault.ended}; looking whether the stack serves (Ctrl-C leaves that out)"
    try:
        seen = look(session, why, _SHORT_LOOK_SECONDS, _SHORT_GRACE_SECONDS)
    except (StanchionError, KeyboardInterrupt):
        return None
    recording.looks, recording.declared = seen.looks, seen.declared
    hosts = build.hosts_of(seen)
    if serves(hosts):
        return True
    return None if any(host.unreadable for host in hosts) or build.silent_engine(hosts) else False


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def finish(result: Result, options: Options) -> int:
    """Write the result where it was asked for, and return its exit code."""
    output.write(result, options.output_format, options.output)
    return result.exit_code
