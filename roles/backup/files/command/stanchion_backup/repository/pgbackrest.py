# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that knows pgBackRest, but for its configuration (templates/pgbackrest.conf.j2), the image, and
what the server's container and the checks have to know of it: its stanza, and its options by their names.

Another engine would have these functions, with the same types.
"""

from __future__ import annotations

import configparser
import json
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import docker, volume_record
from stanchion_backup.host.docker import Done
from stanchion_backup.repository import wal
from stanchion_backup.settings import Repository, Settings

DATA = "/var/lib/postgresql/data"
# What heavy jobs have in common. A check is none: it runs beside them, and is not theirs to remove.
JOB = "backup-job"
CHECK = "backup-check"
REPOSITORY = "/var/lib/pgbackrest"
CONFIG = "/etc/pgbackrest"
# Jobs of the command and the server's own archiver see each other's locks here.
LOCKS = "/run/pgbackrest"
# Docker gives a tmpfs to root, whoever has the folder below it.
OWNED = "uid=999,gid=999,mode=0700"
SPOOL_MOUNT = f"/var/spool/pgbackrest:{OWNED},size=256m"
LOCKS_MOUNT = f"{LOCKS}:{OWNED}"
# In the folder of the command: the image of the database, as `settle` last saw it.
IMAGE = "image"
# Its exit codes (src/common/error/error.auto.c): another process holds the lock; the stanza does not exist.
_LOCKED = 50
# The archiver holds it while it tries a repository that has no stanza yet; after three tries of 20 s it rests
# for a minute.
_LOCK_WITHIN = 150.0
# Of a shell and of docker, where a command is not there.
_NOT_THERE = (126, 127)
# A question to a repository that is there takes a fraction of a second; SFTP's own time-out is longer.
_ASK_WITHIN = 60.0
# A backup waits this long, in seconds, for its last WAL; the configured time is that of one push.
_WAL_WITHIN = "--archive-timeout=120"
# Of a server that does not run: pgBackRest sees by the data that it does not.
_STOPPED = "--no-online"
# Options that checks ask for.
_TOLD = ("archive-push-queue-max", "-cipher-type", "-retention-full", "-retention-full-type", "checksum-page")
# Of a repository that could not be read at all; info itself says 99 of one whose server does not answer.
UNREADABLE = 99
# What it leaves in postgresql.auto.conf above its lines for a recovery.
REMARK = "pgBackRest restore on"
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
    # Of pgBackRest, which wrote it.
    version: str = ""
    # From where on in the WAL its copy is consistent.
    lsn_stop: str = ""

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
    # How its files are encrypted, as it says; none, or empty where it could not be read.
    cipher: str = ""
    # The folder of this cluster's WAL, as "17-1".
    archive: str = ""

    @property
    def well(self) -> bool:
        """Return whether it can be read and has a backup."""
        return self.code == 0


@dataclass(frozen=True)
class Archive:
    """The WAL in one repository: when each segment came (Unix seconds), and the timelines' histories."""

    segments: dict[str, int]
    # By timeline: when its history came, and its text (ancestor, LSN, reason; the oldest first).
    histories: dict[int, tuple[int, str]]


@dataclass(frozen=True)
class Target:
    """Where a recovery ends, and with which backup it begins (`label`; None: the engine chooses)."""

    kind: str
    value: str = ""
    label: str | None = None
    timeline: str | None = None


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


def remember_image(settings: Settings) -> None:
    """Keep the image that the database runs on, for the day on which its container is gone."""
    found = docker.inspect("container", settings.container)
    path = settings.folder / IMAGE
    image = str(found["Config"]["Image"]) if found else ""
    if image and not (path.exists() and path.read_text() == f"{image}\n"):
        path.write_text(f"{image}\n")


def image_of(settings: Settings) -> str:
    """Return the image that the database runs on: a job has the same version. Else what was deployed last."""
    found = docker.inspect("container", settings.container)
    if found:
        return str(found["Image"])
    kept = settings.folder / IMAGE
    return settings.image or (kept.read_text().strip() if kept.exists() else "")


