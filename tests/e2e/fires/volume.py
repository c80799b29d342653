"""The volume with the data."""

from __future__ import annotations

from fires.fire import Fire, by_shell

RECORD = "/var/lib/stanchion/{stack}/postgres/volume.json"
DATA = "/var/lib/docker/volumes/{stack}-pgdata/_data"

FIRES = [
    Fire("volume.mount", "bad containers", None, r"db: .* is the host's folder .*, and a volume is declared"),
    Fire("volume.single_writer", "bad containers", None, r"db-aside mounts it too, for writing"),
    Fire(
        "volume.identity",
        "in place",
        by_shell(
            f'cp -p {RECORD} /tmp/volume.json; sed -i \'s/"system_identifier": "/&9/\' {RECORD}',
            f"cp -p /tmp/volume.json {RECORD}; rm /tmp/volume.json",
        ),
        r"db: the server serves cluster \d+, and 9\d+ is recorded",
    ),
    Fire(
        "volume.owner",
        "in place",
        by_shell(f"chmod 0755 {DATA}", f"chmod 0700 {DATA}"),
        r"has the mode 0755",
    ),
    Fire(
        "volume.version",
        "in place",
        by_shell(f"echo 16 > {DATA}/PG_VERSION", f"echo 17 > {DATA}/PG_VERSION"),
        r"was written by version 16, and 17 is deployed",
    ),
]
