# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operators' socket: root on the host is the superuser, by peer, without a password."""

from __future__ import annotations

import time
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import psycopg2
except ImportError:
    psycopg2 = None
    PSYCOPG2_IMPORT_ERROR = traceback.format_exc()


# Seconds that a server which is starting may take to answer.
WITHIN = 30.0


class NotConnectedError(Exception):
    """The server did not take a connection in time."""


class StatementError(Exception):
    """The server refused a statement; the text is the first line of its reason."""


def need_psycopg2(module: AnsibleModule) -> None:
    if psycopg2 is None:
        module.fail_json(msg=missing_required_lib("psycopg2"), exception=PSYCOPG2_IMPORT_ERROR)


def connect(socket: str, database: str = "postgres", within: float = WITHIN) -> Any:
    """Return a connection in autocommit mode; a server that is still starting is waited for."""
    deadline = time.monotonic() + within
    while True:
        try:
            connection = psycopg2.connect(
                host=socket,
                user="postgres",
                dbname=database,
                connect_timeout=5,
                application_name="stanchion",
                options="-c statement_timeout=30s -c lock_timeout=10s -c client_min_messages=warning",
            )
        except psycopg2.OperationalError as error:
            if time.monotonic() >= deadline:
                raise NotConnectedError(str(error).strip().replace("\n", " ")) from error
            time.sleep(0.2)
        else:
            connection.autocommit = True
            return connection


def rows(connection: Any, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        raise StatementError(first_line(error)) from error


def first_line(error: Exception) -> str:
    """What the server said, without the statement that it quotes below."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
