"""Loads compose files as compose does: variables, several files, include, extends, profiles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dotenv import dotenv_values

from stanchion.compose import canonical
from stanchion.compose.merge import merge
from stanchion.compose.tree import Node, Reader
from stanchion.compose.trouble import FileError, Place

# What compose looks for where no file is named; the first that is there, and what goes over it.
DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
# NAME, NAME:TAG, NAME@DIGEST and all of them, loosely.
_IMAGE = re.compile(r"[^\s:@/]([^\s@]*[^\s:@/])?(@[^\s@]+)?")
# A variable without a value, in the symbolic text of a node.
_UNSET = re.compile("«([^»]+)»")
_OVERRIDES = {name: name.replace("compose.y", "compose.override.y") for name in DEFAULT_FILES}


@dataclass(frozen=True)
class Project:
    """What a compose file, or several, declare.

    Attributes:
        files: the files as they were named.
        services: those of the active profiles, in their long form.
        top: networks, volumes, secrets and the rest.
        folders: the folder that relative paths of a file are relative to.
        warnings: what compose would warn of, and what was left out.
    """

    files: tuple[str, ...]
    services: Mapping[str, Node]
    top: Node
    folders: Mapping[str, Path]
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The project's name, or the first file's."""
        name = self.top.get("name")
        return name.text if name else self.files[0]

    def path(self, found: Node) -> Path:
        """Return the path that a value names."""
        return self.folders.get(found.place.file, Path()) / found.text

    def network(self, name: str) -> Node | None:
        """Return the definition of a network; None where it has none."""
        networks = self.top.get("networks")
        return networks.mapping.get(name) if networks else None


def default_files(folder: Path) -> list[Path]:
    """Return the files that compose takes where none is named."""
    for name in DEFAULT_FILES:
        if (folder / name).is_file():
            override = folder / _OVERRIDES[name]
            return [Path(name), *([Path(override.name)] if override.is_file() else [])]
    return []


def load(
    files: Sequence[Path],
    environment: Mapping[str, str],
    env_files: Sequence[Path] = (),
    profiles: Sequence[str] = (),
) -> Project:
    """Return what the files declare together.

    Args:
        files: the compose files, the later over the earlier.
        environment: variables that go before those of env_files.
        env_files: files of variables; `.env` beside the first compose file where none is named.
        profiles: the active profiles, `*` for all.

    Raises:
        FileError: a file is not there, not compose, or says what cannot be meant.
    """
    loader = _Loader(variables(files[0].parent, environment, env_files))
    folder = files[0].parent
    root = loader.files(files, folder)
    services = root.get("services")
    if services is None or not services.mapping:
        raise FileError.at(
            str(files[0]),
            "there is no service in it: `services:` is missing or empty.",
            "Name a compose file, or all of them, each with -f.",
        )
    active, warnings = _active(services, profiles)
    project = Project(
        files=tuple(map(str, files)),
        services={name: loader.with_env_files(found) for name, found in active.items()},
        top=root,
        folders=loader.folders,
        warnings=(*loader.told(), *warnings),
    )
    _check_references(project, services)
    return project


def variables(folder: Path, environment: Mapping[str, str], env_files: Sequence[Path]) -> dict[str, str]:
    """Return the values of variables as compose finds them: the environment goes before the files."""
    named = list(env_files) or [path for path in [folder / ".env"] if path.is_file()]
    found: dict[str, str] = {}
    for path in named:
        if not path.is_file():
            raise FileError.at(str(path), "there is no such file.", "Name a file of NAME=VALUE lines.")
        found |= _values(path)
    return {**found, **environment}


def _values(path: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(path).items()}


