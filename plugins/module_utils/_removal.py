# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a stack can be removed from a Docker host, and in which order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

STACK_LABEL = "io.stanchion.stack"
ROLE_LABEL = "io.stanchion.role"
# Of what lives for one job of the backups: the rest of their role is the repository.
JOB_LABEL = "io.stanchion.one-shot"
# Who writes to the database stops before it.
_FIRST, _LAST = "backend", "postgres"

# An engine that is alive answers within milliseconds, and removes within seconds; a volume may hold much.
_ANSWERS_WITHIN = 60
_VOLUME_GOES_WITHIN = 600
# What a container without a stop time-out of its own is given.
_STOP_SECONDS = 10
# What scheduled jobs hold while they run. Without containers they have nothing left to do.
_LOCKS_OF_JOBS = ("backup/watch.lock", "backup/job.lock", "recovery/watch.lock", "monitoring/figures.lock")
_JOB_ENDS_WITHIN = 60

# Below the folder of the role monitoring: what its containers read, and nothing else.
MONITORING_FOLDERS = ("alertmanager", "exporter", "prometheus")

# What the roles write into the stack's folder and into that of its secrets, by the folder.
_OWN = {
    "": {"runs.jsonl"},
    "postgres": {"config", "config.next", "socket", "volume.json"},
    "backup": {
        "archive_off",
        "bare_metal.json",
        "config",
        "copies",
        "image",
        "job.lock",
        "lock",
        "log",
        "metrics",
        "on_failure",
        "records",
        "restore.json",
        "scratch",
        "settings.json",
        "watch.json",
        "watch.lock",
    },
    "monitoring": {
        "figures.json",
        "figures.lock",
        "figures.pyz",
        "metrics",
        "settings.json",
        *MONITORING_FOLDERS,
    },
    "recovery": {"on_failure", "recovery.jsonl", "settings.json", "watch.json", "watch.lock", "watch.pyz"},
}
_SECRETS = {
    "app_password",
    "backend",
    "backup_offsite_passphrase",
    "backup_passphrase",
    "backup_s3_access_key",
    "backup_s3_secret_key",
    "backup_sftp_key",
    "exported.json",
    "fingerprint_key",
    "monitoring",
    "monitoring_password",
    "postgres_password",
}
# The secrets without which backups are noise begin so.
_OF_BACKUPS = "backup_"
# What the engine of the backups makes in a repository that is a folder of the host, each with one folder a
# stack.
_REPOSITORY = ("archive", "backup")
# The database's user in its image, whose the repository is.
REPOSITORY_OWNER = 999
# What mkfs makes in every disk's own folder.
_OF_THE_DISK = "lost+found"

Run = Callable[[list[str]], tuple[int, str, str]]


class RefusedError(Exception):
    """It was not done, for a reason that people can do something about."""

    def __init__(self, message: str, exit_name: str | None = "configuration") -> None:
        super().__init__(message)
        self.exit = exit_name


@dataclass(frozen=True)
class Container:
    """A container that goes."""

    name: str
    role: str
    paused: bool
    stop_seconds: int = _STOP_SECONDS


@dataclass
class Plan:
    """Everything that goes."""

    containers: list[Container] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    # The repository's volume where it stays.
    kept: list[str] = field(default_factory=list)


class Docker:
    """The docker command, which every host of a stack has."""

    def __init__(self, run: Run, program: str) -> None:
        self._run = run
        self._program = program

    def __call__(self, *arguments: str, within: int = _ANSWERS_WITHIN) -> str:
        limit = ["timeout", "--kill-after=10", str(within)]
        code, out, err = self._run([*limit, self._program, *arguments])
        if code == 0:
            return out
        what = f"docker {' '.join(arguments[:2])}"
        if code in (124, 137):
            raise RefusedError(
                f"The Docker engine does not answer: {what} was not done after {within} s. See what it "
                "is busy with, and run this again: what is gone already does not hurt.",
                "unreachable",
            )
        if "Cannot connect to the Docker daemon" in err or "trying to connect to the Docker daemon" in err:
            raise RefusedError(
                f"The Docker engine does not answer: {err.strip()} Start it and run this again.",
                "unreachable",
            )
        raise RefusedError(f"{what} failed: {err.strip()}", None)

    def names(self, kind: str, *arguments: str) -> list[str]:
        return self(
            kind, "ls", "--format", "{{.Names}}" if kind == "container" else "{{.Name}}", *arguments
        ).split()

    def inspect(self, kind: str, names: list[str]) -> list[dict]:
        return json.loads(self(kind, "inspect", *names)) if names else []


