# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The docker command, and the confinement that every container of a job has."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.settings import Settings

# An engine that is alive answers a question within milliseconds.
ANSWERS_WITHIN = 60.0
# Tells a container that lives for one job; what a killed command left behind is found by it.
PURPOSE = "io.stanchion.one-shot"
TIMED_OUT = 124
# What docker exec ends with where the engine could not start the command. The reason is on its output then.
NOT_STARTED = 126


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Return all that it said."""
        return (self.out + self.err).strip()


def run(
    argv: Sequence[str],
    within: float | None = ANSWERS_WITHIN,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run a command; the code is 124 when its time was up. `environment` is added to this process's own."""
    try:
        done = subprocess.run(  # noqa: S603
            list(argv),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        return Done(
            TIMED_OUT,
            out.decode(errors="replace") if isinstance(out, bytes) else out,
            f"no answer within {within:g} s",
        )
    except FileNotFoundError as error:
        raise BackupError(f"There is no command {argv[0]} on this host.") from error
    return Done(done.returncode, done.stdout, done.stderr)


def inside(arguments: Sequence[str], within: float | None = ANSWERS_WITHIN, stdin: str | None = None) -> Done:
    """Run a command in a running container: options of docker exec, the container, the command.

    An engine under load now and then fails to start it. Nothing of it has run then, so it is tried once more.
    """
    argv = ["docker", "exec", *arguments]
    done = run(argv, within, stdin)
    return run(argv, within, stdin) if done.code == NOT_STARTED else done


def docker(
    *arguments: str,
    within: float | None = ANSWERS_WITHIN,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what a docker command prints; BackupError where it fails."""
    done = run(["docker", *arguments], within, stdin, environment)
    if done.code != 0:
        raise BackupError(
            f"docker {' '.join(arguments[:2])} failed: {done.err.strip() or f'it ended with {done.code}'}"
        )
    return done.out


def inspect(kind: str, name: str) -> dict[str, Any] | None:
    """Return what the engine knows of a container, volume or network; None where there is none."""
    done = run(["docker", kind, "inspect", name])
    if done.code == 0:
        found: dict[str, Any] = json.loads(done.out)[0]
        return found
    if _is_gone(done):
        return None
    raise BackupError(f"docker {kind} inspect {name} failed: {done.err.strip()}")


def _is_gone(done: Done) -> bool:
    """Say whether the engine knows nothing of that name."""
    return "no such" in done.err.lower() or "not found" in done.err.lower()


def names(kind: str, *filters: str) -> list[str]:
    """Return the names of what matches, stopped containers too."""
    form = "{{.Names}}" if kind == "container" else "{{.Name}}"
    every = ["--all"] if kind == "container" else []
    return docker(kind, "ls", *every, "--format", form, *(f"--filter={each}" for each in filters)).split()


def remove(kind: str, listed: Iterable[str]) -> None:
    """Remove containers, volumes or networks by name; what is gone already does not hurt."""
    force = ["--force", "--volumes"] if kind == "container" else []
    for name in listed:
        done = run(["docker", kind, "rm", *force, name], within=600)
        if done.code != 0 and not _is_gone(done):
            raise BackupError(f"docker {kind} rm {name} failed: {done.err.strip()}")


def free_bytes(place: str = "") -> int | None:
    """Return what the disk of a volume or folder has left, of Docker itself where none is named.

    None where that can't be told: a volume's driver may keep it elsewhere.
    """
    if not place:
        path = docker("info", "--format", "{{.DockerRootDir}}").strip()
    else:
        path = place if place.startswith("/") else (inspect("volume", place) or {}).get("Mountpoint", "")
    try:
        usage = os.statvfs(path)
    except OSError:
        return None
    return usage.f_bavail * usage.f_frsize


def labels(settings: Settings, purpose: str) -> list[str]:
    """Return the options that say whose it is and what for."""
    return [
        f"--label=io.stanchion.stack={settings.stack}",
        "--label=io.stanchion.role=backup",
        f"--label={PURPOSE}={purpose}",
    ]


def mine(settings: Settings, purpose: str) -> list[str]:
    """Return the filters that find what `labels` has marked."""
    return [f"label=io.stanchion.stack={settings.stack}", f"label={PURPOSE}={purpose}"]


def fresh_name(settings: Settings, purpose: str) -> str:
    """Return a name for one container: an old one's may still be taken while it goes."""
    return f"{settings.stack}-{purpose}-{secrets.token_hex(4)}"


# Of a process that gives way to every other: the least share of the processor, the disk when nobody wants it.
LOW = ("nice", "-n", "19", "ionice", "-c", "3")
# Of a container that does (1024 is the database's): it counts as soon as both want the processor.
LOW_SHARE = ("--cpu-shares", "128")


def confined(memory: str) -> list[str]:
    """Return the options of a container that does one job beside the database, and never at its cost.

    Weight of its I/O is left to ionice: engines refuse --blkio-weight where the kernel has no scheduler for
    it.
    """
    return [
        *("--user", "999:999", "--init", "--read-only", "--tmpfs", "/tmp", "--no-healthcheck"),  # noqa: S108
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--memory", memory, "--memory-swap", memory, *LOW_SHARE, "--pids-limit", "256"),
        *("--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=2"),
    ]
