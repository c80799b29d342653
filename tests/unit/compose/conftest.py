"""Files written for a test, and what the checks say of them."""

import pytest
from asking import ask

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


@pytest.fixture
def findings(write):
    """Ask one check of a compose file, and return the finding."""

    def asked(slug, text, *named):
        result = ask(write("compose.yml", text), *named, only=(slug,))
        return result.validations[0].findings[0]

    return asked
