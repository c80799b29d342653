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


def test_up_again_and_down(empty_database: str) -> None:
    assert "Running upgrade" in alembic(empty_database, "upgrade", "head")
    assert tables(empty_database) == {"alembic_version", "medications", "schedules", "doses"}
    assert "Running upgrade" not in alembic(empty_database, "upgrade", "head")
    alembic(empty_database, "downgrade", "base")
    assert tables(empty_database) == {"alembic_version"}
    assert "Running upgrade" in alembic(empty_database, "upgrade", "head")


def test_migrations_make_what_the_models_say(empty_database: str) -> None:
    alembic(empty_database, "upgrade", "head")
    assert "No new upgrade operations" in alembic(empty_database, "check")


def test_two_at_once_apply_each_migration_once(empty_database: str) -> None:
    running = [start_alembic(empty_database, "upgrade", "head") for _ in range(3)]
    outputs = [finish(process) for process in running]
    assert sum(output.count("Running upgrade") for output in outputs) == 1


def test_lock_timeout_of_pgoptions_holds(empty_database: str) -> None:
    alembic(empty_database, "upgrade", "head")
    with psycopg2.connect(empty_database) as reader, reader.cursor() as cursor:
        cursor.execute("LOCK TABLE doses IN ACCESS SHARE MODE")
        said = alembic(
            empty_database, "downgrade", "base", expected_code=1, PGOPTIONS="-c lock_timeout=200ms"
        )
        assert "lock timeout" in said
        assert "Traceback" not in said
    reader.close()
    assert "doses" in tables(empty_database)
