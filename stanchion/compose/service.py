"""A service of a compose file: its container as the checks see it, and what only a file says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from stanchion.checks.address import addresses
from stanchion.checks.container import (
    ANYWHERE,
    BACKEND,
    POSTGRES,
    Container,
    Mount,
    Port,
    Probe,
    seconds,
    size,
)
from stanchion.compose import images
from stanchion.compose.dockerfile import Dockerfile
from stanchion.compose.load import Project, named_volume
from stanchion.compose.tree import Node
from stanchion.compose.trouble import FileError, Place
from stanchion.secret_names import PASSWORD_IN_ADDRESS, holds_secret

_DATA = ("/var/lib/postgresql", "/var/lib/postgresql/data")


@dataclass(frozen=True)
class Service:
    """One service. `dockerfiles` are those of all services of the file, by their names."""

    name: str
    node: Node
    project: Project
    dockerfiles: Mapping[str, Dockerfile] = field(default_factory=dict)

    @property
    def dockerfile(self) -> Dockerfile | None:
        """What it is built from, where that could be read."""
        return self.dockerfiles.get(self.name)

    def other(self, name: str) -> Service:
        """Return another service of the file."""
        return Service(name, self.project.services[name], self.project, self.dockerfiles)

    def get(self, path: str) -> Node | None:
        """Return what stands at a dotted path of the service."""
        return self.node.get(path)

    def text(self, path: str) -> str:
        """Return the text at a path; empty of nothing."""
        found = self.get(path)
        return found.text if found else ""

    def texts(self, path: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        found = self.get(path)
        return tuple(item.text for item in found.items) if found else ()

    def true(self, path: str) -> bool:
        """Return a boolean; nothing is false."""
        found = self.get(path)
        return found is not None and found.true

    @cached_property
    def environment(self) -> Mapping[str, Node]:
        """The variables; those without a value are not among them."""
        found = self.get("environment")
        return {
            name: value for name, value in (found.mapping if found else {}).items() if value.value is not None
        }

    @property
    def image(self) -> str:
        """The image's name; empty of one that is only built."""
        return self.text("image")

    @property
    def target(self) -> str:
        """The stage of the Dockerfile that is built."""
        return self.text("build.target")

    @property
    def command(self) -> list[str]:
        """The words of the command; of none, those of the Dockerfile's CMD."""
        found = self.get("command")
        if found is None:
            last = self.dockerfile.last(self.target, "CMD") if self.dockerfile else None
            return last.words if last else []
        if isinstance(found.value, list):
            return [item.text for item in found.value]
        try:
            return shlex.split(found.text)
        except ValueError:
            return found.text.split()

    @property
    def replicas(self) -> int:
        """How many containers it makes."""
        text = self.text("scale") or self.text("deploy.replicas") or "1"
        return int(text) if text.isdecimal() else 1

    # What it is

    @cached_property
    def is_postgres(self) -> bool:
        """Say whether it is a Postgres server: its image, what that is built on, or its data says so."""
        if self.image and images.is_postgres(self.image):
            return True
        if images.is_tool(self.image):
            return False
        if self.dockerfile and images.is_postgres(self.dockerfile.base(self.target)):
            return True
        return any(mount.target.rstrip("/") in _DATA and not mount.read_only for mount in self.mounts)

    @cached_property
    def databases(self) -> list[str]:
        """The names of the file's Postgres services that it uses: by address, host or depends_on."""
        postgres = {name for name in self.project.services if self.other(name).is_postgres}
        if self.is_postgres or images.is_tool(self.image):
            return []
        aliases = {host: name for name in postgres for host in self.other(name).names}
        depends = self.get("depends_on")
        named = {aliases[host] for host in self.hosts if host in aliases}
        return sorted(named | (postgres & set(depends.mapping if depends else ())))

    @property
    def role(self) -> str | None:
        """What it is to the checks; a tool for the database is neither."""
        if self.is_postgres:
            return POSTGRES
        if images.is_tool(self.image):
            return None
        return BACKEND if self.hosts or self.databases else None

    # Secrets

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The variables that hold a secret, wherever it comes from."""
        return tuple(name for name, value in self.environment.items() if holds_secret(name, value.symbolic))

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The values of variables, without secrets: of an address that holds a password, the rest."""
        found = {}
        for name, value in self.environment.items():
            text = PASSWORD_IN_ADDRESS.sub(r"\1@", value.symbolic)
            if text != value.symbolic or name not in self.secrets:
                found[name] = text
        return found

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Where its environment says that a Postgres database is."""
        return frozenset(found.host for _, found in addresses(self.values))

    # Its container

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Under which names others reach it."""
        aliases = [how.get("aliases") for how in self._mapping("networks").values()]
        own = (self.name, self.text("container_name"), self.text("hostname"))
        return (*filter(None, own), *(item.text for found in aliases if found for item in found.items))

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """What it mounts."""
        found = self.get("volumes")
        return tuple(_mount(item) for item in (found.items if found else []))

    def container(self) -> Container:
        """Return the view that the checks have.

        Raises:
            FileError: a size, a duration or a port is none.
        """
        security = self.texts("security_opt")
        return Container(
            name=self.name,
            role=self.role,
            # What is built is named by the image's name, not taken from there.
            image="" if self.get("build") else self.image,
            command=tuple(self.command),
            replicas=self.replicas,
            user=self.text("user") or self._of_dockerfile("USER"),
            init=self.true("init"),
            privileged=self.true("privileged"),
            read_only=self.true("read_only"),
            cap_add=self.texts("cap_add"),
            cap_drop=self.texts("cap_drop"),
            security_options=security,
            namespaces={kind: self.text(kind) for kind in ("pid", "ipc", "uts") if self.text(kind)},
            memory=self._size("mem_limit", "deploy.resources.limits.memory"),
            # Without limit, which is more than where nothing is said.
            memory_swap=-1 if self.text("memswap_limit") == "-1" else self._size("memswap_limit"),
            cpus=self._number("cpus", "deploy.resources.limits.cpus"),
            pids=_whole(self._number("pids_limit", "deploy.resources.limits.pids")),
            shm_size=self._size("shm_size"),
            restart_policy=self._restart(),
            stop_signal=self.text("stop_signal") or self._of_dockerfile("STOPSIGNAL"),
            stop_timeout=_whole(self._seconds("stop_grace_period")),
            log_driver=self.text("logging.driver") or None,
            log_options={name: value.text for name, value in self._mapping("logging.options").items()},
            probe=self._probe(),
            networks=self._networks(),
            network_mode=self.text("network_mode") or None,
            ports=tuple(self._ports()),
            mounts=self.mounts,
            tmpfs=tuple(line.partition(":")[0] for line in self.texts("tmpfs")),
            names=frozenset(self.environment),
            values=self.values,
            secrets_in_environment=self.secrets,
            labels={name: value.text for name, value in self._mapping("labels").items()},
        )

    def _mapping(self, path: str) -> Mapping[str, Node]:
        found = self.get(path)
        return found.mapping if found else {}

    def _of_dockerfile(self, word: str) -> str | None:
        last = self.dockerfile.last(self.target, word) if self.dockerfile else None
        return last.value if last else None

    def _first(self, *paths: str) -> Node | None:
        return next((found for path in paths if (found := self.get(path)) and found.text), None)

    def _size(self, *paths: str) -> int | None:
        found = self._first(*paths)
        if found is None:
            return None
        try:
            # Compose takes 512MB and 1gb as well as 512m.
            return size(re.sub(r"(?i)^([0-9.]+)\s*([kmgt])i?b?$", lambda m: m[1] + m[2].lower(), found.text))
        except ValueError as error:
            raise FileError.at(found.place, f"{error}.") from error

    def _number(self, *paths: str) -> float | None:
        found = self._first(*paths)
        if found is None:
            return None
        try:
            number = float(found.text)
        except ValueError as error:
            raise FileError.at(found.place, f"{found.text!r} is no number.") from error
        return number if number > 0 else None

    def _seconds(self, path: str) -> float | None:
        found = self._first(path)
        if found is None:
            return None
        try:
            return seconds(found.text)
        except ValueError as error:
            raise FileError.at(
                found.place, f"{found.text!r} is no duration.", "Write it like 90s or 1m30s."
            ) from error

    def _restart(self) -> str:
        if self.text("restart"):
            return self.text("restart")
        if self.get("deploy.restart_policy") is None:
            return "no"
        condition = self.text("deploy.restart_policy.condition") or "any"
        return {"any": "always", "none": "no"}.get(condition, condition)

    def _probe(self) -> Probe | None:
        test = self.get("healthcheck.test")
        if self.true("healthcheck.disable"):
            return None
        if test is None:
            return self._probe_of_dockerfile()
        line = tuple(item.text for item in test.items)
        if not any(line):
            return self._probe_of_dockerfile()
        if not isinstance(test.value, list):
            line = ("CMD-SHELL", *line)
        if line[0] == "NONE":
            return None
        if line[0] not in ("CMD", "CMD-SHELL"):
            raise FileError.at(
                test.place,
                f"this health check begins with {line[0]!r}.",
                "Begin it with CMD, CMD-SHELL or NONE.",
            )
        return Probe(
            test=line,
            interval=self._seconds("healthcheck.interval") or 30.0,
            timeout=self._seconds("healthcheck.timeout") or 30.0,
            retries=_whole(self._number("healthcheck.retries")) or 3,
            start_period=self._seconds("healthcheck.start_period") or 0.0,
        )

    def _probe_of_dockerfile(self) -> Probe | None:
        found = self.dockerfile.last(self.target, "HEALTHCHECK") if self.dockerfile else None
        words = found.words if found else []
        if found is None or not words or words[0].upper() != "CMD":
            return None
        rest = found.value[found.value.upper().index("CMD") + 3 :].strip()
        options = found.options
        try:
            return Probe(
                test=("CMD", *_json_words(rest)) if rest.startswith("[") else ("CMD-SHELL", rest),
                interval=seconds(options.get("interval", "30s")),
                timeout=seconds(options.get("timeout", "30s")),
                retries=int(options.get("retries", 3)),
                start_period=seconds(options.get("start-period", "0s")),
            )
        except ValueError as error:
            raise FileError.at(found.place, f"an option of HEALTHCHECK is no number: {error}.") from error

    def _networks(self) -> Mapping[str, Mapping[str, object]]:
        shared = self.text("network_mode").removeprefix("service:")
        if shared in self.project.services:
            return self.other(shared)._networks()
        if shared:
            return {}
        return {name: {"aliases": list(self.names)} for name in self._mapping("networks") or ("default",)}

    def _ports(self) -> Iterator[Port]:
        found = self.get("ports")
        for item in found.items if found else []:
            yield from _published(item)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _json_words(text: str) -> list[str]:
    import json

    try:
        return [str(word) for word in json.loads(text)]
    except ValueError:
        return text.split()


