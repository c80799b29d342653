"""From the answers of the module stack_history to what happened, on one line of time: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from stanchion.history.model import Event, Lane, Tone
from stanchion.report.backups_taken import size
from stanchion.report.headline import duration

Facts = Mapping[str, Any]

_SEVERITIES: Mapping[str, Tone] = {"critical": "bad", "warning": "warn"}
_JOBS: Mapping[str, tuple[Lane, str]] = {
    "full": ("backups", "full backup"),
    "diff": ("backups", "differential backup"),
    "incr": ("backups", "incremental backup"),
    "verify": ("backups", "verification"),
    "expire": ("backups", "expiry"),
    "before-adoption": ("backups", "backup before the takeover"),
    "drill": ("drills", "restore drill"),
    "restore": ("recoveries", "restore"),
    "rollback": ("recoveries", "rollback of a restore"),
    "bare-metal": ("recoveries", "restore of a lost host"),
}
_OUTCOMES: Mapping[str, Tone] = {"ok": "well", "failed": "bad", "skipped": "quiet", "refused": "warn"}
_RUNS: Mapping[str, Tone] = {"succeeded": "well", "unsafe": "warn", "failed": "bad"}
# Their own record says more.
_ALSO_A_JOB = ("backup", "drill", "restore")
# Labels that say what an alert is about, the most telling first.
_ABOUT = ("replica", "container", "repo", "instance", "of", "datname", "slot_name", "job", "metric")
_REMEDIES: Mapping[str, Tone] = {"done": "well", "refused": "warn", "failed": "bad", "gave_up": "bad"}


def events_of(history: Facts) -> list[Event]:
    """Return all of it, the oldest first."""
    found = [*_alerts(history), *_runs(history), *_jobs(history), *_recoveries(history)]
    return sorted(found, key=lambda event: (event.at, event.lane, event.what))


def _entries(history: Facts, source: str) -> list[Facts]:
    answer = history[source]
    return list(answer["entries"]) if answer["ok"] else []


def _alerts(history: Facts) -> Iterator[Event]:
    alerts = history["alerts"]
    for entry in _entries(history, "alerts"):
        labels = entry["labels"]
        for since, until in entry["spans"]:
            fires = until >= history["until"] - alerts["step"]
            yield Event(
                lane="alerts",
                at=_moment(since),
                until=None if fires else _moment(until),
                what=labels.get("alertname", "an alert"),
                of=next((labels[name] for name in _ABOUT if labels.get(name)), ""),
                outcome="firing" if fires else "resolved",
                tone=_SEVERITIES.get(labels.get("severity", ""), "quiet"),
                detail=", ".join(
                    (labels.get("severity", "without a severity"), _lasted(since, until, alerts["step"]))
                ),
            )


def _lasted(since: float, until: float, step: float) -> str:
    return f"for {duration(until - since)}" if until > since else f"for less than {duration(step)}"


def _runs(history: Facts) -> Iterator[Event]:
    for run in _entries(history, "runs"):
        if run["verb"] in _ALSO_A_JOB or run["check"]:
            continue
        who = (
            f"{run['user'] or 'somebody'}@{run['controller']}"
            if run["controller"]
            else run["user"] or "somebody"
        )
        version = f", Stanchion {run['version']}" if run["version"] else ""
        yield Event(
            lane="recoveries" if run["verb"] == "recover" else "deploys",
            at=_moment(run["ended"] - float(run["seconds"] or 0)),
            until=_moment(run["ended"]),
            what=str(run["verb"]),
            of="",
            outcome=str(run["outcome"]),
            tone=_RUNS.get(str(run["outcome"]), "warn"),
            detail=f"by {who}{version}",
        )


def _jobs(history: Facts) -> Iterator[Event]:
    for job in _entries(history, "jobs"):
        lane, what = _JOBS.get(job["job"], ("backups", job["job"]))
        yield Event(
            lane=lane,
            at=_moment(job["started"]),
            until=_moment(job["ended"]),
            what=what,
            of=str(job["repo"] or ", ".join(sorted(job["repositories"] or {}))),
            outcome="proved" if job.get("verdict") == "proved" else str(job["outcome"]),
            tone=_OUTCOMES.get(job["outcome"], "warn"),
            detail=job["error"] or _of_job(job),
        )


def _of_job(job: Facts) -> str:
    """Return what a job that went well has measured."""
    if job["job"] == "drill":
        named = (("RPO", job["rpo_seconds"]), ("RTO", job["rto_seconds"]))
        return ", ".join(f"{name} {duration(float(each))}" for name, each in named if each is not None)
    taken = [each for each in (job["repositories"] or {}).values() if isinstance(each, Mapping)]
    stored = sum(each.get("stored") or 0 for each in taken)
    return f"{size(stored)} stored in {duration(float(job['seconds'] or 0))}" if taken else ""


def _recoveries(history: Facts) -> Iterator[Event]:
    for done in _entries(history, "recoveries"):
        began = float(done["at"])
        yield Event(
            lane="recoveries",
            at=_moment(began),
            until=_moment(began + float(done["seconds"] or 0)),
            what=str(done["remedy"]),
            of=str(done["of"]),
            outcome=str(done["outcome"]),
            tone=_REMEDIES.get(str(done["outcome"]), "warn"),
            detail=f"by {done['by']}{': ' + done['why'] if done['why'] else ''}",
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
