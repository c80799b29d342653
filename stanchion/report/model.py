"""The result of a run, as JSON has it. schemas/*.json are generated from these models; a test compares."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stanchion.report.printable import printable

FailOn = Literal["fail", "warn"]
Fate = Literal["planned", "fixed", "not_fixed", "refused", "manual", "not_needed"]
Outcome = Literal["pass", "warn", "fail", "error", "skip"]
Status = Literal[
    "deployed",
    "unchanged",
    "planned",
    "healthy",
    "degraded",
    "down",
    "absent",
    "destroyed",
    "safe",
    "unsafe",
    "recovered",
    "done",
    "failed",
]


class Model(BaseModel):
    """A part of a result: immutable, and strict about its keys. No text in it moves a terminal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _printable(cls, data: Any) -> Any:
        # Much of it is somebody else's: a log's line, a name in the database, an answer of the engine.
        return printable(data)


class Container(Model):
    """One container of the stack."""

    name: str
    role: str
    image: str
    state: str = Field(description="As the engine says: running, exited, restarting, …")
    health: str | None = Field(description="healthy, unhealthy, starting; null without a health check")
    well: bool = Field(description="It runs, and its health check (where it has one) says healthy")
    addresses: list[str] = Field(description="Where the host publishes it")
    started_at: datetime | None
    uptime_seconds: float | None
    restarts: int


class Volume(Model):
    """One volume of the stack."""

    name: str
    role: str
    used_by: list[str]
    active: bool = Field(description="The host's record names it as the database's volume")


class VolumeRecord(Model):
    """What the host records about the database's volume."""

    volume: str
    state: str
    system_identifier: str | None
    timeline: int | None
    replaced: list[str] = Field(default=[], description="Volumes that a restore has replaced, and that stay")


class Image(Model):
    """An image that a container of the stack uses."""

    name: str
    created: datetime
    age_days: int


class Host(Model):
    """What a look at one host found."""

    name: str
    engine: str = Field(description="running, absent, stopped or unreachable")
    engine_version: str | None
    containers: list[Container]
    missing: list[str] = Field(description="What is declared and does not run")
    volumes: list[Volume]
    volume_record: VolumeRecord | None
    images: list[Image]
    lock: str | None = Field(description="Who holds the host's lock, where somebody does")
    unreadable: list[str] = Field(description="What could not be looked at, and why")


class Change(Model):
    """A task that changed its host, or would in a dry run."""

    role: str
    task: str
    host: str


class Part(Model):
    """One role, or the playbook's own part: how long it took and what it did."""

    name: str
    seconds: float
    tasks: int
    changed: int


class Failure(Model):
    """What went wrong."""

    kind: str = Field(description="The class of the error, stable")
    what: str
    hosts: list[str]
    role: str | None
    task: str | None
    place: str | None = Field(description="file:line of the task")
    last_lines: list[str]
    remedy: str
    log: str | None


class Seen(Model):
    """One piece of evidence."""

    what: str
    level: Literal["bad", "warn", "note"]
    of: str = Field(description="The container, role, table or path that it is about")
    file: str = Field(default="", description="Of a finding about a file: which one")
    line: int | None = None


class Checked(Model):
    """The outcome of one check on one host."""

    slug: str
    outcome: Outcome
    severity: Literal["critical", "warning", "info"]
    title: str = Field(description="What holds where all is well")
    summary: str = Field(description="What was seen; of a skip or an error, why nothing was")
    why: str
    remedy: str
    page: str = Field(description="Where the documentation tells of it")
    evidence: list[Seen]


class Protection(Model):
    """What stands between a host's data and their loss; null is what nobody has measured. All in seconds."""

    proved_age: float | None = Field(description="Since the last restore that was proved")
    rpo: float | None = Field(description="Data that a restore would have lost, the median of proved drills")
    rpo_most: float | None = Field(description="The most of it in any proved drill")
    rto: float | None = Field(description="Until the application was back, the median of proved drills")
    rto_most: float | None = Field(description="The longest of any proved drill")
    rto_to: Literal["backend", "database"] | None = Field(
        default=None, description="Until what answered: database, where no backend was asked"
    )
    drills_proved: int = Field(description="How many drills have proved a restore")
    drills: int = Field(description="How many there were")
    sets_proved: int = Field(description="Backups that are kept and were proved")
    sets: int = Field(description="Backups that are kept, in all repositories")
    full_age: float | None = Field(description="Since the newest full backup")
    restorable_age: float | None = Field(description="Since the newest moment that can be restored")
    jobs: list[str] = Field(description="What is scheduled")


class Validation(Model):
    """What the checks of one phase say of one host, or of the files of a compose check."""

    host: str
    phase: Literal["preflight", "deploy", "runtime", "file"]
    deployed: bool = Field(description="There is a container of the stack, or nobody could look")
    applicable: int = Field(description="How many checks apply; each has an outcome below")
    counts: dict[str, int] = Field(description="How many had each outcome")
    seconds: float = Field(description="How long the look took")
    findings: list[Checked] = Field(description="The worst first")
    protection: Protection | None = Field(
        default=None, description="Of the backups; null where they were not looked at, or there are none"
    )


class Backups(Model):
    """What the backups' command on one host said."""

    host: str
    verb: str = Field(description="Of the command: observe, backup, drill, restore, …")
    result: dict[str, Any] = Field(description="As the command printed it; docs/backups.md tells the fields")


