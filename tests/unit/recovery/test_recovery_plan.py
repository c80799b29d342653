"""What is done without a word, what is refused, and what became of what was done."""

from dataclasses import replace
from pathlib import Path

import pytest
import test_recovery_causes as broken
import yaml
from sick_stack import BACKEND, DATABASE, Sick

from stanchion.checks import catalogue
from stanchion.recovery import REMEDIES, Found, Risk, every_cause, of_check
from stanchion.recovery.registry import Cause, matches

TASKS = Path(__file__).parents[3] / "roles" / "recovery" / "tasks" / "remedies"
NOW = 1795616984.146  # when the recorded look was made


def done(found: Found, outcome: str = "done", why: str = "") -> dict[str, object]:
    return {"remedy": found.remedy, "of": found.of, "outcome": outcome, "why": why, "at": NOW, "seconds": 2.0}


def use(remedy: str, of: str, age: float, outcome: str = "done") -> dict[str, object]:
    return {"remedy": remedy, "of": of, "at": NOW - age, "outcome": outcome}


def test_each_remedy_has_its_tasks_and_a_cause():
    assert {path.stem for path in TASKS.glob("*.yml")} == set(REMEDIES)
    assert {cause.remedy for cause in every_cause()} - {None} == set(REMEDIES)


@pytest.mark.parametrize(
    "remedy",
    [
        "unpause",
        "restart_database",
        "end_session",
        "drop_slot",
        "deploy",
        "reindex",
        "vacuum",
        "make_database",
        "make_backend",
    ],
)
def test_what_interrupts_or_ends_something_needs_a_word(remedy):
    assert REMEDIES[remedy].risk is Risk.APPROVE
    assert all(cause.risk is Risk.APPROVE for cause in every_cause() if cause.remedy == remedy)
    assert REMEDIES[remedy].cost


@pytest.mark.parametrize("cause", every_cause(), ids=lambda cause: cause.slug)
def test_a_cause_names_what_there_is(cause: Cause):
    slugs = catalogue()
    subjects = {check.subject for check in slugs.values()}
    known = {*slugs, *subjects, "*"} | ({"schedule.watch"} if cause.slug == "watch.removed" else set())
    assert set(cause.shown_by) <= known
    assert set(cause.explains) <= known | {"schedule.watch"}
    assert set(cause.blocks) <= {each.slug for each in every_cause()} | {"*"}
    assert cause.layer == cause.slug.partition(".")[0] or cause.slug.partition(".")[0] in (
        "dns",
        "host",
        "backup",
        "watch",
    )


@pytest.mark.parametrize("cause", every_cause(), ids=lambda cause: cause.slug)
def test_the_runbook_tells_of_each_cause_and_remedy(cause: Cause):
    page = (Path(__file__).parents[3] / "docs" / "runbooks" / "recover.md").read_text()
    rows = [row for row in page.splitlines() if row.startswith("|") and f"`{cause.slug}`" in row]
    assert rows, cause.slug
    assert cause.remedy is None or any(f"`{cause.remedy}`" in row for row in rows)


def test_a_check_names_what_may_mend_it():
    assert [remedy.slug for _, remedy in of_check("schedule.installed")] == ["write_schedule"]
    assert of_check("dns.alias")[-1][0] is Risk.APPROVE
    assert of_check("container.oom") == []
    assert matches("dns.alias", ["dns"])
    assert not matches("dns.alias", ["dn"])


def test_what_needs_a_word_is_refused_without_it_and_done_with_it(sick):
    broken.database_paused(sick)
    plan = sick.plan()
    (cause,) = plan.causes
    assert (cause.outcome, plan.todo) == ("refused", ())
    assert cause.why == "it needs a word: --approve unpause"
    plan = sick.plan(approved=["unpause"])
    assert [each.remedy for each in plan.todo] == ["unpause"]


def test_a_word_for_one_is_none_for_another(sick):
    broken.idle_transaction(sick)
    broken.slot(sick)
    plan = sick.plan(approved=["drop_slot"])
    assert [each.remedy for each in plan.todo] == ["drop_slot"]


