"""What counts as a secret on the host, and what is left of somebody else's text."""

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_sql, _secret_text

from stanchion import secret_names


@pytest.mark.parametrize(
    "name,value,secret",
    [
        ("DB_PASSWORD", "x", True),
        ("DB_PASS", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("URL", "postgresql://u:p@h/d", True),
        ("DSN", "host=db user=u password=p", True),
        ("URL", "postgresql://h/d?user=u&password=p", True),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/run/secrets/p", False),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "30", False),
        ("PWD", "/app", False),
        ("URL", "postgresql://u@h/d", False),
        ("PASSWORD_MODE", "pgpass", False),
    ],
)
def test_variables_that_hold_a_secret(name, value, secret):
    assert _secret_text.in_environment(name, value) is secret


def test_hosts_and_controller_take_the_same_names_for_secrets():
    assert _secret_text.SECRET_NAME == secret_names.SECRET_NAME
    assert _secret_text.ABOUT_A_SECRET == secret_names.ABOUT_A_SECRET
    assert _secret_text.PASSWORD_IN_ADDRESS == secret_names.PASSWORD_IN_ADDRESS
    assert _secret_text.NO_SECRET == secret_names.NO_SECRET


@pytest.mark.parametrize(
    "text,left",
    [
        ("no way to postgresql://u:p@h/d today", "no way to postgresql://u:***@h/d today"),
        ("host=h password=p user=u", "host=h password=*** user=u"),
        ("host=h password = 'p q' user=u", "host=h password = *** user=u"),
        ("ALTER ROLE u PASSWORD 'p q'", "ALTER ROLE u PASSWORD ***"),
        (
            'FATAL:  password authentication failed for user "u"',
            'FATAL:  password authentication failed for user "u"',
        ),
    ],
)
def test_passwords_are_hidden_in_the_texts_of_others(text, left):
    assert _secret_text.hidden(text) == left


@pytest.mark.parametrize(
    "row,told",
    [
        (
            {"name": "primary_conninfo", "setting": "host=h password=p"},
            {"name": "primary_conninfo", "setting": "host=h password=***"},
        ),
        (
            {"name": "ssl_passphrase_command", "setting": "echo p"},
            {"name": "ssl_passphrase_command", "setting": "***"},
        ),
        ({"name": "app.jwt_secret", "setting": "p"}, {"name": "app.jwt_secret", "setting": "***"}),
        (
            {"name": "password_encryption", "setting": "scram-sha-256"},
            {"name": "password_encryption", "setting": "scram-sha-256"},
        ),
        ({"name": "app.zone", "setting": "eu"}, {"name": "app.zone", "setting": "eu"}),
        ({"name": None, "setting": None}, {"name": None, "setting": None}),
        (
            {"name": "u", "settings": ["app.jwt_secret=p", "statement_timeout=30s"]},
            {"name": "u", "settings": ["app.jwt_secret=***", "statement_timeout=30s"]},
        ),
    ],
)
def test_settings_that_hold_a_secret_do_not_leave_the_host(row, told):
    assert _facts_sql._without_secrets(row) == told
