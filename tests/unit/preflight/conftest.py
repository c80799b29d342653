"""Facts as stack_facts recorded them on real hosts, and what the roles declare by default."""

import copy
import json
from pathlib import Path

import pytest

from stanchion.preflight import SUBJECTS, Declared

RECORDED = Path(__file__).parent / "recorded"


def load(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


@pytest.fixture
def running():
    """A host with an engine on which this stack and another one run."""
    return load("running_engine")


@pytest.fixture
def secret_file():
    """A file as the roles leave a secret: root's alone."""
    return {
        "exists": True,
        "kind": "file",
        "mode": "0400",
        "uid": 0,
        "gid": 0,
        "owner": "root",
        "group": "root",
        "size": 33,
        "content": "ascii",
        "parent": {"path": "/p", "exists": True, "mode": "0700", "uid": 0, "root_only": True},
    }


@pytest.fixture
def bare():
    """A host that has no engine yet."""
    return load("no_engine")


@pytest.fixture
def look():
    """Run a subject and return its problems by slug; a slug that comes twice is a list's length."""

    def run(subject, declared, facts):
        problems = SUBJECTS[subject].look(Declared(copy.deepcopy(declared)), facts)
        for problem in problems:
            assert problem.slug.count(".") == 1
            assert problem.what.endswith("."), problem
            assert problem.remedy.endswith((".", "?")), problem
            assert problem.where, problem
        return problems

    return run


def slugs(problems):
    return [problem.slug for problem in problems]


@pytest.fixture(name="slugs")
def slugs_fixture():
    return slugs