def test_what_only_a_person_can_mend_has_no_remedy(sick):
    broken.volume_full(sick)
    plan = sick.plan(approved=list(REMEDIES))
    (cause,) = plan.causes
    assert (cause.cause, cause.outcome, cause.remedy) == ("volume.full", "manual", "")
    assert cause.does == catalogue()["disk.space"].remedy
    assert plan.todo == ()
    assert plan.critical


def test_what_no_cause_explains_stands_for_itself(sick):
    sick.container(BACKEND)["oom_killed"] = True
    sick.facts["cgroups"]["entries"][BACKEND]["oom_kills"] = 2
    (cause,) = sick.plan().causes
    assert (cause.cause, cause.because, cause.outcome) == ("container.oom", ("container.oom",), "manual")
    assert cause.does == catalogue()["container.oom"].remedy


def test_a_warning_that_no_cause_explains_is_left_to_validate(sick):
    sick.facts["clock"]["synchronised"] = False
    assert sick.plan().causes == ()


def test_one_use_mends_every_place_of_a_remedy_that_is_whole(sick):
    broken.schedule_removed(sick)
    broken.cron_stopped(sick)
    plan = sick.plan()
    assert [each.cause for each in plan.causes] == ["schedule.removed", "schedule.cron_stopped"]
    assert [each.remedy for each in plan.todo] == ["write_schedule"]


class TestAfterwards:
    @pytest.fixture
    def first(self, sick: Sick) -> Found:
        broken.database_stopped(sick)
        (found,) = sick.plan().causes
        return found

    @pytest.fixture
    def healed(self, recorded: str) -> Sick:
        import json

        kept = json.loads(recorded)
        return Sick(kept["facts"], kept["declared"])

    def test_what_was_done_and_is_gone_is_fixed(self, first, healed):
        (found,) = healed.plan(earlier=[first], done=[done(first)]).causes
        assert (found.outcome, found.why, found.seconds) == ("fixed", "", 2.0)

    def test_what_was_done_and_is_there_is_not_fixed_nor_tried_again(self, first, sick):
        plan = sick.plan(earlier=[first], done=[done(first)])
        (found,) = plan.causes
        assert (found.outcome, found.why) == ("not_fixed", first.what)
        assert plan.todo == ()

    def test_why_a_remedy_failed_is_told(self, first, sick):
        (found,) = sick.plan(earlier=[first], done=[done(first, "failed", "port is taken")]).causes
        assert (found.outcome, found.why) == ("not_fixed", "port is taken")

    def test_one_that_failed_and_whose_cause_is_gone_is_fixed_all_the_same(self, first, healed):
        (found,) = healed.plan(earlier=[first], done=[done(first, "failed", "too slow")]).causes
        assert found.outcome == "fixed"

    def test_one_that_refused_is_refused_or_not_needed(self, first, sick, healed):
        refused = [done(first, "refused", "a restore is under way")]
        (still,) = sick.plan(earlier=[first], done=refused).causes
        assert (still.outcome, still.why) == ("refused", "a restore is under way")
        (gone,) = healed.plan(earlier=[first], done=refused).causes
        assert gone.outcome == "not_needed"

    def test_what_was_not_used_and_is_gone_was_not_needed(self, first, healed):
        (found,) = healed.plan(earlier=[first]).causes
        assert (found.outcome, found.why) == ("not_needed", "gone at the last look")

    def test_what_a_mended_layer_had_hidden_is_done_next(self, first, healed):
        broken.backend_stopped(healed)
        plan = healed.plan(earlier=[first], done=[done(first)])
        assert [(each.cause, each.outcome) for each in plan.causes] == [
            ("database.stopped", "fixed"),
            ("backend.stopped", "planned"),
        ]
        assert [each.cause for each in plan.todo] == ["backend.stopped"]

    def test_a_word_is_of_what_was_there_when_it_was_given(self, first, healed):
        broken.idle_transaction(healed)
        plan = healed.plan(approved=["end_session"], earlier=[first], done=[done(first)])
        assert plan.todo == ()
        session = next(each for each in plan.causes if each.cause == "database.idle_transaction")
        assert (session.outcome, session.why) == (
            "refused",
            "it was not there when the word was given; it needs another: --approve end_session",
        )
        # Nor in the look after that.
        again = healed.plan(approved=["end_session"], earlier=plan.causes, done=[done(first)])
        assert again.todo == ()

    def test_what_the_last_look_could_not_see_is_not_fixed(self, healed):
        broken.slot(healed)
        (before,) = healed.plan(approved=["drop_slot"]).todo
        broken.database_paused(healed)
        found = healed.causes(approved=["drop_slot"], earlier=[before], done=[done(before, "failed", "x")])
        assert found["database.slot"].outcome == "not_fixed"
        assert found["database.slot"].why == "the last look could not see whether it is still so"

    def test_what_is_hidden_behind_another_is_not_fixed(self, healed):
        broken.schedule_silent(healed)
        (before,) = healed.plan().todo
        broken.database_paused(healed)
        found = healed.causes(earlier=[before], done=[done(before)])
        assert found["schedule.silent"].outcome == "not_fixed"

    def test_what_is_fixed_stays_so_in_a_third_look(self, first, healed):
        fixed = healed.plan(earlier=[first], done=[done(first)]).causes
        (found,) = healed.plan(earlier=fixed, done=[done(first)]).causes
        assert found.outcome == "fixed"

    def test_it_is_the_same_when_it_comes_back_from_json(self, first):
        assert Found.from_dict(first.as_dict()) == first
        odd = replace(first, seconds=1.5, arguments={"pids": [1]})
        assert Found.from_dict(odd.as_dict()) == odd


