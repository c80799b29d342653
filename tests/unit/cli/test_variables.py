"""-e KEY=VALUE."""

from __future__ import annotations

import pytest

from stanchion.errors import SecretOnCommandLineError, UsageError
from stanchion.run.variables import parse
from stanchion.secret_names import is_secret_like


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("n=3", 3),
        ("n=true", True),
        ("n=text", "text"),
        ("n=", ""),
        ("n=a=b", "a=b"),
        ("n=[1, two]", [1, "two"]),
        ("n={a: 1}", {"a": 1}),
        ('n="3"', "3"),
        ("n=~", None),
    ],
)
def test_values_are_yaml(assignment: str, value: object) -> None:
    assert parse([assignment]) == {"n": value}


def test_the_last_one_wins() -> None:
    assert parse(["n=1", "m=2", "n=3"]) == {"n": 3, "m": 2}


@pytest.mark.parametrize("assignment", ["n", "=3", "3n=1", "a b=1", "n: 3", "a.b=1", "@file.yml", "n={a: ]"])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError, match="-e"):
        parse([assignment])


@pytest.mark.parametrize(
    "name",
    [
        "postgres_password",
        "DB_PASSWD",
        "api_token",
        "client_secret",
        "passphrase",
        "ssh_private_key",
        "privatekey",
        "ansible_become_password",
        "aws_credentials",
        "ansible_become_pass",
        "dbpass",
        "db_pass_new",
        "DB_PWD",
        "api_key",
        "apikey",
        "AWS_ACCESS_KEY_ID",
    ],
)
def test_secrets_are_refused_and_never_repeated(name: str) -> None:
    with pytest.raises(SecretOnCommandLineError, match="vault") as caught:
        parse([f"{name}=hunter2"])
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_secret_inside_a_value_is_refused() -> None:
    with pytest.raises(SecretOnCommandLineError, match="db_password"):
        parse(["backend_environment={a: [{db_password: hunter2}]}"])


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:hunter2@db/x",
        "{A: [postgresql+psycopg2://u:hunter2@db:5432/x]}",
        "[https://u:hunter2@example.org/]",
        "{https://u:hunter2@example.org/: 1}",
    ],
)
def test_a_password_in_an_address_is_refused_and_never_repeated(value: str) -> None:
    with pytest.raises(SecretOnCommandLineError, match="an address with a password") as caught:
        parse([f"backend_database_url={value}"])
    assert "hunter2" not in str(caught.value)


def test_an_address_without_a_password_passes() -> None:
    assert parse(["url=postgresql://u@db:5432/x"]) == {"url": "postgresql://u@db:5432/x"}


@pytest.mark.parametrize(
    "name",
    [
        "stack_database_password_file",
        "secret_path",
        "password_length",
        "secret_file_mode",
        "stack_secrets_dir",
        "token_owner",
        "api_key_file",
        "pgpass_path",
        "passive_replicas",
        "passenger_count",
        "primary_key",
        "stack_name",
    ],
)
def test_what_is_only_about_a_secret_passes(name: str) -> None:
    assert not is_secret_like(name)


def test_a_value_without_a_name_is_not_repeated_in_full() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["x" * 30 + " " + "hunter2" * 10])
    assert str(caught.value).count("hunter2") <= 1