def network_of(repositories: Sequence[Repository]) -> str:
    """Return the Docker network of a container that needs these repositories."""
    return next((each.network for each in repositories if each.network), "none")


def job(
    settings: Settings,
    arguments: Sequence[str],
    repositories: Sequence[Repository],
    within: float | None,
    purpose: str = JOB,
) -> Done:
    """Run pgbackrest in a container of its own beside the database, at low priority.

    It reads the data, asks the server over the operators' socket, and can write to the repository alone. When
    this process is told to end, so is the container.
    """
    name = docker.fresh_name(settings, purpose)
    argv = [
        *("docker", "run", "--rm", "--name", name, *docker.labels(settings, purpose)),
        *docker.confined(settings.job_memory),
        *("--tmpfs", SPOOL_MOUNT, *environment(settings), *repository_mount(settings, read_only=False)),
        *("--volume", f"{settings.lock}:{LOCKS}", "--volume", f"{settings.socket}:/run/postgresql"),
        *("--volume", f"{volume_record.data_volume(settings)}:{DATA}:ro"),
        *("--network", network_of(repositories)),
        *(image_of(settings), *docker.LOW),
        *("pgbackrest", "--log-level-console=info", "--log-level-stderr=off", *arguments),
    ]
    try:
        done = docker.run(argv, within)
    except BaseException:
        docker.remove("container", [name])
        raise
    if done.code == docker.TIMED_OUT:
        docker.remove("container", [name])
    return done


def sweep(settings: Settings) -> None:
    """Take away the job's container that a killed command has left; only who holds the command's lock may."""
    docker.remove("container", docker.names("container", *docker.mine(settings, JOB)))


def ask(settings: Settings, *arguments: str, within: float = _ASK_WITHIN) -> Done:
    """Run a command that only reads, in the database's container, which is quick; else in its own."""
    found = docker.inspect("container", settings.container)
    state = found["State"] if found else {}
    # One that ends at each start counts as running in between.
    if state.get("Running") and not state.get("Paused") and not state.get("Restarting"):
        return docker.inside([*environment(settings), settings.container, "pgbackrest", *arguments], within)
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
            *("pgbackrest", *arguments),
        ],
        within,
    )
    if done.code == docker.TIMED_OUT:
        docker.remove("container", [name])
    return done


# What Docker makes of SIGKILL.
_KILLED = 137


def complaint(done: Done) -> str:
    """Return what pgbackrest says is wrong, the cause first; without times and processes, its hints stay."""
    if done.code == docker.TIMED_OUT:
        return done.err
    lines = done.text.splitlines()
    wrong = [number for number, line in enumerate(lines) if "ERROR:" in line]
    if done.code in _NOT_THERE and re.search(r"pgbackrest.*(not found|No such file)", done.text):
        return f"there is no pgbackrest in the image: {lines[-1].strip()}"
    if done.code == _KILLED:
        # By whom, only the kernel's log tells.
        return (
            "its container was killed before it was done: by somebody, or for want of memory within its limit"
        )
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


def errors_in(log: str) -> str:
    """Return the first that it says is wrong in the log of a server that it fetches WAL for; empty: none."""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if re.search(r"P\d\d +ERROR:", line):
            return complaint(Done(1, "\n".join(lines[number:]), ""))
    return ""


def _must(done: Done, what: str) -> str:
    if done.code == _LOCKED:
        raise BusyError(f"{what}: {complaint(done)}")
    if done.code != 0:
        raise BackupError(f"{what} failed: {complaint(done)}")
    return done.out


def contents(settings: Settings, within: float = _ASK_WITHIN) -> list[Contents]:
    """Return what every repository holds; one that can't be read has its reason in `message`.

    They are asked side by side, each for `within` seconds at most.
    """
    with ThreadPoolExecutor(len(settings.repositories)) as several:
        return list(several.map(lambda each: contents_of(settings, each, within), settings.repositories))


