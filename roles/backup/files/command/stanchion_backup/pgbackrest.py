# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that knows pgBackRest, but for its configuration (templates/pgbackrest.conf.j2) and the image.

Another engine would have these functions, with the same types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stanchion_backup import docker, wal
from stanchion_backup.docker import Done
from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.settings import Repository, Settings

DATA = "/var/lib/postgresql/data"
REPOSITORY = "/var/lib/pgbackrest"
CONFIG = "/etc/pgbackrest"
# Jobs of the command and the server's own archiver see each other's locks here.
LOCKS = "/run/pgbackrest"
# Docker gives a tmpfs to root, whoever has the folder below it.
OWNED = "uid=999,gid=999,mode=0700"
SPOOL_MOUNT = f"/var/spool/pgbackrest:{OWNED},size=256m"
LOCKS_MOUNT = f"{LOCKS}:{OWNED}"
# Its exit codes (src/common/error/error.auto.c): another process holds the lock; the stanza does not exist.
_LOCKED = 50
# A question to a repository that is there takes a fraction of a second; SFTP's own time-out is longer.
_ASK_WITHIN = 60.0
# A backup waits this long, in seconds, for its last WAL; the configured time is that of one push.
_WAL_WITHIN = "--archive-timeout=120"
# The kinds as people say them, and as it does.
TYPES = ("full", "diff", "incr")


@dataclass(frozen=True)
class BackupSet:
    """One backup in a repository. Times are Unix seconds, sizes bytes."""

    label: str
    type: str
    started: int
    stopped: int
    # Of the database as it would be restored, and of what this backup alone takes in the repository.
    size: int
    stored: int
    # Pages whose checksum was wrong when they were copied.
    error: bool
    wal_first: str
    wal_last: str
    # The backups that a restore of this one reads, the full one first; empty for a full one.
    needs: tuple[str, ...] = ()

    @property
    def timeline(self) -> int:
        """Return the timeline on which it was taken."""
        return int(self.wal_last[:8], 16)


@dataclass(frozen=True)
class Contents:
    """What one repository says of itself. `code` 0 is well; `message` says what is not."""

    key: int
    code: int
    message: str
    system_identifier: str
    wal_min: str
    wal_max: str
    sets: tuple[BackupSet, ...]

    @property
    def well(self) -> bool:
        """Return whether it can be read and has a backup."""
        return self.code == 0


def environment(settings: Settings) -> list[str]:
    """Return the options that tell every process of a container which stanza is meant."""
    return ["--env", f"PGBACKREST_STANZA={settings.stack}"]


def repository_mount(settings: Settings, read_only: bool) -> list[str]:
    """Return the options that mount the local repository and the configuration."""
    mode = ":ro" if read_only else ""
    return [
        *("--volume", f"{settings.repository}:{REPOSITORY}{mode}"),
        *("--volume", f"{settings.config}:{CONFIG}:ro"),
    ]


def image_of(settings: Settings) -> str:
    """Return the image that the database runs on: a job has the same version. Else what was deployed last."""
    found = docker.inspect("container", settings.container)
    return str(found["Image"]) if found else settings.image


def data_volume(settings: Settings) -> str:
    """Return the volume that is the database, as the host has on record."""
    try:
        return str(json.loads(Path(settings.volume_record).read_text())["volume"])
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(
            f"{settings.volume_record} does not say which volume is the database: {error}."
        ) from error


def network_of(repositories: Sequence[Repository]) -> str:
    """Return the Docker network of a container that needs these repositories."""
    return next((each.network for each in repositories if each.network), "none")


def job(
    settings: Settings, arguments: Sequence[str], repositories: Sequence[Repository], within: float | None
) -> Done:
    """Run pgbackrest in a container of its own beside the database, at low priority.

    It reads the data, asks the server over the operators' socket, and can write to the repository alone.
    """
    name = docker.fresh_name(settings, "backup-job")
    argv = [
        *("docker", "run", "--rm", "--name", name, *docker.labels(settings, "backup-job")),
        *docker.confined(settings.job_memory),
        *("--tmpfs", SPOOL_MOUNT, *environment(settings), *repository_mount(settings, read_only=False)),
        *("--volume", f"{settings.lock}:{LOCKS}", "--volume", f"{settings.socket}:/run/postgresql"),
        *("--volume", f"{data_volume(settings)}:{DATA}:ro", "--network", network_of(repositories)),
        *(image_of(settings), "nice", "-n", "19", "ionice", "-c", "3"),
        *("pgbackrest", "--log-level-console=info", "--log-level-stderr=off", *arguments),
    ]
    done = docker.run(argv, within)
    if done.code == docker.TIMED_OUT:
        docker.remove("container", [name])
    return done


def sweep(settings: Settings) -> None:
    """Take away the job's container that a killed command has left; only who holds the command's lock may."""
    docker.remove("container", docker.names("container", *docker.mine(settings, "backup-job")))


