"""The files of one check together: services, Dockerfiles, which belongs to which, and where everything is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stanchion.checks.model import Evidence
from stanchion.compose import dockerfile
from stanchion.compose.dockerfile import Dockerfile
from stanchion.compose.load import Project
from stanchion.compose.service import Service
from stanchion.compose.tree import Node
from stanchion.compose.trouble import FileError, Place
from stanchion.image.ignore import Ignore

# Where the same is said in the form of a swarm.
_ELSEWHERE = {
    "mem_limit": "deploy.resources.limits.memory",
    "cpus": "deploy.resources.limits.cpus",
    "pids_limit": "deploy.resources.limits.pids",
    "restart": "deploy.restart_policy.condition",
}
_REMOTE = ("http://", "https://", "git://", "git@", "ssh://", "github.com/")


@dataclass(frozen=True)
class Files:
    """What a compose check looks at.

    Attributes:
        project: None where only Dockerfiles were named.
        services: with the Dockerfile of each that is built from one that could be read.
        dockerfiles: those named, and those that services are built from.
        unread: why the Dockerfile of a service could not be read, by its name.
        contexts: by the path of a Dockerfile, what lies at the top of its build context and goes into the
            build: no .dockerignore keeps it out.
    """

    project: Project | None
    services: tuple[Service, ...]
    dockerfiles: tuple[Dockerfile, ...]
    unread: Mapping[str, str]
    contexts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def service(self, name: str) -> Service:
        """Return a service by its name."""
        return next(found for found in self.services if found.name == name)

    def built_from(self, found: Dockerfile) -> list[Service]:
        """Return the services that are built from a Dockerfile."""
        return [
            service
            for service in self.services
            if service.dockerfile is not None and service.dockerfile.path == found.path
        ]

    def locate(self, evidence: Evidence) -> Evidence:
        """Return evidence with the file and line of what it is about; as it is where no file says it."""
        place = None if evidence.line else self._place(evidence.of, evidence.key)
        return replace(evidence, file=place.file, line=place.line) if place else evidence

    def _place(self, of: str, key: str) -> Place | None:
        if self.project is None:
            return None
        root = self.project.services.get(of)
        if root is not None:
            return _at(root, key) or _elsewhere(root, key) or root.place
        return _at(self.project.top, key) if key else None


def _elsewhere(root: Node, key: str) -> Place | None:
    """Return where the form of a swarm says it, or would say it: its neighbours are there."""
    alternative = _ELSEWHERE.get(key, "")
    if root.get(alternative.rpartition(".")[0]) is None:
        return None
    return _at(root, alternative)


def _at(root: Node, key: str) -> Place | None:
    """Return where a dotted path of keys leads, or its longest part that leads anywhere; None of none."""
    found, rest = root, key
    while rest:
        # A name may have dots in it: a path, an image.
        below = _below(found, rest)
        if below is not None:
            return below.place
        name, _, rest = rest.partition(".")
        below = _below(found, name)
        if below is None:
            break
        found = below
    return found.place if found is not root else None


def _below(found: Node, name: str) -> Node | None:
    if isinstance(found.value, list):
        return next((item for item in found.value if _names(item, name)), None)
    return found.mapping.get(name)


def _names(item: Node, name: str) -> bool:
    if item.mapping:
        return name in (below.text for below in item.mapping.values())
    return name in (item.text, *item.text.partition("/")[0].split(":"), *item.text.split(":"))


def gather(project: Project | None, named: Sequence[Path]) -> Files:
    """Return the files of a check; Dockerfiles that are named go to the services that are built from them.

    Raises:
        FileError: a Dockerfile that was named is none, or a build context cannot be read.
    """
    services = [Service(name, found, project) for name, found in project.services.items()] if project else []
    built = {service.name: path for service in services if (path := _dockerfile_of(service))}
    taken = dict(_given(built, named))
    dockerfiles: dict[str, Dockerfile] = {}
    unread: dict[str, str] = {}
    for service in services:
        if service.get("build") is None:
            continue
        path = taken.get(service.name) or built.get(service.name)
        if path is not None and path.is_file():
            dockerfiles[service.name] = dockerfile.read(path, _arguments(service))
        else:
            unread[service.name] = f"{path} is not there" if path else "its build names none that lies here"
    read = {str(found.path): found for found in dockerfiles.values()}
    alone = {str(path): dockerfile.read(path) for path in named if str(path) not in read}
    every = tuple((read | alone).values())
    files = Files(
        project, tuple(replace(service, dockerfiles=dockerfiles) for service in services), every, unread
    )
    return replace(files, contexts={str(found.path): _let_in(_context(files, found)) for found in every})


def _context(files: Files, found: Dockerfile) -> Path:
    for service in files.built_from(found):
        context = service.get("build.context")
        if context is not None:
            return service.project.path(context)
    return found.path.parent


def _let_in(context: Path) -> tuple[str, ...]:
    if not context.is_dir():
        return ()
    listed = context / ".dockerignore"
    try:
        lines = listed.read_text(encoding="utf-8-sig").splitlines() if listed.is_file() else []
        names = sorted(path.name for path in context.iterdir())
    except (OSError, UnicodeDecodeError) as error:
        raise FileError.at(str(context), f"this build context cannot be read: {error}.") from error
    ignore = Ignore(lines)
    return tuple(name for name in names if not ignore.matches(name))


def _dockerfile_of(service: Service) -> Path | None:
    context = service.get("build.context")
    if context is not None and (context.text.startswith(_REMOTE) or context.text.endswith(".git")):
        return None
    build = service.get("build")
    if build is None or service.get("build.dockerfile_inline") is not None:
        return None
    folder = service.project.path(context) if context else service.project.folders[build.place.file]
    return folder / (service.text("build.dockerfile") or "Dockerfile")


def _given(built: Mapping[str, Path], named: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield which named Dockerfile is whose: the same file, else one in a folder of the same name, else the
    one that is left over for the only service without."""
    left = list(named)
    missing = []
    for name, path in built.items():
        same = next((each for each in named if each.resolve() == path.resolve()), None)
        alike = next(
            (each for each in left if each.resolve().parent.name == path.resolve().parent.name), None
        )
        if match := same or (None if path.is_file() else alike):
            yield name, match
            left = [each for each in left if each != match]
        elif not path.is_file():
            missing.append(name)
    if len(missing) == 1 and len(left) == 1:
        yield missing[0], left[0]


def _arguments(service: Service) -> dict[str, str]:
    found = service.get("build.args")
    return {name: value.text for name, value in (found.mapping if found else {}).items() if value.text}