def contents_of(settings: Settings, repository: Repository, within: float = _ASK_WITHIN) -> Contents:
    """Return what one repository holds; one that can't be read has its reason in `message`."""
    nothing = Contents(repository.key, 0, "", "", "", "", ())
    done = ask(settings, f"--repo={repository.key}", "--output=json", "info", within=within)
    if done.code != 0:
        return replace(nothing, code=UNREADABLE, message=complaint(done))
    return read(done.out, settings.stack, repository.key)


def read(out: str, stack: str, key: int) -> Contents:
    """Read what `pgbackrest info --output=json` prints of one repository."""
    nothing = Contents(key, 0, "", "", "", "", ())
    try:
        # Its message quotes what a wrong passphrase has made of a file, control characters and all.
        stanzas = [each for each in json.loads(out or "[]", strict=False) if each["name"] == stack]
    except ValueError:
        return replace(nothing, code=99, message=with_cause(" ".join(out[:400].split()), out))
    if not stanzas:
        return replace(nothing, code=1, message="there is no stanza in it")
    return parse(stanzas[0], key)


def parse(stanza: dict[str, Any], key: int) -> Contents:
    """Read one stanza of `pgbackrest info --output=json` (its fields: src/command/info/info.c)."""
    own: dict[str, Any] = next((each for each in stanza.get("repo", []) if each["key"] == key), {})
    status = own.get("status", stanza["status"])
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
        archive=archive.get("id") or "",
        # One of a stopped server, before an adoption, has no place in the WAL: nothing recovers from it.
        sets=tuple(
            _set(each)
            for each in stanza.get("backup", [])
            if each["database"].get("repo-key", key) == key and each["archive"]["start"]
        ),
        cipher=str(own.get("cipher") or stanza.get("cipher") or ""),
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
        wal_first=raw["archive"]["start"],
        wal_last=raw["archive"]["stop"],
        needs=tuple(raw.get("reference") or ()),
        version=str((raw.get("backrest") or {}).get("version") or ""),
        lsn_stop=(raw.get("lsn") or {}).get("stop") or "",
    )


# A file of the archive: the segment, its checksum, how it is compressed.
_SEGMENT = re.compile(r"([0-9A-F]{24})-[0-9a-f]{40}")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")


def archive(settings: Settings, held: Contents, within: float = _ASK_WITHIN) -> Archive:
    """Return what WAL a repository holds; BackupError where it cannot be listed."""
    repository = settings.repository_of(str(held.key))
    what = f"Listing the WAL of {repository}"
    folder = f"archive/{settings.stack}/{held.archive}"
    if not held.archive:
        return Archive({}, {})
    listing = ask(
        settings, f"--repo={held.key}", "repo-ls", "--recurse", "--output=json", folder, within=within
    )
    segments: dict[str, int] = {}
    histories: dict[int, tuple[int, str]] = {}
    for path, each in json.loads(_must(listing, what) or "{}").items():
        name = path.rpartition("/")[2]
        segment, history = _SEGMENT.match(name), _HISTORY.fullmatch(name)
        if segment:
            segments[segment.group(1)] = int(each["time"])
        elif history:
            text = _must(ask(settings, f"--repo={held.key}", "repo-get", f"{folder}/{name}"), what)
            histories[int(history.group(1), 16)] = (int(each["time"]), text)
    return Archive(segments, histories)


def wal_max_on(settings: Settings, held: Contents, timeline: int, within: float = _ASK_WITHIN) -> str:
    """Return the last segment of one timeline in a repository; empty where it has none.

    After a way back from a restore, a repository holds a later timeline than the live one, and `wal_max` is
    of that one.
    """
    own = f"{timeline:08X}"
    if held.wal_max[:8] in ("", own):
        return held.wal_max
    return max((name for name in archive(settings, held, within).segments if name[:8] == own), default="")


def has_segment(settings: Settings, held: Contents, segment: str) -> bool:
    """Say whether a repository has this very WAL segment; the newest one may be ahead of those before it."""
    return bool(_listed(settings, held, held.archive + f"/{segment[:16]}", f"^{segment}-"))


