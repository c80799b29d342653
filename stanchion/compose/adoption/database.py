"""The database of a compose file: whose it is, whether it can be taken over, and the way where not."""

from __future__ import annotations

import re
from itertools import pairwise

from stanchion.checks.container import Mount
from stanchion.compose import images
from stanchion.compose.adoption.names import Names
from stanchion.compose.adoption.notes import Notes
from stanchion.compose.adoption.sizes import cpus, memory
from stanchion.compose.service import Service
from stanchion.compose.tree import Node
from stanchion.compose.trouble import Place
from stanchion.preflight.values import IDENTIFIER, OWN_DATABASES, OWN_ROLES

# Of the roles' image.
MAJOR = 17
DATA = "/var/lib/postgresql/data"
_INIT = "/docker-entrypoint-initdb.d"
# Where some mount a volume in the belief that the data is below it.
_ABOVE = "/var/lib/postgresql"
# Below it the settings of the smallest pool do not fit.
_LEAST_MEMORY = 512 * 2**20

_DUMP = """\
Dump it and load it; the old volume stays as it is.
  {compose} stop {backend}
  {compose} exec -T {database} pg_dump -U {superuser} --no-owner --no-acl {name} > {name}.sql
  {compose} down
{adopt}  python runner.py deploy -i {inventory}   # it may end at a backend that finds no tables: go on
  docker stop $(docker ps -q -f label=io.stanchion.stack={stack} -f label=io.stanchion.role=backend)
  docker exec {stack}-db psql -U postgres -c 'DROP DATABASE {name} WITH (FORCE)' \\
    -c 'CREATE DATABASE {name} OWNER {user}'
  {{ echo 'SET ROLE {user};'; cat {name}.sql; }} | docker exec -i {stack}-db \\
    psql -U postgres -d {name} -v ON_ERROR_STOP=1 --single-transaction
  python runner.py deploy -i {inventory}
(pg_dump of the one database: pg_dumpall would bring its superuser along. An extension that only a superuser
may create is created before the load.)"""
_ADOPT = "  python runner.py adopt compose {files} -o {inventory} --without-data\n"

# What the roles have of their own in the place of a key.
_REPLACED = {
    "cap_add": "the few that the entry point needs",
    "cap_drop": "every capability is dropped",
    "container_name": "{stack}-db",
    "deploy": "",
    "environment": "",
    "expose": "the database is on the internal network only",
    "healthcheck": "the role asks over TCP, as the application does",
    "hostname": "its name in the network is db",
    "image": "",
    "init": "",
    "links": "the backend finds it by its alias",
    "logging": "rotated (postgres_log_max_size)",
    "networks": "an internal one of the stack, and no other",
    "pids_limit": "computed from the connections",
    "read_only": "the root file system is read-only",
    "restart": "",
    "secrets": "",
    "security_opt": "no new privileges, and the engine's seccomp profile",
    "shm_size": "computed from the memory",
    "stop_grace_period": "computed from the memory",
    "stop_signal": "SIGINT: a fast shutdown",
    "tmpfs": "what has to be written is in memory or in the volume",
    "user": "uid 999, as the official image has it",
}


