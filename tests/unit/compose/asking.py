"""Asks the checks about files, as the command line does."""

from stanchion.cli.compose_check import Asked, check


def ask(*named, only=(), **options):
    """Return the result of a compose check."""
    asked = {"files": (), "env_files": (), "profiles": (), "fail_on": "fail", **options}
    return check(Asked(named=named, only=only, **asked))


def found(result):
    """Return each finding's bad evidence as FILE:LINE SLUG OF."""
    return sorted(
        f"{seen.file.rpartition('/')[2]}:{seen.line} {finding.slug} {seen.of}".strip()
        for validation in result.validations
        for finding in validation.findings
        for seen in finding.evidence
        if seen.level != "note"
    )