def wait_for(settings: Settings, held: Sequence[Contents], segment: str, within: float) -> list[Repository]:
    """Wait until repositories have a WAL segment; return those that do not have it after these seconds."""
    deadline = time.monotonic() + within
    behind = list(held)
    while True:
        behind = [each for each in behind if not has_segment(settings, each, segment)]
        if not behind or time.monotonic() >= deadline:
            return [settings.repository_of(str(each.key)) for each in behind]
        time.sleep(0.3)


def timelines(settings: Settings, held: Contents) -> list[int]:
    """Return the timelines whose history a repository has: all but the first of a cluster."""
    return sorted(int(name[:8], 16) for name in _listed(settings, held, held.archive, "\\.history$"))


def history(settings: Settings, held: Contents, timeline: int, within: float = _ASK_WITHIN) -> str:
    """Return the history of a timeline in a repository (ancestor, LSN, reason); empty where it has none."""
    repository = settings.repository_of(str(held.key))
    path = f"archive/{settings.stack}/{held.archive}/{timeline:08X}.history"
    done = ask(settings, f"--repo={held.key}", "--ignore-missing", "repo-get", path, within=within)
    # It says so of a file that is not there by this code alone; docker, of what went wrong, in words.
    if done.code == 1 and not done.text:
        return ""
    return _must(done, f"Looking into {repository}")


def _listed(settings: Settings, held: Contents, folder: str, only: str) -> list[str]:
    repository = settings.repository_of(str(held.key))
    done = ask(
        settings, f"--repo={held.key}", f"--filter={only}", "repo-ls", f"archive/{settings.stack}/{folder}"
    )
    return _must(done, f"Looking into {repository}").split()


def create_stanza(settings: Settings, stopped: bool = False) -> None:
    """Make the stanza in every repository that has none, and see that an existing one is this database's."""
    asked = [*([_STOPPED] if stopped else []), "stanza-create"]
    deadline = time.monotonic() + _LOCK_WITHIN
    done = job(settings, asked, settings.repositories, within=300)
    while done.code == _LOCKED and time.monotonic() < deadline:
        time.sleep(1)
        done = job(settings, asked, settings.repositories, within=300)
    _must(done, "Opening " + " and ".join(map(str, settings.repositories)))


def check(settings: Settings) -> None:
    """Switch a WAL segment and see it arrive in every repository."""
    limit = settings.archive_timeout + 60
    done = job(settings, [f"--archive-timeout={limit}", "check"], settings.repositories, limit + 60, CHECK)
    _must(done, "Archiving to " + " and ".join(map(str, settings.repositories)))


def backup(settings: Settings, repository: Repository, kind: str, expire: bool) -> None:
    """Take a backup, and `expire` what the retention lets go: before it where the disk is full, and after."""
    what = f"The {kind} backup to {repository}"
    # Asked before: otherwise it would wait for WAL that cannot arrive, and complain of that.
    if expire and _full(settings, repository):
        # No backup will be taken that would do so.
        expire_sets(settings, repository)
    if _full(settings, repository):
        raise BackupError(
            f"{what} failed: no space left on device: {free_bytes(settings, repository)} bytes are free. "
            "Enlarge the disk; or keep fewer backups: lower backup_retention_full, deploy, and let go what "
            f"is beyond it with `stanchion-{settings.stack} expire`. Until then the server keeps its WAL."
        )
    done = job(
        settings,
        [
            *(f"--repo={repository.key}", f"--type={kind}", _WAL_WITHIN),
            *(() if expire else ("--no-expire-auto",)),
            "backup",
        ],
        settings.repositories,
        within=None,
    )
    _must(done, what)


def backup_stopped(settings: Settings, repository: Repository) -> str:
    """Take a full backup of a server that does not run; return its label. It lets nothing go."""
    asked = [f"--repo={repository.key}", "--type=full", _STOPPED, "--annotation=stanchion=before-adoption"]
    done = job(settings, [*asked, "--no-expire-auto", "backup"], settings.repositories, within=None)
    said = _must(done, f"The backup before the adoption to {repository}")
    label = re.search(r"new backup label = (\S+)", said)
    return label[1] if label else ""


