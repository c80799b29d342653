"""From the checks' findings to the result's model, and to the one word for all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from stanchion.checks import Check, Finding, Outcome, Report, Severity, catalogue
from stanchion.checks.model import stops as outcome_stops
from stanchion.exit_codes import ExitCode
from stanchion.report.headline import counted
from stanchion.report.model import Checked, Protection, Seen, Status, Validation
from stanchion.report.model import Outcome as OutcomeName

# In a sentence: the worst first.
_WORDS = {"fail": "failed", "error": "could not look", "warn": "warn", "skip": "skipped", "pass": "passed"}


def validation_of(host: str, data: Mapping[str, Any]) -> Validation:
    """Return what stack_validate said of a host."""
    report = Report.from_dict(data)
    every = catalogue()
    return Validation(
        host=host,
        phase=report.phase.value,
        deployed=report.deployed,
        applicable=report.applicable,
        counts={outcome.value: report.counts[outcome] for outcome in Outcome},
        seconds=report.seconds,
        findings=[checked(finding, every[finding.slug]) for finding in report.findings],
        protection=None if report.protection is None else Protection(**report.protection.as_dict()),
    )


def checked(finding: Finding, check: Check) -> Checked:
    """Return a finding with what the catalogue knows of its check."""
    return Checked(
        slug=finding.slug,
        outcome=cast(OutcomeName, finding.outcome.value),
        severity=finding.severity.value,
        title=check.title,
        summary=finding.summary,
        why=check.why,
        remedy=check.remedy,
        page=check.page,
        evidence=[
            Seen(what=seen.what, level=seen.level.value, of=seen.of, file=seen.file, line=seen.line)
            for seen in finding.evidence
        ],
    )


def latest(validations: Sequence[Validation]) -> list[Validation]:
    """Return the last look at each host: a deploy looks before and after."""
    return list({validation.host: validation for validation in validations}.values())


# What comes before the cause: which source it was, and that it needed another one.
_SOURCE = re.compile(r"\w+ could not be read: (?:the containers could not be looked at: )?")


def by_reason(findings: Iterable[Checked]) -> dict[str, list[Checked]]:
    """Group what could not look, by its cause, the widest first.

    A paused database makes thirty checks unreadable, and an engine that does not answer ten sources: that is
    one thing to tell. A cause of one source alone is told with it.
    """
    causes: dict[str, list[Checked]] = {}
    for finding in findings:
        causes.setdefault(_SOURCE.sub("", finding.summary, count=1), []).append(finding)
    groups = {}
    for cause, found in causes.items():
        told = {finding.summary for finding in found}
        groups[told.pop() if len(told) == 1 else cause] = found
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def unsafe(validations: Iterable[Validation], fail_on: str = "fail") -> bool:
    """Say whether anything stops a play."""
    return any(stops(finding, fail_on) for validation in validations for finding in validation.findings)


def safety(
    verb: str, status: Status, validations: Sequence[Validation], fail_on: str
) -> tuple[Status, ExitCode]:
    """Return one word for what the checks say. Nothing asked is never safe."""
    if verb in ("validate", "recover", "report") and not any(
        validation.deployed for validation in validations
    ):
        return "absent", ExitCode.CHECK_FAILED
    whole = all(validation.deployed for validation in validations)
    if unsafe(validations, fail_on) or not whole:
        return "unsafe", ExitCode.CHECK_FAILED
    return status, ExitCode.OK


def stops(finding: Checked, fail_on: str) -> bool:
    """Say whether a finding is a reason to end with 1."""
    return outcome_stops(Outcome(finding.outcome), Severity(finding.severity), fail_on)


def sentence(validations: Sequence[Validation]) -> str:
    """Return "96 checks: 1 failed, 2 warn, 93 passed"."""
    total: Counter[str] = Counter()
    for validation in validations:
        total.update(validation.counts)
    parts = [f"{total[outcome]} {words}" for outcome, words in _WORDS.items() if total[outcome]]
    return f"{counted(sum(total.values()), 'check')}: {', '.join(parts)}"
