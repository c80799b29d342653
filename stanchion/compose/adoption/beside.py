"""Who runs beside the backend from the same image: a migration, companions."""

from __future__ import annotations

import re

from stanchion.compose.adoption.backend import MIGRATES, exec_form, member, unknown
from stanchion.compose.adoption.environment import Split, Splitter
from stanchion.compose.adoption.notes import Notes
from stanchion.compose.service import Service
from stanchion.preflight.backend import TAKEN


def is_migration(service: Service) -> bool:
    """Say whether a service does nothing but migrate the database, once."""
    ends = service.container().restart_policy in ("no", "on-failure")
    # What comes last is what stays: a server that migrates first is none.
    last = re.split(r"&&|\|\||;", " ".join(service.command))[-1]
    serves = service.get("ports") or service.get("healthcheck.test")
    return ends and not serves and bool(MIGRATES.search(last))


def migration(notes: Notes, service: Service, backend: Service) -> None:
    """Take a service's command for the migration, where it is of the backend's image."""
    place = (service.get("command") or service.node).place
    if not same_image(service, backend) or notes.hides(" ".join(service.command)):
        notes.left(
            place,
            f"{service.name} migrates the database in another image than the backend's, or with a password "
            "in its command",
            "A migration runs in the backend's image: set backend_migration_command.",
        )
        return
    notes.set(
        "backend_migration_command",
        service.command,
        "Runs once before each roll-out, with a lock_timeout; it has to be repeatable.",
    )
    notes.carried(place, f"{service.name} is the migration")


def same_image(one: Service, other: Service) -> bool:
    """Say whether two services run the same image."""
    return _source(one) == _source(other)


def _source(service: Service) -> tuple[str, ...]:
    build = service.get("build")
    if build is None:
        return ("image", service.image)
    context = service.get("build.context")
    folder = str(service.project.path(context).resolve()) if context else ""
    return ("build", folder, service.text("build.dockerfile"), service.target)


def companion(
    notes: Notes, service: Service, backend: Service, database: Service, split: Split
) -> dict[str, object]:
    """Return a service as a companion of the backend.

    Args:
        notes: where it is told.
        service: the service.
        backend: the one of the replicas.
        database: the Postgres server.
        split: the backend's environment; secrets that only the companion has are added.
    """
    found: dict[str, object] = {"name": member(service.name, TAKEN)}
    probe = service.container().probe if service.get("healthcheck.test") else None
    if probe is not None and not notes.hides(" ".join(probe.test)):
        found["health_command"] = exec_form(probe.test)
    else:
        found["health_command"] = ["/bin/true"]
        notes.left(
            service.node.place,
            f"{service.name} has no health check of its own: it counts as healthy while it runs",
            "Give it one that looks at its work: health_command in backend_companions.",
        )
    command = service.get("command")
    if command is not None and (unknown(command) or notes.hides(" ".join(service.command))):
        notes.left(command.place, f"the command of {service.name} has a password or an unknown value in it")
    elif service.command:
        found["command"] = service.command
    elif backend.get("command") is not None:
        notes.left(
            service.node.place,
            f"{service.name} runs the command of its image, which the file does not say: as it is, it "
            "would run the backend's",
            "Write it into backend_companions.",
        )
    if different := _environment(notes, service, database, split):
        found["environment"] = different
    notes.carried(
        service.node.place, f"{service.name} is a companion of the backend: same image, published nowhere"
    )
    _told_of_companion(notes, service, backend)
    return found


def _environment(notes: Notes, service: Service, database: Service, split: Split) -> dict[str, str]:
    """Return what a companion's environment has beside or in place of the backend's."""
    apart = Notes(secrets=notes.secrets)
    theirs = Splitter(apart, service, database, "").take_apart()
    notes.findings += [found for found in apart.findings if found.kind == "left"]
    environment = dict(theirs.plain)
    if theirs.url is not None:
        name = theirs.names.get("DATABASE_URL", "DATABASE_URL")
        if name != split.names.get("DATABASE_URL", "DATABASE_URL"):
            environment[name] = theirs.url
    for name, secret in theirs.secrets.items():
        if split.secrets.setdefault(name, secret)[1] == secret[1]:
            continue
        notes.left(
            secret[0],
            f"the secret {name} of {service.name} is another than the backend's of that name",
            "Put it into backend_secrets by another name, and that into the companion's environment.",
        )
    for variable, number in theirs.numbers.items():
        if split.numbers.get(variable, number) != number:
            notes.left(
                service.node.place,
                f"{variable} is {number} for {service.name}: a companion has the replicas' figure",
            )
    return {key: value for key, value in environment.items() if split.plain.get(key) != value}


def _told_of_companion(notes: Notes, service: Service, backend: Service) -> None:
    if service.replicas > 1:
        notes.left(
            service.node.place, f"{service.name} has {service.replicas} replicas, and a companion is one"
        )
    taken = {(mount.source, mount.target) for mount in backend.mounts}
    for mount in service.mounts:
        if (mount.source, mount.target) not in taken:
            notes.left(
                service.node.place, f"{service.name} mounts {mount.target}, which the backend does not"
            )
    for key in ("entrypoint", "user", "mem_limit", "deploy.resources.limits"):
        found = service.get(key)
        if found is not None:
            notes.left(found.place, f"`{key}` of {service.name}: a companion has those of the replicas")