class Mended(Model):
    """One cause of what failed on a host, and what became of it."""

    cause: str = Field(description="layer.what; of a finding that no cause explains, the check's slug")
    layer: Literal["engine", "network", "volume", "database", "backend", "schedule", "monitoring"]
    of: str = Field(description="The container, volume, session, table or file that it is about")
    what: str = Field(description="What was seen")
    because: list[str] = Field(description="Failed checks that show it")
    explains: list[str] = Field(description="Failed checks that are its consequences")
    remedy: str = Field(description="As --approve takes it; empty where only a person can mend it")
    risk: Literal["automatic", "approve", "manual"]
    does: str = Field(description="What the remedy does; of a manual one, what a person is to do")
    cost: str
    commands: list[str] = Field(description="What the remedy comes down to, as a person would type it")
    outcome: Fate
    why: str = Field(description="Why it was refused, or is not fixed")
    seconds: float | None = Field(description="How long the remedy took; null where it was not used")


class Recovery(Model):
    """What `recover` has found and done on one host, in the order of the layers."""

    host: str
    detected: datetime = Field(description="End of the first look")
    acted: datetime | None = Field(description="When the first remedy began")
    back: datetime | None = Field(description="When a look found nothing critical any more")
    causes: list[Mended]


class Identity(Model):
    """Who ran what, when and from where."""

    id: str
    verb: str
    version: str
    user: str
    controller: str
    directory: str
    inventory: str
    limit: str | None
    check: bool
    started: datetime
    seconds: float


class Run(Identity):
    """The run that this result is of."""

    folder: str
    log: str
    # -v was given: the terminal lists passed checks too. JSON has them in any case.
    details: bool = Field(default=False, exclude=True)


class Result(Model):
    """The one object that `--format json` prints."""

    schema_version: Literal[1] = 1
    verb: str | None
    status: Status
    exit_code: int
    headline: str
    error: Failure | None = None
    stack: str | None = None
    changed: int = Field(default=0, description="How many tasks changed something, or would in a dry run")
    hosts: list[Host] = []
    changes: list[Change] = []
    validations: list[Validation] = []
    recoveries: list[Recovery] = []
    backups: list[Backups] = []
    fail_on: FailOn = Field(default="fail", description="What ends with 1, as --fail-on says")
    parts: list[Part] = []
    removed: dict[str, list[str]] = {}
    warnings: list[str] = []
    next_steps: list[str] = []
    run: Run | None = None


class Record(Identity):
    """One past run, as it is kept in the state folder."""

    status: str
    exit_code: int
    changes: int
    tasks: int
    detected: datetime | None = Field(default=None, description="Of a recovery: end of its first look")
    acted: datetime | None = Field(default=None, description="Of a recovery: begin of its first remedy")
    back: datetime | None = Field(default=None, description="Of a recovery: nothing critical was left")


class History(Model):
    """What `history --format json` prints."""

    schema_version: Literal[1] = 1
    verb: Literal["history"] = "history"
    status: Literal["listed"] = "listed"
    exit_code: Literal[0] = 0
    runs: list[Record]


class AdoptedLine(Model):
    """What became of something in a compose file."""

    kind: Literal["refused", "left", "hardened", "carried"] = Field(
        description="carried: it is in the inventory; hardened: in it, and safer than it was; left: not "
        "in it, or "
        "a guess; refused: why nothing was written"
    )
    file: str
    line: int
    what: str
    remedy: str = Field(description="What is left to do; empty of nothing")


class Adopted(Model):
    """What `adopt --format json` prints."""

    schema_version: Literal[1] = 1
    verb: Literal["adopt"] = "adopt"
    status: Literal["written", "refused"]
    exit_code: Literal[0, 2]
    headline: str
    stack: str
    inventory: str | None = Field(description="The folder that was written; null where it was refused")
    files: list[str] = Field(description="What was written")
    findings: list[AdoptedLine] = Field(description="What is refused first, then what is left")
    warnings: list[str]
    next_steps: list[str]


class Limit(Model):
    """A threshold of a check: a variable of the role validation."""

    variable: str
    default: bool | int | float | str | list[str]
    unit: str
    reason: str = Field(description="Why that is the default")


class Use(Model):
    """A remedy that `recover` may use for what a check finds."""

    remedy: str
    risk: Literal["automatic", "approve"]
    does: str
    cost: str


class Entry(Model):
    """One check of the catalogue."""

    slug: str
    subject: str
    title: str = Field(description="What holds where all is well")
    severity: Literal["critical", "warning", "info"]
    phases: list[Literal["preflight", "deploy", "runtime", "file"]]
    part: str | None = Field(description="postgres or backend, where it needs that part of the stack")
    reads: list[str] = Field(description="The sources of stack_facts that it reads")
    why: str
    remedy: str
    recovery: list[Use] = Field(description="What `recover` may do; empty: only a person can mend it")
    source: str = Field(description="Where the rule comes from")
    rows: list[str] = Field(description="The rows of the catalogue that it covers")
    page: str
    thresholds: list[Limit]


class Catalogue(Model):
    """What `checks --format json` prints, and `explain --format json` with the one check that it is about."""

    schema_version: Literal[1] = 1
    verb: Literal["checks", "explain"]
    status: Literal["listed"] = "listed"
    exit_code: Literal[0] = 0
    checks: list[Entry]
