"""The migrations, run as a deployment runs them."""

from __future__ import annotations

import psycopg2
from alembic.config import Config
from alembic.script import ScriptDirectory
from conftest import as_superuser
from testkit.alembic import alembic, finish, start_alembic
from testkit.postgres import Server
from testkit.wait import until
from testkit.web import FOLDER

# A second version of the application must use the same number, or its migrations would not wait.
MIGRATION_LOCK = 7_264_110_001


def tables(database_url: str) -> set[str]:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return {name for (name,) in cursor.fetchall()}
    finally:
        connection.close()


def test_two_at_once_apply_each_migration_once(empty_database: str, postgres: Server) -> None:
    holder = psycopg2.connect(empty_database)
    try:
        holder.cursor().execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        running = [start_alembic(empty_database, "upgrade", "head") for _ in range(2)]
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: len(as_superuser(postgres, waiting)) == 2, "both migrations wait for their turn")
    finally:
        holder.close()
    outputs = [finish(process) for process in running]
    assert sorted("Running upgrade" in output for output in outputs) == [False, True]
    assert tables(empty_database) == {"alembic_version", "medications", "schedules", "doses"}


def test_down_and_up_again(database_url: str) -> None:
    assert "Running upgrade" not in alembic(database_url, "upgrade", "head")
    alembic(database_url, "downgrade", "base")
    assert tables(database_url) == {"alembic_version"}
    assert "Running upgrade" in alembic(database_url, "upgrade", "head")


def test_migrations_make_what_the_models_say(database_url: str) -> None:
    assert "No new upgrade operations" in alembic(database_url, "check")


def test_lock_timeout_of_pgoptions_holds(database_url: str) -> None:
    reader = psycopg2.connect(database_url)
    try:
        reader.cursor().execute("LOCK TABLE doses IN ACCESS SHARE MODE")
        options = {"PGOPTIONS": "-c lock_timeout=200ms"}
        said = alembic(database_url, "downgrade", "base", expected_code=1, **options)
    finally:
        reader.close()
    assert "lock timeout" in said
    assert "Traceback" not in said
    assert "doses" in tables(database_url)


def test_the_image_says_which_migration_is_its_newest() -> None:
    head = ScriptDirectory.from_config(Config(FOLDER / "alembic.ini")).get_current_head()
    assert f"\nLABEL io.stanchion.schema_version={head}\n" in (FOLDER / "Dockerfile").read_text()
