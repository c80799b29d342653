"""What a server refuses is one line of the module's own, never a stack trace."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _postgres
from ansible_collections.stanchion.stack.plugins.modules import (
    postgres_application,
    postgres_config,
    postgres_volume,
)

REASON = 'invalid value for parameter "statement_timeout": "30 secs"\nHINT:  Valid units are "us", "ms".\n'


class FailedError(Exception):
    """What fail_json becomes here."""


def connection(reason: str = REASON) -> Any:
    """A connection whose server refuses every statement."""

    def execute(*_: object) -> None:
        raise psycopg2.DataError(reason)

    cursor = SimpleNamespace(execute=execute, description=None)
    return SimpleNamespace(cursor=lambda: nullcontext(cursor), close=lambda: None)


@pytest.mark.parametrize(
    ("reason", "line"), [(REASON, REASON.splitlines()[0]), ("", "DataError"), ("\n", "DataError")]
)
def test_the_first_line_is_the_reason(reason: str, line: str) -> None:
    with pytest.raises(_postgres.StatementError) as raised:
        _postgres.rows(connection(reason), "SELECT 1")
    assert str(raised.value) == line


def run(monkeypatch: pytest.MonkeyPatch, module: Any, **params: Any) -> str:
    """Run the module against such a server, and return the message with which it fails."""

    def fail_json(**result: Any) -> None:
        raise FailedError(result["msg"])

    fake = SimpleNamespace(params=params, check_mode=False, fail_json=fail_json)
    monkeypatch.setattr(module, "AnsibleModule", lambda **_: fake)
    monkeypatch.setattr(module, "connect", lambda *_, **__: connection())
    with pytest.raises(FailedError) as raised:
        module.main()
    return str(raised.value)


def test_the_application(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    password = tmp_path / "password"
    password.write_text("sesame")
    params = {
        "socket": str(tmp_path),
        "database": "shop",
        "role": "app",
        "password_file": str(password),
        "superuser_password_file": None,
        "connection_limit": 9,
        "monitoring_role": None,
        "monitoring_password_file": None,
        "monitoring_connections": 3,
        "settings": {"statement_timeout": "30 secs"},
    }
    text = run(monkeypatch, postgres_application, **params)
    assert text.endswith(f"{REASON.splitlines()[0]}.")
    assert "HINT" not in text


def test_a_refused_statement_is_shown_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = postgres_application.Statement(
        "ALTER ROLE x PASSWORD 'SCRAM'", "ALTER ROLE x PASSWORD (hidden)"
    )
    with pytest.raises(postgres_application.RefusedError) as raised:
        postgres_application.run(SimpleNamespace(check_mode=False), connection(), [statement])
    assert str(raised.value).startswith(
        "Postgres does not take `ALTER ROLE x PASSWORD (hidden)`: invalid value"
    )


def test_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    text = run(monkeypatch, postgres_config, path=str(tmp_path), socket=str(tmp_path))
    assert text == f"The server could not be asked for its configuration: {REASON.splitlines()[0]}."


def test_the_volume(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    record = tmp_path / "volume.json"
    record.write_text(postgres_volume.text_of(postgres_volume.new_record("data", "17", {})))
    params = {
        "state": "active",
        "record": str(record),
        "socket": str(tmp_path),
        "major": "17",
        "volume": "data",
    }
    text = run(monkeypatch, postgres_volume, **params)
    assert text == f"The server could not be asked for its identity: {REASON.splitlines()[0]}."


def test_a_socket_that_nobody_listens_on(tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX) as unused:
        unused.bind(str(tmp_path / ".s.PGSQL.5432"))
        with pytest.raises(_postgres.NotConnectedError):
            _postgres.connect(str(tmp_path), within=0)
