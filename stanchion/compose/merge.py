"""Several files as one, and a service upon the one that it extends: as compose merges."""

from __future__ import annotations

from dataclasses import replace

from stanchion.compose.tree import Node

# Lists that the later file replaces; all others it adds to.
_REPLACED = frozenset(("command", "entrypoint", "test"))


def merge(earlier: Node, later: Node, key: str = "") -> Node:
    """Return the earlier value with the later one over it."""
    if later.tag == "!override":
        return later
    if isinstance(earlier.value, dict) and isinstance(later.value, dict):
        return _mappings(earlier, later, key)
    if isinstance(earlier.value, list) and isinstance(later.value, list) and key not in _REPLACED:
        return replace(later, value=_lists(earlier.value, later.value, key))
    return later


def _mappings(earlier: Node, later: Node, key: str) -> Node:
    if key == "logging" and _driver(later) and _driver(earlier) not in ("", _driver(later)):
        # Options of one driver mean nothing to another.
        return later
    found = dict(earlier.mapping)
    for name, value in later.mapping.items():
        if value.tag == "!reset":
            found.pop(name, None)
        elif name in found:
            found[name] = merge(found[name], value, name)
        else:
            found[name] = value
    return replace(earlier, value=found)


def _driver(logging: Node) -> str:
    driver = logging.get("driver")
    return driver.text if driver else ""


def _lists(earlier: list[Node], later: list[Node], key: str) -> list[Node]:
    again = {_identity(item, key) for item in later}
    return [item for item in earlier if _identity(item, key) not in again] + later


def _identity(item: Node, key: str) -> object:
    """Return what makes an item of a list the same as one of the earlier file's."""
    if key in ("volumes", "configs", "secrets"):
        target = item.get("target")
        if target:
            return target.text
        parts = item.text.split(":")
        return (parts[1] if len(parts) > 1 else parts[0]).rstrip("/") if item.text else repr(plain(item))
    return repr(plain(item))


def plain(source: Node) -> object:
    """Return the bare values of a tree."""
    if isinstance(source.value, dict):
        return {key: plain(found) for key, found in source.value.items()}
    if isinstance(source.value, list):
        return [plain(found) for found in source.value]
    return source.value