def ask(settings: Settings, *arguments: str, within: float = _ASK_WITHIN) -> Done:
    """Run a command that only reads, in the database's container, which is quick; else in its own."""
    found = docker.inspect("container", settings.container)
    if found and found["State"]["Running"] and not found["State"]["Paused"]:
        argv = [
            "docker",
            "exec",
            *environment(settings),
            settings.container,
            "pgbackrest",
            "--log-level-console=warn",
        ]
        return docker.run([*argv, *arguments], within)
    name = docker.fresh_name(settings, "backup-ask")
    done = docker.run(
        [
            *("docker", "run", "--rm", "--name", name, *docker.labels(settings, "backup-ask")),
            *docker.confined(settings.job_memory),
            *(
                "--tmpfs",
                SPOOL_MOUNT,
                "--tmpfs",
                LOCKS_MOUNT,
                *environment(settings),
                *repository_mount(settings, read_only=True),
            ),
            *("--network", network_of(settings.repositories), image_of(settings)),
            *("pgbackrest", "--log-level-console=warn", *arguments),
        ],
        within,
    )
    if done.code == docker.TIMED_OUT:
        docker.remove("container", [name])
    return done


def complaint(done: Done) -> str:
    """Return what pgbackrest says is wrong, the cause first; without times and processes, its hints stay."""
    if done.code == docker.TIMED_OUT:
        return done.err
    lines = done.text.splitlines()
    wrong = [number for number, line in enumerate(lines) if "ERROR:" in line]
    if not wrong:
        return (lines[-1].strip() if lines else "") or f"it ended with {done.code}"
    said = [lines[wrong[0]].split("ERROR:", 1)[1].strip()]
    for line in lines[wrong[0] + 1 :]:
        if line[:1] != " ":
            break
        said.append(line.strip())
    return with_cause(" ".join(said), done.text)


# What it says of a file that it could not decrypt: the garbage has no section, or no proper end.
_GARBLED = ("key/value found outside of section", "CryptoError", "invalid header", "JsonFormatError")


def with_cause(said: str, everything: str = "") -> str:
    """Put before what it says the cause, where that stands in a warning or between the lines only.

    Both copies of an information file that are unreadable mean the passphrase; of a manifest, whose key is in
    one that was readable, damage.
    """
    text = everything or said
    causes = []
    if any(mark in text for mark in _GARBLED):
        if "unable to load info file" in text:
            causes.append(
                "wrong passphrase, or both copies of the information file are damaged: "
                "they can't be decrypted."
            )
        manifest = re.search(r"unable to load backup manifest file '[^']*/([^/']+)/backup\.manifest'", text)
        if manifest:
            causes.append(f"the manifest of {manifest[1]} and its copy are damaged: they can't be decrypted.")
    # What was decrypted with a wrong key is no text.
    return re.sub(r" at line \d+: [^\n]*?(?= FormatError| HINT|\n|$)", "", " ".join([*causes, said]))


def _must(done: Done, what: str) -> str:
    if done.code == _LOCKED:
        raise BusyError(f"{what}: {complaint(done)}")
    if done.code != 0:
        raise BackupError(f"{what} failed: {complaint(done)}")
    return done.out


def contents(settings: Settings) -> list[Contents]:
    """Return what every repository holds; one that can't be read has its reason in `message`."""
    return [_contents(settings, repository) for repository in settings.repositories]


def _contents(settings: Settings, repository: Repository) -> Contents:
    nothing = Contents(repository.key, 0, "", "", "", "", ())
    done = ask(settings, f"--repo={repository.key}", "--output=json", "info")
    if done.code != 0:
        return replace(nothing, code=99, message=complaint(done))
    stanzas = [each for each in json.loads(done.out or "[]") if each["name"] == settings.stack]
    if not stanzas:
        return replace(nothing, code=1, message="there is no stanza in it")
    return parse(stanzas[0], repository.key)


def parse(stanza: dict[str, Any], key: int) -> Contents:
    """Read one stanza of `pgbackrest info --output=json` (its fields: src/command/info/info.c)."""
    status = next((each["status"] for each in stanza.get("repo", []) if each["key"] == key), stanza["status"])
    databases = {
        each["id"]: str(each["system-id"]) for each in stanza.get("db", []) if each.get("repo-key") == key
    }
    newest = max(databases, default=0)
    archives = [
        each
        for each in stanza.get("archive", [])
        if each["database"]["repo-key"] == key and each["database"]["id"] == newest
    ]
    archive = archives[-1] if archives else {}
    return Contents(
        key=key,
        code=int(status["code"]),
        message="" if status["code"] == 0 else with_cause(" ".join(str(status["message"]).split())),
        system_identifier=databases.get(newest, ""),
        wal_min=archive.get("min") or "",
        wal_max=archive.get("max") or "",
        sets=tuple(
            _set(each) for each in stanza.get("backup", []) if each["database"].get("repo-key", key) == key
        ),
    )


