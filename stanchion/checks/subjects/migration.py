"""Whether the database's schema is the one that the application expects."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, check

LABEL = "io.stanchion.schema_version"


@check(
    "migration.head",
    rows="IMG-05",
    title="The database's schema is the one that the image expects",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Requests fail where a table or a column is missing, often only the rare ones.",
    remedy="Deploy: it runs backend_migration_command before it replaces a replica. By hand, in a "
    "container of the new image: `python3 -m alembic upgrade head`.",
    source="Alembic's table alembic_version against the label io.stanchion.schema_version of the image",
    reads=("containers", "sql.migration"),
    part=POSTGRES,
)
def head(look: Look) -> Iterator[Evidence]:
    expected = {c.name: c.labels[LABEL] for c in look.containers(BACKEND) if c.labels.get(LABEL)}
    if not expected:
        raise SkipError(f"no backend of this host has the label {LABEL}")
    rows = look.rows("migration")
    found = rows[0]["version"] if rows else None
    for name, wanted in expected.items():
        if found == wanted:
            yield note(f"expects {wanted}, and the database is at {found}", name)
        elif found is None:
            yield bad(f"expects {wanted}, and the database was never migrated", name)
        elif found.isdigit() and wanted.isdigit() and int(found) > int(wanted):
            text = f"expects {wanted}, and the database is at {found}: further, as after a roll-back"
            yield warn(text, name)
        else:
            yield bad(f"expects {wanted}, and the database is at {found}", name)
