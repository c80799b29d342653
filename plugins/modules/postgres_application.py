#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps the application's role and database as declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._application import (
    ATTRIBUTES,
    Monitor,
    Statement,
    Wanted,
    database_statements,
    monitor_statements,
    password_statements,
    role_statements,
    schema_statements,
)
from ansible_collections.stanchion.stack.plugins.module_utils._postgres import (
    NotConnectedError,
    StatementError,
    connect,
    need_psycopg2,
    rows,
)

DOCUMENTATION = r"""
module: postgres_application
short_description: Keep the application's role and database as declared
description:
  - One connection over the operators' socket makes and corrects the role (no superuser, makes nothing,
    a connection limit, its time-outs), its password, its database and who else may do what there.
  - The password is read from its file on the host, compared with what the server stores, and sent as a SCRAM
    verifier. It never leaves the host, and no log of statements ever holds it.
author: [Stanchion maintainers]
options:
  socket:
    description: Folder of the operators' socket.
    type: path
    required: true
  database:
    description: The application's database, which its role owns.
    type: str
    required: true
  role:
    description: The application's role.
    type: str
    required: true
  password_file:
    description: File on the host with the role's password.
    type: path
    required: true
  superuser_password_file:
    description: File on the host with the superuser's password, kept in step as well.
    type: path
  connection_limit:
    description: Connections that the role may have at once.
    type: int
    required: true
  settings:
    description: Settings of the role's sessions; the role has no others.
    type: dict
    default: {}
  monitoring_role:
    description: >-
      The role of the monitoring's exporter, which reads statistics and no table. Left out, none
      is kept.
    type: str
  monitoring_password_file:
    description: File on the host with its password.
    type: path
  monitoring_connections:
    description: Connections that it may have at once.
    type: int
    default: 3
attributes:
  check_mode:
    support: full
    description: A server that does not run yet counts as a change.
  diff_mode:
    support: full
    description: Shows the statements, with passwords left out.
"""

EXAMPLES = r"""
- name: Keep the application's role and database
  stanchion.stack.postgres_application:
    socket: /var/lib/stanchion/medication-tracker/postgres/socket
    database: medication_tracker
    role: medication_tracker
    password_file: /var/lib/stanchion/medication-tracker/secrets/app_password
    connection_limit: 121
    settings: {statement_timeout: 30s, lock_timeout: 10s}
"""

RETURN = r"""
statements:
  description: What was said to the server (or would be, in check mode), with passwords left out.
  type: list
  elements: str
  returned: always
"""

SUPERUSER = "postgres"
ROLE = """
SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin,
       rolconnlimit, rolpassword,
       coalesce((SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid AND setdatabase = 0), '{}')
  FROM pg_authid a WHERE rolname = %s
"""
DATABASE = """
SELECT pg_get_userbyid(datdba), array(
       SELECT privilege_type FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0)
  FROM pg_database WHERE datname = %s
"""
GRANTED = """
SELECT array(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
              WHERE m.member = a.oid ORDER BY 1),
       coalesce((SELECT has_database_privilege(a.oid, d.oid, 'CONNECT') FROM pg_database d
                  WHERE d.datname = %s), false)
  FROM pg_roles a WHERE a.rolname = %s
"""
SCHEMA = """
SELECT pg_get_userbyid(nspowner), array(
       SELECT privilege_type FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner))) WHERE grantee = 0)
  FROM pg_namespace WHERE nspname = 'public'
"""
OTHERS = """
SELECT datname FROM pg_database WHERE datdba = (SELECT oid FROM pg_authid WHERE rolname = %s) AND datname
<> %s
"""


class RefusedError(Exception):
    """Something is so wrong that going on would make it worse."""


def password_of(path: str) -> str:
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise RefusedError(f"The secret file {path} can't be read: {error}") from error
    if _secret_text.kind(raw) != _secret_text.ASCII:
        raise RefusedError(f"The secret file {path} has to hold one line of printable ASCII characters")
    return raw.decode().rstrip("\r\n")


def role_found(connection: Any, role: str) -> dict[str, Any] | None:
    found = rows(connection, ROLE, (role,))
    if not found:
        return None
    names = [*ATTRIBUTES, "rolconnlimit", "rolpassword", "settings"]
    row = dict(zip(names, found[0]))
    row["settings"] = dict(entry.split("=", 1) for entry in row["settings"])
    return row


def one(connection: Any, query: str, *parameters: str) -> tuple[str | None, list[str]]:
    found = rows(connection, query, parameters)
    return found[0] if found else (None, [])


