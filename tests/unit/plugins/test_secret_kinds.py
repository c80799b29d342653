"""What the preflight is told of secrets that a vault gives."""

from ansible_collections.stanchion.stack.plugins.filter.secret import FilterModule

secret_kinds = FilterModule().filters()["secret_kinds"]


def test_one_word_each_and_nothing_of_those_that_were_not_given():
    given = {"a": "canary", "b": "", "c": None, "d": "two\nlines", "e": "bl\u00e5b\u00e6r", "f": 12345}
    assert secret_kinds(given) == {"a": "ascii", "b": "empty", "d": "other", "e": "text", "f": "ascii"}
