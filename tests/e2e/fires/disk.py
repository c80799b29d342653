"""Room."""

from __future__ import annotations

from fires.fire import Fire, by_shell

# On the file system of the data, as the bad habit has it.
BACKUPS = "/var/lib/docker/backups"
# A small file system of its own, filled up.
FULL = "/run/full"

FIRES = [
    Fire(
        "disk.space",
        "worn",
        # Full is the purpose: both commands end for want of room.
        by_shell(
            f"mkdir {FULL}; mount -t tmpfs -o size=1m,nr_inodes=30 full {FULL};"
            f" head -c 1m /dev/zero > {FULL}/1 || true;"
            f" for i in $(seq 40); do touch {FULL}/$i || break; done",
            f"umount {FULL}; rmdir {FULL}",
        ),
        r"0 MB of 1 MB free, 0 %, for the backups",
        variables={"stack_backup_repository": FULL},
    ),
    Fire("disk.inodes", "worn", None, r"0 inodes free, 0 %, for the backups"),
    Fire(
        "disk.next_action",
        "in place",
        None,
        r"a deploy may need \d+\.0 GB",
        variables={"validation_disk_rebuild": "900000g"},
    ),
    Fire(
        "disk.drill",
        "in place",
        None,
        r"a copy needs \d+\.\d GB",
        variables={"validation_disk_copy": 1000000},
    ),
    Fire(
        "disk.full_backup",
        "in place",
        None,
        r"the next full backup may need \d+\.\d GB",
        variables={"validation_disk_full_backup": 1000000},
    ),
    Fire(
        "disk.backup_apart",
        "in place",
        None,
        r"is on the same file system as the data",
        variables={"stack_backup_repository": BACKUPS},
        # The host has one disk: it goes on to warn, of the real repository.
        green=("warn",),
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