def cluster_statements(connection: Any, wanted: Wanted) -> list[Statement]:
    others = [name for (name,) in rows(connection, OTHERS, (wanted.role, wanted.database))]
    if others:
        raise RefusedError(
            f"The role {wanted.role} owns {', '.join(others)} beside its own database. Give those another "
            f"owner "
            "(ALTER DATABASE … OWNER TO …)"
        )
    statements = role_statements(wanted, role_found(connection, wanted.role))
    if wanted.superuser_password:
        superuser = role_found(connection, wanted.superuser) or {}
        statements += password_statements(
            wanted.superuser, wanted.superuser_password, superuser.get("rolpassword")
        )
    return statements + database_statements(wanted, *one(connection, DATABASE, wanted.database))


def monitor_of(params: dict[str, Any]) -> Monitor | None:
    role, file = params["monitoring_role"], params["monitoring_password_file"]
    return Monitor(role, password_of(file), params["monitoring_connections"]) if role else None


def monitor_wanted(connection: Any, monitor: Monitor | None, database: str) -> list[Statement]:
    if monitor is None:
        return []
    granted = rows(connection, GRANTED, (database, monitor.role))
    return monitor_statements(
        monitor, database, role_found(connection, monitor.role), granted[0] if granted else ([], False)
    )


def converge(module: AnsibleModule) -> list[Statement]:
    params = module.params
    wanted = Wanted(
        role=params["role"],
        database=params["database"],
        password=password_of(params["password_file"]),
        connection_limit=params["connection_limit"],
        settings={name: str(value) for name, value in params["settings"].items()},
        superuser=SUPERUSER,
        superuser_password=params["superuser_password_file"]
        and password_of(params["superuser_password_file"]),
    )
    monitor = monitor_of(params)
    connection = connect(params["socket"])
    statements = cluster_statements(connection, wanted)
    run(module, connection, statements)
    # After the database, which it is let into.
    monitoring = monitor_wanted(connection, monitor, wanted.database)
    run(module, connection, monitoring)
    statements += monitoring
    there = rows(connection, "SELECT 1 FROM pg_database WHERE datname = %s", (wanted.database,))
    connection.close()
    if not there:  # in check mode
        return statements
    inside = connect(params["socket"], wanted.database)
    more = schema_statements(wanted, *one(inside, SCHEMA))
    run(module, inside, more)
    inside.close()
    return statements + more


def run(module: AnsibleModule, connection: Any, statements: list[Statement]) -> None:
    if not module.check_mode:
        for statement in statements:
            try:
                rows(connection, statement.sql)
            except StatementError as error:
                raise RefusedError(f"Postgres does not take `{statement.shown}`: {error}") from error


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "database": {"type": "str", "required": True},
            "role": {"type": "str", "required": True},
            "password_file": {"type": "path", "required": True, "no_log": False},
            "superuser_password_file": {"type": "path", "no_log": False},
            "connection_limit": {"type": "int", "required": True},
            "settings": {"type": "dict", "default": {}},
            "monitoring_role": {"type": "str"},
            "monitoring_password_file": {"type": "path", "no_log": False},
            "monitoring_connections": {"type": "int", "default": 3},
        },
        required_by={"monitoring_role": ["monitoring_password_file"]},
        supports_check_mode=True,
    )
    if module.params["role"] == SUPERUSER:
        module.fail_json(
            msg="The application's role can't be postgres, the superuser. Set stack_database_user."
        )
    if module.params["monitoring_role"] in (SUPERUSER, module.params["role"]):
        module.fail_json(
            msg=f"The monitoring's role can't be {module.params['monitoring_role']}, as which somebody else "
            "comes. Set stack_monitoring_user."
        )
    if module.check_mode and not Path(module.params["socket"], ".s.PGSQL.5432").exists():
        module.exit_json(changed=True, statements=[])
    need_psycopg2(module)
    try:
        statements = converge(module)
    except NotConnectedError as error:
        module.fail_json(
            msg=f"The server does not answer on its socket in {module.params['socket']}: {error}."
        )
    except RefusedError as error:
        module.fail_json(msg=f"{error}.")
    except StatementError as error:
        module.fail_json(msg=f"The server could not be asked for the application's role: {error}.")
    shown = [statement.shown for statement in statements]
    module.exit_json(
        changed=bool(statements),
        statements=shown,
        diff={"before": "", "after": "".join(f"{line}\n" for line in shown)},
    )


if __name__ == "__main__":
    main()
