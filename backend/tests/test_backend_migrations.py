"""The migrations, run as a deployment runs them."""

from __future__ import annotations

import psycopg2
from testkit.alembic import alembic, finish, start_alembic


def tables(database_url: str) -> set[str]:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return {name for (name,) in cursor.fetchall()}
    finally:
        connection.close()


def test_two_at_once_apply_each_migration_once(empty_database: str) -> None:
    running = [start_alembic(empty_database, "upgrade", "head") for _ in range(2)]
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