def _mount(item: Node) -> Mount:
    if item.mapping:
        kind, source, target = (item.get(key) for key in ("type", "source", "target"))
        if target is None:
            raise FileError.at(item.place, "this mount has no target.", "Write `target: PATH` to it.")
        read_only = item.get("read_only")
        return Mount(
            kind.text if kind else "volume",
            source.text if source else "",
            target.text,
            bool(read_only and read_only.true),
        )
    parts = item.text.split(":")
    if len(parts) == 1:
        return Mount("volume", "", parts[0])
    options = parts[2].split(",") if len(parts) > 2 else []
    return Mount("volume" if named_volume(item) else "bind", parts[0], parts[1], "ro" in options)


def _published(item: Node) -> Iterator[Port]:
    if item.mapping:
        target, published, address, protocol = (
            item.get(key) for key in ("target", "published", "host_ip", "protocol")
        )
        if target is None:
            raise FileError.at(item.place, "this port has no target.", "Write `target: NUMBER` to it.")
        yield from _ports(
            item.place,
            address.text if address else "",
            published.text if published else "",
            target.text,
            protocol.text if protocol else "tcp",
        )
        return
    head, _, protocol_text = item.text.partition("/")
    left, _, inside = head.rpartition(":")
    address_text, _, outside = left.rpartition(":")
    yield from _ports(item.place, address_text.strip("[]"), outside, inside, protocol_text or "tcp")


def _ports(place: Place, address: str, outside: str, inside: str, protocol: str) -> Iterator[Port]:
    inner, outer = _range(inside, place), _range(outside, place) if outside else []
    if outer and len(inner) > 1 and len(inner) != len(outer):
        raise FileError.at(place, f"the ranges {outside} and {inside} are of different lengths.")
    for number, port in enumerate(inner):
        # A range outside for one port inside: the engine takes a free one of it.
        published = outer[number] if len(outer) == len(inner) else None
        yield Port(port, address or ANYWHERE, published, protocol)


def _range(text: str, place: Place) -> list[int]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise FileError.at(place, f"{text!r} is no port.", "Write it like 8080:80 or 127.0.0.1:8080:80.")
    return list(range(int(first), int(last or first) + 1))
