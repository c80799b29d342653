# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The restore drill: a backup counts once a restore of it has been proved against the live database.

Two rows are written into the live database with a moment between them; a copy is restored to a target that is
chosen at random, and has to be, in every point that can be asked, the database as it was then.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stanchion_backup import beside, canary, docker, facts, jobs, markers, pgbackrest, proof, scratch
from stanchion_backup.assertions import Sheet
from stanchion_backup.database import Database, QueryError
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.facts import Facts
from stanchion_backup.markers import Markers
from stanchion_backup.pgbackrest import BackupSet, Contents
from stanchion_backup.scratch import Recovery, Scratch, Target
from stanchion_backup.settings import Repository, Settings

PURPOSE = "drill"
# latest: all that is archived; time: the moment between the markers; name: the restore point there; older:
# all that is archived, from a full backup that is not the newest set.
KINDS = ("latest", "time", "name", "older")
# Of these, all WAL is replayed: both markers are in the copy.
_WHOLE = ("latest", "older")
# A writer's row is late by its period, and by what cron and a busy host add.
_LATE = 60
# Gives up on a recovery; a day of WAL is replayed in minutes.
_RECOVERY = 4 * 3600.0
_UP = 300.0
_AMCHECK = ("--heapallindexed", "--parent-check", "--install-missing")

_LIVE = """
SELECT system_identifier::text AS identifier, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
    extract(epoch FROM clock_timestamp()) AS now, current_setting('data_checksums') AS checksums
FROM pg_control_system()
"""
# A month of rows: what the writer lets go of is older.
_ROWS = """
SELECT json_build_object('rows', count(*),
    'hash', coalesce(sum(hashtextextended(c::text, 0)::numeric), 0)::text)
FROM stanchion.canary c
WHERE id < (SELECT id FROM stanchion.canary WHERE mark = :'a') AND t > :'t'::timestamptz - interval '30 days';
"""
# Of the copy. Times are compared by the server: they are as its log has them.
_COPY = r"""
SELECT json_build_object('identifier', (SELECT system_identifier::text FROM pg_control_system()),
    'archive_mode', current_setting('archive_mode'),
    'last_before', :'last'::timestamptz <= :'t'::timestamptz,
    'stop_after', :'stop'::timestamptz > :'t'::timestamptz);
SELECT to_regclass('stanchion.canary') IS NOT NULL AS made \gset
\if :made
SELECT json_build_object('a', count(*) FILTER (WHERE mark = :'a'), 'b', count(*) FILTER (WHERE mark = :'b'),
    'later', count(*) FILTER (WHERE t > :'t'::timestamptz),
    'age', extract(epoch FROM :'t'::timestamptz - max(t) FILTER (WHERE mark = '' AND t <= :'t'::timestamptz)))
FROM stanchion.canary;
"""
_END = r"\endif"
_VERIFIER = "SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = :'user'"


class _Stopped(BaseException):
    """A signal asked this process to end."""


@dataclass(frozen=True)
class _Before:
    """What is known when the restore begins: of the repository, the target, the live database around it."""

    held: Contents
    live: Mapping[str, Any]
    target: Target
    # The same as the engine takes it.
    aim: Target
    expected: BackupSet
    placed: Markers
    # Of the canary: count and hash of the rows before marker a.
    rows: Mapping[str, Any]
    facts: Facts
    facts_after: Facts | None
    # That the copy has to be on.
    timeline: int


@dataclass
class _Drill:
    """One drill: what is known before, and what is found out."""

    settings: Settings
    repository: Repository
    record: dict[str, Any]
    sheet: Sheet = field(default_factory=Sheet)

    @property
    def live(self) -> Database:
        """The live server's database that has the canary."""
        return self.database("postgres")

    def database(self, name: str) -> Database:
        """Return a database of the live server."""
        return Database(self.settings.container, name)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time that something takes to the record, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            spent = self.record["phases"].get(name, 0.0) + time.monotonic() - began
            self.record["phases"][name] = round(spent, 3)

    def seconds(self, *names: str) -> float:
        """Return how long these phases took together."""
        return round(sum(float(self.record["phases"].get(name, 0.0)) for name in names), 3)


