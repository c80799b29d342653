# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a roll-out of the backend has to do: pure functions of the containers that backend_state saw."""

from __future__ import annotations

import re
import urllib.parse

PREVIOUS = "-previous"


# What is there for the time of a roll-out only.
_PASSING = ("candidate", "endpoints")


def _member(name: str, stack: str) -> int | str | None:
    """Return a replica's number, or a companion's name; None of any other container."""
    match = re.fullmatch(re.escape(stack) + r"-backend-([1-9][0-9]*|[a-z][a-z0-9-]*)", name)
    if not match or match.group(1) in _PASSING or name.endswith(PREVIOUS):
        return None
    return int(match.group(1)) if match.group(1).isdigit() else match.group(1)


def _order(member: int | str) -> tuple[bool, int, str]:
    """Replicas by their numbers, then companions by their names."""
    return (True, 0, member) if isinstance(member, str) else (False, member, "")


def _serves(container: dict) -> bool:
    return container["state"] == "running" and container["health"] == "healthy"


def leftovers(containers: list[dict], stack: str) -> list[list[str]]:
    """Return the docker commands that clear what an interrupted run left behind, in their order.

    A replaced replica is kept as NAME-previous until its successor is healthy. So whichever of the two
    serves is the one to keep, and if neither does, the previous one is: it was healthy once.
    """
    by_name = {container["name"]: container for container in containers}
    steps = [
        ["rm", "--force", name]
        for name in (f"{stack}-backend-candidate", f"{stack}-migrate", f"{stack}-backend-endpoints")
        if name in by_name
    ]
    for previous in sorted(name for name in by_name if name.endswith(PREVIOUS)):
        name = previous.removesuffix(PREVIOUS)
        if _member(name, stack) is None:
            continue
        if name in by_name and _serves(by_name[name]):
            steps.append(["rm", "--force", previous])
            continue
        if name in by_name:
            steps.append(["rm", "--force", name])
        steps.append(["rename", previous, name])
        if by_name[previous]["state"] not in ("running", "paused"):
            steps.append(["start", name])
    return steps


def differences(container: dict, member: int | str, wanted: dict) -> list[str]:
    """Return in what the container is not as declared.

    The label `config` is a hash of the whole definition, so it tells of everything that is fixed when a
    container is created. The rest is what can be changed by hand while it lives.
    """
    different = [
        name
        for name in ("config", "secrets", "image", "memory", "memory_swap", "nano_cpus", "pids", "restart")
        if container[name] != wanted[name]
    ]
    networks = container["networks"]
    alias_is_there = f"backend-{member}" in networks.get(wanted["app_network"], [])
    if set(networks) != {wanted["app_network"], wanted["edge_network"]} or not alias_is_there:
        different.append("networks")
    return different


def plan(containers: list[dict], stack: str, members: list[int | str], wanted: dict) -> dict:
    """Compare what is there with the declared members: replicas by their numbers, companions by their names.

    One of the declared definition is never replaced, however ill it is: a new one would fall ill of the same
    cause.
    """
    there = {_member(container["name"], stack): container for container in containers}
    there.pop(None, None)
    kept = {member: container for member, container in there.items() if member in members}
    found = {member: differences(container, member, wanted) for member, container in kept.items()}
    same = {member: container for member, container in kept.items() if not found[member]}
    stopped = [m for m, c in same.items() if c["state"] in ("created", "exited", "dead")]
    unsettled = [m for m, c in same.items() if c["state"] != "paused" and not _serves(c)]
    return {
        "paused": sorted(c["name"] for c in there.values() if c["state"] == "paused"),
        "missing": [member for member in members if member not in there],
        "replace": _in_port_order({m: c for m, c in kept.items() if found[m]}, wanted["first_port"]),
        "different": sorted({name for names in found.values() for name in names}),
        "start": sorted(stopped, key=_order),
        "unsettled": sorted(unsettled, key=_order),
        "surplus": sorted((m for m in there if m not in members), key=_order, reverse=True),
    }


def _in_port_order(changed: dict[int | str, dict], first_port: int) -> list[int | str]:
    """Return the members in an order in which no replica wants a port that the next one still holds."""
    numbers = [member for member in changed if isinstance(member, int)]
    ports = {number: changed[number]["port"] for number in numbers}
    up = any(port is not None and port < first_port + number - 1 for number, port in ports.items())
    return [*sorted(numbers, reverse=up), *sorted(member for member in changed if isinstance(member, str))]


def steps_text(todo: dict) -> str:
    """Return the plan as one line for people; empty when there is nothing to do."""

    def named(members: list[int | str]) -> str:
        numbers = [str(member) for member in members if isinstance(member, int)]
        words = ["replica " if len(numbers) == 1 else "replicas "] if numbers else []
        return "".join(words) + ", ".join([*numbers, *(m for m in members if isinstance(m, str))])

    parts = ["run the migration"] if todo["missing"] or todo["replace"] else []
    if todo["replace"]:
        parts.append(f"try the new definition (changed: {', '.join(todo['different'])}) on a candidate")
    verbs = (("replace", "replace"), ("missing", "create"), ("start", "start"), ("surplus", "remove"))
    parts += [f"{verb} {named(todo[key])}" for key, verb in verbs if todo[key]]
    return ", ".join(parts)


def failure_text(result: dict) -> str:
    """Return what failed in words for people: of a loop each failed item's, of a command what it printed."""
    failed = [item for item in result.get("results") or [] if item.get("failed")] or [result]
    return "\n".join(_failure(item) for item in failed)


def _failure(item: dict) -> str:
    if item.get("stderr") and item.get("cmd"):
        return f"`{' '.join(item['cmd'])}` failed: {item['stderr'].strip()}"
    return str(item.get("msg") or "What failed is hidden, since it handles a secret.")


def variables(contract: dict, names: dict) -> dict:
    """Return the contract's variables under an image's own names; one that is given no name is left out."""
    return {names.get(name, name): value for name, value in contract.items() if names.get(name, name)}


def url_with_password(url: str, password: str) -> str:
    """Return the address of a database with the password in it, quoted."""
    parts = urllib.parse.urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}:{urllib.parse.quote(password, safe='')}@{host}").geturl()


class FilterModule:
    def filters(self) -> dict:
        return {
            "backend_failure_text": failure_text,
            "backend_leftovers": leftovers,
            "backend_plan": plan,
            "backend_steps_text": steps_text,
            "backend_url_with_password": url_with_password,
            "backend_variables": variables,
        }
