"""The report of a period, from its two moments to its exit code."""

from __future__ import annotations

from datetime import UTC, datetime

from stanchion import moments
from stanchion.cli import session
from stanchion.cli.command import Options
from stanchion.errors import UsageError
from stanchion.history import build
from stanchion.history.plots import Asked, instants, queries
from stanchion.report import period_output

# In the run's folder, beside its result: `report --from` renders it.
REPORT = "report.json"
_LEAST_SECONDS = 300.0


def report(since: str, until: str, options: Options) -> int:
    """Ask every host what happened, and every check how it is now; write the report."""
    asked = period(since, until, datetime.now(UTC))
    given: dict[str, object] = {
        "report_asked": {
            "begin": asked.since,
            "end": asked.until,
            "step": asked.step,
            "queries": queries(asked),
            "instants": instants(asked),
        }
    }
    opened = session.open_session("report", options, given)
    result, recording = session.perform_recorded(opened)
    found = build.period_of(result, asked, recording.histories)
    opened.context.folder.write(REPORT, found.model_dump_json(indent=2))
    period_output.write(found, options.output_format, options.output)
    return found.exit_code


def period(since: str, until: str, now: datetime) -> Asked:
    """Return the period between two moments, as the command line has them."""
    begin, end = (_point(name, text, now) for name, text in (("--since", since), ("--until", until)))
    if end > now:
        raise UsageError(f"--until {until} has not come yet.")
    if (end - begin).total_seconds() < _LEAST_SECONDS:
        raise UsageError(f"From {since} to {until} is no period of at least five minutes.")
    return Asked(begin.timestamp(), end.timestamp())


def _point(name: str, text: str, now: datetime) -> datetime:
    try:
        return moments.point(text, now)
    except ValueError as error:
        raise UsageError(
            f"{name} {text} is no moment.",
            "Give how long ago (90m, 12h, 7d, 4w) or a moment (2026-11-25 12:00).",
        ) from error
