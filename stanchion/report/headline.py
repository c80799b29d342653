"""The first sentence: how it went, where, how long, how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stanchion.report.failure import Fault
from stanchion.report.model import Change, Host, Status
from stanchion.run.recording import Recording

_STATE = {
    "healthy": "is healthy",
    "degraded": "serves, but not all is well",
    "down": "does not serve",
    "absent": "is not deployed",
    "unsafe": "serves, and is not safe",
}


def of(
    verb: str,
    status: Status,
    hosts: Sequence[Host],
    recording: Recording,
    changes: Sequence[Change],
    seconds: float,
) -> str:
    """Return the sentence of a run that went to its end."""
    name = recording.stack or "the stack"
    where = f"on {counted(len(recording.hosts), 'host')}"
    took = duration(seconds)
    if status == "planned" and verb == "destroy":
        things = sum(len(names) for kinds in recording.removed.values() for names in kinds.values())
        return f"planned: {counted(things, 'thing')} of {name} {where} would go; nothing was removed ({took})"
    if status == "planned":
        return f"planned: {counted(len(changes), 'change')} to {name} {where}; nothing was changed ({took})"
    if verb == "destroy":
        if status == "unchanged":
            return f"unchanged: nothing of {name} was left {where} ({took})"
        return f"destroyed: containers and networks of {name} {where} in {took}{_kept(recording)}"
    if verb in ("validate", "recover", "report"):
        state = " is not deployed" if status == "absent" else ""
        return f"{status}: {name}{state} {where} in {took}"
    if verb == "backup":
        return f"backed up: {name} {where} in {took}"
    if verb == "drill":
        return f"proved: {name} can be restored, {where} in {took}"
    if verb == "backups":
        return f"{name}: its backups {where} ({took})"
    if verb == "restore":
        restored = bool(recording.backups) and "recovery" in recording.backups[-1][1]["result"]
        word = "restored" if restored else "done"
        return f"{word}{', unsafe' if status == 'unsafe' else ''}: {name} {where} in {took}"
    if verb == "secrets":
        return f"exported: the secrets of {name} {where} in {took}"
    if status == "done":
        return f"{verb} done: {name} {where} in {took}"
    if verb == "deploy":
        word = status if status in ("deployed", "unchanged") else f"deployed, {status}"
        state = _STATE["healthy" if status in ("deployed", "unchanged") else status]
        checked = "" if any(_at_end(data) for _, data in recording.validations) else ", not validated"
        return f"{word}: {name} {state} {where} in {took}, {counted(len(changes), 'change')}{checked}"
    running = sum(container.well for host in hosts for container in host.containers)
    total = sum(len(host.containers) for host in hosts)
    return f"{status}: {name} {_STATE[status]} {where}; {running} of {counted(total, 'container')} well"


def _at_end(validation: Mapping[str, object]) -> bool:
    return validation["phase"] == "deploy"


def failed(verb: str, fault: Fault, seconds: float) -> str:
    """Return the sentence of a run that failed."""
    where = f" on {', '.join(fault.hosts[:3])}" if fault.hosts else ""
    role = f", in {fault.event.role}" if fault.event is not None and fault.event.role else ""
    return f"{verb} {fault.ended}{where}{role} after {duration(seconds)}"


def counted(number: int, noun: str) -> str:
    """Return "1 host", "2 hosts"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a span as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _kept(recording: Recording) -> str:
    if not took_data(recording):
        return "; volumes, secrets and images stay"
    return f", data and secrets too{'; the backups stay' if recording.kept else ''}"


def took_data(recording: Recording) -> bool:
    """Say whether destroy took the data along."""
    return any(kinds.get("volumes") or kinds.get("folders") for kinds in recording.removed.values())
