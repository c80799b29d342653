# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the database says of itself: one session over the operators' socket, many short queries, no row of the
application's. A query that is refused is an answer of its own; the others are still asked."""

from __future__ import annotations

import datetime
import decimal
import time
from typing import Any

from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

try:
    import psycopg2
    import psycopg2.extras
except ImportError:
    psycopg2 = None

# Seconds: libpq's least. A frozen server takes the connection and says nothing.
_CONNECT_TIMEOUT = 2
# One query's share of the time; each takes milliseconds on a server that is well.
_QUERY_SECONDS = 1.0
# What the server says while it replays its log.
_RECOVERING = (
    "starting up",
    "not yet accepting connections",
    "in recovery mode",
    "not accepting connections",
)

_SECRET_SETTINGS = ("ssl_passphrase_command",)

# Text of statements is nobody's to see but the operator's: its first word says enough.
QUERIES = {
    "server": """
        SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery,
               current_setting('server_version_num')::int / 10000 AS major,
               current_setting('server_encoding') AS encoding,
               extract(epoch FROM clock_timestamp()) AS clock,
               extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) AS uptime,
               s.system_identifier::text, c.timeline_id AS timeline, i.data_page_checksum_version AS checksums
        FROM pg_control_system() s, pg_control_checkpoint() c, pg_control_init() i""",
    "settings": """
        SELECT name, setting, unit, source, pending_restart FROM pg_settings""",
    "file_settings": """
        SELECT f.sourcefile AS file, f.sourceline AS line, f.name, f.setting, f.applied, f.error,
               coalesce(s.context = 'postmaster', false) AS at_start_only
        FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)
        WHERE f.error IS NOT NULL OR f.sourcefile LIKE '%%/postgresql.auto.conf'""",
    "hba": """
        SELECT line_number AS line, type, database, user_name AS users, address, netmask,
               auth_method AS method, error
        FROM pg_hba_file_rules""",
    "roles": """
        SELECT rolname AS name, rolsuper AS superuser, rolcreaterole AS createrole, rolcreatedb AS createdb,
               rolreplication AS replication, rolbypassrls AS bypassrls, rolcanlogin AS login,
               rolconnlimit AS connection_limit,
               CASE WHEN isfinite(rolvaliduntil) THEN extract(epoch FROM rolvaliduntil - now()) END
                 AS valid_seconds,
               CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'SCRAM-SHA-256$%%' THEN 'scram'
                    WHEN rolpassword LIKE 'md5%%' THEN 'md5' ELSE 'other' END AS password,
               (SELECT coalesce(array_agg(line), '{}') FROM pg_db_role_setting s, unnest(s.setconfig) line
                WHERE s.setrole = a.oid AND s.setdatabase IN (0,
                  (SELECT oid FROM pg_database WHERE datname = current_database()))) AS settings
        FROM pg_authid a WHERE rolname !~ '^pg_'""",
    # Of which roles each other role is a member, directly.
    "memberships": """
        SELECT m.rolname AS member, g.rolname AS role
        FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
        WHERE m.rolname !~ '^pg_'""",
    "databases": """
        SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
               CASE datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END AS provider,
               datcollate AS collation, datcollversion AS collation_version,
               pg_database_collation_actual_version(oid) AS collation_actual,
               datistemplate AS template, datallowconn AS connectable, datconnlimit AS connection_limit,
               age(datfrozenxid) AS xid_age, mxid_age(datminmxid) AS mxid_age
        FROM pg_database""",
    "collations": """
        SELECT collname AS name, collversion AS recorded, pg_collation_actual_version(oid) AS actual
        FROM pg_collation
        WHERE collprovider IN ('c', 'i') AND collversion IS DISTINCT FROM pg_collation_actual_version(oid)""",
    "public_schema": """
        SELECT coalesce(bool_or(grantee = 0 AND privilege_type = 'CREATE'), false) AS everybody_creates
        FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
        WHERE nspname = 'public'""",
    # Who blocks whom is asked of those that wait only: each question stops the lock manager for a moment.
    "activity": """
        SELECT pid, usename AS role, datname AS database, application_name AS application,
               host(client_addr) AS address, client_port AS port, state, wait_event_type, wait_event,
               extract(epoch FROM backend_start) AS began,
               extract(epoch FROM xact_start) AS transaction_began,
               extract(epoch FROM clock_timestamp() - backend_start) AS connected_seconds,
               extract(epoch FROM clock_timestamp() - xact_start) AS transaction_seconds,
               extract(epoch FROM clock_timestamp() - query_start) AS query_seconds,
               extract(epoch FROM clock_timestamp() - state_change) AS state_seconds,
               upper(substring(query FROM '^\\s*(\\w+)')) AS command,
               CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END AS blocked_by
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()""",
    "waits": """
        SELECT pid, max(extract(epoch FROM clock_timestamp() - waitstart)) AS seconds
        FROM pg_locks WHERE NOT granted GROUP BY pid""",
    "locks": """
        SELECT count(*) AS held FROM pg_locks
        WHERE locktype IN ('relation', 'object', 'advisory', 'page', 'tuple') AND NOT fastpath""",
    "prepared": """
        SELECT gid, owner, database, extract(epoch FROM clock_timestamp() - prepared) AS seconds
        FROM pg_prepared_xacts""",
    "database_stats": """
        SELECT coalesce(datname, 'what all databases share') AS name, checksum_failures
        FROM pg_stat_database""",
    "slots": """
        SELECT slot_name AS name, slot_type AS type, active, wal_status,
               pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                               ELSE pg_current_wal_lsn() END, restart_lsn) AS retained,
               extract(epoch FROM clock_timestamp() - inactive_since) AS inactive_seconds
        FROM pg_replication_slots""",
    # Those that are being built concurrently are not valid yet; REINDEX makes all of a table's at once.
    "invalid_indexes": """
        SELECT indexrelid::regclass::text AS name, indrelid::regclass::text AS on_table
        FROM pg_index WHERE NOT indisvalid
          AND indrelid NOT IN (SELECT relid FROM pg_stat_progress_create_index
                               WHERE datname = current_database())""",
    "dead_tuples": """
        SELECT schemaname || '.' || relname AS name, n_dead_tup AS dead, n_live_tup AS live,
               extract(epoch FROM clock_timestamp() - greatest(last_vacuum, last_autovacuum))
                 AS vacuum_seconds
        FROM pg_stat_user_tables WHERE n_dead_tup > 0 ORDER BY n_dead_tup DESC LIMIT 20""",
    # A sequence ends where its type does, or earlier where the column that it feeds is narrower.
    "sequences": """
        SELECT s.seqrelid::regclass::text AS name, q.last_value AS last,
               least(s.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767
                                               WHEN 'int4'::regtype THEN 2147483647 ELSE s.seqmax END) AS most
        FROM pg_sequence s
        JOIN pg_class c ON c.oid = s.seqrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_sequences q ON q.schemaname = n.nspname AND q.sequencename = c.relname
        LEFT JOIN pg_depend d ON d.objid = s.seqrelid AND d.deptype IN ('a', 'i')
             AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE q.last_value IS NOT NULL AND NOT s.seqcycle AND s.seqincrement > 0""",
    # No such table, no row: not every application migrates with Alembic.
    "migration": """
        SELECT (xpath('//version_num/text()', query_to_xml(
          'SELECT version_num FROM ' || quote_ident(relnamespace::regnamespace::text) || '.alembic_version',
          false, true, '')))[1]::text AS version
        FROM pg_class WHERE relname = 'alembic_version' AND relkind = 'r'""",
}


