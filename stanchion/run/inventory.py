"""Finds the inventory, and reads it where a question has to be answered before the run (half a second)."""

from __future__ import annotations

import difflib
import fnmatch
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanchion.errors import InventoryError
from stanchion.run import environment

_READ_SECONDS = 60


@dataclass(frozen=True)
class Inventory:
    """Hosts with their variables, and groups with their hosts."""

    hosts: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, frozenset[str]]


def resolve(name: str, root: Path, cwd: Path | None = None) -> Path:
    """Return the inventory's absolute path: relative to the current folder, else to the root."""
    bases = [cwd or Path.cwd(), root]
    for base in bases:
        path = (base / Path(name).expanduser()).absolute()
        if path.exists():
            return path
    known = sorted({f"inventory/{path.name}" for base in bases for path in (base / "inventory").glob("*")})
    raise InventoryError(f"There is no inventory {name}.", did_you_mean(name, known) or None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the near matches as a question, else what there is, else nothing."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if not known:
        return ""
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f"There is: {', '.join(known[:10])}{more}."


def read(path: Path, root: Path) -> Inventory:
    """Ask ansible-inventory."""
    env = environment.scrub(os.environ) | environment.settings(root)
    env["PATH"] = environment.with_own_programs(env.get("PATH", os.defpath))
    env["ANSIBLE_INVENTORY"] = str(path)
    try:
        answer = subprocess.run(
            ["/usr/bin/env", "ansible-inventory", "--list"],
            cwd=root,
            env=env,
            capture_output=True,
            text=True,
            timeout=_READ_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InventoryError(f"The inventory {path} could not be read: {error}.") from error
    if answer.returncode != 0:
        raise InventoryError(f"The inventory {path} could not be read: {_complaint(answer.stderr)}", "")
    return parse(json.loads(answer.stdout))


def parse(listing: Mapping[str, Any]) -> Inventory:
    """Return the inventory that `ansible-inventory --list` printed."""
    variables: Mapping[str, Any] = listing.get("_meta", {}).get("hostvars", {})
    tree: dict[str, Any] = {name: group for name, group in listing.items() if name != "_meta"}
    groups = {name: frozenset(_members(name, tree)) for name in tree}
    hosts = {host: variables.get(host, {}) for members in groups.values() for host in members}
    return Inventory(hosts=hosts, groups=groups)


def _members(name: str, tree: Mapping[str, Any]) -> Iterable[str]:
    group = tree.get(name, {})
    yield from group.get("hosts", [])
    for child in group.get("children", []):
        yield from _members(child, tree)


def _complaint(text: str) -> str:
    errors = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("[ERROR]")]
    return (errors or text.strip().splitlines()[-1:] or ["no reason given."])[0]


def check_limit(limit: str, inventory: Inventory) -> None:
    """Refuse a --limit that names a host or group that is not there."""
    known = {*inventory.hosts, *inventory.groups}
    for pattern in re.split(r"[,:](?![^\[]*\])", limit):
        name = re.sub(r"\[[^\]]*\]\Z", "", pattern.strip().lstrip("!&"))
        if name and name[0] not in "~@" and not fnmatch.filter(known, name):
            hint = did_you_mean(name, known - {"all", "ungrouped"})
            raise InventoryError(f"--limit {limit}: the inventory has no host or group {name}.", hint)
