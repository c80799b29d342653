#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Brings the running server to its configuration files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._postgres import (
    WITHIN,
    NotConnectedError,
    StatementError,
    connect,
    need_psycopg2,
    rows,
)

DOCUMENTATION = r"""
module: postgres_config
short_description: Bring the running Postgres to its configuration files
description:
  - Reloads, by SQL, when a file in O(path) is newer than what the server has loaded, and waits until it
    is loaded. So a run that was killed between writing a file and reloading it is made good by the next one.
  - Fails with file and line where the server finds an error in them.
  - Says which settings wait for a restart.
  - Warns of what C(postgresql.auto.conf) in the data directory sets over these files, as an earlier ALTER
    SYSTEM did. What a standby or a restore has there is theirs.
author: [Stanchion maintainers]
options:
  path:
    description: The folder of the configuration files on the host.
    type: path
    required: true
  socket:
    description: Folder of the operators' socket.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: A server that does not run yet has nothing to load.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Load what has changed
  stanchion.stack.postgres_config:
    path: /var/lib/stanchion/medication-tracker/postgres/config
    socket: /var/lib/stanchion/medication-tracker/postgres/socket
  register: __postgres_config
"""

RETURN = r"""
reloaded:
  description: Whether the server was told to load its files.
  type: bool
  returned: always
pending_restart:
  description: Settings whose new value waits for a restart.
  type: list
  elements: str
  returned: always
"""

# Two of what Postgres calls errors there are settings that wait for a restart: one with another value, and
# one that is no longer in the file, which has neither name nor place (ProcessConfigFileInternal in guc.c).
ERRORS = """
SELECT regexp_replace(sourcefile, '.*/', ''), sourceline, concat_ws(': ', name, error)
  FROM pg_file_settings
 WHERE error IS NOT NULL AND error <> 'setting could not be applied'
   AND NOT (sourcefile IS NULL AND error ~ '^parameter ".*" cannot be changed without restarting the server$')
UNION ALL
SELECT 'pg_hba.conf', line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL
UNION ALL
SELECT 'pg_ident.conf', line_number, error FROM pg_ident_file_mappings WHERE error IS NOT NULL
"""

# Read after the deployed files, so it wins. The exceptions are what pg_basebackup and restores write.
OVERRIDES = """
SELECT DISTINCT name FROM pg_file_settings
 WHERE sourcefile ~ '/postgresql[.]auto[.]conf$'
   AND name !~ '^(primary_(conninfo|slot_name)|recovery_.*|restore_command|archive_cleanup_command)$'
 ORDER BY name
"""


def newest(folder: Path) -> float:
    """When the newest file came to its place: a rename moves this time on, and not that of its content."""
    return max((path.stat().st_ctime for path in folder.glob("*.conf")), default=0.0)


def loaded_at(socket: str) -> float:
    """When the server loaded its files. A new connection each time: an old one knows only its own loading."""
    connection = connect(socket)
    try:
        ((at,),) = rows(connection, "SELECT extract(epoch FROM pg_conf_load_time())::float8")
        return float(at)
    finally:
        connection.close()


def reload(socket: str, newer_than: float) -> bool:
    """Reload, and return whether the server has loaded what is there."""
    connection = connect(socket)
    rows(connection, "SELECT pg_reload_conf()")
    connection.close()
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if loaded_at(socket) > newer_than:
            return True
        time.sleep(0.05)
    return False


def look(socket: str) -> tuple[list[str], list[str], list[str]]:
    """Return the errors in the files, the settings that wait for a restart, and those set elsewhere."""
    connection = connect(socket)
    try:
        errors = [f"{file}:{line}: {text}" for file, line, text in rows(connection, ERRORS)]
        pending = rows(connection, "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name")
        overrides = rows(connection, OVERRIDES)
        return errors, [name for (name,) in pending], [name for (name,) in overrides]
    finally:
        connection.close()


def converge(module: AnsibleModule) -> dict[str, Any]:
    socket = module.params["socket"]
    at = newest(Path(module.params["path"]))
    before = loaded_at(socket)
    needed = at >= before
    done = True
    if needed and not module.check_mode:
        # Compared with the loading before it, not with the files: the clock may have been set.
        done = reload(socket, before)
    errors, pending, overrides = look(socket)
    if errors or not done:
        module.fail_json(
            msg="The server does not take its configuration files: "
            + ("; ".join(errors) or f"nothing was loaded within {WITHIN:g} s. Its log says why")
            + ". It runs on with the values that it had.",
            errors=errors,
        )
    if overrides:
        module.warn(
            f"postgresql.auto.conf in the data directory sets {', '.join(overrides)} over what is deployed: "
            "an earlier ALTER SYSTEM. Put what is meant into postgres_settings, delete those lines from the "
            "file, and have it read (SELECT pg_reload_conf())."
        )
    return {"changed": needed, "reloaded": needed and not module.check_mode, "pending_restart": pending}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode and not Path(module.params["socket"]).exists():
        module.exit_json(changed=True, reloaded=False, pending_restart=[])
    need_psycopg2(module)
    try:
        result = converge(module)
    except NotConnectedError as error:
        module.fail_json(
            msg=f"The server does not answer on its socket in {module.params['socket']}: {error}."
        )
    except StatementError as error:
        module.fail_json(msg=f"The server could not be asked for its configuration: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
