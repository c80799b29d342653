"""A service's environment, taken apart: the database's address, its password, the pool, secrets, the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from stanchion.checks.address import Address, address
from stanchion.compose.adoption.notes import Notes, Template
from stanchion.compose.service import Service
from stanchion.compose.tree import Node
from stanchion.compose.trouble import Place
from stanchion.contract.pool import MOST_POOL, MOST_WORKERS
from stanchion.preflight.backend import CONTRACT, MOST_POOL_RECYCLE, MOST_POOL_TIMEOUT
from stanchion.secret_names import is_secret_like

ALIAS, USER, NAME, PORT = (
    "{{ stack_database_alias }}",
    "{{ stack_database_user }}",
    "{{ stack_database_name }}",
    "{{ stack_database_port }}",
)
MOUNTED = "/run/secrets/"
_IN_HAND = ("PGPASSFILE", "PGAPPNAME")

# A variable that names the database's host, and what else begins as it does.
_HOST = re.compile(r"(.*?)(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)", re.IGNORECASE)
_PARTS = {
    **dict.fromkeys(("USER", "USERNAME"), USER),
    **dict.fromkeys(("NAME", "DB", "DATABASE", "DBNAME"), NAME),
    "PORT": PORT,
}
_PASSWORDS = ("PASSWORD", "PASSWD", "PASS", "PWD")

# Variable, least, most.
_NUMBERS = {
    "DB_POOL_SIZE": ("stack_db_pool_size", 1, MOST_POOL),
    "DB_MAX_OVERFLOW": ("stack_db_max_overflow", 0, MOST_POOL),
    "DB_POOL_TIMEOUT": ("backend_pool_timeout", 1, MOST_POOL_TIMEOUT),
    "DB_POOL_RECYCLE": ("backend_pool_recycle", 1, MOST_POOL_RECYCLE),
    "WEB_CONCURRENCY": ("stack_backend_workers", 1, MOST_WORKERS),
}
# The one number below the least that has a meaning.
_NEVER = {"DB_POOL_RECYCLE": -1}
# The same figures under an application's own name: SQLALCHEMY_POOL_SIZE, DATABASE_MAX_OVERFLOW.
_OTHER_NAME = re.compile(
    r"(?:.*_)?(?:DB|DATABASE|SQLALCHEMY|SQL|PG|POSTGRES)_(?:.*_)?"
    r"(POOL_SIZE|MAX_OVERFLOW|POOL_TIMEOUT|POOL_RECYCLE)",
    re.IGNORECASE,
)
# What the checks do not take for a secret by its name, and an inventory has to: ENCRYPTION_KEY, SENTRY_DSN.
_KEY = re.compile(r"(?i)(?!.*public)(?:.*_)?(?:key|salt|dsn)(?:_base)?")
_LEAST_KEY = 8
_IN_QUERY = ("user", "username", "password", "host", "port", "dbname", "passfile")


@dataclass(frozen=True)
class Password:
    """The application's password, and where it stands; the value is None where it is not known."""

    place: Place
    value: str | None
    in_file: bool = False