class TestLoops:
    @pytest.mark.parametrize("outcome", ["done", "failed"])
    def test_a_fourth_time_within_the_hour_is_refused(self, sick, outcome):
        broken.database_stopped(sick)
        records = [use("start_database", DATABASE, age, outcome) for age in (60, 1800, 3599)]
        plan = sick.plan(records=records)
        assert plan.todo == ()
        assert plan.causes[0].outcome == "refused"
        assert plan.causes[0].why.startswith("it was done 3 times within the last hour")

    @pytest.mark.parametrize(
        "records",
        [
            [use("start_database", DATABASE, age) for age in (60, 1800, 3601)],
            [use("start_database", DATABASE, 60, "refused")] * 9,
            [use("start_database", "another-db", 60)] * 9,
            [use("restart_database", DATABASE, 60)] * 9,
            [use("start_database", DATABASE, -3700)] * 9,
        ],
        ids=["an hour ago", "refused", "elsewhere", "another remedy", "by a clock that is far ahead"],
    )
    def test_others_do_not_count(self, sick, records):
        broken.database_stopped(sick)
        assert len(sick.plan(records=records).todo) == 1

    def test_a_record_that_cannot_be_read_allows_nothing(self, sick):
        broken.database_stopped(sick)
        plan = sick.plan(records=None)
        assert plan.todo == ()
        assert plan.causes[0].why.startswith("what was done lately could not be read")

    def test_a_session_that_comes_back_is_the_same(self, sick):
        broken.idle_transaction(sick)
        again = [use("end_session", "report (role analyst)", age) for age in (60, 120, 180)]
        assert sick.plan(approved=["end_session"], records=again).todo == ()

    def test_of_a_whole_remedy_every_place_counts(self, sick):
        broken.schedule_removed(sick)
        records = [use("write_schedule", "cron", 60)] * 3
        assert sick.plan(records=records).todo == ()


def test_the_role_takes_the_same_words():
    specs = Path(__file__).parents[3] / "roles" / "recovery" / "meta" / "argument_specs.yml"
    options = yaml.safe_load(specs.read_text())["argument_specs"]["recover"]["options"]
    assert options["recovery_approve"]["choices"] == sorted(REMEDIES)
