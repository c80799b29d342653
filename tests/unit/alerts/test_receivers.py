"""Who is told: what is declared of them, and what of it is secret."""

import pytest

from stanchion.alerts.receivers import ReceiverError, receivers, secrets

HOOK = {"name": "on-call", "url": "https://chat.example/hook/s3cret", "severities": ["critical"]}
MAIL = {
    "name": "team",
    "to": "team@example.org",
    "from": "stack@example.org",
    "smarthost": "mail.example.org:587",
    "username": "stack",
    "password": "pa55",
}


def test_what_may_be_shown_has_no_secret_in_it():
    shown = receivers([HOOK], [MAIL])
    assert [(each["kind"], each["name"], each["severities"]) for each in shown] == [
        ("webhook", "on-call", ["critical"]),
        ("mail", "team", ["critical", "warning"]),
    ]
    assert shown[1]["from"] == "stack@example.org"
    assert not any(word in str(shown) for word in ("s3cret", "pa55"))


def test_secrets_are_by_the_names_of_their_files():
    assert secrets([HOOK], [MAIL], "https://beat.example/1") == {
        "heartbeat_url": "https://beat.example/1",
        "on-call_url": HOOK["url"],
        "team_password": "pa55",
    }
    assert secrets([], [{**MAIL, "password": ""}]) == {}


@pytest.mark.parametrize(
    ("hooks", "mails", "says"),
    [
        ([{**HOOK, "url": "chat.example/s3cret"}], [], r"monitoring_webhooks\[0\]\.url can't be meant"),
        ([{**HOOK, "severities": []}], [], r"monitoring_webhooks\[0\]\.severities"),
        ([{**HOOK, "severities": ["info"]}], [], r"monitoring_webhooks\[0\]\.severities\.0"),
        ([{**HOOK, "name": "On Call"}], [], r"monitoring_webhooks\[0\]\.name"),
        ([HOOK, {**HOOK, "tone": "loud"}], [], r"monitoring_webhooks\[1\]\.tone"),
        ([{"name": "x"}], [], r"monitoring_webhooks\[0\]\.url"),
        (["https://chat.example/s3cret"], [], r"monitoring_webhooks\[0\] can't be meant"),
        ([], [{**MAIL, "smarthost": "mail.example.org"}], r"monitoring_mail\[0\]\.smarthost"),
        ([], [{**MAIL, "to": "team"}], r"monitoring_mail\[0\]\.to"),
        ([HOOK], [{**MAIL, "name": "on-call"}], "on-call stands twice"),
        ([{**HOOK, "name": "heartbeat"}], [], "is taken by the monitoring itself"),
    ],
)
def test_what_cannot_be_meant_is_named_without_its_secrets(hooks, mails, says):
    with pytest.raises(ReceiverError, match=says) as caught:
        receivers(hooks, mails)
    assert "s3cret" not in str(caught.value)
    assert "pa55" not in str(caught.value)
    # Nor in what a traceback would show.
    assert caught.value.__cause__ is None