def sql_facts(socket: str, database: str, timeout: float) -> dict[str, Any]:
    """Return the answer to every query, asked in the application's database."""
    if psycopg2 is None:
        raise UnreadableError("the host has no psycopg2 (Debian: python3-psycopg2)", state="unknown")
    asked, connection = database, None
    try:
        connection = _connect(socket, database, timeout)
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        if "does not exist" not in reason:
            raise UnreadableError(_why(reason), state=_state(reason)) from error
    if connection is None:  # without the application's database the server itself can still be asked
        asked = "postgres"
        try:
            connection = _connect(socket, asked, timeout)
        except psycopg2.OperationalError as error:
            raise UnreadableError(_why(" ".join(str(error).split())), state="unreachable") from error
    try:
        return {
            "state": "answering",
            "database": asked,
            "database_exists": asked == database,
            "queries": _ask_all(connection, time.monotonic() + timeout),
        }
    finally:
        connection.close()


def _connect(socket: str, database: str, timeout: float) -> Any:
    milliseconds = int(timeout * 1000)
    connection = psycopg2.connect(
        host=socket,
        user="postgres",
        dbname=database,
        connect_timeout=_CONNECT_TIMEOUT,
        application_name="stanchion",
        options=f"-c statement_timeout={milliseconds} -c lock_timeout=500"
        " -c default_transaction_read_only=on",
    )
    connection.autocommit = True
    return connection


def _state(reason: str) -> str:
    if any(words in reason for words in _RECOVERING):
        return "recovering"
    return "silent" if "timeout expired" in reason else "unreachable"


def _why(reason: str) -> str:
    state = _state(reason)
    if state == "recovering":
        return f"the database is recovering or starting, which is not dead: {reason}"
    return f"the database takes the connection and says nothing: {reason}" if state == "silent" else reason


def _ask_all(connection: Any, deadline: float) -> dict[str, dict[str, Any]]:
    """Ask every query; a slow one costs its own answer, not those of the others."""
    answers = {}
    for name, query in QUERIES.items():
        left = min(deadline - time.monotonic(), _QUERY_SECONDS)
        answers[name] = (
            _ask(connection, query, left) if left > 0 else {"ok": False, "error": "no time was left for it"}
        )
    return answers


def _ask(connection: Any, query: str, seconds: float) -> dict[str, Any]:
    try:
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SET statement_timeout = %s", (max(int(seconds * 1000), 1),))
            cursor.execute(query, ())
            return {"ok": True, "rows": [_without_secrets(_plain(row)) for row in cursor.fetchall()]}
    except psycopg2.Error as error:
        lines = (str(error).strip() or type(error).__name__).splitlines()
        return {"ok": False, "error": lines[0]}


def _without_secrets(row: dict[str, Any]) -> dict[str, Any]:
    """Hide what settings may hold: a standby's password in primary_conninfo, an application's own secret."""
    if row.get("setting"):
        row["setting"] = _setting(row["name"] or "", row["setting"])
    if row.get("settings"):
        pairs = (line.partition("=") for line in row["settings"])
        row["settings"] = [f"{name}={_setting(name, value)}" for name, _, value in pairs]
    return row


def _setting(name: str, value: str) -> str:
    # The server's own names are no measure: password_encryption is no secret. Those with a dot are anybody's.
    if name in _SECRET_SETTINGS or ("." in name and _secret_text.in_environment(name, value)):
        return _secret_text.HIDDEN
    return _secret_text.hidden(value)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) > 2**40 else float(value)
    return value.isoformat() if isinstance(value, datetime.datetime) else value
