"""What a Dockerfile says: what it is built on, who runs in it, and what it carries along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, Level, SkipError
from stanchion.checks.registry import CRITICAL, FILE, INFO, WARNING, check
from stanchion.compose import images
from stanchion.compose.dockerfile import Dockerfile, Instruction, replace_arguments
from stanchion.compose.files import Files
from stanchion.compose.trouble import Place
from stanchion.secret_names import holds_secret, is_secret_like

CIS = "CIS Docker Benchmark"

_SECRET_FILE = re.compile(
    r"\.env(\..+)?|.+\.env|\.pgpass|\.netrc|\.pypirc|\.git-credentials|\.htpasswd|id_(rsa|dsa|ecdsa|ed25519)|"
    r".+\.(pem|key|p12|pfx|jks|kdbx|keystore)|credentials(\.json)?|secrets?(\.(json|ya?ml|txt|toml))?|"
    r"service[-_]?account.*\.json|\.aws|\.ssh|\.gnupg",
    re.IGNORECASE,
)
# Meant for everybody, though named alike.
_PUBLIC_FILE = re.compile(
    r".*(example|sample|template|dist|\.pub$)|.*(cert|chain|bundle|(^|[-_.])ca([-_.]|$)).*\.pem",
    re.IGNORECASE,
)
# Images that do not run as root though their Dockerfile may not say so.
_NOT_ROOT = re.compile(r"nonroot|rootless|unprivileged|bitnami/|chainguard")


def _dockerfiles(look: Look) -> list[Dockerfile]:
    files: Files = look.source("compose")["files"]
    if not files.dockerfiles:
        raise SkipError("no Dockerfile was named, and none lies where a service is built")
    return list(files.dockerfiles)


def _targets(look: Look, found: Dockerfile) -> list[str]:
    """Return the stages that are built; the last one where nobody says."""
    files: Files = look.source("compose")["files"]
    return sorted({service.target for service in files.built_from(found)}) or [""]


def _seen(level: Level, what: str, place: Place, of: Path) -> Evidence:
    return Evidence(what, level, of.name, file=place.file, line=place.line)


@check(
    "dockerfile.base_pinned",
    rows="IMG-01",
    title="Every base image has a tag, and not `latest`",
    phases=(FILE,),
    severity=CRITICAL,
    why="`latest` is another image tomorrow: a rebuild brings a new major version, or a C library that "
    "sorts text in another way, and nobody has decided it.",
    remedy="Name a version (python:3.13.1-slim-bookworm), or better NAME:TAG@sha256:… and renew it on "
    "purpose.",
    source=f"{CIS} 5.28; docker-library/postgres#1356",
    reads=("compose",),
)
def base_pinned(look: Look) -> Iterator[Evidence]:
    for found in _dockerfiles(look):
        names = {stage.name for stage in found.stages}
        for stage in found.stages:
            if stage.base in names or stage.base == "scratch":
                continue
            yield _pinned(stage.base, stage.place, found.path)


def _pinned(base: str, place: Place, of: Path) -> Evidence:
    name = images.parse(base)
    if name.digest:
        return _seen(Level.NOTE, f"{base} is pinned by its digest", place, of)
    if "$" in base:
        return _seen(Level.WARN, f"the base {base} is only known when it is built", place, of)
    if name.tag in ("", "latest"):
        said = "has the tag latest" if name.tag else "has no tag, which means latest"
        return _seen(Level.BAD, f"the base {name.repository} {said}", place, of)
    return _seen(Level.NOTE, f"{base}, by its tag", place, of)


@check(
    "dockerfile.user",
    rows="CTR-16",
    title="The image does not run as root",
    phases=(FILE,),
    severity=WARNING,
    why="A flaw in the application is then a process of root, and one in the kernel or a mounted folder "
    "makes it root of the host.",
    remedy="Make a user (`RUN useradd --uid 10001 app`) and write `USER 10001` before CMD.",
    source=f"{CIS} 4.1",
    reads=("compose",),
)
def user(look: Look) -> Iterator[Evidence]:
    files: Files = look.source("compose")["files"]
    for found in _dockerfiles(look):
        services = files.built_from(found)
        if services and all(service.text("user") for service in services):
            yield _seen(Level.NOTE, "the services say who runs in it", found.stages[-1].place, found.path)
            continue
        for target in _targets(look, found):
            yield _user(found, target)


def _user(found: Dockerfile, target: str) -> Evidence:
    last = found.last(target, "USER")
    if last is None:
        base = found.base(target)
        place = found.chain(target)[0].place
        if _NOT_ROOT.search(base):
            return _seen(Level.NOTE, f"as whom {base} says", place, found.path)
        if images.is_postgres(base):
            return _seen(Level.NOTE, "the image's entry point gives root up", place, found.path)
        return _seen(Level.BAD, "runs as root: there is no USER", place, found.path)
    name = last.value.split(":")[0]
    if name in ("root", "0"):
        return _seen(Level.BAD, f"runs as root: the last USER is {name}", last.place, found.path)
    return _seen(Level.NOTE, f"runs as {name}", last.place, found.path)


@check(
    "dockerfile.secrets",
    rows=("ENV-02", "ENV-04"),
    title="No secret is built into an image",
    phases=(FILE,),
    severity=CRITICAL,
    why="Every layer stays in the image, and so does the value of every ARG in its history: a file that a "
    "later line deletes can still be read by whoever can pull it.",
    remedy="Mount it for the one step that needs it (RUN --mount=type=secret,id=…), list it in "
    ".dockerignore, and give the rest when the container starts; then change the secret.",
    source=f"{CIS} 4.10; Docker documentation, Build secrets",
    reads=("compose",),
)
def secrets(look: Look) -> Iterator[Evidence]:
    for found in _dockerfiles(look):
        for instruction in found.instructions:
            if instruction.word in ("COPY", "ADD"):
                yield from _copied(look, found, instruction)
            elif instruction.word in ("ARG", "ENV"):
                yield from _set(found, instruction)


def _copied(look: Look, found: Dockerfile, instruction: Instruction) -> Iterator[Evidence]:
    if "from" in instruction.options:
        return
    for source in instruction.words[:-1]:
        path = PurePosixPath(source)
        if any(_is_secret_file(part) for part in path.parts):
            yield _seen(
                Level.BAD, f"{instruction.word} takes {source} into the image", instruction.place, found.path
            )
        elif source.rstrip("/") in (".", "*", ""):
            files: Files = look.source("compose")["files"]
            for name in filter(_is_secret_file, files.contexts[str(found.path)]):
                yield _seen(
                    Level.BAD,
                    f"{instruction.word} {source} takes {name} along, which no .dockerignore keeps out",
                    instruction.place,
                    found.path,
                )


def _is_secret_file(name: str) -> bool:
    return bool(_SECRET_FILE.fullmatch(name)) and not _PUBLIC_FILE.match(name)


def _set(found: Dockerfile, instruction: Instruction) -> Iterator[Evidence]:
    for name, value in instruction.pairs:
        given = replace_arguments(value, {})
        if instruction.word == "ARG" and is_secret_like(name):
            yield _seen(
                Level.BAD,
                f"ARG {name}: its value stays in the image's history",
                instruction.place,
                found.path,
            )
        elif instruction.word == "ENV" and holds_secret(name, given):
            yield _seen(Level.BAD, f"ENV {name} is in the image", instruction.place, found.path)


@check(
    "dockerfile.exec_form",
    rows="CTR-09",
    title="The application gets the signal to stop",
    phases=(FILE,),
    severity=WARNING,
    why="In the shell form, the signal goes to a shell that hands nothing on: every stop takes ten seconds, "
    "ends in SIGKILL and cuts off the requests under way.",
    remedy='Write CMD and ENTRYPOINT as lists: CMD ["gunicorn", "app:app"]; in a shell, `exec` the last '
    "command.",
    source="Dockerfile reference, Shell and exec form",
    reads=("compose",),
)
def exec_form(look: Look) -> Iterator[Evidence]:
    for found in _dockerfiles(look):
        for target in _targets(look, found):
            for word in ("ENTRYPOINT", "CMD"):
                last = found.last(target, word)
                if last is None or last.is_exec_form or last.value.startswith("exec "):
                    continue
                yield _seen(
                    Level.BAD, f"{word} is run by a shell, which gets the signals", last.place, found.path
                )


@check(
    "dockerfile.health_check",
    rows="CTR-10",
    title="The image, or the service, has a health check",
    phases=(FILE,),
    severity=INFO,
    why="Without one, a process that hangs is as good as one that answers: nothing waits for it, nothing "
    "replaces it.",
    remedy='Write HEALTHCHECK CMD ["…"] into the Dockerfile, or healthcheck below the service.',
    source=f"{CIS} 4.6",
    reads=("compose",),
)
def health_check(look: Look) -> Iterator[Evidence]:
    files: Files = look.source("compose")["files"]
    for found in _dockerfiles(look):
        services = files.built_from(found)
        for target in _targets(look, found):
            place = found.chain(target)[0].place
            if last := found.last(target, "HEALTHCHECK"):
                yield _seen(Level.NOTE, f"HEALTHCHECK {last.value}", last.place, found.path)
            elif services and all(service.get("healthcheck") for service in services):
                yield _seen(Level.NOTE, "the services have one", place, found.path)
            else:
                yield _seen(Level.BAD, "has no HEALTHCHECK", place, found.path)
