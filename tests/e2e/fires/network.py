"""Who reaches the database."""

from __future__ import annotations

from fires.fire import Fire, by_shell

BAD = "bad containers"
FIRES = [
    Fire("network.database_unpublished", BAD, None, r"db: publishes 5432 at 0\.0\.0\.0:5432"),
    Fire("network.isolation", BAD, None, r"the database at [0-9.]+:5432 is reached from the edge network"),
    Fire("network.user_defined", BAD, None, r"backend-2: shares no network of its own with .*-db"),
    Fire("network.internal", BAD, None, r"db: is on .*_edge_network, which is not internal"),
    Fire(
        "network.strangers",
        "in place",
        by_shell(
            "docker run --detach --name stranger --network {stack}_app_network --network-alias db"
            " --entrypoint sleep $(docker inspect --format '{{.Image}}' {stack}-backend-1) 600",
            "docker rm --force stranger",
        ),
        r"stranger: is on .*_app_network \(running",
    ),
]
