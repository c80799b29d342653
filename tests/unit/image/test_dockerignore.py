"""The rules of .dockerignore, case by case as Docker's own documentation and tests give them."""

from __future__ import annotations

import pytest

from stanchion.image.ignore import Ignore


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        ([], "any", False),
        (["# note", "", "   "], "note", False),
        (["*.pyc"], "a.pyc", True),
        (["*.pyc"], "lib/a.pyc", False),
        (["**/*.pyc"], "a.pyc", True),
        (["**/*.pyc"], "lib/deep/a.pyc", True),
        (["**/__pycache__"], "lib/__pycache__/a.bin", True),
        (["/build"], "build/out", True),
        (["build/"], "build/out", True),
        (["build"], "rebuild", False),
        (["*/temp*"], "some/temporary.txt", True),
        (["*/temp*"], "some/deep/temporary.txt", False),
        (["temp?"], "tempa", True),
        (["temp?"], "temp", False),
        (["lib/**"], "lib/a/b", True),
        (["lib/**"], "library", False),
        (["[ab].txt"], "b.txt", True),
        (["[^ab].txt"], "b.txt", False),
        (["[^ab].txt"], "c.txt", True),
        ([r"\*.txt"], "a.txt", False),
        ([r"\*.txt"], "*.txt", True),
        (["a.b"], "axb", False),
        (["*.md", "!README.md"], "README.md", False),
        (["!README.md", "*.md"], "README.md", True),
        (["docs", "!docs/kept"], "docs/kept", False),
        (["docs", "!docs/kept"], "docs/other", True),
        (["*", "!src"], "src/deep/file", False),
        (["./a/../b"], "b", True),
    ],
)
def test_rules(lines: list[str], path: str, ignored: bool) -> None:
    assert Ignore(lines).matches(path) is ignored


def test_exceptions_make_an_ignored_folder_worth_a_look() -> None:
    assert Ignore(["docs"]).is_final
    assert not Ignore(["docs", "!docs/kept"]).is_final