def plan(
    docker: Docker,
    stack: str,
    data: bool,
    recorded: str | None = None,
    backups: bool = False,
    repository: str | None = None,
) -> Plan:
    """Return what would go; refuse where somebody else needs it.

    `recorded` is the volume that the host's record names: the stack's own also without its label. So is
    `repository`, the volume that holds its backups; that one goes only with `backups`.
    """
    mine = f"label={STACK_LABEL}={stack}"
    containers = [
        _container(item) for item in docker.inspect("container", docker.names("container", "-a", "-f", mine))
    ]
    own = {container.name for container in containers}
    networks = sorted(docker.names("network", "-f", mine))
    for network in docker.inspect("network", networks):
        attached = {item["Name"] for item in (network.get("Containers") or {}).values()} - own
        _refuse_foreign("network", network["Name"], attached, "Disconnect")
    volumes = _volumes(docker, mine, recorded, repository) if data else []
    holds = _repositories(docker, mine, repository) if data else set()
    kept = [] if backups else [volume for volume in volumes if volume in holds]
    volumes = [volume for volume in volumes if volume not in kept]
    for volume in volumes:
        users = set(docker.names("container", "-a", "-f", f"volume={volume}")) - own
        _refuse_foreign("volume", volume, users, "Remove")
    return Plan(sorted(containers, key=_order), networks, volumes, kept)


def _volumes(docker: Docker, mine: str, *named: str | None) -> list[str]:
    found = set(docker.names("volume", "-f", mine))
    if any(named):
        found |= set(named) & set(docker.names("volume"))
    return sorted(found)


def _repositories(docker: Docker, mine: str, named: str | None) -> set[str]:
    labelled = set(docker.names("volume", "-f", mine, "-f", f"label={ROLE_LABEL}=backup"))
    passing = set(docker.names("volume", "-f", mine, "-f", f"label={JOB_LABEL}"))
    return (labelled - passing) | ({named} if named else set())


def _container(item: dict) -> Container:
    return Container(
        name=item["Name"].lstrip("/"),
        role=(item["Config"].get("Labels") or {}).get(ROLE_LABEL, ""),
        paused=bool(item["State"].get("Paused")),
        stop_seconds=item["Config"].get("StopTimeout") or _STOP_SECONDS,
    )


def _order(container: Container) -> tuple[int, str]:
    return {_FIRST: 0, _LAST: 2}.get(container.role, 1), container.name


def _refuse_foreign(kind: str, name: str, users: set[str], what_to_do: str) -> None:
    if users:
        listed = ", ".join(sorted(users))
        raise RefusedError(
            f"The {kind} {name} is in use by containers that are not of this stack: {listed}. Nothing was "
            f"removed. {what_to_do} them first, then run this again."
        )


def carry_out(docker: Docker, plan: Plan) -> None:
    """Stop and remove, backends before the database; what is gone meanwhile does not hurt a second run."""
    for rank in range(3):
        wave = [container for container in plan.containers if _order(container)[0] == rank]
        names = [container.name for container in wave]
        paused = [container.name for container in wave if container.paused]
        if paused:
            # A paused process would not see its stop signal.
            docker("container", "unpause", *paused)
        if names:
            # No time is given: each container has its own.
            longest = max(container.stop_seconds for container in wave)
            docker("container", "stop", *names, within=longest + _ANSWERS_WITHIN)
            docker("container", "rm", *names)
    if plan.networks:
        docker("network", "rm", *plan.networks)
    if plan.volumes:
        docker("volume", "rm", *plan.volumes, within=_VOLUME_GOES_WITHIN)


@dataclass
class Files:
    """What lies in a stack's folder."""

    own: list[Path] = field(default_factory=list)
    # The folders that hold it, the innermost first.
    folders: list[Path] = field(default_factory=list)
    # What the stack has not written, and what therefore stays.
    strange: list[Path] = field(default_factory=list)
    # The secrets of backups that stay.
    kept: list[Path] = field(default_factory=list)

    @property
    def all_goes(self) -> bool:
        return bool(self.folders) and not self.strange and not self.kept


def files(stack: str, folder: Path, secrets: Path | None, stay: Iterable[Path] = ()) -> Files:
    """Tell what the stack has written in its folder from what it has not; leave what shall stay."""
    places = {folder / name: set(own) for name, own in _OWN.items()}
    places[folder / "backup"].add(f"stanchion-{stack}.pyz")
    for place in (folder / "secrets", secrets):
        if place is not None and is_inside(place, folder):
            places[place] = places.get(place, set()) | _SECRETS
            for between in place.relative_to(folder).parents:
                places.setdefault(folder / between, set())
    found = Files()
    if folder.is_dir():
        _sort(folder, places, found)
    found.kept = sorted(set(stay) & set(found.own))
    found.own = [path for path in found.own if path not in found.kept]
    return found


def files_of(role: str, folder: Path) -> Files:
    """Tell what a role has written in its folder from what it has not."""
    found = Files()
    if folder.is_dir():
        _sort(folder, {folder: _OWN[role]}, found)
    return found


def _sort(place: Path, places: dict[Path, set[str]], found: Files) -> None:
    for entry in sorted(place.iterdir()):
        if entry in places and entry.is_dir() and not entry.is_symlink():
            _sort(entry, places, found)
        elif _is_own(entry.name, places[place]):
            found.own.append(entry)
        else:
            found.strange.append(entry)
    found.folders.append(place)


