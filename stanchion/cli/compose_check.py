"""Asks the checks about compose files and Dockerfiles: no host, nothing running."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.checks import Look, Phase, Report, decide, defaults, select
from stanchion.checks.model import WORST_FIRST
from stanchion.compose.dockerfile import is_dockerfile
from stanchion.compose.files import Files, gather
from stanchion.compose.load import DEFAULT_FILES, default_files, load
from stanchion.errors import UsageError
from stanchion.report.model import Result
from stanchion.report.validation import safety, sentence, validation_of


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line."""

    files: Sequence[Path]
    named: Sequence[Path]
    env_files: Sequence[Path]
    profiles: Sequence[str]
    only: Sequence[str]
    fail_on: str


def check(asked: Asked) -> Result:
    """Return what the checks say of the files."""
    dockerfiles = [path for path in asked.named if is_dockerfile(path)]
    files = [*asked.files, *(path for path in asked.named if path not in dockerfiles)]
    if not files and not dockerfiles:
        files = default_files(Path())
    if not files and not dockerfiles:
        raise UsageError(f"No file is named, and none of {', '.join(DEFAULT_FILES)} is here.", "Name one.")
    project = load(files, os.environ, asked.env_files, asked.profiles) if files else None
    seen = _report(gather(project, dockerfiles), asked.only)
    name = " + ".join(map(str, [*files, *dockerfiles]))
    found = [validation_of(name, seen.as_dict())]
    status, code = safety("compose", "safe", found, asked.fail_on)
    return Result(
        verb="compose",
        status=status,
        exit_code=code,
        headline=f"{status}: {name}; {sentence(found)}",
        validations=found,
        fail_on="warn" if asked.fail_on == "warn" else "fail",
        warnings=list(project.warnings) if project else [],
    )


def _report(files: Files, only: Sequence[str]) -> Report:
    began = time.monotonic()
    # Where there is no compose file, checks of containers would pass for want of any.
    checks = [each for each in select(Phase.FILE, only) if files.project or each.subject == "dockerfile"]
    if not checks:
        raise UsageError(
            f"{', '.join(only)}: nothing of it is asked of a Dockerfile.", "Name a compose file, too."
        )
    containers = [service.container() for service in files.services]
    look = Look(
        facts={"compose": {"ok": True, "files": files}},
        declared={},
        thresholds=defaults(checks),
        phase=Phase.FILE,
        containers=containers,
        locate=files.locate,
    )
    findings = sorted(decide(look, checks), key=lambda each: (WORST_FIRST.index(each.outcome), each.slug))
    return Report(
        stack=files.project.name if files.project else "",
        engine="none",
        deployed=True,
        phase=Phase.FILE,
        applicable=len(findings),
        seconds=round(time.monotonic() - began, 3),
        findings=tuple(findings),
    )
