"""Nothing is removed that was not named and confirmed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from stanchion.cli.session import Session, look
from stanchion.errors import ConfigurationError, ConfirmationError
from stanchion.report import build
from stanchion.run.inventory import did_you_mean

DEFAULT_STACK = "medication-tracker"


def stack_names(session: Session) -> set[str]:
    """Return the names of the stacks that this inventory and these variables declare."""
    given = session.request.variables.get("stack_name")
    if given is not None:
        return {str(given)}
    hosts = session.hosts.hosts if session.hosts is not None else {}
    return {str(variables.get("stack_name", DEFAULT_STACK)) for variables in hosts.values()}


def check_name(session: Session, option: str, named: str) -> None:
    """Refuse what an option would delete or replace of a stack that is not the one declared."""
    names = stack_names(session)
    if names != {named}:
        raise ConfigurationError(
            f"{option} {named}: this inventory declares {' and '.join(sorted(names)) or 'no stack'}. "
            "Nothing was done.",
            did_you_mean(named, names),
        )


def ask(session: Session, data: bool, backups: bool, no_input: bool) -> None:
    """Name what would be lost, and go on only at a clear yes; where nobody can answer, flags count."""
    if no_input or not sys.stdin.isatty():
        if data:
            # The stack's name was spelled out: there is no clearer yes.
            return
        raise ConfirmationError("destroy asks before it removes anything, and nobody can answer here.")
    for line in losses(session, data, backups):
        click.echo(line, err=True)
    if not click.confirm("Go on?", default=False, err=True):
        raise ConfirmationError("Not confirmed: nothing was removed.", "")


def fenced(session: Session, restore_from: str, named: str | None, no_input: bool) -> Session:
    """Ask for the word that the lost host is off, or take what was given for it; return the run with it."""
    names = stack_names(session)
    if len(names) != 1:
        raise ConfigurationError(
            f"--restore-from is for one stack, and this inventory declares {len(names)}."
        )
    (name,) = names
    if named is None:
        if no_input or not sys.stdin.isatty():
            raise ConfirmationError(
                f"--restore-from {restore_from} asks whether the old host is off; nobody can answer here.",
                f"Shut it off, then say --old-host-is-fenced {name}.",
            )
        click.echo(
            "Two databases that archive into one repository destroy it. The old host must be off, and must "
            "not come back by itself.",
            err=True,
        )
        named = click.prompt(
            "The stack's name, if the old host is off", default="", show_default=False, err=True
        )
    if named != name:
        raise ConfigurationError(
            f"--old-host-is-fenced {named}: this inventory declares {name}. Nothing was restored.",
            did_you_mean(named, names),
        )
    own = {"stack_restore_from": restore_from, "stack_old_host_is_fenced": named}
    request = replace(session.request, variables={**session.request.variables, **own})
    return replace(session, request=request)


def losses(session: Session, data: bool, backups: bool) -> list[str]:
    """Return what goes and what stays, host by host, from a live look."""
    recording = look(session, "looking at what would go")
    lines = []
    for host in build.hosts_of(recording):
        containers = ", ".join(container.name for container in host.containers) or "none"
        stay = [] if backups else _repositories(recording.looks[host.name])
        volumes = ", ".join(volume.name for volume in host.volumes if volume.name not in stay) or "none"
        lines.append(f"{host.name}: containers {containers}, their networks and the schedule of backups go.")
        if data:
            lines.append(f"{host.name}: for good go volumes {volumes}, with all data, secrets and records.")
        else:
            lines.append(f"{host.name}: volumes {volumes}, secrets and images stay.")
        if data and backups:
            lines.append(f"{host.name}: for good go the backups on this host, with what opens them.")
        elif stay:
            lines.append(f"{host.name}: the backups in {', '.join(stay)} stay, with what opens them.")
    return lines


def _repositories(facts: Mapping[str, Any]) -> list[str]:
    """Return the volumes that hold backups, and not one that a job has made for itself."""
    return [
        volume["name"]
        for volume in (facts.get("volumes") or {}).get("entries") or []
        if volume["role"] == "backup" and "io.stanchion.one-shot" not in volume.get("labels", {})
    ]
