"""The rules of a .dockerignore file, with the meaning that the Docker client gives them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import PurePosixPath


class Ignore:
    """Answers whether a path of the context stays out; the last rule that matches wins."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            text = line.strip()
            if not text or line.startswith("#"):
                continue
            keep = text.startswith("!")
            pattern = posixpath.normpath(text.removeprefix("!").strip()).lstrip("/")
            self._rules.append((re.compile(_expression(pattern)), not keep))

    @property
    def is_final(self) -> bool:
        """True if nothing below an ignored folder can be taken back by a rule with `!`."""
        return all(ignored for _, ignored in self._rules)

    def matches(self, path: str) -> bool:
        parents = [str(parent) for parent in PurePosixPath(path).parents][:-1]
        result = False
        for expression, ignored in self._rules:
            if any(expression.fullmatch(name) for name in [path, *parents]):
                result = ignored
        return result


def _expression(pattern: str) -> str:
    """Translate a pattern: ** spans folders, * and ? stay in one, [a-z] is a class, backslash escapes."""
    result, position = "", 0
    while position < len(pattern):
        rest = pattern[position:]
        if rest.startswith("**/"):
            result, position = result + "(?:.*/)?", position + 3
        elif rest.startswith("**"):
            result, position = result + ".*", position + 2
        elif rest[0] == "*":
            result, position = result + "[^/]*", position + 1
        elif rest[0] == "?":
            result, position = result + "[^/]", position + 1
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            result, position = result + rest[: end + 1], position + end + 1
        elif rest[0] == "\\" and len(rest) > 1:
            result, position = result + re.escape(rest[1]), position + 2
        else:
            result, position = result + re.escape(rest[0]), position + 1
    return result
