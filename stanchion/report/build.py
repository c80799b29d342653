"""From a run's recording to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stanchion.engine import Request
from stanchion.errors import UnreachableError
from stanchion.exit_codes import ExitCode
from stanchion.report import headline, next_steps, recoveries
from stanchion.report.failure import Fault
from stanchion.report.model import (
    Backups,
    Change,
    FailOn,
    Failure,
    Host,
    Part,
    Result,
    Run,
    Status,
)
from stanchion.report.stack import host_of, serves
from stanchion.report.validation import latest, safety, sentence, validation_of
from stanchion.run.context import Context
from stanchion.run.recording import Recording
from stanchion.run.verbs import VERBS


def result_of(
    context: Context, request: Request, recording: Recording, fault: Fault | None, seconds: float
) -> Result:
    """Return the result of a run that came to its end, well or not."""
    hosts = hosts_of(recording)
    run = _run(context, request, seconds)
    changes = [Change(role=e.phase, task=_imperative(e.task), host=e.host) for e in recording.changes]
    validations = [validation_of(host, data) for host, data in recording.validations]
    fail_on = _fail_on(request, recording)
    status, code = _verdict(context.verb, request.check, hosts, changes, fault)
    if fault is None and status in _JUDGED:
        status, code = safety(context.verb, status, latest(validations), fail_on)
    mended = [recoveries.recovery_of(host, data) for host, data in sorted(recording.recoveries.items())]
    if fault is None and context.verb == "recover":
        status, code = recoveries.verdict(
            status, code, mended, bool(request.variables.get("recovery_plan_only"))
        )
    if fault is None:
        line = headline.of(context.verb, status, hosts, recording, changes, run.seconds)
        if mended and status != "absent":
            line = recoveries.headline(recording.stack, status, mended, run.seconds)
        told = [v for v in latest(validations) if context.verb in _OF_CHECKS or v.phase == "deploy"]
        if told and status != "absent":
            line = f"{line}; {sentence(told)}"
    else:
        line = headline.failed(context.verb, fault, run.seconds)
    return Result(
        verb=context.verb,
        status=status,
        exit_code=code,
        headline=line,
        error=None if fault is None else failure_of(fault, run.log, context.root),
        stack=recording.stack,
        hosts=hosts,
        changed=len(changes),
        changes=changes,
        validations=validations,
        recoveries=mended,
        backups=[Backups(host=host, **data) for host, data in recording.backups],
        fail_on=fail_on,
        parts=[
            Part(name=p.name, seconds=round(p.seconds, 2), tasks=p.tasks, changed=p.changed)
            for p in recording.phases.values()
        ],
        removed=_removed(recording),
        warnings=recording.warnings,
        next_steps=next_steps.of(context.verb, status, request, hosts, recording),
        run=run,
    )


def _fail_on(request: Request, recording: Recording) -> FailOn:
    """Return by what the role refused, which the inventory may say; the stricter one where hosts differ."""
    given = request.variables.get("validation_fail_on")
    last = {host: data.get("fail_on", given) for host, data in recording.validations}
    return "warn" if "warn" in (last.values() if last else [given]) else "fail"


def failure_of(fault: Fault, log: str, root: Path) -> Failure:
    """Return a fault as the result shows it."""
    error, event = fault.error, fault.event
    return Failure(
        kind=error.kind,
        what=error.what,
        hosts=list(fault.hosts),
        role=None if event is None else event.role or None,
        task=None if event is None else _imperative(event.task),
        place=None if event is None else _place(event.path, root),
        last_lines=list(fault.last_lines),
        remedy=error.advice,
        log=log,
    )


def record_of(result: Result, tasks: int) -> dict[str, Any]:
    """Return what the state folder keeps of a run."""
    run = (
        {} if result.run is None else result.run.model_dump(mode="json", exclude={"folder", "log", "details"})
    )
    summary = {"status": result.status, "exit_code": result.exit_code, "changes": len(result.changes)}
    return {**run, **summary, "tasks": tasks, **recoveries.moments(result.recoveries)}


def hosts_of(recording: Recording) -> list[Host]:
    """Return what the look at each host found."""
    return [
        host_of(name, facts, recording.declared.get(name, {}))
        for name, facts in sorted(recording.looks.items())
    ]


def silent_engine(hosts: Sequence[Host]) -> Fault | None:
    """Return the fault of a look that found an engine which does not answer: that is no finding."""
    return _silent({host.name: host.engine for host in hosts})


def _place(path: str, root: Path) -> str | None:
    """Return file:line, relative to the root; Ansible goes to a clone's own roles through a link."""
    file, _, line = path.rpartition(":")
    if not file:
        return None
    real = Path(file).resolve()
    if real.is_relative_to(root.resolve()):
        real = real.relative_to(root.resolve())
    return f"{real}:{line}"


