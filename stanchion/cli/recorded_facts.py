"""Validates what an earlier run saw: the facts that it kept, with no host asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from stanchion.checks import FactsVersionError, Phase, defaults, report, select
from stanchion.errors import ConfigurationError
from stanchion.report.model import Result
from stanchion.report.validation import safety, sentence, validation_of


def validate(path: Path, phase: str, only: Sequence[str], fail_on: str) -> Result:
    """Return the result of asking the checks about a kept look."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        facts, declared, thresholds = kept["facts"], kept["declared"], kept["thresholds"]
        stack = declared["stack"]["name"]
        _ = facts["schema_version"], facts["engine"]["ok"], dict(thresholds)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"--facts {path} holds no facts of a run ({type(error).__name__}: {error}).",
            "Name a file facts/HOST-PHASE.json of a run folder; `validate` prints its run's folder.",
        ) from error
    checks = select(Phase(phase), only)
    try:
        seen = report(facts, declared, {**defaults(checks), **thresholds}, Phase(phase), checks)
    except FactsVersionError as error:
        raise ConfigurationError(
            f"--facts {path}: {error}", "Run validate anew, or use the version that wrote them."
        ) from error
    found = [validation_of(path.stem, seen.as_dict())]
    status, code = safety("validate", "safe", found, fail_on)
    said = sentence(found) if seen.deployed else "it is not deployed"
    return Result(
        verb="validate",
        status=status,
        exit_code=code,
        headline=f"{status}: {stack} as {path} has it; {said}",
        stack=stack,
        validations=found,
        fail_on="warn" if fail_on == "warn" else "fail",
    )
