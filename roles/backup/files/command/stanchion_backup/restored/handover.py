# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restored copy that is to be the database: it has to archive again, and its archive must have no hole."""

from __future__ import annotations

from stanchion_backup.errors import BackupError
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.repository.target import position
from stanchion_backup.restored.scratch import Scratch

# What a restore has left in the configuration, and would keep the archive off. Then what of the new timeline
# was written meanwhile: without its history, a later promotion could choose the same timeline, and without
# its segments the chain has a hole. The segment that the server still writes to, it archives itself.
_TIDY = r"""
set -eu
cd "$PGDATA"
sed -i -E -e '/^[[:space:]]*(archive_mode|restore_command|recovery_target[a-z_]*)[[:space:]]*=/d' \
    -e "/$1/d" postgresql.auto.conf
rm -f recovery.signal standby.signal recovery.done
control=$(pg_controldata -D .)
current=$(printf '%s\n' "$control" | sed -n "s/^Latest checkpoint's REDO WAL file: *//p")
timeline=$(printf '%s' "$current" | cut -c 1-8)
for file in pg_wal/"$timeline"*; do
    name=${file##*/}
    case $name in
        *.history) ;;
        *.*) continue ;;
        *) expr "x$name" '<' "x$current" > /dev/null || continue ;;
    esac
    [ -e "pg_wal/archive_status/$name.done" ] || : > "pg_wal/archive_status/$name.ready"
    echo "marked=$name"
done
sync -f .
echo "current=$current"
printf '%s\n' "$control" | sed -n -e "s/^Database cluster state: */state=/p"
printf 'left=%s\n' "$(grep -v '^$' "pg_wal/$timeline.history" | tail -n 1 | cut -f 2)"
"""


def make_ready(copy: Scratch) -> int:
    """Make the volume of a copy that was stopped one that archives; return the timeline that it is on.

    BackupError where it was not stopped cleanly, or has let go of WAL that no repository has.
    """
    done = copy.command("sh", "-c", _TIDY, "sh", pgbackrest.REMARK)
    told = [line.partition("=")[::2] for line in done.out.splitlines()]
    facts = dict(told)
    if done.code != 0 or facts.get("state") != "shut down":
        raise BackupError(f"The copy could not be made ready: {done.text or facts}")
    check_chain(facts["current"], facts["left"], [value for name, value in told if name == "marked"])
    return int(facts["current"][:8], 16)


def check_chain(current: str, left_at: str, marked: list[str]) -> None:
    """Refuse a copy that has let go of WAL which was never archived."""
    first, last = position(left_at) // wal.SEGMENT_BYTES, wal.number_of(current)
    timeline = int(current[:8], 16)
    expected = [wal.name_of(timeline, number) for number in range(first, last)]
    missing = [name for name in [*expected, f"{timeline:08X}.history"] if name not in marked]
    if missing:
        raise BackupError(
            f"The copy has not kept its WAL ({', '.join(missing)}): its timeline would have a hole."
        )
