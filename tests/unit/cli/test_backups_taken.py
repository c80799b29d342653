"""What a run that backed up says of it."""

import pytest

from stanchion.report import backups_taken
from stanchion.report.model import Backups, Result


def told(verb, result):
    return Result.model_construct(backups=[Backups(host="one", verb=verb, result=result)])


def test_each_repository_has_its_line():
    taken = {
        "type": "diff",
        "label": "20261125-1F_20261125-2D",
        "bytes": 31442166,
        "stored": 512,
        "seconds": 1.067,
    }
    record = {"repositories": {"repo1": taken, "repo2": {**taken, "stored": 3 * 1024**3}}}
    assert backups_taken.lines(told("backup", record)) == [
        ("backup", "one, repo1: diff 20261125-1F_20261125-2D of 30.0 MB, which takes 512 B there, in 1.1 s"),
        ("backup", "one, repo2: diff 20261125-1F_20261125-2D of 30.0 MB, which takes 3.0 GB there, in 1.1 s"),
    ]


@pytest.mark.parametrize(
    ("verb", "says"),
    [("before-replace", "one, before the image was replaced: L in repo1"), ("first-full", "one, L in repo1")],
)
def test_a_deploy_says_what_it_backed_up(verb, says):
    assert backups_taken.lines(told(verb, {"done": ["L in repo1"]})) == [("backup", says)]
    assert backups_taken.lines(told(verb, {"done": []})) == []


def test_what_failed_has_no_line():
    assert backups_taken.lines(told("backup", {})) == []
    assert backups_taken.lines(told("observe", {"repositories": []})) == []