def _imperative(task: str) -> str:
    """Drop the file from "file | Do this": the role already says where."""
    return task.partition(" | ")[2] or task


def _removed(recording: Recording) -> dict[str, list[str]]:
    """Return what destroy took away, by kind, over all hosts."""
    removed: dict[str, list[str]] = {}
    for kinds in recording.removed.values():
        for kind, names in kinds.items():
            removed.setdefault(str(kind), []).extend(str(name) for name in names)
    return {kind: names for kind, names in removed.items() if names}


def _verdict(
    verb: str, check: bool, hosts: Sequence[Host], changes: Sequence[Change], fault: Fault | None
) -> tuple[Status, ExitCode]:
    if fault is not None:
        return "failed", fault.error.exit_code
    if check:
        return "planned", ExitCode.OK
    about = VERBS[verb].about
    if about == "safety":
        return "safe", ExitCode.OK
    if about == "work":
        return "done", ExitCode.OK
    if about == "removal":
        return "destroyed" if changes else "unchanged", ExitCode.OK
    health = health_of(hosts)
    if health != "healthy":
        return health, ExitCode.CHECK_FAILED
    if verb == "deploy":
        return "deployed" if changes else "unchanged", ExitCode.OK
    return health, ExitCode.OK


# Verbs whose result is what the checks say.
_OF_CHECKS = ("validate", "recover", "report")
# What the checks may overrule.
_JUDGED = ("safe", "deployed", "unchanged", "done")


def silent_engine_of_checks(recording: Recording) -> Fault | None:
    """Return the fault of a validation that met an engine which does not answer; its findings stay."""
    seen = [(host, data) for host, data in recording.validations if data["phase"] != "preflight"]
    return _silent({host: data["engine"] for host, data in seen})


def _silent(engines: Mapping[str, str]) -> Fault | None:
    silent = {host: state for host, state in engines.items() if state in ("stopped", "unreachable")}
    if not silent:
        return None
    reasons = [f"on {host} it is {state}" for host, state in silent.items()]
    error = UnreachableError(f"The Docker engine does not answer: {', '.join(reasons)}.")
    return Fault(error, hosts=tuple(silent))


def health_of(hosts: Sequence[Host]) -> Status:
    """Return one word for all hosts. What could not be looked at is never healthy."""
    containers = [container for host in hosts for container in host.containers]
    if any(host.unreadable for host in hosts):
        return "degraded" if serves(hosts) else "down"
    if not containers:
        return "absent"
    if not serves(hosts):
        return "down"
    whole = all(container.well for container in containers) and not any(host.missing for host in hosts)
    return "healthy" if whole else "degraded"


def _run(context: Context, request: Request, seconds: float) -> Run:
    return Run(
        **context.identity(),
        inventory=str(request.inventory),
        limit=request.limit,
        check=request.check,
        started=context.started,
        seconds=round(seconds, 2),
        folder=str(context.folder.path),
        log=str(context.folder.log),
        details=request.verbosity > 0,
    )
