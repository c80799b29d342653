"""Checks and drills as JUnit has them: a testsuite for each host and drill, a testcase for each question."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from stanchion.report import drills
from stanchion.report.model import Checked, Result, Seen
from stanchion.report.validation import latest, stops


def render(result: Result, stream: TextIO) -> None:
    """Write the XML."""
    document = JUnitXml(result.verb or "stanchion")
    for validation in latest(result.validations):
        suite = _suite(result, validation.host)
        suite.add_testcases([_case(finding, validation.host, result) for finding in validation.findings])
        # Else the sum of its cases, and a look is one for all of them.
        suite.time = validation.seconds
        document.add_testsuite(suite)
    for host, record in drills.records(result):
        suite = _suite(result, f"drill of {record.get('repo')} on {host}")
        suite.add_testcases(list(_assertions(host, record)))
        suite.time = float(record.get("seconds", 0))
        document.add_testsuite(suite)
    if result.error is not None:
        document.add_testsuite(_failed(result))
    written = io.BytesIO()
    document.write(written)
    print(written.getvalue().decode(), file=stream)


def _suite(result: Result, name: str) -> TestSuite:
    suite = TestSuite(name)
    if result.run is not None:
        suite.timestamp = result.run.started.isoformat()
    return suite


def _failed(result: Result) -> TestSuite:
    """Return the run itself as a suite: one that came to no answer must not look like one without tests."""
    name = result.verb or "stanchion"
    suite, case = _suite(result, name), TestCase(name, "run")
    if result.error is not None:
        what = f"{result.error.what} {result.error.remedy}".strip()
        error = Error(what, result.error.kind)
        error.text = "\n".join([what, *result.error.last_lines])
        case.result = [error]
    suite.add_testcase(case)
    return suite


def _assertions(host: str, record: Mapping[str, Any]) -> Iterator[TestCase]:
    for each in record.get("assertions", []):
        case = TestCase(each["name"], f"{host}.drill.{record.get('repo')}")
        if each["ok"] is None:
            case.result = [Skipped(each["reason"])]
        elif not each["ok"]:
            case.result = [Failure(each["reason"])]
        yield case


def _case(finding: Checked, host: str, result: Result) -> TestCase:
    case = TestCase(finding.slug, f"{host}.{finding.slug.partition('.')[0]}")
    text = "\n".join(_lines(finding))
    ending = _ending(finding, result)
    if ending is None:
        case.system_out = text
    else:
        ending.text = text
        case.result = [ending]
    return case


def _ending(finding: Checked, result: Result) -> Error | Failure | Skipped | None:
    """Return how a case ended, None where it passed.

    JUnit knows no warning: one is a failure where it ends the command with 1, and else passes.
    """
    if finding.outcome == "error":
        return Error(finding.summary, finding.severity)
    if finding.outcome == "skip":
        return Skipped(finding.summary)
    return Failure(finding.summary, finding.severity) if stops(finding, result.fail_on) else None


def _lines(finding: Checked) -> list[str]:
    seen = [_evidence(each) for each in finding.evidence] or [finding.summary]
    if finding.outcome in ("pass", "skip"):
        return seen
    head = "warning: " if finding.outcome == "warn" else ""
    return [f"{head}{finding.title}", *seen, f"why: {finding.why}", f"do: {finding.remedy}"]


def _evidence(seen: Seen) -> str:
    place = f"{seen.file}:{seen.line}: " if seen.line else ""
    subject = f"{seen.of}: " if seen.of else ""
    return f"{place}{subject}{seen.what}"
