"""Bad settings: one line that names the variable, and a process that ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from medication_tracker.config import Settings, SettingsError
from medication_tracker.db import make_engine
from testkit.web import FOLDER

URL = "postgresql://app@db:5432/medication_tracker"


def load(**environment: str) -> Settings:
    return Settings.from_environment({"DATABASE_URL": URL, **environment})


def test_defaults_are_those_of_the_requirements() -> None:
    settings = load()
    assert (settings.pool_size, settings.max_overflow) == (5, 10)
    assert (settings.pool_timeout, settings.pool_recycle, settings.port) == (30, 1800, 5000)
    assert settings.request_timeout > settings.pool_timeout
    assert settings.threads > settings.admitted > settings.connections
    assert settings.pool_pre_ping
    assert not settings.debug_routes


def test_settings_are_read() -> None:
    settings = load(
        DB_POOL_SIZE="2",
        DB_MAX_OVERFLOW="0",
        DB_POOL_TIMEOUT="1.5",
        DB_POOL_RECYCLE="60",
        PORT="8080",
        WEB_CONCURRENCY="3",
        WEB_THREADS="10",
        REQUEST_TIMEOUT="5",
        REPLICA_NAME="replica-1",
        DB_POOL_PRE_PING="0",
        ENABLE_DEBUG_ROUTES="1",
    )
    assert (settings.connections, settings.pool_timeout, settings.pool_recycle) == (2, 1.5, 60)
    assert (settings.port, settings.workers, settings.threads) == (8080, 3, 10)
    assert (settings.request_timeout, settings.replica_name, settings.debug_routes) == (5, "replica-1", True)
    assert not settings.pool_pre_ping


@pytest.mark.parametrize("value", [-1, 1, 86400])
def test_connections_are_made_anew_after_a_time_or_never(value: int) -> None:
    settings = load(DB_POOL_RECYCLE=str(value))
    assert settings.pool_recycle == value
    engine = make_engine(settings)
    assert engine.pool._recycle == value
    engine.dispose()


@pytest.mark.parametrize("value", ["0", "1"])
def test_pooled_connections_are_tried_before_use_or_not(value: str) -> None:
    engine = make_engine(load(DB_POOL_PRE_PING=value))
    assert engine.pool._pre_ping is (value == "1")
    engine.dispose()


def test_no_worker_is_killed_while_a_request_may_wait() -> None:
    assert load().worker_timeout == 60
    assert load(DB_POOL_TIMEOUT="90").worker_timeout > 90


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "db:5432"),
        ("DATABASE_URL", "postgresql://app@db:port/medication_tracker"),
        ("DATABASE_URL", "mysql://app@db/medication_tracker"),
        ("DATABASE_URL", "postgresql://app@/medication_tracker"),
        ("DATABASE_URL", "postgresql://db/medication_tracker"),
        ("DATABASE_URL", "postgresql://app@db"),
        ("DB_POOL_SIZE", "0"),
        ("DB_POOL_SIZE", "-1"),
        ("DB_POOL_SIZE", "five"),
        ("DB_POOL_SIZE", ""),
        ("DB_POOL_SIZE", "1_0"),
        ("DB_POOL_SIZE", "9" * 5000),
        ("DB_MAX_OVERFLOW", "-1"),
        ("DB_MAX_OVERFLOW", "1.5"),
        ("DB_POOL_TIMEOUT", "0"),
        ("DB_POOL_TIMEOUT", "nan"),
        ("DB_POOL_TIMEOUT", "1e3"),
        ("DB_POOL_TIMEOUT", "601"),
        ("DB_POOL_RECYCLE", "0"),
        ("DB_POOL_RECYCLE", "-2"),
        ("DB_POOL_RECYCLE", "86401"),
        ("PORT", "65536"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "15"),
        ("REQUEST_TIMEOUT", "30"),
        ("REPLICA_NAME", "two words"),
        ("REPLICA_NAME", "x" * 64),
        ("ENABLE_DEBUG_ROUTES", "yes"),
        ("DB_POOL_PRE_PING", "true"),
        ("PGPASSFILE", "/nowhere"),
    ],
)
def test_bad_value_is_one_line_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    message = str(caught.value)
    assert name in message
    assert "\n" not in message


def test_missing_address() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        Settings.from_environment({})


@pytest.mark.parametrize("url", ["postgresql://app:s3cret@db/x", "postgresql://app@db/x?password=s3cret"])
def test_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL must carry no password") as caught:
        load(DATABASE_URL=url)
    assert "s3cret" not in str(caught.value)


def test_password_file_open_to_others_is_refused(tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.touch(0o600)
    assert load(PGPASSFILE=str(passfile))
    passfile.chmod(0o640)
    with pytest.raises(SettingsError, match="PGPASSFILE"):
        load(PGPASSFILE=str(passfile))


def test_gunicorn_ends_at_once_with_that_line_alone() -> None:
    environment = {**os.environ, "DATABASE_URL": URL, "DB_POOL_SIZE": "many"}
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "gunicorn_conf.py"],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr == "medication_tracker: DB_POOL_SIZE='many' must be a whole number from 1 to 200\n"