def _is_own(name: str, own: set[str]) -> bool:
    """Say whether it is one of those, or a draft of one that a killed run left."""
    return name in own or any(name.startswith(f".{each}.") for each in own)


def wait_for_jobs(run: Run, folder: Path, within: int = _JOB_ENDS_WITHIN) -> None:
    """Wait for what cron began before its table was gone: it writes into the folder until it ends.

    Raises:
        RefusedError: it did not end.
    """
    for name in _LOCKS_OF_JOBS:
        lock = folder / name
        if is_held(run, lock, within):
            raise RefusedError(
                f"A scheduled job still runs after {within} s: {lock} is held (fuser -v tells by whom). "
                f"Containers and volumes are gone, and nothing of {folder}. Run this again when it has "
                "ended.",
                None,
            )


def is_held(run: Run, lock: Path, within: int = _JOB_ENDS_WITHIN) -> bool:
    """Wait for what holds a lock; say whether it still does when the seconds are over."""
    return lock.exists() and run(["flock", "--timeout", str(within), str(lock), "true"])[0] != 0


def delete(found: Files) -> None:
    """Delete what the stack has written, and the folders that are empty then."""
    for path in found.own:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for place in found.folders:
        if not any(place in path.parents for path in [*found.strange, *found.kept]):
            place.rmdir()


def secrets_of_backups(folder: Path) -> list[Path]:
    """Return the secrets in a folder that open backups."""
    return sorted(folder.glob(f"{_OF_BACKUPS}*"))


def scheduled(
    stack: str, cron: Path = Path("/etc/cron.d"), programs: Path = Path("/usr/local/sbin")
) -> list[Path]:
    """Return the schedule of the backups and the program that it starts, as far as they are there.

    Both say whose they are: the engine's own supervisor has such a name too.
    """
    places = (cron / f"stanchion-{stack}", programs / f"stanchion-{stack}")
    return [path for path in places if path.is_file() and f"stack {stack}" in path.read_text()]


def watch_table(stack: str, cron: Path = Path("/etc/cron.d")) -> Path:
    """Return where cron's table of the watch is (role recovery)."""
    return cron / f"stanchion-{stack}-recovery"


def watched(stack: str, cron: Path = Path("/etc/cron.d")) -> list[Path]:
    """Return the table of the watch, if it is there and this stack's."""
    return _if_of("recovery", stack, watch_table(stack, cron))


def figures_table(stack: str, cron: Path = Path("/etc/cron.d")) -> Path:
    """Return where cron's table of the figures is (role monitoring)."""
    return cron / f"stanchion-{stack}-monitoring"


def figured(stack: str, cron: Path = Path("/etc/cron.d")) -> list[Path]:
    """Return the table of the figures, if it is there and this stack's."""
    return _if_of("monitoring", stack, figures_table(stack, cron))


def _if_of(role: str, stack: str, table: Path) -> list[Path]:
    return [table] if table.is_file() and f"{role} of stack {stack})" in table.read_text() else []


def repository_of(folder: Path) -> str | None:
    """Return the local repository that the role `backup` has put on record, a volume's name or a folder."""
    path = folder / "backup" / "settings.json"
    try:
        return str(json.loads(path.read_text())["repository"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{path} does not say where the backups are: {error!r}. Nothing was removed. Deploy once "
            "more, which writes it anew."
        ) from error


def foreign(folder: Path, owner: int = REPOSITORY_OWNER) -> str:
    """Say why a folder of the host is not the backups' own; empty where it is, is empty, or is not there.

    A repository's folder is given to the database's user: /usr/bin must not be.
    """
    if not folder.exists():
        return ""
    if not folder.is_dir():
        return "is no folder"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name != _OF_THE_DISK)
    strange = [name for name in names if name not in _REPOSITORY]
    if strange:
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        return f"holds what is no backup: {', '.join(strange[:3])}{more}"
    seen = folder.stat().st_uid
    return f"holds backups, and belongs to the user {seen}, not {owner}" if names and seen != owner else ""


def stored(repository: str | None, stack: str) -> list[Path]:
    """Return the stack's folders in a repository that is a folder of the host."""
    if repository is None or not repository.startswith("/"):
        return []
    return [path for path in (Path(repository) / name / stack for name in _REPOSITORY) if path.is_dir()]


def delete_stored(stored: Iterable[Path]) -> None:
    """Delete the stack's folders in a repository, and those above that are empty then."""
    for path in stored:
        shutil.rmtree(path)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def is_inside(path: Path, folder: Path) -> bool:
    """Say whether the path leads to the folder or into it, and not out again."""
    return path.is_relative_to(folder) and ".." not in path.parts


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be one stack's own."""
    if (
        not folder.is_absolute()
        or len(folder.parts) < 4
        or ".." in folder.parts
        or folder.is_symlink()
        or (folder / "lock.json").exists()
    ):
        raise RefusedError(
            f"{folder} is not the folder of one stack, so it is not deleted. Nothing was removed. Set "
            "stack_state_dir to the folder that the deploy used."
        )