def drill(
    settings: Settings,
    repositories: Sequence[Repository],
    kind: str | None = None,
    label: str | None = None,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Drill each repository; return the records. BackupError (with them in `found`) on any doubt."""
    if label and len(repositories) > 1:
        raise RefusedError(f"A set is in one repository: say which with --repo, beside --set {label}.")
    records: list[dict[str, Any]] = []
    errors: list[BackupError] = []
    for repository in repositories:
        try:
            records.append(_recorded(settings, repository, kind, label, wait))
        except BackupError as error:
            errors.append(error)
            records.append(dict(error.found))
    result = {"stack": settings.stack, "drills": [each for each in records if each]}
    if errors:
        # All of them skipped, or refused: that is no failure of the backups.
        kinds = {type(error) for error in errors}
        raised = (kinds.pop() if len(kinds) == 1 else BackupError)(" ".join(map(str, errors)))
        raised.found = result
        raise raised
    return result


def first(settings: Settings, wait: float) -> dict[str, Any]:
    """Drill each repository of which nothing has been proved yet."""
    kept = jobs.records(settings, PURPOSE)
    missing = [each for each in settings.repositories if not any(_proved(record, each) for record in kept)]
    if not missing:
        return {"stack": settings.stack, "drills": [], "done": []}
    # The schedule has only just been installed: its first row may be a minute away.
    canary.write(Database(settings.container))
    done = drill(settings, missing, wait=wait)
    return {**done, "done": [f"first drill of {each.name}" for each in missing]}


def _proved(record: Mapping[str, Any], repository: Repository) -> bool:
    return record.get("outcome") == "ok" and record.get("repo") == repository.name


def _recorded(
    settings: Settings, repository: Repository, kind: str | None, label: str | None, wait: float
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _refuse(settings, repository, kind, label)
    try:
        with jobs.recorded(settings, PURPOSE) as record:
            found = record
            record.update(
                repo=repository.name, run=secrets.token_hex(4), verdict="failed", phases={}, assertions=[]
            )
            with jobs.alone(settings, wait), _stoppable():
                scratch.sweep(settings, PURPOSE)
                one = _Drill(settings, repository, record)
                try:
                    _run(one, kind, label)
                except BackupError as error:
                    raise BackupError(f"The drill of {repository.name} failed: {error}") from error
                finally:
                    record["assertions"] = one.sheet.entries
                if not one.sheet.proved:
                    raise BackupError(
                        f"The drill of {repository.name} failed: {'; '.join(one.sheet.failed)}."
                    )
                record["verdict"] = "proved"
    except BackupError as error:
        error.found = found
        raise
    return found


def _refuse(settings: Settings, repository: Repository, kind: str | None, label: str | None) -> None:
    """RefusedError where what was asked for is not there: that is no failed drill."""
    if label or kind == "older":
        held = pgbackrest.contents_of(settings, repository)
        if held.well:
            choose(settings, repository, held, held.sets[-1].timeline, kind, label)


def _run(one: _Drill, kind: str | None, label: str | None) -> None:
    """Place the markers, restore a copy, ask it everything, and take it away."""
    before = _prepare(one, kind, label)
    copy = Scratch(one.settings, PURPOSE, one.repository)
    network, backend = f"{copy.container}-net", f"{copy.container}-backend"
    try:
        with one.phase("restore"):
            _restore(one, copy, before)
        with one.phase("replay"):
            recovery = copy.recover(_RECOVERY)
        with one.phase("assertions"):
            if not _content(one, copy, before, recovery):
                # It is not what was asked for: whether it is sound is of no use any more.
                return
        with one.phase("checksums"):
            _checksums(one, copy, before.live)
        with one.phase("restart"):
            docker.docker("network", "create", "--internal", *docker.labels(one.settings, PURPOSE), network)
            copy.start(network, "*", one.settings.alias)
            copy.wait(_UP)
        with one.phase("backend"):
            _backend(one, copy, network, backend)
        one.record["rto_seconds"] = one.seconds("restore", "replay", "backend")
        with one.phase("amcheck"):
            _tool(one, copy, "amcheck", "pg_amcheck", "--all", *_AMCHECK)
        with one.phase("dump"):
            _dump(one, copy)
    finally:
        with one.phase("cleanup"), _undisturbed():
            docker.remove("container", [backend])
            copy.remove()
            docker.remove("network", [network])


def _prepare(one: _Drill, kind: str | None, label: str | None) -> _Before:
    """Choose the target, place the markers, and keep what the live database is around them."""
    settings, repository = one.settings, one.repository
    held = pgbackrest.contents_of(settings, repository)
    if not held.well:
        raise BackupError(f"{repository.name} ({repository.where}) can't be read: {held.message}.")
    live = one.live.one(_LIVE)
    _same_cluster(repository, held, live)
    timeline = int(live["timeline"])
    target, expected = choose(settings, repository, held, timeline, kind, label)
    one.record.update(rpo_seconds=_measured_rpo(one, held, live), data_bytes=expected.size)
    scratch.refuse_without_room(settings, expected.size)
    with one.phase("markers"):
        facts_before = facts.read(one.database, settings)
        placed = markers.place(one.live, one.record["run"])
        rows = _rows(one.live, placed)
        # All WAL is replayed for the others: what is live can only be compared when that is over.
        facts_after = None if target.kind in _WHOLE else facts.read(one.database, settings)
        markers.arrive(settings, held, one.live, placed)
        known = [timeline, *pgbackrest.timelines(settings, held)]
    aim = _aim(target, placed, timeline)
    one.record["target"] = {"kind": target.kind, "value": aim.value, "label": target.label}
    return _Before(held, live, target, aim, expected, placed, rows, facts_before, facts_after, max(known) + 1)


def _restore(one: _Drill, copy: Scratch, before: _Before) -> None:
    label = copy.restore(before.aim)
    taken = next((each for each in before.held.sets if each.label == label), before.expected)
    one.record["data_bytes"] = taken.size
    one.record["set"] = {
        "label": taken.label,
        "type": taken.type,
        "size": taken.size,
        "needs": list(taken.needs),
    }


def _content(one: _Drill, copy: Scratch, before: _Before, recovery: Recovery) -> bool:
    """Ask whether the copy is the database as it was at the target; return whether it ended there at all."""
    live, placed, kind = before.live, before.placed, before.target.kind
    found = _recovered(copy, placed, recovery)
    one.sheet.equal("system identifier", live["identifier"], found[0]["identifier"])
    one.sheet.equal("timeline", before.timeline, recovery.timeline)
    wrong = "the copy would archive into the live database's stanza"
    one.sheet.equal("archive_mode", "off", found[0]["archive_mode"], wrong)
    _log_gate(one, kind, placed, recovery, found[0])
    rows = before.rows if before.rows == _rows(one.live, placed) else None
    _markers_in(one, kind, placed, rows, recovery, found)
    if one.sheet.failed:
        return False
    _writer(one, found[1]["age"])
    after = before.facts_after or facts.read(one.database, one.settings)
    one.sheet.compare(before.facts, after, facts.read(copy.database, one.settings))
    return True


def _same_cluster(repository: Repository, held: Contents, live: Mapping[str, Any]) -> None:
    if held.system_identifier != live["identifier"]:
        raise BackupError(
            f"{repository.name} ({repository.where}) is of another cluster: its system identifier is "
            f"{held.system_identifier}, the live database's is {live['identifier']}."
        )


def choose(
    settings: Settings,
    repository: Repository,
    held: Contents,
    timeline: int,
    kind: str | None,
    label: str | None,
) -> tuple[Target, BackupSet]:
    """Choose where the recovery ends and with which set it begins; return them.

    A target without a label leaves the choice to the engine, as somebody in a hurry would. Sets that nothing
    has proved yet come first, so that each has its turn. RefusedError where there is no such set.
    """
    if label:
        chosen = next((each for each in held.sets if each.label == label), None)
        if chosen is None:
            raise RefusedError(
                f"{repository.name} has no set {label}; it has {', '.join(each.label for each in held.sets)}."
            )
        return Target(kind or secrets.choice(("latest", "time", "name")), label=label), chosen
    # Of another timeline, a set may lie past the place where this one began.
    sets = [each for each in held.sets if each.timeline == timeline]
    if not sets:
        raise BackupError(f"{repository.name} has no backup of timeline {timeline} yet: take a full one.")
    newest = sets[-1]
    fulls = [each for each in sets if each.type == "full" and each is not newest]
    if kind == "older" and not fulls:
        raise RefusedError(f"{repository.name} has no full backup but its newest set: there is no older one.")
    chosen_kind = kind or secrets.choice(KINDS if fulls else KINDS[:-1])
    done = proof.proved(settings, repository.name)
    candidates = fulls if chosen_kind == "older" else sets
    unproved = [each for each in candidates if each.label not in done]
    if chosen_kind == "older":
        chosen = secrets.choice(unproved or fulls)
        return Target(chosen_kind, label=chosen.label), chosen
    # The newest is what a restore in earnest takes: half of the drills, and the rest for the others' turn.
    if not unproved or (newest in unproved and secrets.randbelow(2)):
        return Target(chosen_kind), newest
    chosen = secrets.choice(unproved)
    return Target(chosen_kind, label=chosen.label), chosen


def _aim(target: Target, placed: Markers, timeline: int) -> Target:
    """Return the target as the engine takes it. The timeline is named: a newer one may be abandoned."""
    if target.kind in _WHOLE:
        return Target("latest", "", target.label, str(timeline))
    value = placed.t if target.kind == "time" else placed.name
    return Target(target.kind, value, target.label, str(timeline))


def _measured_rpo(one: _Drill, held: Contents, live: Mapping[str, Any]) -> float | None:
    """Return how many seconds would be lost with the host; None where no row is in the repository yet."""
    if not canary.is_there(one.live) or int(held.wal_max[:8] or "0", 16) != int(live["timeline"]):
        return None
    row = canary.newest_archived(one.live, held.wal_max)
    return round(float(live["now"]) - row.epoch, 3) if row else None


def _rows(live: Database, placed: Markers) -> dict[str, Any]:
    """Count and hash the rows before marker a."""
    found: dict[str, Any] = json.loads(live.execute(_ROWS, {"a": placed.a.mark, "t": placed.a.t})[0])
    return found


def _recovered(copy: Scratch, placed: Markers, recovery: Recovery) -> list[dict[str, Any]]:
    """Return what the copy says: the server, the markers, the rows before; less without the table."""
    stop = recovery.stopped.rpartition(", time ")[2] if recovery.stopped.startswith("before") else ""
    given = {
        "a": placed.a.mark,
        "b": placed.b.mark,
        "t": placed.t,
        "last": recovery.last_transaction or "infinity",
        "stop": stop or "infinity",
    }
    return [
        json.loads(line) for line in copy.database("postgres").execute("\n".join((_COPY, _ROWS, _END)), given)
    ]


def _log_gate(one: _Drill, kind: str, placed: Markers, recovery: Recovery, server: Mapping[str, Any]) -> None:
    """Enter that the recovery ended where it was told to, by the server's own log."""
    stopped = recovery.stopped
    seen = stopped or "at the end of the WAL"
    if kind in _WHOLE:
        reason = f"the recovery stopped early: {stopped}" if stopped else ""
        one.sheet.add("log: end of the WAL", not stopped, "no stop", seen, reason)
        return
    if kind == "name":
        wanted = f'at restore point "{placed.name}"'
        well = stopped.startswith(wanted)
    else:
        wanted = f"before the first commit after {placed.t}"
        # Postgres stops behind a transaction of that very microsecond.
        well = stopped.startswith(("before ", "after ")) and bool(server["stop_after"])
    reason = "" if well else f"the recovery did not stop {wanted}: it ended {seen}"
    one.sheet.add("log: stopped at the target", well, wanted, seen, reason)
    well = bool(server["last_before"])
    last = recovery.last_transaction or "unknown"
    reason = "" if well else f"the copy's last transaction is of {last}, and its target is {placed.t}"
    one.sheet.add("log: last transaction", well, f"<= {placed.t}", last, reason)


def _markers_in(
    one: _Drill,
    kind: str,
    placed: Markers,
    rows: Mapping[str, Any] | None,
    recovery: Recovery,
    found: list[Any],
) -> None:
    """Enter that the copy has what was committed before the target, nothing else; `rows` None: unsteady."""
    ended = _ended(recovery, placed)
    if len(found) < 3:
        one.sheet.add("marker a", False, 1, 0, f"the copy has no table stanchion.canary: {ended}")
        return
    seen = found[1]
    b = 1 if kind in _WHOLE else 0
    one.sheet.equal("marker a", 1, seen["a"], f"the row before the target is not in the copy: {ended}")
    if not seen["a"]:
        return
    wrong = f"the row after the target is {'not ' if b else ''}in the copy: {ended}"
    one.sheet.equal("marker b", b, seen["b"], wrong)
    if rows is None:
        one.sheet.add("canary rows", None, reason="one was committed late: it may be in the copy or not")
    else:
        one.sheet.equal("canary rows", rows, found[2])
    if not b:
        wrong = f"{seen['later']} canary rows of the copy are later than {placed.t}"
        one.sheet.equal("no row after the target", 0, seen["later"], wrong)


def _ended(recovery: Recovery, placed: Markers) -> str:
    """Say where the replay ended, as the cause of a row that is missing."""
    if recovery.last_segment[8:] < placed.segment[8:]:
        return recovery.gap
    return f"replay ended {recovery.stopped or f'with WAL segment {recovery.last_segment}'}"


def _writer(one: _Drill, age: float | None) -> None:
    """Enter that the minute job's rows go up to the target: else the RPO is measured with dead ones."""
    limit = canary.PERIOD + _LATE
    if age is None:
        reason = "the canary writer is dead: there is no row of it (cron's minute job `watch`)"
    elif age > limit:
        reason = (
            f"the canary writer is dead: its newest row is {age / 60:.0f} min old (cron's minute job `watch`)"
        )
    else:
        reason = ""
    one.sheet.add("canary writer", not reason, f"<= {limit} s", age, reason)


def _checksums(one: _Drill, copy: Scratch, live: Mapping[str, Any]) -> None:
    copy.stop()
    if live["checksums"] != "on":
        one.sheet.add("page checksums", None, reason="this cluster was made without data checksums")
        return
    done = copy.command("pg_checksums", "--check", f"--pgdata={pgbackrest.DATA}")
    wrong = [line for line in done.text.splitlines() if "failed" in line or "error" in line]
    reason = "" if done.code == 0 else f"pg_checksums: {'; '.join(wrong[:3]) or done.text[-300:]}"
    one.sheet.add("page checksums", done.code == 0, "no bad page", _count(done.out, "Bad checksums"), reason)


def _count(text: str, name: str) -> str:
    return next((line.strip() for line in text.splitlines() if name in line), "")


def _tool(one: _Drill, copy: Scratch, name: str, *argv: str) -> None:
    """Run a client program beside the copy's server; any word of it on standard error is a finding."""
    done = docker.run(
        [
            "docker",
            "exec",
            copy.container,
            *docker.LOW,
            *argv,
            "--host=/run/postgresql",
            "--username=postgres",
        ],
        within=None,
    )
    said = "; ".join(line.strip() for line in done.text.splitlines()[:3])
    well = done.code == 0
    one.sheet.add(
        name, well, "nothing found", "nothing found" if well else said, "" if well else f"{argv[0]}: {said}"
    )


def _dump(one: _Drill, copy: Scratch) -> None:
    listed = copy.database("postgres").rows("SELECT datname AS name FROM pg_database WHERE datallowconn")
    for name in sorted(str(each["name"]) for each in listed):
        _tool(one, copy, f"dump of {name}", "pg_dump", f"--dbname={name}", "--file=/dev/null")


def _backend(one: _Drill, copy: Scratch, network: str, name: str) -> None:
    """Ask the stack's own software whether it can read what was restored."""
    settings = one.settings
    like = beside.running(settings)
    if not settings.read_path:
        one.sheet.add("backend", None, reason="backup_read_path is empty")
    elif like is None:
        one.sheet.add("backend", None, reason="no backend of the stack runs on this host")
    else:
        try:
            # The password may have been changed since the target: the backend has today's.
            verifier = one.live.one(_VERIFIER, {"user": settings.user})["verifier"]
            user = settings.user.replace('"', '""')
            copy.database("postgres").execute(
                f'ALTER ROLE "{user}" PASSWORD {facts.quoted(verifier) if verifier else "NULL"}'
            )
            beside.start(settings, like, name, network, PURPOSE)
            size = beside.answer(settings, like, name)
            one.sheet.add("backend", True, f"200 to GET {settings.read_path}", f"200, {size} bytes")
        except (BackupError, QueryError) as error:
            one.sheet.add("backend", False, f"200 to GET {settings.read_path}", str(error), str(error))


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an error, so that what was begun is taken away."""

    def stop(number: int, _frame: object) -> None:
        raise _Stopped(signal.Signals(number).name)

    with _handlers(stop):
        try:
            yield
        except _Stopped as stopped:
            raise BackupError(
                f"The drill was stopped by {stopped}. All that it had made was taken away."
            ) from stopped


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody but SIGKILL interrupt."""
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
