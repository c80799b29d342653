"""Room."""

from __future__ import annotations

from fires.fire import Fire, by_shell

# On the file system of the data, as the bad habit has it.
BACKUPS = "/var/lib/docker/backups"

FIRES = [
    Fire(
        "disk.space", "in place", None, r"free, \d+ %, for", variables={"validation_disk_free_critical": 101}
    ),
    Fire(
        "disk.inodes",
        "in place",
        None,
        r"inodes free, \d+ %, for",
        variables={"validation_disk_inodes_free": 101},
    ),
    Fire(
        "disk.next_action",
        "in place",
        None,
        r"a deploy may need \d+\.0 GB",
        variables={"validation_disk_rebuild": "900000g"},
    ),
    Fire(
        "disk.backup_apart",
        "in place",
        None,
        r"is on the same file system as the data",
        variables={"validation_backup_dir": BACKUPS},
        green=("skip",),
    ),
    Fire(
        "disk.writable",
        "in place",
        by_shell(
            f"mkdir {BACKUPS}; mount --bind {BACKUPS} {BACKUPS}; mount -o remount,bind,ro {BACKUPS}",
            f"umount {BACKUPS}; rmdir {BACKUPS}",
        ),
        r"read-only, for the backups",
    ),
]
