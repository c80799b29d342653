"""The backend of a compose file: its image, ports, health check, limits, volumes, and who runs beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from stanchion.checks.container import ANYWHERE, Container
from stanchion.checks.pool_view import word_value
from stanchion.compose import images
from stanchion.compose.adoption.names import Names
from stanchion.compose.adoption.notes import Notes, Template
from stanchion.compose.adoption.sizes import cpus, memory
from stanchion.compose.service import Service
from stanchion.compose.tree import Node
from stanchion.compose.trouble import Place
from stanchion.preflight.backend import MEMBER

_URL = re.compile(r"https?://[^\s'\"|;&)]+")
MIGRATES = re.compile(r"\bmigrate\b|\balembic\b.*\bupgrade\b|\bdb:migrate\b|\bmigrations?:(?:run|migrate)\b")
_DIGESTS = "'{{index .RepoDigests 0}}'"
_OWN_USER = "10001:10001"
# As the role has it by default.
_TEMPORARY, _TMPFS = "/tmp", "rw,noexec,nosuid,nodev,size=64m"  # noqa: S108
# Of the role's probe: with a longer one, a roll-out would give up before the image is asked in earnest.
_HEALTHY_TIMEOUT = 60

# What the role has of its own in the place of a key; nothing is told of those that are read elsewhere.
_REPLACED = {
    "cap_drop": "every capability is dropped",
    "container_name": "{stack}-backend-1 and so on",
    "depends_on": "the roles have an order of their own: database, migration, candidate, one replica at a "
    "time",
    "hostname": "backend-1 and so on",
    "logging": "rotated (backend_log_max_size)",
    "links": "it finds the database by its alias",
    "memswap_limit": "there is no swap beside the memory",
    "networks": "the stack's internal one and the one that publishes, and no other",
    "security_opt": "no new privileges, and the engine's seccomp profile",
}
_READ = frozenset(
    (
        *("build", "command", "cpus", "deploy", "env_file", "environment", "healthcheck", "image", "init"),
        *("mem_limit", "pids_limit", "ports", "profiles", "pull_policy", "read_only", "restart", "scale"),
        *("secrets", "stop_grace_period", "stop_signal", "tmpfs", "user", "volumes", "expose"),
    )
)
_WHY_LEFT = {
    "cap_add": "every capability is dropped: the image has to do without",
    "devices": "a replica has no device of the host",
    "entrypoint": "put it into the image, or into backend_command where the image has none",
    "extra_hosts": "give the names to the host's resolver",
    "network_mode": "it is on the stack's networks; host networking is none of them",
    "privileged": "a privileged container is root on the host",
    "working_dir": "set WORKDIR in the image",
}


class Application:
    """The service that becomes the replicas."""

    def __init__(self, notes: Notes, service: Service, names: Names, folder: Path) -> None:
        """Begin.

        Args:
            notes: where it is told.
            service: the service.
            names: what the stack and the project are called.
            folder: where the inventory will be.
        """
        self.notes = notes
        self.service = service
        self.names = names
        self.stack = names.stack
        self.folder = folder
        self.container: Container = service.container()

    def declare(self, port: int | None) -> None:
        """Set all variables but those of the environment, and tell what became of each key.

        Args:
            port: that of the environment's PORT.
        """
        self._replicas()
        self._image()
        self._command()
        self._ports(port)
        self._health()
        self._limits()
        self._user()
        self._writable()
        self._keys()

    def _place(self, *paths: str) -> Node:
        return next((found for path in paths if (found := self.service.get(path))), self.service.node)

    def _line(self, word: str, *paths: str) -> Place:
        """Return the line of the file, or of the Dockerfile where the file says nothing."""
        file = self.service.dockerfile
        last = file.last(self.service.target, word) if file else None
        stands = any(self.service.get(path) for path in paths)
        return self._place(*paths, "build").place if stands or last is None else last.place

    def _replicas(self) -> None:
        self.notes.set(
            "stack_backend_replicas",
            self.service.replicas,
            "" if self.service.replicas > 1 else "With two, a new version comes in without a gap.",
        )
        if self.service.replicas > 1:
            place = self._place("scale", "deploy.replicas").place
            self.notes.carried(place, f"{self.service.replicas} replicas, each published on the next port")

    # The image

    def _image(self) -> None:
        if self.service.get("build") is None:
            self._pulled()
            return
        reason = self._unbuildable()
        if reason:
            self._archived(reason)
            return
        context = self.service.project.path(self._place("build.context")).resolve()
        self.notes.set("backend_context", self._relative(context))
        self.notes.carried(self._place("build.context", "build").place, f"the build context {context}")
        self.notes.set(
            "backend_image_packages", [], "Debian packages whose newer versions should make a new image."
        )
        arguments = {}
        found = self.service.get("build.args")
        for name, value in (found.mapping if found else {}).items():
            if value.value is None or "«" in value.symbolic or self.notes.hides(value.symbolic):
                self.notes.left(
                    value.place, f"the build argument {name} has no value here, or a password in it"
                )
                continue
            arguments[name] = value.text
            self.notes.carried(value.place, f"the build argument {name}")
        if arguments:
            self.notes.set("backend_image_args", arguments)

    def _unbuildable(self) -> str:
        """Return why the role container_image cannot build it; empty where it can."""
        file = self.service.dockerfile
        if file is None:
            return "its Dockerfile could not be read"
        if self.service.text("build.dockerfile") not in ("", "Dockerfile", "./Dockerfile"):
            return "its Dockerfile has another name"
        for key in ("target", "additional_contexts", "secrets", "ssh", "dockerfile_inline"):
            if self.service.get(f"build.{key}") is not None:
                return f"the build has `{key}`"
        defaults = dict(pair for each in file.arguments for pair in each.pairs)
        base = defaults.get("BASE")
        if base is None or not file.stages[-1].base:
            return "its Dockerfile does not begin with `ARG BASE` and `FROM ${BASE}`"
        if (base and images.official(base) != "debian") or self.service.get("build.args.BASE") is not None:
            return "its base is not Debian's image"
        return ""

    def _archived(self, reason: str) -> None:
        image = self.service.image or f"{self.names.project}-{self.service.name}"
        archive = self.folder.parent / f"{self.stack}-backend.tar"
        self.notes.set("backend_image_source", "archive", f"Not built by the roles: {reason}.")
        self.notes.set("backend_image_archive", Template(f"{{{{ inventory_dir }}}}/../{archive.name}"))
        self.notes.left(
            self._place("build").place,
            f"the build: {reason}. The image comes from an archive that you write",
            f"{self.names.command} build {self.service.name} && docker save -o {archive} {image}",
        )

    def _pulled(self) -> None:
        image = self.service.image
        place = self._place("image").place
        self.notes.set("backend_image_source", "pull")
        if images.parse(image).digest.startswith("sha256:"):
            self.notes.set("backend_image_reference", image)
            self.notes.carried(place, f"the image {image}")
            return
        self.notes.set(
            "backend_image_reference",
            image,
            "A tag may be moved: a deploy refuses this until the digest stands here, NAME@sha256:…",
        )
        self.notes.left(
            place,
            f"the image {image} has no digest, and a deploy takes no tag",
            f"Write it into backend_image_reference: docker image inspect --format {_DIGESTS} {image}",
        )

    def _relative(self, context: Path) -> str:
        """Return the context beside the inventory where both are in one tree, else the whole path."""
        root = Path(self.service.project.files[0]).resolve().parent
        if self.folder.is_relative_to(root):
            return Template(f"{{{{ inventory_dir }}}}/{os.path.relpath(context, self.folder)}")
        return str(context)

    # What runs in it

    def _command(self) -> None:
        found = self.service.get("command")
        workers = self._workers()
        if workers is not None:
            self.notes.set("stack_backend_workers", workers)
            self.notes.carried(self._line("CMD", "command"), f"{workers} workers, as the command has it")
        if found is None:
            return
        if unknown(found) or self.notes.hides(" ".join(self.service.command)):
            self.notes.left(
                found.place,
                "the command has a password in it, or a variable that has no value here",
                "Write backend_command without.",
            )
            return
        self.notes.set("backend_command", self.service.command)
        self.notes.carried(found.place, "the command")
        if MIGRATES.search(" ".join(self.service.command)):
            self.notes.left(
                found.place,
                "the command migrates the database at each start: several replicas would do it at once",
                "Put that part into backend_migration_command, and take it out of backend_command.",
            )

    def _workers(self) -> int | None:
        """Return what the command says of workers; it goes before the environment."""
        words = self.service.command
        given = word_value(words, "--workers") or word_value(words, "-w")
        return int(given) if given else None

    def _ports(self, port: int | None) -> None:
        published = [each for each in self.container.ports if each.protocol == "tcp"]
        if not published:
            inside = port or self._port_of_health() or self._port_of_image()
            if inside:
                self.notes.set("backend_port", inside)
                self.notes.set("backend_publish_port", inside)
            self.notes.hardened(
                self.service.node.place,
                f"{self.service.name} publishes no port; the roles publish replica 1 on "
                f"127.0.0.1:{inside or 5000}, for this host only",
                "" if inside else "Set backend_port to the one on which the application listens.",
            )
            return
        first, *more = published
        place = self._place("ports").place
        outside = first.port or first.container_port
        self.notes.set("backend_port", first.container_port)
        self.notes.set("backend_publish_port", outside)
        if first.address == ANYWHERE or first.address in ("::", ""):
            self.notes.set(
                "backend_publish_address", "127.0.0.1", "Docker's published ports pass by a host's firewall."
            )
            self.notes.hardened(
                place,
                f"port {outside} is published on 127.0.0.1, and was on every address",
                "Put a proxy that ends TLS on this host; or set backend_publish_address, with a firewall "
                "rule in DOCKER-USER.",
            )
        else:
            self.notes.set("backend_publish_address", first.address)
            self.notes.carried(place, f"port {first.container_port}, published on {first.address}:{outside}")
        if port not in (None, first.container_port):
            self.notes.left(
                place,
                f"PORT in the environment is {port}, and port {first.container_port} is published: this "
                "one goes",
            )
        for each in more:
            self.notes.left(place, f"port {each.container_port}: the roles publish one port of a replica")

    def _port_of_health(self) -> int | None:
        url = self._url()
        try:
            return urlsplit(url).port if url else None
        except ValueError:
            return None

    def _port_of_image(self) -> int | None:
        exposed = self.service.texts("expose")
        last = (
            self.service.dockerfile.last(self.service.target, "EXPOSE") if self.service.dockerfile else None
        )
        words = [*exposed, *(last.words if last else [])]
        numbers = [word.partition("/")[0] for word in words]
        return next((int(number) for number in numbers if number.isdecimal()), None)

    # Its health

    def _url(self) -> str:
        probe = self.container.probe
        found = _URL.search(" ".join(probe.test)) if probe else None
        return found[0] if found else ""

    def _health(self) -> None:
        probe, own = self.container.probe, self.service.get("healthcheck.test")
        path = self._path_of_health()
        self.notes.set(
            "backup_read_path",
            path,
            "A drill asks a backend beside the restored copy for this: a page that reads the data proves "
            "more."
            if path
            else "A page that a drill may ask of a backend beside the restored copy; none, and no backend "
            "is asked.",
        )
        if probe is None:
            self.notes.set("backend_health_command", [], "The image's own health check, if it has one.")
            self.notes.left(
                self._place("healthcheck").place,
                "there is no health check: a roll-out waits for one, and fails without",
                "Write backend_health_command, and backend_health_path for the drills.",
            )
            return
        if path:
            self.notes.set("backend_health_path", path)
        if own is None:
            self.notes.set("backend_health_command", [], "The image's own.")
            self.notes.carried(self._line("HEALTHCHECK"), "the health check of the Dockerfile")
        elif unknown(own) or self.notes.hides(" ".join(probe.test)):
            self.notes.left(own.place, "the health check has a password in it, or a variable without a value")
            return
        else:
            self.notes.set("backend_health_command", exec_form(probe.test))
            self.notes.carried(own.place, "the health check" + (f", which asks {path}" if path else ""))
        if not path:
            self.notes.left(
                self._place("healthcheck").place,
                "the path of the health check is not read from its command; a drill asks it, too",
                "Set backend_health_path.",
            )
        if self.service.get("healthcheck") is None:
            return
        place = self._place("healthcheck").place
        self.notes.set("backend_health_timeout", _duration(probe.timeout))
        self.notes.set("backend_health_retries", probe.retries)
        if probe.start_period:
            self.notes.set("backend_health_start_period", _duration(probe.start_period))
            if probe.start_period + 30 > _HEALTHY_TIMEOUT:
                self.notes.set("backend_healthy_timeout", int(probe.start_period) + 30)
        if probe.interval > 5:
            self.notes.hardened(
                self._place("healthcheck.interval", "healthcheck").place,
                f"the health check is asked every 5 seconds, and was every {_duration(probe.interval)}: a "
                "roll-out waits for it",
            )
        else:
            self.notes.set("backend_health_interval", _duration(probe.interval))
            self.notes.carried(place, "how often the health check is asked")

    def _path_of_health(self) -> str:
        url = self._url()
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        path = parts.path or ("/" if url else "")
        query = f"?{parts.query}" if parts.query else ""
        return (
            f"{path}{query}"
            if re.fullmatch(r"/[^\s#$]*", f"{path}{query}") and not self.notes.hides(query)
            else ""
        )

    # Its limits

    def _limits(self) -> None:
        if self.container.memory is not None:
            place = self._place("mem_limit", "deploy.resources.limits.memory").place
            self.notes.set("backend_memory", memory(self.container.memory))
            self.notes.carried(place, f"the memory limit, {memory(self.container.memory)}")
        else:
            self.notes.hardened(
                self.service.node.place,
                f"a memory limit for {self.service.name}, where there was none: backend_memory",
            )
        if self.container.cpus is not None:
            place = self._place("cpus", "deploy.resources.limits.cpus").place
            self.notes.set("backend_cpus", cpus(self.container.cpus))
            self.notes.carried(place, f"the limit of processors, {self.container.cpus:g}")
        if self.container.pids is not None:
            place = self._place("pids_limit", "deploy.resources.limits.pids").place
            self.notes.set("backend_pids_limit", self.container.pids)
            self.notes.carried(place, f"the limit of processes, {self.container.pids}")
        if self.container.stop_timeout is not None:
            self.notes.set("backend_stop_timeout", self.container.stop_timeout)
            self.notes.carried(
                self._place("stop_grace_period").place, f"{self.container.stop_timeout} seconds to stop"
            )
        if self.container.stop_signal:
            signal = self.container.stop_signal
            self.notes.set("backend_stop_signal", signal if signal.startswith("SIG") else f"SIG{signal}")
            self.notes.carried(self._line("STOPSIGNAL", "stop_signal"), f"{signal} to stop")
        if self.container.restart_policy != "unless-stopped":
            self.notes.hardened(
                self._place("restart", "deploy.restart_policy").place,
                f"the restart policy of {self.service.name} is unless-stopped",
            )

    def _user(self) -> None:
        user = self.container.user or ""
        place = self._line("USER", "user")
        uid, _, gid = user.partition(":")
        if uid.isdecimal() and int(uid) > 0 and (not gid or gid.isdecimal()):
            self.notes.set("backend_user", f"{uid}:{gid or uid}")
            self.notes.carried(place, f"the user {user}")
        elif uid in ("", "0", "root"):
            why = "ran as root" if uid or self.service.dockerfile else "says no user"
            self.notes.set("backend_user", _OWN_USER)
            self.notes.hardened(
                place,
                f"{self.service.name} {why}, and runs as {_OWN_USER}",
                "The image may not need root, and has to let this user read what it reads. Where it has a "
                "user of its own, set backend_user to its numbers.",
            )
        else:
            self.notes.set(
                "backend_user", _OWN_USER, f"The numbers of {user} in the image should stand here."
            )
            self.notes.left(
                place,
                f"the user {user} is a name, and the secret files need its numbers: {_OWN_USER} stands in "
                "its place",
                f"Set backend_user to what this prints: {self.names.command} run --rm --no-deps "
                f"--entrypoint sh {self.service.name} -c 'echo $(id -u):$(id -g)'",
            )

    def _writable(self) -> None:
        volumes = []
        mounts = self.service.get("volumes")
        for item, mount in zip(mounts.items if mounts else [], self.service.mounts, strict=True):
            if mount.kind == "tmpfs":
                continue
            if mount.kind != "volume" or not mount.source:
                what = f"{mount.source} of the host" if mount.kind == "bind" else "an anonymous volume"
                self.notes.left(
                    item.place,
                    f"{what} at {mount.target}: a replica mounts nothing of the host's but its secrets",
                    "Put it into the image, into backend_secrets, or into a volume of backend_volumes.",
                )
                continue
            name = member(mount.source, ("pgdata", "backup"))
            volumes.append({"name": name, "target": mount.target})
            old = self.names.volume(self.service.project, mount.source)
            self.notes.left(
                item.place,
                f"what is in the volume {old}: backend_volumes mounts {self.stack}-{name} at "
                f"{mount.target}, a new one",
                f"Copy it before the first deploy: docker volume create {self.stack}-{name}; docker run "
                f"--rm -v {old}:/old:ro -v {self.stack}-{name}:/new debian:trixie-slim cp -a /old/. /new/ "
                ". It is in no backup of the database.",
            )
        if volumes:
            self.notes.set(
                "backend_volumes", volumes, "All replicas share them; the backups do not hold them."
            )
        folders = [line.partition(":") for line in self.service.texts("tmpfs")]
        if folders:
            declared = {_TEMPORARY: "", **{target: options for target, _, options in folders}}
            lines = [f"{target}:{options or _TMPFS}" for target, options in declared.items()]
            self.notes.set("backend_tmpfs", lines)
            self.notes.carried(self._place("tmpfs").place, "what is in memory (tmpfs)")
        if not self.container.read_only:
            self.notes.hardened(
                self.service.node.place,
                f"the root file system of {self.service.name} is read-only, but for /tmp",
                "Name what else it writes in backend_tmpfs or backend_volumes.",
            )

    def _keys(self) -> None:
        deploy = self.service.get("deploy")
        for key, found in (deploy.mapping if deploy else {}).items():
            if key not in ("mode", "replicas", "resources", "restart_policy"):
                self.notes.left(found.place, f"`deploy.{key}`: the roles have nothing for it")
        for key, found in self.service.node.mapping.items():
            if key in _READ or key.startswith("x-") or found.value is None:
                continue
            if key in _REPLACED:
                self.notes.hardened(found.place, f"`{key}`: " + _REPLACED[key].format(stack=self.stack))
            else:
                self.notes.left(
                    found.place, f"`{key}`: {_WHY_LEFT.get(key, 'the roles have nothing for it')}"
                )


def member(text: str, taken: Sequence[str] = ()) -> str:
    """Return a name that the roles take for a companion or a volume."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:28].strip("-")
    name = name if MEMBER.fullmatch(name) else f"m-{name}".strip("-")
    return f"{name}-1" if name in taken or name.endswith("-previous") else name


def unknown(found: Node) -> bool:
    """Say whether a text, or one of a list, has a variable without a value in it."""
    return "«" in found.symbolic or any("«" in item.symbolic for item in found.items)


def exec_form(test: Sequence[str]) -> list[str]:
    """Return a health check as the role takes it."""
    kind, *words = test
    return words if kind == "CMD" else ["/bin/sh", "-c", " ".join(words)]


def _duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole}s" if seconds == whole else f"{round(seconds * 1000)}ms"
