"""The checks: pure functions from what was looked at to what is to be thought of it.

One file per subject in `subjects/`. A check is a function with the decorator `check`; it reads a `Look` and
yields what it saw. Adding one: the function there, its cases in tests/unit/checks, a line in
tests/e2e/fires, and `make docs`, which writes its thresholds into roles/validation and itself into
docs/checks.md.
"""

from stanchion.checks.decide import decide
from stanchion.checks.look import Look
from stanchion.checks.model import Finding, Outcome, Phase, Severity
from stanchion.checks.registry import (
    Check,
    Threshold,
    UnknownCheckError,
    catalogue,
    defaults,
    find,
    select,
)
from stanchion.checks.report import FactsVersionError, Report, report
from stanchion.checks.request import request, without_secrets

__all__ = [
    "Check",
    "FactsVersionError",
    "Finding",
    "Look",
    "Outcome",
    "Phase",
    "Report",
    "Severity",
    "Threshold",
    "UnknownCheckError",
    "catalogue",
    "decide",
    "defaults",
    "find",
    "report",
    "request",
    "select",
    "without_secrets",
]
