"""What is said to the database for a declared application, and never the password."""

from __future__ import annotations

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _scram
from ansible_collections.stanchion.stack.plugins.module_utils._application import (
    Monitor,
    Wanted,
    database_statements,
    monitor_statements,
    role_statements,
    schema_statements,
)
from ansible_collections.stanchion.stack.plugins.modules.postgres_application import RefusedError, password_of

# Made by Postgres 17 itself: CREATE ROLE x PASSWORD 'sesame', then rolpassword.
STORED = (
    "SCRAM-SHA-256$4096:Lck9hnO7XodCtuAlPXutAw==$"
    "c76OkU/d8ww4hjaAb/QfWE3uK4cc3o7C1HlvIKzJjiE=:UIXEqJOMlSwOK16WKncrqUQg5rKMiQE6mKzIGNBDcdw="
)
WANTED = Wanted("app", "shop", "sesame", 121, {"lock_timeout": "10s", "statement_timeout": "30s"})
RIGHT = {
    "rolsuper": False,
    "rolcreatedb": False,
    "rolcreaterole": False,
    "rolreplication": False,
    "rolbypassrls": False,
    "rolcanlogin": True,
    "rolconnlimit": 121,
    "rolpassword": STORED,
    "settings": {"lock_timeout": "10s", "statement_timeout": "30s"},
}


def shown(statements):
    return [statement.shown for statement in statements]


def test_a_verifier_made_by_postgres_is_recognised():
    assert _scram.matches("sesame", STORED)
    assert not _scram.matches("sesam", STORED)


@pytest.mark.parametrize(
    "stored", [None, "", "md5d41d8cd98f00b204e9800998ecf8427e", "sesame", "SCRAM-SHA-256$x"]
)
def test_anything_else_is_no_match(stored):
    assert not _scram.matches("sesame", stored)


def test_two_verifiers_of_one_password_differ_and_match():
    one, two = _scram.verifier("sesame"), _scram.verifier("sesame")
    assert one != two
    assert _scram.matches("sesame", one)
    assert _scram.matches("sesame", two)


def test_a_new_role_gets_everything():
    statements = shown(role_statements(WANTED, None))
    assert statements == [
        'CREATE ROLE "app" NOLOGIN',
        'ALTER ROLE "app" LOGIN',
        'ALTER ROLE "app" CONNECTION LIMIT 121',
        'ALTER ROLE "app" PASSWORD (from its secret file)',
        "ALTER ROLE \"app\" SET lock_timeout = '10s'",
        "ALTER ROLE \"app\" SET statement_timeout = '30s'",
    ]


def test_a_role_as_declared_is_left_alone():
    assert role_statements(WANTED, RIGHT) == []


@pytest.mark.parametrize(
    ("found", "statement"),
    [
        ({"rolsuper": True}, 'ALTER ROLE "app" NOSUPERUSER'),
        ({"rolcreatedb": True, "rolcreaterole": True}, 'ALTER ROLE "app" NOCREATEDB NOCREATEROLE'),
        ({"rolcanlogin": False}, 'ALTER ROLE "app" LOGIN'),
        ({"rolconnlimit": -1}, 'ALTER ROLE "app" CONNECTION LIMIT 121'),
        ({"rolpassword": None}, 'ALTER ROLE "app" PASSWORD (from its secret file)'),
        (
            {"settings": RIGHT["settings"] | {"lock_timeout": "0"}},
            "ALTER ROLE \"app\" SET lock_timeout = '10s'",
        ),
        ({"settings": RIGHT["settings"] | {"work_mem": "1GB"}}, 'ALTER ROLE "app" RESET work_mem'),
    ],
)
def test_a_difference_is_one_statement(found, statement):
    assert shown(role_statements(WANTED, RIGHT | found)) == [statement]


def test_no_statement_carries_the_password():
    for statement in role_statements(WANTED, None):
        assert "sesame" not in statement.sql
        assert "sesame" not in statement.shown
        assert "SCRAM" not in statement.shown


def test_names_are_quoted():
    statements = role_statements(Wanted('a"b', "d", "p", 1), None)
    assert statements[0].sql == 'CREATE ROLE "a""b" NOLOGIN'


@pytest.mark.parametrize(
    ("owner", "public", "statements"),
    [
        ("app", [], []),
        (None, [], ['CREATE DATABASE "shop" OWNER "app"', 'REVOKE ALL ON DATABASE "shop" FROM PUBLIC']),
        ("postgres", [], ['ALTER DATABASE "shop" OWNER TO "app"']),
        ("app", ["CONNECT", "TEMPORARY"], ['REVOKE ALL ON DATABASE "shop" FROM PUBLIC']),
    ],
)
def test_the_database_belongs_to_the_role_alone(owner, public, statements):
    assert shown(database_statements(WANTED, owner, public)) == statements


@pytest.mark.parametrize(
    ("owner", "public", "statements"),
    [
        (None, [], []),
        ("pg_database_owner", ["USAGE"], []),
        ("app", ["USAGE"], []),
        ("postgres", ["USAGE"], ["ALTER SCHEMA public OWNER TO pg_database_owner"]),
        ("pg_database_owner", ["USAGE", "CREATE"], ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"]),
    ],
)
def test_nobody_else_creates_in_the_schema(owner, public, statements):
    assert shown(schema_statements(WANTED, owner, public)) == statements


@pytest.mark.parametrize("content", [b"", b"\n", "blåbær".encode(), b"a\x00b", b"a\nb", b"\xff"])
def test_a_password_that_scram_would_read_otherwise_is_refused(tmp_path, content):
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(RefusedError):
        password_of(str(path))


def test_a_line_end_is_not_part_of_the_password(tmp_path):
    path = tmp_path / "password"
    path.write_text("sesame\n")
    assert password_of(str(path)) == "sesame"


MONITOR = Monitor("stanchion_monitor", "sesame", 3)
MONITORS = {**RIGHT, "rolconnlimit": 3, "settings": {}}


def test_the_monitoring_gets_a_role_that_reads_statistics():
    assert shown(monitor_statements(MONITOR, "shop", None, ([], False))) == [
        'CREATE ROLE "stanchion_monitor" NOLOGIN',
        'ALTER ROLE "stanchion_monitor" LOGIN',
        'ALTER ROLE "stanchion_monitor" CONNECTION LIMIT 3',
        'ALTER ROLE "stanchion_monitor" PASSWORD (from its secret file)',
        'GRANT pg_monitor TO "stanchion_monitor"',
        'GRANT CONNECT ON DATABASE "shop" TO "stanchion_monitor"',
    ]


def test_a_right_role_of_the_monitoring_is_left_alone():
    assert monitor_statements(MONITOR, "shop", MONITORS, (["pg_monitor"], True)) == []


def test_what_somebody_gave_the_monitoring_is_taken_back():
    found = {**MONITORS, "rolsuper": True, "rolconnlimit": -1}
    assert shown(monitor_statements(MONITOR, "shop", found, (["pg_monitor", "pg_read_all_data"], True))) == [
        'ALTER ROLE "stanchion_monitor" NOSUPERUSER',
        'ALTER ROLE "stanchion_monitor" CONNECTION LIMIT 3',
        'REVOKE "pg_read_all_data" FROM "stanchion_monitor"',
    ]
