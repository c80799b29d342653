# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A volume that another server has filled: whether it can be taken over, and what has to be said to it. Pure.

The record of such a volume has `adopting` until it is done: `backup` while nothing has been changed, and
`takeover` from the moment at which a server of ours was started on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.stanchion.stack.plugins.module_utils._application import literal
from ansible_collections.stanchion.stack.plugins.module_utils._volume import Decision, RefusedError

# Of the container in which a server of ours first runs on the volume.
PURPOSE = "adoption"
BACKUP = "backup"
TAKEOVER = "takeover"
# Who the server runs as in our image and in Debian's; of the images with musl it is 70.
UID = "999"
MUSL_UID = "70"
# By code point: no library's version matters, and none is recorded.
_BY_CODE_POINT = re.compile(r"C|POSIX|C\..*", re.IGNORECASE)


@dataclass(frozen=True)
class Adoption:
    """Whose cluster it is: its bootstrap superuser, and the application's database and role in it."""

    stack: str
    superuser: str
    database: str
    role: str

    @property
    def dump_and_load(self) -> str:
        """Return how the data come over otherwise."""
        return (
            "Move the data with a dump instead. With the old compose file, whose database's service is db "
            f"here: `docker compose up -d db`, `docker compose exec -T db pg_dump -Fc -U {self.superuser} "
            f"{self.database} >{self.database}.dump`, `docker compose down`. Then take "
            "postgres_adopt_superuser out, set postgres_volume to a name that is not taken, and deploy. Then "
            f"stop the backends (`docker stop {self.stack}-backend-1` and so on), `docker exec -i "
            f"{self.stack}-db pg_restore -U postgres --clean --if-exists --no-owner --role={self.role} -d "
            f"{self.database} <{self.database}.dump`, and deploy again"
        )

    @property
    def dump_and_load_after_all(self) -> str:
        """Return the same for an adoption that was begun."""
        return (
            f"{self.dump_and_load}. Before the first of those deploys, remove volume.json from the stack's "
            "state folder, and set stack_backup_repository to a new place: the old one keeps this cluster's "
            "backup"
        )


def decide(
    record: dict[str, Any] | None, volume: str, found: dict[str, str], major: str, wanted: Adoption
) -> tuple[Decision, str]:
    """Return what has to happen, and the step to go on with; or raise RefusedError.

    `found` is what the volume holds, as for the decision on any other volume, with the `owner` of its files,
    the `state` of a cluster as pg_controldata says it, and of one in a folder of the volume that folder
    (`nested`).
    """
    if found["content"] == "unlooked":
        return Decision(create=False, initialise=False, record=record is None), BACKUP
    _see_content(volume, found, major, wanted)
    if record is not None and found.get("system_identifier") != record["system_identifier"]:
        raise RefusedError(
            f"The volume {volume} holds another database (system identifier "
            f"{found.get('system_identifier')}) than the one whose adoption was begun "
            f"({record['system_identifier']}). It was not touched. Bring the right volume back under this "
            "name"
        )
    if found.get("state") == "shut down":
        # Also where an earlier run had one: nobody knows what was done to the cluster since.
        return Decision(create=False, initialise=False, record=record is None), BACKUP
    if record is not None and record["adopting"] == TAKEOVER:
        # A server of ours was killed; this one recovers.
        return Decision(create=False, initialise=False, record=False), TAKEOVER
    raise RefusedError(
        f"The cluster in the volume {volume} was not shut down: pg_controldata says that it is "
        f"`{found.get('state', 'unknown')}`. It was not touched. Start its old server once more and stop it "
        "in peace: `docker compose up -d`, then `docker compose down` (never with -v)"
    )


def _see_content(volume: str, found: dict[str, str], major: str, wanted: Adoption) -> None:
    content, owner = found["content"], found.get("owner", UID)
    if content in ("missing", "empty", "unfinished"):
        state = "There is no volume" if content == "missing" else "There is no cluster in the volume"
        raise RefusedError(
            f"{state} {volume}, and postgres_adopt_superuser says that one is to be taken over: none is made "
            "in its place. `docker volume ls` tells its name (Compose puts the project's before it); set "
            "postgres_volume to it. Without data to take over, leave postgres_adopt_superuser out"
        )
    if owner == MUSL_UID or content == "unreadable":
        musl = ", as in images with musl, which sorts text by other rules" if owner == MUSL_UID else ""
        raise RefusedError(
            f"The files in the volume {volume} belong to user {owner}{musl}, and this stack's server runs as "
            f"{UID}. Nothing was touched. {wanted.dump_and_load}"
        )
    written = found.get("major")
    if written and written != major:
        raise RefusedError(
            f"The volume {volume} was written by Postgres {written}, and the image is Postgres {major}. "
            f"Nothing was touched. {wanted.dump_and_load}"
        )
    if "nested" in found:
        raise RefusedError(
            f"The cluster in the volume {volume} is in its folder {found['nested']}, and the server looks "
            "for it at the volume's root. Nothing was touched. Move it up (a rename, nothing is copied): "
            f"`docker run --rm -v {volume}:/v debian:trixie-slim sh -c 'mv /v/{found['nested']}/* /v/ && "
            "chown 999:999 /v && chmod 0700 /v'`"
        )
    if content != "cluster":
        raise RefusedError(
            f"The volume {volume} holds files, and no cluster of Postgres. Nothing was touched"
        )
    if owner != UID:
        raise RefusedError(
            f"The files in the volume {volume} belong to user {owner}, and this stack's server runs as "
            f"{UID}. Nothing was touched. {wanted.dump_and_load}"
        )


def questions(wanted: Adoption) -> str:
    """Return what it is asked, by psql, before anything is changed: its answers are lines of JSON."""
    return f"\\set database {literal(wanted.database)}\n{_QUESTIONS}"


