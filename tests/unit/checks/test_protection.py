"""The figures of the backups: taken from one look, and told in words."""

import pytest

from stanchion.checks.protection import protection
from stanchion.report import protection as told
from stanchion.report.model import Protection


@pytest.fixture
def seen(kept):
    return kept.facts["backup"]["observed"]


def words(kept):
    figures = protection(kept.facts)
    return dict(told.words(Protection(**figures.as_dict())))


def test_the_four_figures_and_what_they_stand_on(kept, seen):
    drills = seen["drills"]
    drills.update(
        rpo={"p50": 24.2, "p95": 60.0, "max": 61.0},
        rto={"p50": 18.0, "p95": 18.0, "max": 18.0},
        success={"ok": 4, "of": 5},
        coverage={"repo1": {"proved": 2, "kept": 3}, "repo2": {"proved": 1, "kept": 3}},
    )
    said = words(kept)
    assert said["proof"].startswith("last proved restore ")
    assert said["proof"].endswith(
        "ago (4 of 5 drills) · RPO 24 s measured, 61 s at worst · RTO 18 s measured · 3 of 6 backups proved"
    )
    assert said["backups"].startswith("newest full ")
    assert said["backups"].endswith(" ago · scheduled: diff, drill, full, incr, verify")


def test_of_two_repositories_the_worse_one_is_shown(kept, seen):
    one = protection(kept.facts)
    (first,) = seen["repositories"]
    older = [{**each, "stopped": each["stopped"] - 86400} for each in first["sets"]]
    seen["repositories"].append({**first, "key": 2, "sets": older})
    seen["canary"]["restorable"]["repo2"] = seen["canary"]["restorable"]["repo1"] - 3600
    both = protection(kept.facts)
    assert both.full_age == one.full_age + 86400
    assert both.restorable_age == one.restorable_age + 3600
    seen["repositories"][1]["sets"] = []
    del seen["canary"]["restorable"]["repo2"]
    assert (protection(kept.facts).full_age, protection(kept.facts).restorable_age) == (None, None)
    seen["repositories"][1]["code"] = 99
    assert protection(kept.facts) == one


def test_without_a_backend_the_rto_is_the_databases(kept, seen):
    seen["drills"]["rto_to"] = "database"
    assert "RTO 18 s measured until the database served" in words(kept)["proof"]


def test_before_the_first_of_anything(kept, seen):
    nothing = {"p50": None, "p95": None, "max": None}
    seen["drills"].update(
        last_success=None,
        rpo=nothing,
        rto=nothing,
        success={"ok": 0, "of": 0},
        coverage={"repo1": {"proved": 0, "kept": 0}},
    )
    seen["repositories"][0]["sets"] = []
    seen["canary"]["restorable"] = {"repo1": None}
    seen["schedule"] = {}
    assert words(kept) == {
        "backups": "no full backup · the last restorable moment is not known · nothing scheduled",
        "proof": "no restore was ever proved · 0 of 0 backups proved",
    }


@pytest.mark.parametrize(
    "backup",
    [
        {},
        {"ok": False, "error": "no answer"},
        {"ok": True, "installed": False, "observed": None},
        {"ok": True, "installed": True, "observed": {"version": 1}},
    ],
)
def test_none_where_they_were_not_looked_at(kept, backup):
    kept.facts["backup"] = backup
    assert protection(kept.facts) is None


def test_the_server_does_not_answer(kept, seen):
    seen["canary"] = {"error": "no answer"}
    assert protection(kept.facts).restorable_age is None
