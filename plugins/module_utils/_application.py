# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be said to the database so that the application's role and database are as declared: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stanchion.stack.plugins.module_utils import _scram

# What the application's role must not be able to do, and the one thing that it must.
ATTRIBUTES = {
    "rolsuper": (False, "NOSUPERUSER"),
    "rolcreatedb": (False, "NOCREATEDB"),
    "rolcreaterole": (False, "NOCREATEROLE"),
    "rolreplication": (False, "NOREPLICATION"),
    "rolbypassrls": (False, "NOBYPASSRLS"),
    "rolcanlogin": (True, "LOGIN"),
}


@dataclass(frozen=True)
class Statement:
    """One statement; `shown` stands in for it wherever people or logs see it."""

    sql: str
    shown: str


@dataclass(frozen=True)
class Wanted:
    """The declared application."""

    role: str
    database: str
    password: str
    connection_limit: int
    settings: dict[str, str] = field(default_factory=dict)
    superuser: str = "postgres"
    superuser_password: str | None = None


@dataclass(frozen=True)
class Monitor:
    """The role of the monitoring's exporter: it reads statistics, and no table."""

    role: str
    password: str
    connection_limit: int

    @property
    def wanted(self) -> Wanted:
        """Return it as a role without settings of its own."""
        return Wanted(self.role, "", self.password, self.connection_limit)


def say(sql: str, shown: str | None = None) -> Statement:
    return Statement(sql, shown or sql)


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def role_statements(wanted: Wanted, found: dict[str, Any] | None) -> list[Statement]:
    """`found` is the role's row of pg_authid with its settings, or None."""
    role = name(wanted.role)
    statements = []
    if found is None:
        statements.append(say(f"CREATE ROLE {role} NOLOGIN"))
        found = dict.fromkeys(ATTRIBUTES, False) | {"rolconnlimit": -1, "settings": {}}
    differing = [word for attribute, (value, word) in ATTRIBUTES.items() if found[attribute] is not value]
    if differing:
        statements.append(say(f"ALTER ROLE {role} {' '.join(differing)}"))
    if found["rolconnlimit"] != wanted.connection_limit:
        statements.append(say(f"ALTER ROLE {role} CONNECTION LIMIT {wanted.connection_limit}"))
    statements += password_statements(wanted.role, wanted.password, found.get("rolpassword"))
    for setting, value in sorted(wanted.settings.items()):
        if found["settings"].get(setting) != value:
            statements.append(say(f"ALTER ROLE {role} SET {setting} = {literal(value)}"))
    statements += [
        say(f"ALTER ROLE {role} RESET {setting}")
        for setting in sorted(found["settings"])
        if setting not in wanted.settings
    ]
    return statements


def monitor_statements(
    monitor: Monitor, database: str, found: dict[str, Any] | None, granted: tuple[list[str], bool]
) -> list[Statement]:
    """`granted` is what the role is a member of, and whether it may connect to the database."""
    member_of, connects = granted
    role = name(monitor.role)
    statements = role_statements(monitor.wanted, found)
    if "pg_monitor" not in member_of:
        statements.append(say(f"GRANT pg_monitor TO {role}"))
    statements += [say(f"REVOKE {name(other)} FROM {role}") for other in member_of if other != "pg_monitor"]
    if not connects:
        statements.append(say(f"GRANT CONNECT ON DATABASE {name(database)} TO {role}"))
    return statements


def password_statements(role: str, password: str, stored: str | None) -> list[Statement]:
    if _scram.matches(password, stored):
        return []
    return [
        say(
            f"ALTER ROLE {name(role)} PASSWORD {literal(_scram.verifier(password))}",
            f"ALTER ROLE {name(role)} PASSWORD (from its secret file)",
        )
    ]


def database_statements(wanted: Wanted, owner: str | None, public: list[str]) -> list[Statement]:
    """`owner` is None where there is no such database; `public` is what everybody may do with it."""
    database, role = name(wanted.database), name(wanted.role)
    statements = []
    if owner is None:
        statements.append(say(f"CREATE DATABASE {database} OWNER {role}"))
        public = ["CONNECT", "TEMPORARY"]
    elif owner != wanted.role:
        statements.append(say(f"ALTER DATABASE {database} OWNER TO {role}"))
    if public:
        statements.append(say(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"))
    return statements


def schema_statements(wanted: Wanted, owner: str | None, public: list[str]) -> list[Statement]:
    """Schema public belongs to the database's owner; everybody else may at most look into it."""
    if owner is None:
        return []
    statements = []
    if owner not in ("pg_database_owner", wanted.role):
        statements.append(say("ALTER SCHEMA public OWNER TO pg_database_owner"))
    if "CREATE" in public:
        statements.append(say("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    return statements