@dataclass
class Split:
    """What an environment has.

    Attributes:
        plain: for backend_environment.
        secrets: places and values by the names of their files.
        names: the contract's variables under the application's names.
        numbers: variables of the roles.
        url: the database's address, rewritten; None where it is told in parts.
        user, database, place: as whom and to which database it connects, and where that is said.
        password: the application's password.
        unfit: variables of the roles whose number was not taken.
        file_variable: the variable with the path of the password's file, where the application reads one.
    """

    plain: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, tuple[Place, str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    url: Template | None = None
    user: str = ""
    database: str = ""
    place: Place | None = None
    password: Password | None = None
    file_variable: str = ""
    unfit: set[str] = field(default_factory=set)


class Splitter:
    """Takes the environment of one service apart."""

    def __init__(self, notes: Notes, service: Service, database: Service, own_file: str) -> None:
        """Begin.

        Args:
            notes: where it is told.
            service: whose environment it is.
            database: the Postgres server that it uses.
            own_file: the path in the container of the file with the database's password; empty of none.
        """
        self.notes = notes
        self.service = service
        self.hosts = set(database.names)
        self.own_file = own_file
        self.split = Split()
        found = service.get("environment")
        self.all: Mapping[str, Node] = found.mapping if found else {}
        self.prefixes = self._prefixes()
        self.secrets = secret_names(service)

    def take_apart(self) -> Split:
        """Return its parts, and tell what became of each."""
        steps: tuple[Callable[[str, Node, str], bool], ...] = (
            self._unknown,
            self._address,
            self._part,
            self._number,
            self._in_hand,
            self._path,
            self._secret,
        )
        for name in sorted(self.all, key=self._rank):
            found, text = self.all[name], self.service.values.get(name, "")
            if not any(step(name, found, text) for step in steps):
                self.split.plain[name] = text
                self.notes.carried(found.place, f"{name} is in backend_environment")
        if self.split.url is None:
            self.split.names["DATABASE_URL"] = ""
        return self.split

    def _rank(self, name: str) -> int:
        """Return what comes first: the contract's own name for the address, then other names for it."""
        if name == "DATABASE_URL":
            return 0
        return 1 if self._leads_here(self.service.values.get(name, "")) else 2

    def _prefixes(self) -> set[str]:
        """Return what the names of variables begin with that tell of the database in parts."""
        matches = {name: _HOST.fullmatch(name) for name in self.all}
        prefixes = {
            match[1].upper()
            for name, match in matches.items()
            if match and match[1] and self.service.values.get(name, "").partition(":")[0] in self.hosts
        }
        # libpq takes what an address leaves out from its own variables.
        leads_here = any(self._leads_here(self.service.values.get(name, "")) for name in self.all)
        return prefixes | {"PG"} if leads_here else prefixes

    def _unknown(self, name: str, found: Node, text: str) -> bool:
        if found.value is None:
            self.notes.left(
                found.place,
                f"{name} is handed on from the environment of whoever runs compose, and has no value here",
                f"Give {name} a value and run this again, or write it into backend_environment.",
            )
            return True
        if "«" not in found.symbolic or self._leads_here(text) is not None or self._rest(name) is not None:
            return False
        if name in self.secrets:
            self.notes.left(
                found.place,
                f"the secret {name} has no value here",
                "Give it to the environment or to .env and run this again, or name it in backend_secrets "
                "with a value from vault.yml. Do not leave out the value: a deploy would make up another "
                "one.",
            )
        else:
            self.notes.left(
                found.place,
                f"{name} is made of a variable that has no value here",
                "Give that a value in the environment or in .env and run this again.",
            )
        return True

    # The database

    def _leads_here(self, text: str) -> Address | None:
        """Return the address that a text is, where that is of this database."""
        found = address(text.removeprefix("jdbc:"))
        if found is None or not found.scheme.startswith(("postgres", "postgis")):
            return None
        return found if found.host in self.hosts else None

    def _address(self, name: str, found: Node, text: str) -> bool:
        reached = self._leads_here(text)
        if reached is None:
            return False
        rewritten = _rewritten(text)
        if rewritten is None:
            self.notes.left(
                found.place,
                f"{name} leads to the database, in a form that is not read here",
                f"Write it into backend_environment, without a password, to the host {ALIAS}.",
            )
            return True
        split = self.split
        split.user = split.user or _known(reached.user)
        split.database = split.database or _known(reached.database)
        split.place = split.place or found.place
        self._take_password(found)
        # SQLAlchemy and libpq know it; PostGIS' and Java's own schemes are no address to them.
        if split.url is None and reached.scheme.startswith("postgres") and not text.startswith("jdbc:"):
            split.url = rewritten
            if name != "DATABASE_URL":
                split.names["DATABASE_URL"] = name
            self.notes.hardened(
                found.place,
                f"{name} leads to the stack's database by its alias, without a password: libpq reads that "
                "from PGPASSFILE",
                "A driver that is not libpq and does not read PGPASSFILE needs backend_password_mode: "
                "secret_file, or as the last resort environment.",
            )
        else:
            split.plain[name] = rewritten
            self.notes.hardened(found.place, f"{name} leads to the stack's database, without a password")
        return True

    def _take_password(self, found: Node) -> None:
        if self.split.password is not None and self.split.password.value:
            return
        value = password_of(found.symbolic)
        if value:
            self.split.password = Password(
                found.place, _known(value) or None, value == password_of(found.literal)
            )

    def _rest(self, name: str) -> str | None:
        """Return what follows the prefix in the name of a part of the database's address."""
        upper = name.upper()
        for prefix in self.prefixes:
            rest = upper.removeprefix(prefix)
            if upper.startswith(prefix) and (rest in _PARTS or rest.removesuffix("_FILE") in _PASSWORDS):
                return rest
        return None

    def _part(self, name: str, found: Node, text: str) -> bool:
        host, colon, port = text.partition(":")
        if _HOST.fullmatch(name) and host in self.hosts:
            self.split.plain[name] = Template(f"{ALIAS}:{PORT}" if colon and port.isdecimal() else ALIAS)
            self.notes.carried(found.place, f"{name} is the stack's database")
            return True
        rest = self._rest(name)
        if rest is None:
            return False
        if rest in _PARTS:
            self._named_part(name, rest, found, text)
            return True
        if rest.endswith("_FILE"):
            # libpq has no such variable; an application's own means that it can read a file.
            self.split.file_variable = name
            self.notes.carried(found.place, f"{name} is the file with the database's password")
            return True
        if self.split.password is None or not self.split.password.value:
            known = _known(found.symbolic)
            self.split.password = Password(found.place, known or None, known == found.literal)
        if name == "PGPASSWORD":
            self.notes.hardened(found.place, "PGPASSWORD is gone: libpq reads the password from PGPASSFILE")
        elif self.split.url is not None:
            self.notes.hardened(found.place, f"{name} is gone: the password is in no environment")
        else:
            self.split.file_variable = self.split.file_variable or f"{name}_FILE"
            self.notes.hardened(
                found.place,
                f"{name} is gone: the path of a file with the password is in {name}_FILE",
                f"The image has to read {name}_FILE, or PGPASSFILE with backend_password_mode: pgpass.",
            )
        return True

    def _named_part(self, name: str, rest: str, found: Node, text: str) -> None:
        meaning = _PARTS[rest]
        if meaning is USER:
            self.split.user = self.split.user or _known(text)
        elif meaning is NAME:
            self.split.database = self.split.database or _known(text)
        self.split.place = self.split.place or found.place
        self.split.plain[name] = Template(meaning)
        self.notes.carried(found.place, f"{name} is that of the stack's database")

    # The rest

    def _number(self, name: str, found: Node, text: str) -> bool:
        match = _OTHER_NAME.fullmatch(name)
        contract = name if name in _NUMBERS else f"DB_{match[1].upper()}" if match else ""
        if not contract or contract in self.split.names:
            return False
        variable, least, most = _NUMBERS[contract]
        if variable in self.split.numbers:
            return False
        if name != contract:
            self.split.names[contract] = name
        number = int(text) if re.fullmatch(r"-?\d{1,6}", text) else None
        if number is not None and (least <= number <= most or number == _NEVER.get(contract)):
            self.split.numbers[variable] = number
            self.notes.carried(found.place, f"{name} is {variable}: {number}")
        else:
            self.split.unfit.add(variable)
            self.notes.hardened(
                found.place,
                f"{name} is {text!r}, which the pool contract does not take ({least} to {most}): the "
                f"default of {variable} stands in its place",
                f"Set {variable}.",
            )
        return True

    def _in_hand(self, name: str, found: Node, text: str) -> bool:
        if name in _IN_HAND:
            self.notes.hardened(found.place, f"{name} is set by the role")
            return True
        if name == "PORT" and text.isdecimal():
            self.split.numbers["backend_port"] = int(text)
            self.notes.carried(found.place, f"PORT is backend_port: {text}")
            return True
        if name in CONTRACT - set(self.split.names):
            self.notes.left(
                found.place,
                f"{name} is a variable of the contract with the image, and has another meaning here",
                "Give the contract's another name in backend_variable_names, or leave it out there with "
                f"an empty one; then set {name} in backend_environment.",
            )
            return True
        return False

    def _path(self, name: str, found: Node, text: str) -> bool:
        if not self.own_file or text != self.own_file:
            return False
        self.split.file_variable = name
        self.notes.carried(found.place, f"{name} is the file with the database's password")
        return True

    def _secret(self, name: str, found: Node, text: str) -> bool:
        hidden = name in self.secrets or self.notes.hides(found.text)
        if not hidden and not is_secret_like(name):
            return False
        if not hidden:
            self.notes.left(
                found.place,
                f"{name} would be taken for a secret by its name, and refused",
                "Set it in the image, or call it otherwise.",
            )
            return True
        if any(re.search(rf"[@/=]{re.escape(host)}\b", found.text) for host in self.hosts):
            self.notes.left(
                found.place,
                f"{name} leads to the database with a password, in a form that is not read here",
                f"Write it into backend_environment, without a password, to the host {ALIAS}.",
            )
            return True
        if not usable(found.text):
            self.notes.left(
                found.place,
                f"the secret {name} is not one line of printable text",
                "Put it into a file on the host, and name that in backend_secrets as source.",
            )
            return True
        file = name.lower()
        in_file = found.text == found.literal
        self.split.secrets[file] = (found.place, found.text)
        self.split.plain.setdefault(f"{name}_FILE", f"{MOUNTED}{file}")
        self.notes.hardened(
            found.place,
            f"{name} is a file in the container, whose path is in {name}_FILE"
            + (": it stood in the file for all to read, so change it" if in_file else ""),
            f"The image has to read {name}_FILE. Where it cannot, let backend_command begin with a shell: "
            f"[sh, -c, 'export {name}=\"$(cat {MOUNTED}{file})\"; exec …'].",
        )
        return True


def secret_names(service: Service) -> set[str]:
    """Return the variables that hold a secret."""
    keys = {
        name
        for name, found in service.environment.items()
        if _KEY.fullmatch(name) and len(found.text) >= _LEAST_KEY and not found.text.startswith("/")
    }
    return keys | set(service.secrets)


def usable(text: str, ascii_only: bool = False) -> bool:
    """Say whether a secret is what the roles take for one: a line of printable text."""
    return bool(text) and text.isprintable() and (text.isascii() or not ascii_only)


def _known(text: str) -> str:
    """Return a text in which no variable is without a value; else none."""
    return "" if "«" in text else text


def password_of(text: str) -> str:
    """Return the password of an address; empty of none."""
    try:
        return unquote(urlsplit(text.removeprefix("jdbc:")).password or "")
    except ValueError:
        return ""


def _rewritten(text: str) -> Template | None:
    """Return an address of the stack's database in the form of this one; None where that cannot be said."""
    java = text.startswith("jdbc:")
    parts = urlsplit(text.removeprefix("jdbc:"))
    # SQLAlchemy 2 no longer takes postgres:// .
    scheme = re.sub(r"^postgres(?=$|\+)", "postgresql", parts.scheme)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _IN_QUERY]
    tail = f"?{urlencode(query)}" if query else ""
    if "{" in tail or parts.fragment:
        return None
    user = "" if java else f"{USER}@"
    return Template(f"{'jdbc:' if java else ''}{scheme}://{user}{ALIAS}:{PORT}/{NAME}{tail}")
