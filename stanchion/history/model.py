"""The report of a period, as JSON has it. schemas/report.json is generated from it; a test compares."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from stanchion.history.plots import Kind, Unit
from stanchion.report.model import Failure, Model, Run, Validation

State = Literal["read", "off", "unread"]
Lane = Literal["alerts", "deploys", "backups", "drills", "recoveries"]
Tone = Literal["bad", "warn", "well", "quiet"]
Outcome = Literal["safe", "unsafe", "absent", "incomplete", "failed"]


class Numbers(Model):
    """What a line comes down to, in the plot's unit; null where nothing was measured."""

    last: float | None = Field(description="At the end of the period; null where there was nothing any more")
    least: float | None
    average: float | None
    most: float | None


class Series(Model):
    """One line of a plot."""

    name: str = Field(description="As the legend has it")
    kind: Kind = Field(
        description="ahead: from the last value to the foretold one, after the end of the period"
    )
    points: list[tuple[float, float | None]] = Field(
        description="Unix seconds, and the worst value since the point before; null: nothing measured"
    )
    numbers: Numbers | None = Field(description="Of a line; null of a limit or of what is foretold")


class Plot(Model):
    """One picture with its numbers."""

    slug: str
    title: str
    unit: Unit = Field(description="B is bytes, s seconds, /s each second; empty is a number of things")
    what: str = Field(description="What it shows")
    dots: bool = Field(description="Measured now and then, each point by itself, and not all the time")
    series: list[Series] = Field(description="Empty where there is nothing to draw")
    words: str = Field(description="Why there is nothing to draw, or what is missing; else empty")
    state: State = Field(description="read: Prometheus or the records answered, be it with nothing")


class Event(Model):
    """Something that happened."""

    lane: Lane
    at: datetime = Field(description="When it began")
    until: datetime | None = Field(
        description="When it ended; null: it was not over at the end of the period"
    )
    what: str
    of: str = Field(description="What it is about: a container, a repository, a replica")
    outcome: str = Field(description="In a word")
    tone: Tone
    detail: str = Field(description="Why, where something is known")


class Source(Model):
    """Where the history came from."""

    name: str = Field(description="prometheus, alerts, runs, jobs, recoveries, targets")
    title: str
    state: State = Field(
        description="off: the stack has none, by its inventory; unread: it could not be looked at"
    )
    words: str


class Figure(Model):
    """One of the few numbers at the top."""

    label: str
    value: str
    note: str
    tone: Tone


class Past(Model):
    """What happened on one host."""

    host: str
    sources: list[Source]
    figures: list[Figure]
    plots: list[Plot]
    events: list[Event] = Field(description="The oldest first")


class Period(Model):
    """What `report --format json` prints, and what `report --from` reads again."""

    schema_version: Literal[1] = 1
    verb: Literal["report"] = "report"
    status: Outcome = Field(
        description="As the checks say; incomplete: they are well, and a source did not answer"
    )
    exit_code: int
    headline: str
    error: Failure | None
    stack: str | None
    since: datetime
    until: datetime
    hosts: list[Past]
    validations: list[Validation] = Field(
        description="The health at the end, by the checks of the phase runtime"
    )
    warnings: list[str]
    run: Run | None
