# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a database and a copy of it must have in common, read from either in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stanchion_backup.host.database import Database, QueryError
from stanchion_backup.settings import Settings

Facts = dict[str, Any]
# A fact that could not be read has this key, with the reason.
UNREAD = "unread"
# Reading rows takes as long as there are rows, of the live database as of the copy; in seconds.
_ROWS_WITHIN = 600.0

# Of the whole server. A password's verifier leaves it as a hash of a hash.
_SERVER = """
SELECT json_build_object('roles', (
    SELECT json_object_agg(rolname, json_build_array(rolsuper, rolinherit, rolcreaterole, rolcreatedb,
        rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, left(md5(rolpassword), 8),
        (SELECT json_agg(roleid::regrole::text ORDER BY 1) FROM pg_auth_members WHERE member = r.oid))
        ORDER BY rolname)
    FROM pg_authid r WHERE rolname !~ '^pg_'));
SELECT json_build_object('databases', (
    SELECT json_object_agg(datname, json_build_array(datdba::regrole::text, pg_encoding_to_char(encoding),
        datlocprovider, datcollate, datctype, datlocale, datcollversion,
        pg_database_collation_actual_version(oid)) ORDER BY datname)
    FROM pg_database WHERE datallowconn));
"""

# Of one database. Only collations that a column uses: the others order nothing.
_DATABASE = """
SELECT json_build_object('extensions of ' || current_database(), (
    SELECT json_object_agg(extname, extversion ORDER BY extname) FROM pg_extension));
SELECT json_build_object('collations of ' || current_database(), (
    SELECT json_object_agg(collname, json_build_array(collversion, pg_collation_actual_version(oid))
        ORDER BY collname)
    FROM pg_collation WHERE oid IN (SELECT attcollation FROM pg_attribute WHERE attrelid >= 16384)));
WITH mine AS (SELECT oid FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'),
objects(line) AS (
    SELECT format('%s %s.%s %s %s %s', c.relkind, c.relnamespace::regnamespace, c.relname, attnum, attname,
        format_type(atttypid, atttypmod)) || attnotnull::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    WHERE c.relnamespace IN (SELECT oid FROM mine)
    UNION ALL
    SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace IN (SELECT oid FROM mine)
    UNION ALL
    SELECT pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace IN (SELECT oid FROM mine)
    UNION ALL
    SELECT format('view %s %s', oid::regclass, md5(pg_get_viewdef(oid)))
    FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace IN (SELECT oid FROM mine)
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT format('function %s %s', oid::regprocedure, md5(coalesce(prosrc, '')))
    FROM pg_proc WHERE pronamespace IN (SELECT oid FROM mine)
)
SELECT json_build_object('schema of ' || current_database(), json_build_object('objects', count(*),
    'hash', md5(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '')))) FROM objects;
"""

# Of the application's database.
_MIGRATION = r"""
SELECT to_regclass('alembic_version') IS NOT NULL AS migrated \gset
\if :migrated
SELECT json_build_object('migration head', json_agg(version_num ORDER BY version_num)) FROM alembic_version;
\else
SELECT json_build_object('migration head', json_build_object('unread', 'there is no table alembic_version'));
\endif
"""
# Where none are named, the smallest come first, and eight times the size of the largest is enough: it is the
# live database that reads them. Unlogged tables are empty after a recovery, and are meant to be. A sum does
# not depend on the rows' order.
_TABLES = r"""
SELECT CASE WHEN size > :most OR (:'wanted' = '' AND sum(size) OVER (ORDER BY size, name) > :most * 8)
    THEN format('SELECT json_build_object(%L, json_build_object(''unread'', %L))', 'table ' || name,
        size || ' bytes are too many for backup_sentinel_size')
    ELSE format('SELECT json_build_object(%L, json_build_object(''rows'', count(*), ''hash'',
        coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text)) FROM ONLY %s t',
        'table ' || name, name)
    END
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace,
    LATERAL (SELECT format('%I.%I', nspname, relname) AS name, pg_table_size(c.oid) AS size)
WHERE relkind = 'r' AND relpersistence = 'p' AND nspname !~ '^pg_'
    AND nspname NOT IN ('information_schema', 'stanchion')
    AND (:'wanted' = '' OR name = ANY (string_to_array(:'wanted', chr(10))))
ORDER BY name
\gexec
"""


def read(of: Callable[[str], Database], settings: Settings) -> Facts:
    """Read the facts of a server, `of` being its databases. QueryError where it does not answer."""
    found = _lines(of("postgres"), _SERVER + _DATABASE, {})
    for name in found["databases"]:
        if name == settings.database:
            found.update(_application(of(name), settings))
        elif name not in ("postgres", "template1"):
            found.update(_lines(of(name), _DATABASE, {}))
    if settings.database not in found["databases"]:
        found["migration head"] = {UNREAD: f"there is no database {settings.database}"}
    return found


def _application(database: Database, settings: Settings) -> Facts:
    given = {"most": settings.sentinel_bytes, "wanted": "\n".join(settings.sentinels)}
    found = _lines(database, _DATABASE + _MIGRATION, {})
    found.update(_lines(replace(database, within=max(database.within, _ROWS_WITHIN)), _TABLES, given))
    for table in settings.sentinels:
        found.setdefault(f"table {table}", {UNREAD: "there is no such table"})
    found.update(assertions(database, settings))
    return found


def migration_head(database: Database) -> list[str]:
    """Return the versions that Alembic has brought a database to; none where it has no such table."""
    found = _lines(database, _MIGRATION, {})["migration head"]
    return list(found) if isinstance(found, list) else []


def assertions(database: Database, settings: Settings) -> Facts:
    """Ask the application's own questions; one that is no SQL of one value has its reason."""
    found: Facts = {}
    for each in settings.assertions:
        try:
            lines = database.execute(f"SET default_transaction_read_only = on;\n{each['sql']}")
            found[f"sql {each['name']}"] = lines[0] if len(lines) == 1 else lines
        except QueryError as error:
            found[f"sql {each['name']}"] = {UNREAD: str(error)}
    return found


def _lines(database: Database, script: str, values: dict[str, object]) -> Facts:
    found: Facts = {}
    for line in database.execute(script, values):
        found.update(json.loads(line))
    return found


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
