"""Files written for a test, and what the checks say of them."""

import pytest

from stanchion.cli.compose_check import Asked, check
from stanchion.compose.load import load


@pytest.fixture
def write(tmp_path):
    """Write a file by its name, and return its path."""

    def written(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written


@pytest.fixture
def project(write):
    """Load one compose file."""

    def loaded(text, environment=None, **options):
        return load([write("compose.yml", text)], environment or {}, **options)

    return loaded


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


@pytest.fixture
def findings(write):
    """Ask one check of a compose file, and return the finding."""

    def asked(slug, text, *named):
        result = ask(write("compose.yml", text), *named, only=(slug,))
        return result.validations[0].findings[0]

    return asked
