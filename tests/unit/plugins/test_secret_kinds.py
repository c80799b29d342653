"""What the preflight is told of secrets that a vault gives."""

from ansible_collections.stanchion.stack.plugins.filter.secret import FilterModule

secret_kinds = FilterModule().filters()["secret_kinds"]
without_secrets = FilterModule().filters()["without_secrets"]


def test_one_word_each_and_nothing_of_those_that_were_not_given():
    given = {"a": "canary", "b": "", "c": None, "d": "two\nlines", "e": "bl\u00e5b\u00e6r", "f": 12345}
    assert secret_kinds(given) == {"a": "ascii", "b": "empty", "d": "other", "e": "text", "f": "ascii"}


def test_a_definition_as_a_fact_may_hold_it():
    env = {"API_TOKEN": "canary", "BROKER": "amqp://me:canary@queue/", "PORT": "5000", "TOKEN_FILE": "/run/t"}
    shown = without_secrets({"image": "x", "env": env})
    assert "canary" not in str(shown)
    assert shown["env"]["PORT"] == "5000"
    assert shown["env"]["TOKEN_FILE"] == "/run/t"
    assert set(shown["env"]) == set(env)
