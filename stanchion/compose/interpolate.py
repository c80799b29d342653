"""Variables in a compose file's values: $NAME, ${NAME}, ${NAME:-else}, ${NAME:?why}, ${NAME:+then}, $$."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stanchion.compose.trouble import FileError, Place

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")


@dataclass(frozen=True)
class Interpolation:
    """Replaces variables.

    Args:
        environment: the values.
        unset: what stands for a variable that has no value, given its name.
        demanding: refuse `${NAME:?why}` where NAME has no value; else it is as `${NAME}`.
    """

    environment: Mapping[str, str]
    unset: Callable[[str], str]
    demanding: bool = True

    def replace(self, text: str, place: Place) -> str:
        """Return the text with every variable replaced.

        Raises:
            FileError: the text is malformed, or demands a variable that has no value.
        """
        result, position = "", 0
        while (dollar := text.find("$", position)) >= 0:
            result += text[position:dollar]
            value, position = self._one(text, dollar, place)
            result += value
        return result + text[position:]

    def _one(self, text: str, dollar: int, place: Place) -> tuple[str, int]:
        """Return the value of what begins at a dollar sign, and where the text goes on."""
        begin = dollar + 1
        if text.startswith("$", begin):
            return "$", begin + 1
        if match := _NAME.match(text, begin):
            return self._value(match[0]), match.end()
        if text.startswith("{", begin) and (match := _NAME.match(text, begin + 1)):
            end = _closing(text, begin)
            if end is not None:
                return self._braced(match[0], text[match.end() : end], place), end + 1
        raise FileError.at(
            place,
            f"a `$` begins no variable in {text!r}.",
            "Write ${NAME} for a variable, and $$ for a dollar sign.",
        )

    def _value(self, name: str) -> str:
        value = self.environment.get(name)
        return self.unset(name) if value is None else value

    def _braced(self, name: str, rest: str, place: Place) -> str:
        operator = next((known for known in _OPERATORS if rest.startswith(known)), "")
        if rest and not operator:
            raise FileError.at(
                place, f"${{{name}{rest}}} is no variable.", "Write ${NAME}, ${NAME:-else} or ${NAME:?why}."
            )
        word = rest[len(operator) :]
        value = self.environment.get(name)
        has = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return self.replace(word, place) if has else ""
        if has and value is not None:
            return value
        if operator.endswith("-"):
            return self.replace(word, place)
        if operator.endswith("?") and self.demanding:
            why = self.replace(word, place)
            raise FileError.at(
                place,
                f"the variable {name} has no value, and the file demands one{': ' if why else ''}{why}.",
                f"Give {name} in the environment, in .env beside the compose file, or with --env-file.",
            )
        return self._value(name)


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for position in range(opening, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return None
