"""Makes of a compose file what an inventory is written from; nothing is asked but the files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stanchion.compose import images
from stanchion.compose.adoption import beside
from stanchion.compose.adoption.backend import Application
from stanchion.compose.adoption.database import Old
from stanchion.compose.adoption.environment import (
    ALIAS,
    MOUNTED,
    NAME,
    PORT,
    USER,
    Password,
    Split,
    Splitter,
    password_of,
    secret_names,
    usable,
)
from stanchion.compose.adoption.names import Names
from stanchion.compose.adoption.notes import KINDS, Adoption, Notes, Template
from stanchion.compose.adoption.secrets import Secrets
from stanchion.compose.files import gather
from stanchion.compose.load import Project
from stanchion.compose.service import Service

__all__ = ["KINDS", "Adoption", "Names", "adopt"]

# Where a service of a public image listens, when no address says it.
_PORTS = {
    "elasticsearch": 9200,
    "mailpit": 1025,
    "mariadb": 3306,
    "memcached": 11211,
    "minio": 9000,
    "mongo": 27017,
    "mysql": 3306,
    "nats": 4222,
    "opensearch": 9200,
    "rabbitmq": 5672,
    "redis": 6379,
    "valkey": 6379,
}
# A shorter text may be a name as well: of the project, the role, the database.
_LEAST_SECRET = 8
_DEFAULT_URL = f"postgresql://{USER}@{ALIAS}:{PORT}/{NAME}"


def adopt(
    project: Project,
    names: Names,
    environment: Mapping[str, str],
    folder: Path,
    without_data: bool = False,
) -> Adoption:
    """Return the inventory's variables and secrets, and what became of each line.

    Args:
        project: the compose file, or several.
        names: what project and stack are called.
        environment: the variables that compose would have.
        folder: where the inventory will be, as a whole path.
        without_data: declare a new, empty volume.
    """
    return _Adopting(project, names, environment, folder, without_data).adopt()


class _Adopting:
    def __init__(
        self,
        project: Project,
        names: Names,
        environment: Mapping[str, str],
        folder: Path,
        without_data: bool,
    ) -> None:
        self.project = project
        self.names = names
        self.folder = folder
        self.without_data = without_data
        self.secrets = Secrets(project, environment)
        self.services = gather(project, []).services
        self.notes = Notes(secrets=frozenset(self._values()))

    def _values(self) -> Iterator[str]:
        """Yield the secrets of the file that are long enough to be nothing else."""
        for service in self.services:
            for name in secret_names(service):
                text = service.environment[name].text
                yield from (each for each in (text, password_of(text)) if len(each) >= _LEAST_SECRET)
            for mounted in self.secrets.mounted(service):
                value = self.secrets.value(mounted.source) or ""
                yield from [value] if len(value) >= _LEAST_SECRET else []

    def adopt(self) -> Adoption:
        """Go through the file."""
        backend = self._backend()
        if backend is not None:
            self._stack(backend)
        return self.notes.adoption(self.names.stack)

    def _backend(self) -> Service | None:
        """Return the service that the replicas are made of; none is refused."""
        servers = [service for service in self.services if service.is_postgres]
        if not servers:
            self.notes.refused(
                self.services[0].node.place,
                "no service of the file is a Postgres server",
                "The roles run the database as well. Name every file of the project, each with -f.",
            )
            return None
        users = [each for each in self.services if each.databases and not beside.is_migration(each)]
        if not users:
            self.notes.refused(
                servers[0].node.place,
                f"no service uses the database {servers[0].name}: none has its address or depends on it",
                "The roles run a backend beside the database. Name every file of the project, each with "
                "-f; a service that uses it says so with `depends_on`.",
            )
            return None
        return next((each for each in users if each.get("ports")), users[0])

    def _stack(self, backend: Service) -> None:
        notes, names = self.notes, self.names
        used = [each for each in self.services if each.name in backend.databases]
        # Where it waits for several, the one whose address it has.
        database = next((each for each in used if backend.hosts & set(each.names)), used[0])
        notes.set("stack_name", names.stack)
        top = self.project.top
        where = (top.get("name") or top).place
        if names.stack == names.project:
            notes.carried(where, f"the project's name, {names.stack}")
        else:
            notes.hardened(
                where, f"the stack is called {names.stack}: {names.project} is no name for all it is for"
            )
        source = self.secrets.source(database, _text(database, "POSTGRES_PASSWORD_FILE"))
        own_file = next((m.path for m in self.secrets.mounted(backend) if source and m.source == source), "")
        split = Splitter(notes, backend, database, own_file).take_apart()

        old = Old(notes, database, backend.name, names, self.without_data)
        old.name_it(split.user, split.database, split.place or database.node.place)
        notes.set("stack_database_name", old.name)
        notes.set("stack_database_user", old.user)
        old.take_over()
        old.rest()

        Application(notes, backend, names, self.folder).declare(split.numbers.get("backend_port"))
        self._environment(split)
        self._pool(backend, split)
        self._password(database, split, (split.user or old.superuser) == old.superuser, source)
        notes.set(
            "backend_migration_command",
            [],
            "Not known from the file: none is run. What the application does at its start, every replica "
            "does.",
        )
        self._others(backend, database, split)
        self._secrets(backend, split, source)
        if not notes.variables["backend_migration_command"].value:
            notes.left(
                backend.node.place,
                "which command migrates the database: the file does not say",
                "Set backend_migration_command, if there is one.",
            )
        for network in (top.get("networks") or top).mapping.values() if top.get("networks") else ():
            notes.hardened(
                network.place, "the stack has networks of its own: an internal one, and one that publishes"
            )

    def _environment(self, split: Split) -> None:
        notes = self.notes
        if split.url is not None and split.url != _DEFAULT_URL:
            notes.set("backend_database_url", split.url)
        if split.names:
            notes.set("backend_variable_names", split.names, "The contract's variables by the image's names.")
        if split.plain:
            notes.set("backend_environment", split.plain)
        if split.file_variable:
            notes.set("backend_password_mode", "secret_file")
            notes.set("backend_password_file_variable", split.file_variable)

    def _pool(self, backend: Service, split: Split) -> None:
        notes = self.notes
        for name, number in split.numbers.items():
            if name != "backend_port" and name not in notes.variables:
                notes.set(name, number)
        if "stack_backend_workers" not in notes.variables:
            notes.set("stack_backend_workers", 1, "Processes of a replica that hold a pool each.")
            notes.left(
                backend.node.place,
                "how many processes of a replica hold a pool: the file does not say, and 1 is written",
                "Set stack_backend_workers: the pool contract multiplies by it.",
            )
        for name, default in (("stack_db_pool_size", 5), ("stack_db_max_overflow", 10)):
            if name not in notes.variables:
                notes.set(
                    name, default, "Not in the file: SQLAlchemy's default. Write what the application takes."
                )
                if name in split.unfit:
                    continue
                notes.left(
                    backend.node.place,
                    f"{name}: the file does not say, and SQLAlchemy's default ({default}) is written",
                    "Write what the application takes: max_connections is computed from it.",
                )

    # Secrets

    def _password(self, database: Service, split: Split, is_superuser: bool, source: str) -> None:
        found = split.password
        if found is None or found.value is None:
            found = self._of_database(database, source, is_superuser) or found
        place = found.place if found else database.node.place
        if found is None or not found.value:
            self.notes.left(
                place,
                "the application's password has no value here: the first deploy makes one, in a file on "
                "the host",
            )
        elif found.in_file:
            self.notes.hardened(
                place,
                "the application's password stands in the file for all to read: it is not taken over, the "
                "first deploy makes another",
            )
        elif not usable(found.value, ascii_only=True):
            self.notes.left(
                place, "the application's password is not one line of ASCII: the first deploy makes another"
            )
        else:
            self.notes.vault["postgres_application_password"] = found.value
            self.notes.hardened(place, "the application's password is in vault.yml, and in no environment")

    def _of_database(self, database: Service, source: str, is_superuser: bool) -> Password | None:
        if not is_superuser:
            return None
        if source:
            place = database.environment["POSTGRES_PASSWORD_FILE"].place
            return Password(place, self.secrets.value(source))
        node = database.environment.get("POSTGRES_PASSWORD")
        if node is None:
            return None
        known = "" if "«" in node.symbolic else node.text
        return Password(node.place, known or None, known == node.literal)

    def _secrets(self, backend: Service, split: Split, source: str) -> None:
        listed = []
        for name, (_, value) in split.secrets.items():
            listed.append(self._in_vault(name, value))
        passfile = _text(backend, "PGPASSFILE")
        for mounted in self.secrets.mounted(backend):
            name = mounted.path.removeprefix(MOUNTED)
            content = self.secrets.value(mounted.source)
            if mounted.source == source:
                self.notes.carried(mounted.place, "the file with the database's password, made by the role")
            elif mounted.path == passfile:
                self.notes.hardened(mounted.place, "the role makes the file of PGPASSFILE itself")
            elif not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
                self.notes.left(
                    mounted.place,
                    f"the secret at {mounted.path}: the roles have theirs in {MOUNTED} and nowhere else",
                )
            elif content is None or not usable(content):
                self.notes.left(
                    mounted.place,
                    f"the secret {mounted.source} is not here, or not one line of text",
                    "Name it in backend_secrets, with a value from vault.yml or as source the path of a "
                    "file on the host. Without both, a deploy would make up another one.",
                )
            else:
                listed.append(self._in_vault(name, content))
                self.notes.carried(mounted.place, f"the secret {name}, in vault.yml")
        if listed:
            self.notes.set("backend_secrets", listed, "Files in the container; the values are in vault.yml.")

    def _in_vault(self, name: str, value: str) -> dict[str, str]:
        variable = f"vault_{re.sub(r'[^a-z0-9_]', '_', name.lower())}"
        self.notes.vault[variable] = value
        return {"name": name, "value": Template(f"{{{{ {variable} }}}}")}

    # The other services

    def _others(self, backend: Service, database: Service, split: Split) -> None:
        companions: list[dict[str, object]] = []
        endpoints: list[str] = []
        for service in self.services:
            if service.name in (backend.name, database.name):
                continue
            if beside.is_migration(service):
                beside.migration(self.notes, service, backend)
            elif beside.same_image(service, backend) and not service.get("ports"):
                companions.append(beside.companion(self.notes, service, backend, database, split))
            else:
                endpoints += self._other(service, backend)
        if companions:
            self.notes.set("backend_companions", companions)
        if endpoints:
            self.notes.set(
                "backend_endpoints",
                endpoints,
                "Asked before anything is rolled out: they have to be reachable from the stack's networks.",
            )

    def _other(self, service: Service, backend: Service) -> Sequence[str]:
        """Tell of a service that the roles do not run; return what the backend needs of it as HOST:PORT."""
        stack, name = self.names.stack, service.name
        used, port = self._endpoint(service, backend)
        if service.is_postgres:
            what = f"{name} is another Postgres server: a stack has one"
            remedy = "Adopt it with its backend as a stack of its own."
        elif service.databases:
            what = f"{name} uses the database, and is not of the backend's image or publishes a port itself"
            remedy = (
                f"Let compose run it, from a file of its own, in the network {stack}_app_network (external: "
                "true), where the database is db. The application's password is on the host, in "
                f"/var/lib/stanchion/{stack}/secrets/app_password. Its connections belong into "
                "postgres_other_connections."
            )
        elif used:
            what = f"{name}, which the backend uses: the roles run a database and its backend"
            what += "" if port else ". Its port is not known from the file: name it in backend_endpoints"
            remedy = (
                f"Let compose run it, from a file of its own, in the network {stack}_edge_network "
                "(external: true). The first deploy makes that network, and stops before the backend, "
                f"since nothing answers as {used}: bring it up then, and deploy again."
            )
        else:
            what = f"{name}: the roles run a database and its backend"
            remedy = (
                "Let compose run it, from a file of its own. It reaches the backend where that is "
                f"published, or as backend-1 in the network {stack}_edge_network (external: true)."
            )
        self.notes.left(service.node.place, what, remedy)
        return [f"{used}:{port}"] if used and port else []

    def _endpoint(self, service: Service, backend: Service) -> tuple[str, int | None]:
        """Return the name and the port by which the backend's environment has a service; no name of none."""
        for name in service.names:
            address = re.compile(rf"(?:^|[@/,=]){re.escape(name)}(?::(\d{{1,5}}))?(?=$|[/,?;])")
            for found in backend.environment.values():
                if match := address.search(found.text):
                    exposed = [port.container_port for port in service.container().ports]
                    known = _PORTS.get(images.parse(service.image).short.lower())
                    return name, int(match[1]) if match[1] else known or next(iter(exposed), None)
        return "", None


def _text(service: Service, name: str) -> str:
    found = service.environment.get(name)
    return found.text if found else ""
