"""Fixtures of the backend's tests. This file's folder is what pytest puts on the path of imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from medication_tracker.app import create_app
from medication_tracker.config import Settings
from psycopg2 import sql
from testkit.alembic import alembic
from testkit.postgres import Server, make_server
from testkit.proxy import Proxy
from testkit.web import Web

# The application's role: no superuser, as in a deployed stack.
USER, PASSWORD = "medication_tracker", "of-a-server-that-lives-a-minute"

StartWeb = Callable[..., Web]


def as_superuser(server: Server, statement: str, *names: str) -> list[tuple[object, ...]]:
    """Runs a statement outside a transaction; each {} in it is a quoted identifier."""
    with closing(
        psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", password=server.password)
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    passfile = tmp_path_factory.mktemp("secrets") / "pgpass"
    passfile.touch(0o600)
    passfile.write_text(f"*:*:*:{USER}:{PASSWORD}\n")
    server = make_server()
    try:
        as_superuser(server, f"CREATE ROLE {{}} LOGIN PASSWORD '{PASSWORD}'", USER)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGPASSFILE", str(passfile))
            yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a database with all migrations applied, for others to be copied from."""
    as_superuser(postgres, "CREATE DATABASE {} OWNER {}", "migrated", USER)
    alembic(url(postgres, "migrated"), "upgrade", "head")
    return "migrated"


def url(server: Server, name: str, port: int | None = None) -> str:
    return f"postgresql://{USER}@127.0.0.1:{port or server.port}/{name}"


@pytest.fixture
def empty_database(postgres: Server) -> Iterator[str]:
    """The address of a database without tables."""
    as_superuser(postgres, "CREATE DATABASE {} OWNER {}", "empty", USER)
    yield url(postgres, "empty")
    as_superuser(postgres, "DROP DATABASE {} WITH (FORCE)", "empty")


@pytest.fixture(scope="module")
def database_name(postgres: Server, template: str) -> Iterator[str]:
    as_superuser(postgres, "CREATE DATABASE {} TEMPLATE {} OWNER {}", "application", template, USER)
    yield "application"
    as_superuser(postgres, "DROP DATABASE {} WITH (FORCE)", "application")


@pytest.fixture(scope="module")
def database_url(postgres: Server, database_name: str) -> str:
    return url(postgres, database_name)


@pytest.fixture(scope="module")
def app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings.from_environment({"DATABASE_URL": database_url, "ENABLE_DEBUG_ROUTES": "1"}))
    yield app
    app.extensions["database"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """The application with empty tables, without a server around it."""
    with app.extensions["database"].engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE medications, schedules, doses RESTART IDENTITY")
    return app.test_client()


@pytest.fixture(scope="module")
def start_web(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartWeb]:
    """Starts the application under gunicorn, with the given settings; it runs until the module ends."""
    started: list[Web] = []

    def start(**settings: object) -> Web:
        given = {name: str(value) for name, value in settings.items()}
        web = Web({"DATABASE_URL": database_url, **given}, tmp_path_factory.mktemp("web") / "log")
        started.append(web)
        web.wait_for_workers()
        return web

    yield start
    for web in started:
        web.quit()
    for web in started:
        web.wait()


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    with closing(Proxy(postgres.port)) as proxy:
        yield proxy
