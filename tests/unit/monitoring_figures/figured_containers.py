"""What the engine tells of a stack's containers, as the figures read it."""

from typing import Any

BACKEND, DATABASE = "demo-backend-1", "demo-db"
DECLARED = {
    "stack": "demo",
    "containers": {DATABASE: "postgres", BACKEND: "backend"},
    "disks": {"data": "demo-pgdata"},
    "endpoints": [],
    "watched": [DATABASE],
    "interval": 15,
}


def figured(name: str = DATABASE, **changed: Any) -> dict[str, Any]:
    """Return what `docker inspect` tells of a container that runs, with some of it changed."""
    limits = {"Memory": 2**31, "NanoCpus": 1_500_000_000, **changed.pop("limits", {})}
    state = {
        "Status": "running",
        "Pid": 70,
        "StartedAt": "2026-11-30T19:56:04.5Z",
        "Health": {"Status": "healthy"},
    }
    outside = {
        "Id": changed.pop("id", f"id-of-{name}"),
        "Name": f"/{name}",
        "RestartCount": changed.pop("restarts", 0),
        "Config": {"Labels": {"io.stanchion.stack": changed.pop("stack", "demo")}},
        "HostConfig": limits,
    }
    return {**outside, "State": {**state, **changed}}
