"""Are the secrets that are given, and the secret files that exist already, closed and of use?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Facts, unreadable

# Anything for the group, for others, or for running it.
TOO_OPEN = 0o177
WRITABLE_BY_OTHERS = 0o022


def secret_problems(paths: Iterable[str], facts: Facts, passwords: bool = False) -> list[Problem]:
    """Return what is wrong with each file; one that does not exist yet is made by its role.

    `passwords` of the database are ASCII: of anything else, SCRAM makes another text first.
    """
    found = unreadable(facts, "files")
    if found:
        return found
    for path in paths:
        found += _file(path, facts["files"]["entries"][path], passwords)
    return found


def given_problems(kinds: Mapping[str, str], variable: str, passwords: bool = False) -> list[Problem]:
    """Return what is wrong with the secrets of a vault, by what the filter secret_kinds says of each.

    `variable` says where it stands, with {name} for the secret's name.
    """
    return [
        Problem(
            slug="secret.given",
            what=f"The value of {variable.format(name=name)} {_CONTENT[kind]}.",
            where="the vault file of the inventory",
            remedy="Give it one line (ansible-vault edit); or leave it out, and a first deploy makes one.",
        )
        for name, kind in kinds.items()
        if not _usable(kind, passwords)
    ]


_CONTENT = {
    "empty": "is empty",
    "other": "is not one line of printable text",
    "text": "has characters beyond ASCII, which a password of the database must not have",
}


def _usable(kind: str, password: bool) -> bool:
    return kind == "ascii" or (kind == "text" and not password)


def _file(path: str, file: dict[str, Any], password: bool) -> list[Problem]:
    if not file["exists"]:
        return []
    if file["kind"] != "file":
        return [
            _problem(
                "secret.kind", path, f"is a {file['kind']}, not a file", "Put the secret into a file there."
            )
        ]
    found = []
    if not _usable(file["content"], password):
        found.append(
            _problem(
                "secret.empty" if file["content"] == "empty" else "secret.content",
                path,
                _CONTENT[file["content"]],
                "Write the secret into it, as one line; or delete it, and a first deploy makes a new one.",
            )
        )
    if int(file["mode"], 8) & TOO_OPEN:
        found.append(
            _problem(
                "secret.mode",
                path,
                f"has the mode {file['mode']}: others than its owner {file['owner']} get at the secret",
                f"Run `chmod 0400 {path}` on the host. Change the secret if anybody may have read it.",
            )
        )
    parent = file["parent"]
    if int(parent["mode"], 8) & WRITABLE_BY_OTHERS:
        found.append(
            _problem(
                "secret.folder",
                path,
                f"lies in {parent['path']}, where others may put another file in its place "
                f"(mode {parent['mode']})",
                f"Run `chmod go-w {parent['path']}` on the host.",
            )
        )
    return found


def _problem(slug: str, path: str, what: str, remedy: str) -> Problem:
    return Problem(
        slug=slug, what=f"The secret file {path} {what}.", where=f"{path} on the host", remedy=remedy
    )
