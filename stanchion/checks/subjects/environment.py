"""What containers get by their environment and their secret files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanchion.checks.address import address
from stanchion.checks.container import BACKEND, POSTGRES, Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, Phase, SkipError, bad, note, warn
from stanchion.checks.pool_view import OVERFLOW, SIZE, TIMEOUT, WORKERS
from stanchion.checks.registry import (
    CRITICAL,
    DEPLOY,
    FILE,
    PREFLIGHT,
    RUNTIME,
    WARNING,
    Threshold,
    check,
)
from stanchion.preflight.files import TOO_OPEN

URL = "DATABASE_URL"
WHOLE, SECONDS = r"\d{1,9}", r"\d{1,9}(\.\d+)?"
# A minus stands for SQLAlchemy's "no limit" and "never".
FIGURES = {
    WORKERS: WHOLE,
    SIZE: WHOLE,
    OVERFLOW: f"-?{WHOLE}",
    TIMEOUT: SECONDS,
    "DB_POOL_RECYCLE": f"-?{WHOLE}",
    "PORT": WHOLE,
}
# What the official image's entrypoint reads while it makes a cluster, and never again.
INITIAL = (
    "POSTGRES_DB",
    "POSTGRES_HOST_AUTH_METHOD",
    "POSTGRES_INITDB_ARGS",
    "POSTGRES_INITDB_WALDIR",
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
)


@check(
    "environment.contract",
    rows="ENV-01",
    title="Every container has the variables that are declared, and they can be read",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="An application that lacks a variable takes a default of its own: another pool, another database.",
    remedy="Deploy: containers whose environment differs are replaced. A value of your own goes into "
    "backend_environment.",
    source="backend/README.md, The contract",
    reads=("containers",),
    part=BACKEND,
)
def contract(look: Look) -> Iterator[Evidence]:
    for container in look.containers():
        missing = () if look.of_declared else sorted(look.declared_like(container).names - container.names)
        for name in missing:
            yield bad(f"has no {name}", container.name, f"environment.{name}")
        if not missing:
            yield note(f"{len(container.names)} variables", container.name)
        if container.role == BACKEND:
            yield from _figures(container)
            yield from _database_address(look, container)


def _figures(container: Container) -> Iterator[Evidence]:
    for name, form in FIGURES.items():
        value = container.values.get(name)
        if value is not None and not re.fullmatch(form, value):
            yield bad(f"{name} is {value!r}, no number as it is meant", container.name, f"environment.{name}")


def _database_address(look: Look, container: Container) -> Iterator[Evidence]:
    text = container.values.get(URL)
    if text is None:  # none, or one that holds a password and is not told
        return
    if not look.has(POSTGRES) and look.phase is Phase.FILE:  # the database is in no container of the file
        return
    found = address(text)
    key = f"environment.{URL}"
    if found is None or not found.scheme.startswith("postgres"):
        yield bad(
            f"{URL} is no address of the form postgresql://USER@HOST:PORT/DATABASE", container.name, key
        )
    elif found.host not in _names_of_database(look):
        names = " or ".join(sorted(_names_of_database(look)))
        yield bad(f"{URL} names the host {found.host}, and the database is {names}", container.name, key)
    else:
        yield note(f"{URL} leads to {found.host}/{found.database}", container.name)


def _names_of_database(look: Look) -> set[str]:
    if look.phase is not Phase.FILE:
        return {look.stack["database_alias"]}
    database = look.database
    aliases = {alias for net in database.networks.values() for alias in net.get("aliases") or ()}
    # What is neither may be a pooler before it.
    return {database.name, *aliases, *(c.name for c in look.containers() if c.role is None)}


@check(
    "environment.secrets",
    rows="ENV-02",
    title="No secret is in a container's environment",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="Everybody who may ask the engine reads it with `docker inspect`; so does every process in the "
    "container, and many a crash report.",
    remedy="Set backend_password_mode to pgpass or secret_file and pass further ones in backend_secrets. "
    "In a compose file use POSTGRES_PASSWORD_FILE with a secret.",
    source="CIS PostgreSQL 17 Benchmark 1.7; CIS Docker Benchmark 4.10",
    reads=("containers",),
)
def secrets(look: Look) -> Iterator[Evidence]:
    for container in look.containers():
        for name in container.secrets_in_environment:
            yield bad(f"{name} holds a secret", container.name, f"environment.{name}")
        if look.phase is Phase.PREFLIGHT and container.role == BACKEND and _by_environment(look):
            yield bad(f"backend_password_mode puts the password into {URL}", container.name)
        elif not container.secrets_in_environment:
            yield note(f"none in {len(container.names)} variables", container.name)


def _by_environment(look: Look) -> bool:
    mode: str = look.backend["password_mode"]
    return mode == "environment"


@check(
    "environment.both_forms",
    rows="ENV-03",
    title="No variable is given both as itself and as a file",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="The official image's entrypoint ends with an error at its next start; other images take one of "
    "the two, and nobody knows which.",
    remedy="Keep the variable that ends in _FILE and take the other one out.",
    source="entrypoint of the official image, file_env",
    reads=("containers",),
)
def both_forms(look: Look) -> Iterator[Evidence]:
    for container in look.containers():
        twice = sorted(name for name in container.names if f"{name}_FILE" in container.names)
        for name in twice:
            yield bad(f"both {name} and {name}_FILE are set", container.name, f"environment.{name}")
        if not twice:
            yield note("each given once", container.name)


@check(
    "environment.secret_files",
    rows="ENV-04",
    title="Secret files are their reader's alone, and hold something that can be one",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="A file that others can read is no secret; one that its container cannot read stops it at its "
    "next start; an empty or short one is guessed.",
    remedy="chmod 0400 FILE; what a deploy writes itself, it sets right again. A password that is too short: "
    "write a new one of 32 letters into the file under stack_secrets_dir and deploy.",
    source="ours: mode 0400 is what every reader accepts, libpq's password file and sshd's key among them",
    reads=("secrets",),
    thresholds=(
        Threshold(
            "validation_environment_secret_length",
            20,
            "characters",
            "ours: 20 random letters and digits are beyond any guessing",
        ),
    ),
)
def secret_files(look: Look) -> Iterator[Evidence]:
    entries = look.source("secrets")["entries"]
    if not entries:
        raise SkipError("there is no secret file yet")
    readers = _readers(look)
    for path, entry in sorted(entries.items()):
        # What a deploy puts right by itself must not keep it from running.
        held = [*_wrong_mode(entry), *_wrong_reader(path, entry, readers)]
        yield from ((warn if look.phase is Phase.PREFLIGHT else bad)(text, path) for text in held)
        inside = [*_wrong_content(look, path, entry)]
        yield from inside
        if not held and not inside:
            yield note(f"mode {entry['mode']}, of {entry['owner']}, {entry['size']} bytes", path)


def _readers(look: Look) -> dict[str, int]:
    """Return the uid that has to read what is in a mounted folder, by the folder."""
    return {
        mount.source: int(uid)
        for container in look.declared_containers()
        for mount in container.mounts
        if (uid := str(container.user or "").partition(":")[0]).isdigit()
    }


def _wrong_mode(entry: Row) -> Iterator[str]:
    if entry["kind"] == "file" and int(entry["mode"], 8) & TOO_OPEN:
        yield f"mode {entry['mode']} opens it to others; 0400 is enough"


def _wrong_reader(path: str, entry: Row, readers: dict[str, int]) -> Iterator[str]:
    uid = readers.get(path.rpartition("/")[0])
    if uid is not None and entry["kind"] == "file" and entry["uid"] != uid:
        yield f"belongs to uid {entry['uid']}, and the container that reads it runs as {uid}"


def _wrong_content(look: Look, path: str, entry: Row) -> Iterator[Evidence]:
    least = look.threshold("validation_environment_secret_length")
    # Those in folders below are written by each deploy, some for other services: not ours to choose.
    of_database = path.rpartition("/")[0] == look.source("secrets")["folder"]
    mended = look.phase is Phase.PREFLIGHT and not of_database
    if entry["content"] == "empty":
        yield warn("is empty", path) if mended else bad("is empty", path)
    elif path.endswith("password") and entry["size"] < least:
        text = f"has {entry['size']} characters, and {least:g} are wanted"
        yield bad(text, path) if of_database else warn(text, path)
    elif path.endswith("password") and entry["content"] == "other":
        yield bad("is not one line of text", path)


@check(
    "environment.initial_only",
    rows="ENV-05",
    title="No variable pretends to change a cluster that exists",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="POSTGRES_PASSWORD and its like act on an empty data folder only. Whoever changes them later changes "
    "nothing, and takes the password for changed.",
    remedy="Take the variable out; change the cluster itself: `ALTER ROLE name PASSWORD ...`, or deploy "
    "with the new secret file.",
    source="documentation of the official image, Environment Variables (warning)",
    reads=("containers",),
    reads_running=("volumes",),
    part=POSTGRES,
)
def initial_only(look: Look) -> Iterator[Evidence]:
    if look.phase is Phase.PREFLIGHT and look.source("engine")["state"] != "running":
        raise SkipError("no engine runs yet, so there is no volume")
    volumes = {entry["name"]: entry for entry in look.source("volumes")["entries"]}
    for container in look.containers(POSTGRES):
        used = [volumes[mount.source] for mount in container.mounts if mount.source in volumes]
        if not any((volume["content"].get("pg_version") or "") for volume in used):
            yield note("its volume has no cluster yet", container.name)
            continue
        idle = sorted(name for name in container.names if name.removesuffix("_FILE") in INITIAL)
        for name in idle:
            yield warn(f"{name} is set, and has no effect on the cluster that exists", container.name)
        if not idle:
            yield note("none set", container.name)
