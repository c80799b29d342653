"""Are the secret files, where they exist already, closed and not empty?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Facts, unreadable

# Anything for the group, for others, or for running it.
TOO_OPEN = 0o177
WRITABLE_BY_OTHERS = 0o022


def secret_problems(paths: Iterable[str], facts: Facts) -> list[Problem]:
    """Return what is wrong with each file; one that does not exist yet is made by its role."""
    found = unreadable(facts, "files")
    if found:
        return found
    for path in paths:
        found += _file(path, facts["files"]["entries"][path])
    return found


def _file(path: str, file: dict[str, Any]) -> list[Problem]:
    if not file["exists"]:
        return []
    if file["kind"] != "file":
        return [
            _problem(
                "secret.kind", path, f"is a {file['kind']}, not a file", "Put the secret into a file there."
            )
        ]
    found = []
    if file["size"] == 0:
        found.append(
            _problem(
                "secret.empty",
                path,
                "is empty",
                "Write the secret into it; or delete it, and a first deploy makes a new one.",
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