@dataclass
class _Loader:
    environment: Mapping[str, str]
    folders: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    reader: Reader = field(init=False)
    _trees: dict[Path, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reader = Reader(self.environment)

    def files(self, files: Sequence[Path], folder: Path, including: tuple[Path, ...] = ()) -> Node:
        """Return several files as one, with what they include, and services on those that they extend."""
        root = self._tree(files[0], folder)
        for path in files[1:]:
            root = merge(root, self._tree(path, folder))
        root = self._with_included(root, (*including, *(path.resolve() for path in files)))
        services = root.get("services")
        if services is None:
            return root
        extended = {
            name: self._extended(found, name, services.mapping, ())
            for name, found in services.mapping.items()
        }
        return replace(root, value={**root.mapping, "services": replace(services, value=extended)})

    def _tree(self, path: Path, folder: Path) -> Node:
        """Return a file's tree, checked as far as one file can be."""
        known = self._trees.get(path)
        if known is not None:
            return known
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise FileError.at(
                str(path), f"cannot be read: {error.strerror}.", "Name a compose file."
            ) from error
        except UnicodeDecodeError as error:
            raise FileError.at(str(path), "this is no text in UTF-8.", "Name a compose file.") from error
        self.folders[str(path)] = folder
        root = self.reader.read(text, str(path))
        self._check_shape(root, str(path))
        services = root.get("services")
        if services is not None:
            written = {name: canonical.service(found) for name, found in services.mapping.items()}
            root = replace(root, value={**root.mapping, "services": replace(services, value=written)})
        self._trees[path] = root
        return root

    def _check_shape(self, root: Node, file: str) -> None:
        if not isinstance(root.value, dict):
            raise FileError.at(file, "this is no compose file: it is no mapping.", "Name a compose file.")
        keys = list(root.mapping)
        if not canonical.TOP_KEYS & set(keys):
            first = ", ".join(keys[:4]) or "none at all"
            hint = (
                "Put the services below `services:`: the form of Compose 1 is no longer read."
                if any({"image", "build"} & set(found.mapping) for found in root.mapping.values())
                else "Name a compose file."
            )
            raise FileError.at(file, f"this is no compose file: its keys are {first}.", hint)
        self._warn_of_keys(root, canonical.TOP_KEYS, "a compose file")
        for kind in ("services", "networks", "volumes", "secrets", "configs"):
            found = root.mapping.get(kind)
            if found is not None and found.value is not None and not isinstance(found.value, dict):
                raise FileError.at(
                    found.place, f"`{kind}` is no mapping.", f"Write the names below `{kind}:`."
                )
        services = root.get("services")
        for name, found in (services.mapping if services else {}).items():
            if not isinstance(found.value, dict):
                if found.tag:
                    continue
                raise FileError.at(
                    found.place, f"the service {name} is no mapping.", "Write its keys below it."
                )
            self._warn_of_keys(found, canonical.SERVICE_KEYS, "a service")

    def _warn_of_keys(self, source: Node, known: frozenset[str], of: str) -> None:
        for key in canonical.unknown(source.mapping, known):
            near = difflib.get_close_matches(key, known, 1, 0.6)
            meant = f" (did you mean {near[0]}?)" if near else ""
            self.warnings.append(
                f"{source.mapping[key].place}: {of} has no key {key!r}{meant}; it was not looked at"
            )

    def _with_included(self, root: Node, including: tuple[Path, ...]) -> Node:
        include = root.get("include")
        if include is None:
            return root
        found = Node(root.place, {})
        for item in include.items:
            found = merge(found, self._included(item, including))
        for kind in ("services", "networks", "volumes"):
            ours, theirs = root.get(kind), found.get(kind)
            for name in set(ours.mapping if ours else {}) & set(theirs.mapping if theirs else {}):
                place = ours.mapping[name].place if ours else root.place
                raise FileError.at(
                    place,
                    f"`{kind}.{name}` comes with an included file, too.",
                    "Compose refuses that: override it in a file of its own (-f), or take `extends`.",
                )
        rest = {key: value for key, value in root.mapping.items() if key != "include"}
        return merge(found, replace(root, value=rest))

    def _included(self, item: Node, including: tuple[Path, ...]) -> Node:
        for key in set(item.mapping) - {"path"}:
            raise FileError.at(
                item.mapping[key].place,
                f"`include` with `{key}` is not read here.",
                "Check what it includes on its own, with --env-file.",
            )
        named = item.get("path") if item.mapping else item
        folder = self.folders.get(item.place.file, Path())
        paths = [folder / each.text for each in (named.items if named else [])]
        if not paths:
            raise FileError.at(item.place, "`include` names no file.", "Write the path of a compose file.")
        for path in paths:
            if path.resolve() in including:
                raise FileError.at(item.place, f"{path} includes itself.", "Take the circle apart.")
            if not path.is_file():
                raise FileError.at(item.place, f"`include` names {path}, and there is no such file.")
        return self.files(paths, paths[0].parent, including)

    def _extended(
        self, service: Node, name: str, services: Mapping[str, Node], chain: tuple[tuple[str, str], ...]
    ) -> Node:
        extends = service.get("extends")
        if extends is None:
            return service
        here = (service.place.file, name)
        if here in chain:
            raise FileError.at(extends.place, f"the service {name} extends itself.", "Take the circle apart.")
        base_name, file = extends.get("service"), extends.get("file")
        if base_name is None:
            raise FileError.at(
                extends.place, "`extends` names no service.", "Write `service: NAME` below it."
            )
        if file is not None:
            path = self.folders.get(extends.place.file, Path()) / file.text
            if not path.is_file():
                raise FileError.at(file.place, f"`extends` names {path}, and there is no such file.")
            found = self._tree(path, path.parent).get("services")
            services = found.mapping if found else {}
        base = services.get(base_name.text)
        if base is None:
            raise FileError.at(
                extends.place, f"`extends` names the service {base_name.text}, which is not there."
            )
        base = self._extended(base, base_name.text, services, (*chain, here))
        own = {key: value for key, value in service.mapping.items() if key != "extends"}
        # The place stays that of the service itself: what it lacks, it lacks there.
        return replace(merge(base, replace(service, value=own)), place=service.place)

    def with_env_files(self, service: Node) -> Node:
        """Return a service with what its env_file sets under its environment."""
        files = service.get("env_file")
        values: dict[str, Node] = {}
        for item in files.items if files else []:
            path = item.get("path") if item.mapping else item
            if path is None:
                raise FileError.at(item.place, "`env_file` names no file.", "Write `path: FILE`.")
            values |= self._env_file(item, path)
        environment = service.get("environment")
        own = {
            name: self._handed_on(name, found)
            for name, found in (environment.mapping if environment else {}).items()
        }
        if not values and not own:
            return service
        place = environment.place if environment else service.place
        return replace(service, value={**service.mapping, "environment": Node(place, {**values, **own})})

    def _env_file(self, item: Node, path: Node) -> dict[str, Node]:
        required = item.get("required")
        found = self.folders.get(path.place.file, Path()) / path.text
        if found.is_file():
            # Literal is what the compose file itself says.
            return {name: Node(path.place, value, value, "") for name, value in _values(found).items()}
        if required is not None and not required.true:
            return {}
        raise FileError.at(
            path.place,
            f"`env_file` names {found}, and there is no such file.",
            "Put it there, or say `required: false`: what it sets has to be looked at.",
        )

    def _handed_on(self, name: str, found: Node) -> Node:
        """Return a variable's value; one without is handed on from the environment, or not there."""
        if found.value is not None:
            return found
        value = self.environment.get(name)
        return found if value is None else Node(found.place, value, value, "")

    def told(self) -> Iterable[str]:
        """Yield what compose would warn of."""
        yield from self.warnings
        for name, place in self.reader.unset.items():
            yield f"{place}: the variable {name} has no value; compose takes it for empty"


def _active(services: Node, profiles: Sequence[str]) -> tuple[dict[str, Node], list[str]]:
    """Return the services of the active profiles, and a warning of those left out."""
    active: dict[str, Node] = {}
    left_out: dict[str, list[str]] = {}
    for name, found in services.mapping.items():
        of = found.get("profiles")
        wanted = [item.text for item in of.items] if of else []
        if not wanted or "*" in profiles or set(wanted) & set(profiles):
            active[name] = found
        else:
            left_out[name] = wanted
    return active, [
        f"{services.mapping[name].place}: the service {name} was not looked at: its profile is not active "
        f"(--profile {wanted[0]}, or '*' for all)"
        for name, wanted in left_out.items()
    ]


def _check_references(project: Project, every: Node) -> None:
    """Refuse what compose refuses: no image, and names that nothing has."""
    for name, found in project.services.items():
        _check_image(name, found)
        depends = found.get("depends_on")
        for other, how in (depends.mapping if depends else {}).items():
            required = how.get("required")
            if other in project.services or (required is not None and not required.true):
                continue
            why = "whose profile is not active" if other in every.mapping else "which is not there"
            raise FileError.at(how.place, f"{name} depends on the service {other}, {why}.")
        networks = found.get("networks")
        for other, how in (networks.mapping if networks else {}).items():
            if other != "default":
                _need(project, "networks", other, name, how.place)
        volumes = found.get("volumes")
        for item in volumes.items if volumes else []:
            volume = named_volume(item)
            if volume:
                _need(project, "volumes", volume, name, item.place)


def _check_image(name: str, found: Node) -> None:
    image = found.mapping.get("image")
    if image is None and not {"build", "provider"} & set(found.mapping):
        raise FileError.at(
            found.place, f"{name} has neither an image nor a build.", "Write `image: NAME:TAG`."
        )
    if image is not None and not _IMAGE.fullmatch(image.text):
        unset = " and ".join(_UNSET.findall(image.symbolic))
        raise FileError.at(
            image.place,
            f"the image of {name} is {image.text!r}, which is none.",
            f"Give {unset} a value: in the environment, in .env or with --env-file."
            if unset
            else "Write `image: NAME:TAG`.",
        )


def named_volume(item: Node) -> str:
    """Return the name of the volume that an item of `volumes` mounts; empty of a path or an anonymous one."""
    if item.mapping:
        kind, source = item.get("type"), item.get("source")
        return source.text if source and (kind is None or kind.text == "volume") else ""
    source_text, colon, _ = item.text.partition(":")
    return source_text if colon and source_text[:1] not in (".", "/", "~", "") else ""


def _need(project: Project, kind: str, name: str, service: str, place: Place) -> None:
    defined = project.top.get(kind)
    if defined is None or name not in defined.mapping:
        raise FileError.at(
            place,
            f"{service} uses `{kind}.{name}`, which the file does not define.",
            f"Write `{name}:` below `{kind}:`, at the left margin.",
        )