def _set(raw: dict[str, Any]) -> BackupSet:
    repository = raw["info"]["repository"]
    return BackupSet(
        label=raw["label"],
        type=raw["type"],
        started=raw["timestamp"]["start"],
        stopped=raw["timestamp"]["stop"],
        size=raw["info"]["size"],
        stored=repository.get("delta", 0),
        error=bool(raw.get("error")),
        wal_first=raw["archive"]["start"] or "",
        wal_last=raw["archive"]["stop"] or "",
        needs=tuple(raw.get("reference") or ()),
    )


def create_stanza(settings: Settings) -> None:
    """Make the stanza in every repository that has none, and see that an existing one is this database's."""
    done = job(settings, ["stanza-create"], settings.repositories, within=300)
    _must(done, "Opening " + " and ".join(f"{each.name} ({each.where})" for each in settings.repositories))


def check(settings: Settings) -> None:
    """Switch a WAL segment and see it arrive in every repository."""
    limit = settings.archive_timeout + 60
    done = job(settings, [f"--archive-timeout={limit}", "check"], settings.repositories, limit + 60)
    _must(
        done, "Archiving to " + " and ".join(f"{each.name} ({each.where})" for each in settings.repositories)
    )


def backup(settings: Settings, repository: Repository, kind: str) -> None:
    """Take a backup and expire what the retention lets go."""
    done = job(
        settings,
        [f"--repo={repository.key}", f"--type={kind}", _WAL_WITHIN, "backup"],
        settings.repositories,
        within=None,
    )
    _must(done, f"The {kind} backup to {repository.name} ({repository.where})")


def verify(settings: Settings, repository: Repository, archived: str = "") -> str:
    """Read every file of a repository against its checksum; return what it says. BackupError on any doubt.

    It ends with 0 whatever it finds: only its text counts. And it misses no segment that is not there, so the
    chain of WAL is looked at too, up to the last one that the server has `archived`.
    """
    done = job(
        settings,
        [f"--repo={repository.key}", "--output=text", "--verbose", "verify"],
        [repository],
        within=None,
    )
    what = f"The verification of {repository.name} ({repository.where})"
    _must(done, what)
    wrong = findings(done.out)
    held = _contents(settings, repository)
    if not held.well:
        wrong.insert(0, held.message)
    else:
        wrong += wal.missing(segments(settings, repository), held.sets, archived)
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise BackupError(f"{what} found: {'; '.join(wrong[:10])}{more}.")
    return done.out


def findings(said: str) -> list[str]:
    """Return what the text of a verification finds wrong; empty only where it says that all is well."""
    lines = [line.strip() for line in said.splitlines()]
    # src/command/verify/verify.c: verifyErrorMsg().
    wrong = [
        f"{found[2]}: {found[1]}"
        for line in lines
        if (found := re.search(r"INFO: (file missing|invalid checksum|invalid size) '(.+)'", line))
    ]
    for line in lines:
        if found := re.match(
            r"backup: ([^,]+), status: (?!valid|in-progress)(.+), total files checked: (\d+)", line
        ):
            unread = ", its manifest can't be read" if found[3] == "0" else ""
            wrong.append(f"backup {found[1]} is {found[2]}{unread}")
        elif line.startswith("No usable "):
            wrong.append(f"n{line[1:]}")
    wrong = list(dict.fromkeys(wrong))
    well = "status: ok" in lines and "status: error" not in lines
    return wrong or ([] if well else ["no word that it is well"])


def segments(settings: Settings, repository: Repository) -> list[str]:
    """Return the names of the WAL segments that a repository holds of its newest database, in their order."""
    return sorted(segment_times(settings, repository))


def segment_times(settings: Settings, repository: Repository) -> dict[str, int]:
    """Return the WAL segments of a repository's newest database, each with when it came (Unix seconds)."""
    done = ask(
        settings,
        *(f"--repo={repository.key}", "--output=json", "--recurse", "repo-ls", f"archive/{settings.stack}"),
    )
    said = _must(done, f"Listing the WAL in {repository.name} ({repository.where})")
    # 17-1/0000000100000000/000000010000000000000005-SHA1.zst: version and number of the database come first.
    found = [
        (int(match[1]), match[2], int(file.get("time") or 0))
        for match, file in (
            (re.match(r"[\d.]+-(\d+)/[0-9A-F]{16}/([0-9A-F]{24})-", path), file)
            for path, file in json.loads(said).items()
        )
        if match
    ]
    newest = max((database for database, _, _ in found), default=0)
    return {name: came for database, name, came in found if database == newest}


def version(settings: Settings) -> str:
    """Return its version in the image of the database's container."""
    done = ask(settings, "version")
    return _must(done, "pgbackrest version").strip().replace("pgBackRest", "").strip()