def examine(found: dict[str, Any], wanted: Adoption) -> None:
    """Refuse a cluster that cannot be taken over; `found` has the answers to the questions."""
    names = [each["name"] for each in found["databases"] if each["connectable"]]
    if found["bootstrap"] not in (wanted.superuser, "postgres"):
        raise RefusedError(
            f"The cluster's bootstrap superuser is {found['bootstrap']}, and postgres_adopt_superuser says "
            f"{wanted.superuser}. Set it to {found['bootstrap']} if this is the right volume"
        )
    if found["postgres"] not in (None, 10):
        raise RefusedError(
            f"The cluster has a role postgres beside its bootstrap superuser {found['bootstrap']}, which is "
            "to get that name. Rename the other one with the old server (`ALTER ROLE postgres RENAME TO …`), "
            "and stop it again"
        )
    if wanted.database not in names:
        raise RefusedError(
            f"The cluster has no database {wanted.database}; it has {', '.join(names)}. Set "
            "stack_database_name"
        )
    if found["extensions"]:
        raise RefusedError(
            f"The database {wanted.database} uses {', '.join(found['extensions'])}, which this stack's image "
            "does not have. Bring an image of your own that has it (postgres_image_source: pull or archive)"
        )
    unversioned = [
        each["name"]
        for each in found["databases"]
        if each["connectable"]
        and each["provider"] == "c"
        and each["version"] is None
        and not _BY_CODE_POINT.fullmatch(each["collation"])
    ]
    if unversioned:
        raise RefusedError(
            f"The C library that sorted {', '.join(unversioned)} has left no version: it was musl, which "
            f"sorts text by other rules. {wanted.dump_and_load_after_all}"
        )


def resorted(found: dict[str, Any]) -> list[str]:
    """Return the databases whose indexes another version of a library has sorted."""
    return [each["name"] for each in found["databases"] if each["version"] not in (None, each["actual"])]


def statements(found: dict[str, Any], wanted: Adoption) -> str:
    """Return what makes the cluster this stack's, for psql; it can be said again, wherever it was cut off."""
    said = [f"\\set database {literal(wanted.database)}", f"\\set role {literal(wanted.role)}"]
    if found["bootstrap"] != "postgres":
        said += [f"\\set bootstrap {literal(found['bootstrap'])}", _RENAME]
    said.append(_HAND_OVER)
    connectable = {each["name"]: each["connectable"] for each in found["databases"]}
    for database in resorted(found):
        said.append(f"\\set sorted {literal(database)}")
        # Where nobody may connect, like template0, nobody has made an index.
        said += [_REINDEX] if connectable[database] else []
        said.append('ALTER DATABASE :"sorted" REFRESH COLLATION VERSION;')
    return "\n".join(said)


_QUESTIONS = r"""
SELECT json_build_object(
  'bootstrap', (SELECT rolname FROM pg_roles WHERE oid = 10),
  'postgres', (SELECT oid::int FROM pg_roles WHERE rolname = 'postgres'),
  'databases', (SELECT json_agg(json_build_object('name', datname, 'connectable', datallowconn,
     'provider', datlocprovider, 'collation', datcollate, 'version', datcollversion,
     'actual', pg_database_collation_actual_version(oid)) ORDER BY datname) FROM pg_database));
SELECT EXISTS (SELECT FROM pg_database WHERE datname = :'database' AND datallowconn) AS there \gset
\if :there
\connect :"database"
SELECT json_build_object('extensions', coalesce(json_agg(extname ORDER BY extname), '[]'::json))
  FROM pg_extension WHERE extname NOT IN (SELECT name FROM pg_available_extensions);
\endif
"""

# Nobody can rename the role of his own session: a second superuser does, and is gone afterwards.
_RENAME = r"""
DROP ROLE IF EXISTS stanchion_adoption;
CREATE ROLE stanchion_adoption SUPERUSER LOGIN;
\connect - stanchion_adoption
ALTER ROLE :"bootstrap" RENAME TO postgres;
\connect - postgres
"""

# Every object of the database that the old superuser owns, but for what follows its table or type, and what
# belongs to an extension. What only a superuser may own (event triggers, foreign data wrappers) stays his.
_HAND_OVER = r"""
DROP ROLE IF EXISTS stanchion_adoption;
SELECT format('CREATE ROLE %I NOLOGIN', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
\connect :"database"
SELECT format('ALTER %s %s OWNER TO %I', CASE
         WHEN named.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
         WHEN named.type = 'statistics object' THEN 'STATISTICS'
         ELSE named.type END, named.identity, :'role')
  FROM (
    SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace
    UNION ALL SELECT 'pg_class'::regclass, oid, relowner FROM pg_class
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
    UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typowner
      FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE c.oid IS NULL OR c.relkind = 'c'
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily
    UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
  ) AS object (class, oid, owner),
  LATERAL pg_identify_object(object.class, object.oid, 0) AS named
 WHERE object.owner = 10 AND object.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = object.class AND d.objid = object.oid AND d.objsubid = 0
     AND (d.deptype IN ('e', 'i') OR d.deptype = 'a' AND named.type = 'sequence')) \gexec
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s GRANT %s ON %s TO %s%s', :'role',
         ' IN SCHEMA ' || quote_ident(nspname), privilege_type,
         CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                            WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
         CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
         CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace, LATERAL aclexplode(defaclacl)
 WHERE defaclrole = 10 AND grantee <> 10 \gexec
"""

_REINDEX = r"""
\connect :"sorted"
REINDEX DATABASE :"sorted";
SELECT format('ALTER COLLATION %s REFRESH VERSION', oid::regcollation) FROM pg_collation
 WHERE collversion <> pg_collation_actual_version(oid) \gexec
"""
