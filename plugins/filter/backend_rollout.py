# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a roll-out of the backend has to do: pure functions of the containers that backend_state saw."""

from __future__ import annotations

import re
import urllib.parse

PREVIOUS = "-previous"


def _replica_number(name: str, stack: str) -> int | None:
    match = re.fullmatch(re.escape(stack) + r"-backend-([1-9][0-9]*)", name)
    return int(match.group(1)) if match else None


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
        if _replica_number(name, stack) is None:
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


def differences(container: dict, number: int, wanted: dict) -> list[str]:
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
    alias_is_there = f"backend-{number}" in networks.get(wanted["app_network"], [])
    if set(networks) != {wanted["app_network"], wanted["edge_network"]} or not alias_is_there:
        different.append("networks")
    return different


def plan(containers: list[dict], stack: str, replicas: int, wanted: dict) -> dict:
    """Compare the replicas that are there with those declared.

    A replica of the declared definition is never replaced, however ill it is: a new one would fall ill of
    the same cause.
    """
    numbered = {_replica_number(container["name"], stack): container for container in containers}
    numbered.pop(None, None)
    kept = {number: container for number, container in numbered.items() if number <= replicas}
    found = {number: differences(container, number, wanted) for number, container in kept.items()}
    same = {number: container for number, container in kept.items() if not found[number]}
    return {
        "paused": sorted(c["name"] for c in numbered.values() if c["state"] == "paused"),
        "missing": [number for number in range(1, replicas + 1) if number not in numbered],
        "replace": _in_port_order({n: c for n, c in kept.items() if found[n]}, wanted["first_port"]),
        "different": sorted({name for names in found.values() for name in names}),
        "start": sorted(n for n, c in same.items() if c["state"] in ("created", "exited", "dead")),
        "unsettled": sorted(n for n, c in same.items() if c["state"] != "paused" and not _serves(c)),
        "surplus": sorted((n for n in numbered if n > replicas), reverse=True),
    }


def _in_port_order(replicas: dict[int, dict], first_port: int) -> list[int]:
    """Return the replicas in an order in which none wants a port that the next one still holds."""
    up = any(c["port"] is not None and c["port"] < first_port + n - 1 for n, c in replicas.items())
    return sorted(replicas, reverse=up)


def steps_text(todo: dict) -> str:
    """Return the plan as one line for people; empty when there is nothing to do."""

    def named(numbers: list[int]) -> str:
        return ("replica " if len(numbers) == 1 else "replicas ") + ", ".join(map(str, numbers))

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
        }
