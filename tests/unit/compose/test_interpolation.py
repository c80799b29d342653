"""Variables in values, as compose replaces them."""

import pytest

from stanchion.compose.interpolate import Interpolation
from stanchion.compose.trouble import FileError, Place

PLACE = Place("compose.yml", 7)


def replaced(text, unset="", **environment):
    return Interpolation(environment, lambda _name: unset).replace(text, PLACE)


@pytest.mark.parametrize(
    "text,environment,result",
    [
        ("plain", {}, "plain"),
        ("$NAME and ${NAME}", {"NAME": "a"}, "a and a"),
        ("$NAME.x", {"NAME": "a"}, "a.x"),
        ("$$NAME costs 5$$", {"NAME": "a"}, "$NAME costs 5$"),
        ("${NAME}", {}, ""),
        ("${NAME:-else}", {}, "else"),
        ("${NAME:-else}", {"NAME": ""}, "else"),
        ("${NAME-else}", {"NAME": ""}, ""),
        ("${NAME-else}", {}, "else"),
        ("${NAME:+then}", {"NAME": "a"}, "then"),
        ("${NAME:+then}", {"NAME": ""}, ""),
        ("${NAME+then}", {"NAME": ""}, "then"),
        ("${NAME:?why}", {"NAME": "a"}, "a"),
        ("${NAME?why}", {"NAME": ""}, ""),
        ("${A:-${B:-c}}", {}, "c"),
        ("${A:-${B:-c}}d", {"B": "b"}, "bd"),
        ("http://${HOST:-localhost}:${PORT:-80}/", {"PORT": "8080"}, "http://localhost:8080/"),
        ("${NAME:-}", {}, ""),
    ],
)
def test_what_stands_for_a_variable(text, environment, result):
    assert replaced(text, **environment) == result


def test_what_stands_for_one_without_a_value():
    assert replaced("${NAME}:$OTHER", unset="?") == "?:?"


@pytest.mark.parametrize(
    "text,environment,says",
    [
        ("${NAME:?set it}", {"NAME": ""}, "NAME has no value, and the file demands one: set it."),
        ("${NAME?set it}", {}, "set it"),
        ("${NAME:?}", {}, "demands one."),
        ("${NAME", {}, "begins no variable"),
        ("${}", {}, "begins no variable"),
        ("5$ each", {}, "begins no variable"),
        ("$1", {}, "begins no variable"),
        ("${NAME!x}", {}, "is no variable"),
    ],
)
def test_what_is_refused_with_its_place(text, environment, says):
    with pytest.raises(FileError, match=r"compose\.yml:7: ") as refused:
        replaced(text, **environment)
    assert says in refused.value.what
    assert refused.value.exit_code == 2
