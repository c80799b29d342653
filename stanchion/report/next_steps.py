"""What to do next, as lines that work when pasted."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stanchion.engine import Request
from stanchion.report.headline import took_data
from stanchion.report.model import Host, Status
from stanchion.run.paths import DEFAULT_INVENTORY, program_name
from stanchion.run.recording import Recording
from stanchion.variables import OPTION_VARIABLES

# What the command line of `recover` says by options of its own.
_OF_RECOVER = ("recovery_plan_only", "recovery_approve")
# What a session hands to every run.
_OF_EACH_RUN = ("stanchion_run", "validation_facts_dir")


def of(verb: str, status: Status, request: Request, hosts: Sequence[Host], recording: Recording) -> list[str]:
    """Return the steps after this result; a failure brings its own remedy."""
    if status == "failed":
        return []
    if verb == "recover":
        return _after_recovery(status, request, recording)
    if status == "planned":
        return [f"apply it: {' '.join([command(verb, request), *_asked(verb, request)])}"]
    if verb == "destroy":
        if took_data(recording) and recording.kept:
            # A new database does not begin over the backups of another: the warning names the ways out.
            return []
        if took_data(recording):
            return [f"begin anew, with an empty database: {command('deploy', request)}"]
        again = f"bring it back: {command('deploy', request)}"
        data = f"remove its data for good: {command('destroy', request)} --delete-data {recording.stack}"
        return [again, data]
    if status == "unsafe":
        return [f"what a check is about: {program_name()} explain SLUG"]
    if status in ("safe", "done"):
        copies = [
            told["result"]["copy"]["container"] for _, told in recording.backups if "copy" in told["result"]
        ]
        return [f"drop the copy in the end: {command(verb, request)} --drop {name}" for name in copies]
    if status in ("degraded", "down", "absent"):
        # A deploy leaves them alone: somebody will have had a reason.
        paused = [
            f"let it go on: docker unpause {container.name} (on {host.name})"
            for host in hosts
            for container in host.containers
            if container.state == "paused"
        ]
        return paused or [f"bring it back: {command('deploy', request)}"]
    steps = [f"use it: curl -s http://{address}" for address in _addresses(hosts, recording)[:1]]
    if verb == "deploy":
        steps += [f"see its figures and alerts: http://{address}/alerts" for address in _pages(hosts)]
        steps.append(f"look again: {command('status', request)}")
    return [*steps, f"take it down, keeping its data: {command('destroy', request)}"]


def command(verb: str, request: Request) -> str:
    """Return the command line of a verb for the same hosts."""
    parts = [program_name(), verb]
    if request.inventory != request.root / DEFAULT_INVENTORY:
        parts += ["-i", shlex.quote(str(request.inventory))]
    if request.limit is not None:
        parts += ["--limit", shlex.quote(request.limit)]
    return " ".join(parts)


def _after_recovery(status: Status, request: Request, recording: Recording) -> list[str]:
    """Return what is left to do: the plan's own remedies, and those that need a word."""
    found = [cause for told in recording.recoveries.values() for cause in told["causes"]]
    given = {name: value for name, value in request.variables.items() if name not in _OF_RECOVER}
    more = [*_asked("recover", dataclasses.replace(request, variables=given))]
    again = [command("recover", request), *more]
    planned = [each for each in found if each["outcome"] == "planned"]
    words = _words(each for each in planned if each["risk"] == "approve")
    wanted = _words(each for each in found if _needs_a_word(each))
    steps = []
    if status == "absent":
        steps.append(f"bring it up: {' '.join([command('deploy', request), *more])}")
    if planned:
        steps.append(f"do it: {' '.join([*again, *words])}")
    if wanted:
        # All in one run: it knows their order.
        steps.append(f"do that as well: {' '.join([*again, *words, *wanted])}")
    if status == "unsafe" and not steps:
        steps.append(f"what a check is about: {program_name()} explain SLUG")
    return steps


def _words(causes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the options that say yes to the remedies of these causes."""
    return [f"--approve {remedy}" for remedy in sorted({each["remedy"] for each in causes})]


def _needs_a_word(cause: Mapping[str, Any]) -> bool:
    return bool(cause["risk"] == "approve" and cause["outcome"] == "refused" and "--approve" in cause["why"])


def _asked(verb: str, request: Request) -> Iterator[str]:
    """Yield what else the command line said of what is to be done: the same again, but for --check."""
    for name, value in request.variables.items():
        if name in _OF_EACH_RUN:
            continue
        of, option = OPTION_VARIABLES.get(name, ("", ""))
        if of != verb or value is False:
            text = json.dumps(value, ensure_ascii=False, default=str)
            yield f"-e {shlex.quote(f'{name}={text}')}"
        elif value is True:
            yield option
        else:
            yield f"{option} {shlex.quote(str(value))}"


def _pages(hosts: Sequence[Host]) -> list[str]:
    """Return where Prometheus has its pages."""
    return [
        address
        for host in hosts
        for container in host.containers
        if container.role == "monitoring" and container.name.endswith("-prometheus") and container.well
        for address in container.addresses
    ]


def _addresses(hosts: Sequence[Host], recording: Recording) -> list[str]:
    return [
        address + str(recording.declared.get(host.name, {}).get("backend_health_path", "/"))
        for host in hosts
        for container in host.containers
        if container.role == "backend" and container.well
        for address in container.addresses
    ]
