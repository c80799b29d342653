"""What the engine tells of a stack's containers, as the watch reads it."""

import time
from typing import Any

BACKEND, DATABASE = "demo-backend-1", "demo-db"
# What each replica is published at.
PORTS = {5001: BACKEND, 5002: "demo-backend-2"}
DECLARED = {
    "stack": "demo",
    "database": DATABASE,
    "backends": [BACKEND, "demo-backend-2"],
    "port": 5000,
    "liveness_path": "/livez",
    "database_patience": 600,
    "backend_patience": 120,
}


def stamp(moment: float) -> str:
    """Return a moment as the engine writes it."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{whole}.{int(moment % 1 * 1e9):09d}Z" if moment else "0001-01-01T00:00:00Z"


def inspected(name: str = BACKEND, started: float = 1000.0, **changed: Any) -> dict[str, Any]:
    """Return what `docker inspect` tells of a running container, with some of its state changed."""
    state = {
        "Status": "running",
        "Error": "",
        "StartedAt": stamp(started),
        "FinishedAt": stamp(0),
        "Health": {"Status": "healthy", "Log": [{"ExitCode": 0, "Output": "ready\n"}]},
    }
    outside = {
        "Id": changed.pop("id", f"id of {name}"),
        "Name": f"/{name}",
        "Config": {"Labels": {"io.stanchion.stack": "demo"}, "StopTimeout": changed.pop("stop", 12)},
        "HostConfig": {"RestartPolicy": {"Name": changed.pop("policy", "unless-stopped")}},
        "Mounts": [
            {"Type": "volume", "Name": "demo-pgdata", "Destination": "/var/lib/postgresql/data", "RW": True}
        ],
        "NetworkSettings": {
            "Ports": {
                "5000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5002" if name == PORTS[5002] else "5001"}]
            },
            "Networks": {"demo_app_network": {"IPAddress": "172.30.240.3"}},
        },
    }
    if "network" in changed:
        outside["NetworkSettings"] = changed.pop("network")
    return {**outside, "State": {**state, **changed}}


def sick(output: str) -> dict[str, Any]:
    """Return the health of a database whose last probe said this."""
    return {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": output}]}
