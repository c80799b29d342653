"""The host's own state: whether a run was cut short on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note
from stanchion.checks.registry import RUNTIME, WARNING, check


@check(
    "host.lock",
    rows="DEP-01",
    title="No run was cut short on this host",
    phases=(RUNTIME,),
    severity=WARNING,
    why="A run that died may have left half of what it began: a container under its old name, a setting "
    "that was written and not taken over.",
    remedy="Run the same command again: it takes the lock over and brings the host to what is declared.",
    source="ours: every run that changes something holds the host's lock and gives it back at its end",
    reads=("lock",),
)
def lock(look: Look) -> Iterator[Evidence]:
    found = look.source("lock")
    holder = found["holder"]
    if found["state"] in ("dead", "expired"):
        yield bad(f"{_who(holder)} holds the lock, and {found['reason']}", found["path"])
    elif found["state"] == "held":
        yield note(f"{_who(holder)} is at work", found["path"])
    else:
        last = found["last"]
        yield note(f"free; last held by {_who(last)}" if last else "free; nobody ever held it", found["path"])


def _who(run: dict[str, object]) -> str:
    since = datetime.fromtimestamp(float(str(run["since"])), UTC)
    return f'{run["user"]}@{run["hostname"]} with "{run["verb"]}" (since {since:%Y-%m-%d %H:%M:%S} UTC)'
