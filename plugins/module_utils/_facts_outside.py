# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The view from outside: a short-lived container on the edge network tries what must not work, and what must.

What must work is the proof that the attempt was one: a probe that reaches nothing says nothing of isolation.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time

from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine, EngineError
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

PURPOSE = "io.stanchion.one-shot"
_WAIT = 0.8
# Seconds after which a probe is one that was left behind: by a look that was killed, or an engine too slow.
_LEFT_BEHIND = 60
_CLEARING = 2
# Prints a line for every HOST PORT that takes a connection. Bash has the sockets; the image has bash.
_SCRIPT = """
try() { timeout "$1" bash -c 'exec 3<>"/dev/tcp/$1/$2"' - "$2" "$3" 2>/dev/null && echo "$2 $3"; }
wait_for=$1; shift
while [ $# -gt 0 ]; do try "$wait_for" "$1" "$2" & shift 2; done
wait
"""


def outside_facts(
    engine: Engine, stack: str, containers: list[dict], app_network: str, edge_network: str, port: int
) -> dict:
    """Return what a stranger reaches.

    `targets` are the attempts, each with `what` (database, host, backend, database-port, backend-port),
    `network`, `address`, `port` and `reached`; `published` are the backends' published addresses as the host
    itself reaches them.
    """
    database = next((c for c in containers if c["role"] == "postgres" and c["name"].endswith("-db")), None)
    if database is None or not database["running"]:
        raise UnreadableError("there is no running database container to be out of reach")
    targets = _targets(engine, containers, database, app_network, edge_network, port)
    reached = _try_all(engine, stack, database["image_id"], edge_network, targets)
    for target in targets:
        target["reached"] = (target["address"], target["port"]) in reached
    return {"targets": targets, "published": [_published(c, p) for c in containers for p in c["ports"]]}


def _targets(
    engine: Engine, containers: list[dict], database: dict, app_network: str, edge_network: str, port: int
) -> list[dict]:
    targets = [
        {"what": "database", "network": name, "address": address, "port": port}
        for name, attached in database["networks"].items()
        for address in (attached["ip"], attached["ipv6"])
        if address
    ]
    for name in (edge_network, app_network):
        for gateway in _gateways(engine, name):
            targets.append({"what": "host", "network": name, "address": gateway, "port": port})
            for item in containers:
                for published in item["ports"]:
                    if _everywhere(published["address"]) and published["port"] and name == edge_network:
                        what = "database-port" if item is database else "backend-port"
                        targets.append(
                            {"what": what, "network": name, "address": gateway, "port": published["port"]}
                        )
    for item in containers:
        attached = item["networks"].get(edge_network)
        if item["role"] == "backend" and item["running"] and attached and attached["ip"]:
            for number in sorted({p["container_port"] for p in item["ports"]}):
                targets.append(
                    {"what": "backend", "network": edge_network, "address": attached["ip"], "port": number}
                )
    return targets


def _everywhere(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return True


def _gateways(engine: Engine, network: str) -> list[str]:
    try:
        pools = (engine.get(f"/networks/{network}").get("IPAM") or {}).get("Config") or []
    except EngineError:
        return []
    # An engine that chose the address itself took the first one, and does not say so.
    return [
        pool.get("Gateway") or str(next(ipaddress.ip_network(pool["Subnet"]).hosts()))
        for pool in pools
        if pool.get("Subnet")
    ]


def _try_all(
    engine: Engine, stack: str, image: str, network: str, targets: list[dict]
) -> set[tuple[str, int]]:
    _clear(engine, stack)
    name = f"{stack}-outside-{secrets.token_hex(4)}"
    words = [word for target in targets for word in (target["address"], str(target["port"]))]
    made = engine.post(
        "/containers/create",
        {
            "Image": image,
            "Entrypoint": ["bash", "-c", _SCRIPT, "-", f"{_WAIT}"],
            "Cmd": words,
            "User": "65534:65534",
            "Labels": {"io.stanchion.stack": stack, "io.stanchion.role": "validation", PURPOSE: "outside"},
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "NetworkMode": network,
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Memory": 64 * 1024**2,
                "PidsLimit": 128,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            },
        },
        name=name,
    )
    identity = made["Id"]
    try:
        engine.post(f"/containers/{identity}/start")
        ended = engine.post(f"/containers/{identity}/wait")
        if ended.get("StatusCode") != 0:
            raise UnreadableError(f"the probe from outside ended with {ended.get('StatusCode')}")
        lines = engine.logs(identity, stdout=True).splitlines()
    finally:
        # With time of its own: the look's may be used up.
        Engine(engine.host, _CLEARING).delete(f"/containers/{identity}", force="1")
    return {(line.split()[0], int(line.split()[1])) for line in lines if len(line.split()) == 2}


def _clear(engine: Engine, stack: str) -> None:
    """Remove probes that an earlier look has left behind; a young one is at work for somebody else."""
    labels = [f"io.stanchion.stack={stack}", f"{PURPOSE}=outside"]
    for left in engine.get("/containers/json", all="1", filters={"label": labels}):
        if time.time() - left["Created"] > _LEFT_BEHIND:
            engine.delete(f"/containers/{left['Id']}", force="1")


def _published(container: dict, published: dict) -> dict:
    """Say whether the host itself reaches a published port."""
    address = "127.0.0.1" if _everywhere(published["address"]) else published["address"]
    answer = {"container": container["name"], "role": container["role"], "address": address}
    began = time.monotonic()
    try:
        socket.create_connection((address, published["port"]), timeout=1).close()
    except (OSError, TypeError) as error:
        return {**answer, "port": published["port"], "reached": False, "error": str(error)}
    return {**answer, "port": published["port"], "reached": True, "seconds": time.monotonic() - began}