def expire_sets(settings: Settings, repository: Repository) -> None:
    """Let go the backups, and the WAL before them, that are beyond the retention."""
    done = job(settings, [f"--repo={repository.key}", "expire"], [repository], within=None)
    _must(done, f"Letting backups go in {repository}")


def restore(repository: Repository, target: Target, container: Sequence[str]) -> str:
    """Fill the empty data folder of a container that this command line makes; return the set's label.

    The copy is ready to recover, and does not archive. BackupError with its reason.
    """
    done = docker.run(
        [
            *(*container, "pgbackrest", f"--repo={repository.key}", *restore_options(target)),
            *("--archive-mode=off", "--log-level-console=info", "restore"),
        ],
        within=None,
    )
    _must(done, f"Restoring from {repository}")
    taken = re.search(r"restore backup set (\S+?),", done.out)
    return taken.group(1) if taken else target.label or ""


def restore_options(target: Target) -> list[str]:
    """Return a target as options of `pgbackrest restore`."""
    if target.kind == "latest":
        asked = ["--type=default"]
    elif target.kind == "immediate":
        asked = ["--type=immediate", "--target-action=promote"]
    else:
        asked = [f"--type={target.kind}", f"--target={target.value}", "--target-action=promote"]
    if target.label:
        asked.append(f"--set={target.label}")
    # A backup alone is recovered along its own timeline: it does so, and has no option for it.
    if target.timeline and target.kind != "immediate":
        asked.append(f"--target-timeline={target.timeline}")
    return asked


def _full(settings: Settings, repository: Repository) -> bool:
    """Say whether not even one segment fits: no backup does then."""
    free = free_bytes(settings, repository)
    return free is not None and free < wal.SEGMENT_BYTES


def free_bytes(settings: Settings, repository: Repository) -> int | None:
    """Return what the disk of a repository on this host has left; None for one elsewhere."""
    return docker.free_bytes(settings.repository) if repository.kind in ("folder", "volume") else None


def verify(settings: Settings, repository: Repository, archived: str = "") -> None:
    """Read every file of a repository against its checksum; BackupError on any doubt.

    It ends with 0 whatever it finds: only its text counts. And it misses no segment that is not there, so the
    chain of WAL is looked at too, up to the last one that the server has `archived`.
    """
    done = job(
        settings,
        [f"--repo={repository.key}", "--output=text", "--verbose", "verify"],
        [repository],
        within=None,
    )
    what = f"The verification of {repository}"
    _must(done, what)
    wrong = findings(done.out)
    held = contents_of(settings, repository)
    if not held.well:
        wrong.insert(0, held.message)
    else:
        wrong += wal.missing(sorted(archive(settings, held).segments), held.sets, archived)
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise BackupError(f"{what} found: {'; '.join(wrong[:10])}{more}.")


def findings(said: str) -> list[str]:
    """Return what the text of a verification finds wrong; empty only where it says that all is well."""
    lines = [line.strip() for line in said.splitlines()]
    # src/command/verify/verify.c: verifyErrorMsg(), verifyProcess().
    wrong = [
        f"{found[2]}: {found[1]}{found[3]}"
        for line in lines
        if (found := re.search(r"INFO: (file missing|invalid \w+) '?([^':]+)'?(.*)", line))
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


def configured(settings: Settings) -> dict[str, Any]:
    """Return what its configuration says, by the names of its options; of secrets only whose they are."""
    folder = Path(settings.config)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(folder / "pgbackrest.conf")
    options = dict(parser["global"]) if parser.has_section("global") else {}
    secrets = folder / "conf.d" / "secrets.conf"
    seen = secrets.stat() if secrets.exists() else None
    mode = f"{seen.st_mode & 0o7777:04o}" if seen else ""
    return {
        "options": {name: value for name, value in sorted(options.items()) if name.endswith(_TOLD)},
        "secrets": {"path": str(secrets), "mode": mode, "uid": seen.st_uid} if seen else None,
    }


def version(settings: Settings, within: float = _ASK_WITHIN) -> str:
    """Return its version in the image of the database's container."""
    done = ask(settings, "version", within=within)
    return _must(done, "pgbackrest version").strip().replace("pgBackRest", "").strip()