class Old:
    """The Postgres server of the file."""

    def __init__(
        self, notes: Notes, service: Service, backend: str, names: Names, without_data: bool
    ) -> None:
        """Begin.

        Args:
            notes: where it is told.
            service: the server.
            backend: the service that becomes the replicas.
            names: what the stack and the project are called.
            without_data: a new, empty volume is declared: what is in the old one does not matter.
        """
        self.notes = notes
        self.service = service
        self.backend = backend
        self.names = names
        self.without_data = without_data
        self.superuser = self._setting("POSTGRES_USER") or "postgres"
        # The application's, as the stack has them.
        self.user = self.name = ""

    def name_it(self, user: str, database: str, used: Place) -> None:
        """Find the application's role and database.

        Args:
            user: as whom the application connects; empty where it says nothing.
            database: to which database; empty likewise.
            used: where it says so.
        """
        self.name = database or self._setting("POSTGRES_DB") or self.superuser
        self._name_fits(used)
        role = self.user = user or self.superuser
        if role in OWN_ROLES or role.startswith("pg_") or not IDENTIFIER.fullmatch(role):
            own = _identifier(self.name)
            self.user = f"{own}_app" if own in OWN_ROLES or own.startswith("pg_") else own
            self.notes.hardened(
                used,
                f"the application connects as {self.user}, and did as {role}: it owns its database and "
                "nothing else",
            )
        elif role == self.superuser:
            self.notes.hardened(
                used,
                f"the role {role} was the cluster's superuser: it owns its database and is none any more",
                "The deploy does that. Whoever else needs a superuser has postgres, by `docker exec`.",
            )
        else:
            self.notes.carried(used, f"the application's role {role}")
        self.notes.carried(used, f"the database {self.name}")

    def _setting(self, name: str) -> str:
        found = self.service.environment.get(name)
        return found.text if found else ""

    def _name_fits(self, used: Place) -> None:
        name = self.name
        owned = name in OWN_DATABASES or name.startswith("pg_")
        if not owned and IDENTIFIER.fullmatch(name):
            return
        why = (
            "which Postgres and its operators have for themselves"
            if owned
            else "which is not lower-case letters, digits and underscores"
        )
        new = _identifier(self.names.stack if owned else name)
        again = " -c 'CREATE DATABASE postgres'" if name == "postgres" else ""
        self.notes.refused(
            used,
            f"the application's database is {name!r}, {why}",
            f"Stop what uses it and rename it: {self.names.command} exec {self.service.name} psql -U "
            f"{self.superuser} -d template1 -c 'ALTER DATABASE \"{name}\" RENAME TO {new}'{again}; then "
            f"name {new} in the file and run this again.",
        )

    def take_over(self) -> None:
        """Declare the old volume, or refuse it with the way out."""
        if self.without_data:
            self.notes.left(
                self.service.node.place, "the data: a new, empty volume is declared", self._way_out()
            )
            return
        volume = self._volume() if self._image() else None
        if volume is None:
            return
        self.notes.set(
            "postgres_volume",
            volume,
            "The volume of the old container. The first deploy backs it up as it is, and takes it over.",
        )
        self.notes.set(
            "postgres_adopt_superuser",
            self.superuser,
            "The superuser that the old container's POSTGRES_USER has made in it.",
        )

    def _way_out(self) -> str:
        """Return how the data gets into a new volume."""
        adopt = _ADOPT.format(files=self.names.files, inventory=self.names.inventory)
        return _DUMP.format(
            compose=self.names.command,
            backend=self.backend,
            database=self.service.name,
            superuser=self.superuser,
            name=self.name,
            user=self.user,
            stack=self.names.stack,
            inventory=self.names.inventory,
            adopt="" if self.without_data else adopt,
        )

    def _refused(self, place: Place, what: str, more: str = "") -> None:
        """Refuse the volume; the way out is told once."""
        told = any(found.remedy.startswith(self._way_out()) for found in self.notes.findings)
        way = "Dump it and load it, as above." if told else self._way_out()
        self.notes.refused(place, what, f"{way}\n{more}" if more else way)

    def _image(self) -> bool:
        """Say whether the roles' image may be put in its place, and tell of it."""
        found = self.service.get("image") or self.service.get("build") or self.service.node
        built, file = self.service.get("build") is not None, self.service.dockerfile
        image = (file.base(self.service.target) if file else "") if built else self.service.image
        major = images.major(image)
        if images.official(image) != "postgres":
            self._refused(
                found.place,
                f"the database's image is {image or 'built of a file that is not here'}, not the official "
                "one: neither its extensions nor the place of its data are those of the roles' image",
                f"Whatever uses an extension that Debian's postgresql-{MAJOR} does not bring has to do "
                "without.",
            )
            return False
        if "alpine" in images.parse(image).tag:
            self._refused(
                found.place,
                f"the database's image is {image}: its C library (musl) sorts text otherwise than "
                "Debian's, so the indexes of this volume would be silently wrong here",
            )
            return False
        if major is not None and major != MAJOR:
            self._refused(
                found.place,
                f"the database is Postgres {major}, and the roles' is {MAJOR}: it does not read the "
                "other's files",
            )
            return False
        if major is None:
            self.notes.left(
                found.place,
                f"the tag of {image} does not say which Postgres it is. The deploy looks into the volume, "
                f"and refuses any but {MAJOR}, nothing touched",
                f"See now: {self.names.command} exec {self.service.name} postgres --version",
            )
        else:
            self.notes.carried(found.place, f"Postgres {major}, by the roles' own image in place of {image}")
        if built:
            self.notes.left(
                found.place,
                "what the Dockerfile puts on top of Postgres is not in the roles' image",
                "An extension's packages go into an image of your own: postgres_image_source.",
            )
        return True

    def _volume(self) -> str | None:
        """Return the name of the volume that has the cluster; None of what cannot be taken over."""
        pgdata = self.service.environment.get("PGDATA")
        if pgdata is not None and pgdata.text.rstrip("/") != DATA:
            self._refused(
                pgdata.place,
                f"PGDATA is {pgdata.text}: the cluster is not where the roles' image mounts a volume, {DATA}",
            )
            return None
        pairs = self._mounts()
        found = next((each for each in pairs if each[0].target.rstrip("/") == DATA), None)
        if found is None or (found[0].kind == "volume" and not found[0].source):
            above = next((item for mount, item in pairs if mount.target.rstrip("/") == _ABOVE), None)
            place = (found[1] if found else above or self.service.node).place
            but = f" (one at {_ABOVE} has nothing of {DATA}, where the image has its own)" if above else ""
            self._refused(
                place, f"no named volume is mounted at {DATA}: the data is in an anonymous one{but}"
            )
            return None
        mount, item = found
        if mount.kind != "volume":
            self._folder(item, mount.source)
            return None
        if (below := item.get("volume.subpath")) is not None:
            self._refused(
                below.place, f"the cluster is in the folder {below.text} of its volume, not at its top"
            )
            return None
        volume = self.names.volume(self.service.project, mount.source)
        self.notes.carried(item.place, f"the volume {volume}, as it is")
        return volume

    def _mounts(self) -> list[tuple[Mount, Node]]:
        items = self.service.get("volumes")
        return list(zip(self.service.mounts, items.items if items else [], strict=True))

    def _folder(self, item: Node, source: str) -> None:
        folder = source if source.startswith(("/", "~")) else f"$PWD/{source.removeprefix('./')}"
        volume = f"{self.names.stack}-pgdata"
        self.notes.refused(
            item.place,
            f"the data is in the folder {source} of the host, and the roles know volumes",
            f"Make a volume of it, without copying: {self.names.command} down; docker volume create -o "
            f"type=none -o o=bind -o device={folder} {volume}. Mount it in the file in place of the folder "
            f"(`- {volume}:{DATA}`, and below `volumes:` `{volume}: {{external: true}}`), see it work, and "
            "run this again.",
        )

    def rest(self) -> None:
        """Tell of everything else of the service."""
        for mount, item in self._mounts():
            if mount.target.startswith(_INIT):
                self.notes.left(
                    item.place,
                    "scripts of initdb: they have run when the cluster was made, and never will again",
                )
            elif mount.target.rstrip("/") not in (DATA, _ABOVE):
                self.notes.left(
                    item.place, f"what is mounted at {mount.target}: the roles mount what they make"
                )
        container = self.service.container()
        self._limits(container.memory, container.cpus)
        for port in container.ports:
            place = (self.service.get("ports") or self.service.node).place
            self.notes.hardened(
                place,
                f"port {port.container_port} is published no more",
                f"On the host: docker exec -it {self.names.stack}-db psql -U postgres",
            )
        self._environment()
        self._command()
        self._keys()

    def _limits(self, limit: int | None, processors: float | None) -> None:
        found = self._first("mem_limit", "deploy.resources.limits.memory")
        if limit is not None and limit >= _LEAST_MEMORY and found is not None:
            self.notes.set("postgres_memory", memory(limit), "Every setting of memory is computed from it.")
            self.notes.carried(found.place, f"the memory limit, {memory(limit)}")
        elif found is not None and limit is not None:
            self.notes.hardened(
                found.place,
                f"the memory limit {memory(limit)} is too little for the settings that the roles compute: "
                "their default stands in its place",
                "Set postgres_memory; the preflight says what would do.",
            )
        else:
            self.notes.hardened(
                self.service.node.place,
                "a memory limit for the database, where there was none: postgres_memory",
            )
        found = self._first("cpus", "deploy.resources.limits.cpus")
        if processors is not None and found is not None:
            self.notes.set("postgres_cpus", cpus(processors))
            self.notes.carried(found.place, f"the limit of processors, {processors:g}")

    def _first(self, *paths: str) -> Node | None:
        return next((found for path in paths if (found := self.service.get(path))), None)

    def _environment(self) -> None:
        for name, found in self.service.environment.items():
            if name in ("POSTGRES_USER", "POSTGRES_DB", "PGDATA"):
                continue
            if name.startswith("POSTGRES_PASSWORD"):
                self.notes.hardened(
                    found.place, "the superuser's password is a new one, in a file on the host for root only"
                )
            elif name == "POSTGRES_HOST_AUTH_METHOD":
                self.notes.hardened(
                    found.place,
                    "pg_hba is written anew: the application by SCRAM from its network, operators by the "
                    "socket",
                )
            else:
                self.notes.left(found.place, f"{name}: the roles' image is set up by variables of its own")

    def _command(self) -> None:
        found = self.service.get("command")
        if found is None:
            return
        words = self.service.command
        pairs = [word.partition("=") for flag, word in pairwise(words) if flag == "-c"]
        shown = [(name.strip(), value.strip()) for name, _, value in pairs if not self.notes.hides(value)]
        settings = ", ".join(f"{name}: {value}" for name, value in shown)
        self.notes.left(
            found.place,
            "the command of the server: the settings are computed from the memory and from the pool contract",
            f"Over them goes what you know better: postgres_settings: {{{settings}}}" if settings else "",
        )

    def _keys(self) -> None:
        told = ("build", "command", "cpus", "depends_on", "mem_limit", "memswap_limit", "ports", "volumes")
        for key, found in self.service.node.mapping.items():
            if key in told or key.startswith("x-") or found.value is None:
                continue
            if key not in _REPLACED:
                self.notes.left(found.place, f"`{key}` of the database: the roles have nothing for it")
            elif why := _REPLACED[key]:
                self.notes.hardened(found.place, f"`{key}`: " + why.format(stack=self.names.stack))
        restart = self._first("restart", "deploy.restart_policy")
        if self.service.container().restart_policy != "unless-stopped":
            place = (restart or self.service.node).place
            self.notes.hardened(place, "the database's restart policy is unless-stopped")


def _identifier(text: str) -> str:
    """Return a name that Postgres takes without quotes."""
    found = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:60]
    return found if found and not found[0].isdigit() else f"app_{found}".rstrip("_")
