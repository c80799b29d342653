"""What holds for every check: it passes on a healthy stack, and what it could not read is never well."""

import pytest

from stanchion.checks import Outcome, Phase, Severity, catalogue, select, thresholds
from stanchion.checks.model import stops
from stanchion.checks.registry import UnknownCheckError

CHECKS = list(catalogue().values())
# What cannot pass on the recorded stack, each with the reason.
NOT_GREEN: dict[str, Outcome] = {
    # One disk, as on most first hosts.
    "disk.backup_apart": Outcome.WARN,
    # Everything is on one host.
    "tls.server": Outcome.SKIP,
    "tls.client": Outcome.SKIP,
}

each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.slug)
LOOKED_AT = [(c, p) for c in CHECKS for p in c.phases if p is not Phase.FILE]
each_phase = pytest.mark.parametrize(
    "check,phase", LOOKED_AT, ids=lambda value: getattr(value, "slug", value)
)


@each_phase
def test_it_passes_on_a_healthy_stack(check, phase, kept):
    finding = kept.ask(check.slug, phase)
    assert finding.outcome is NOT_GREEN.get(check.slug, Outcome.PASS), finding


@each_phase
def test_what_it_could_not_read_is_an_error_never_well(check, phase, kept):
    for name in check.reads if phase is Phase.PREFLIGHT else check.every_read:
        source = name.partition(".")[0]
        kept.facts[source] = {"ok": False, "error": "the test took it away"}
    if not check.every_read or (phase is Phase.PREFLIGHT and check.reads in ((), ("containers",))):
        return  # it reads what is declared only
    finding = kept.ask(check.slug, phase)
    assert finding.outcome is Outcome.ERROR
    assert "the test took it away" in finding.summary


@each_check
def test_a_refused_query_is_an_error(check, kept):
    queries = [name.partition(".")[2] for name in check.every_read if name.startswith("sql.")]
    for query in queries:
        kept.facts["sql"]["queries"][query] = {"ok": False, "error": "permission denied"}
    if queries:
        finding = kept.ask(check.slug)
        assert finding.outcome is Outcome.ERROR
        assert "permission denied" in finding.summary


@pytest.mark.parametrize("check", [c for c in CHECKS if "containers" in c.reads], ids=lambda c: c.slug)
@pytest.mark.parametrize("phase", [Phase.DEPLOY, Phase.RUNTIME])
def test_none_passes_for_want_of_containers(check, phase, kept):
    """One of the stack that has no declared name is there: a candidate, or what a run left behind."""
    for entry in kept.facts["containers"]["entries"]:
        entry["name"] += "-old"
    finding = kept.ask(check.slug, phase)
    assert finding.outcome is not Outcome.PASS or finding.evidence


@each_check
def test_it_says_what_people_need(check):
    assert check.slug.count(".") == 1
    assert check.rows
    assert check.title
    assert not check.title.endswith(".")
    for text in (check.why, check.remedy):
        assert text.endswith(".")
        assert len(text) > 15
    assert check.source
    assert check.phases
    assert not {name for name in check.every_read if name == "sql"}, "name the queries: sql.NAME"


def test_thresholds_are_named_after_the_role_and_agree():
    for variable, limit in thresholds().items():
        assert variable.startswith("validation_")
        same = {t for c in CHECKS for t in c.thresholds if t.variable == variable}
        assert len(same) == 1, same
        assert limit.source


def test_unknown_names_have_near_matches():
    with pytest.raises(UnknownCheckError, match="container"):
        select(Phase.RUNTIME, ["contaner"])


def test_a_subject_is_all_of_its_checks():
    chosen = {check.slug for check in select(Phase.DEPLOY, ["container"])}
    assert chosen == {c.slug for c in CHECKS if c.subject == "container" and Phase.DEPLOY in c.phases}


def test_severities_decide_what_stops_a_play(kept):
    for check in CHECKS:
        for name in check.every_read:
            kept.facts[name.partition(".")[0]] = {"ok": False, "error": "gone"}
    for check, phase in LOOKED_AT:
        finding = kept.ask(check.slug, phase)
        if finding.outcome is Outcome.ERROR:
            assert stops(finding.outcome, finding.severity) is (check.severity is Severity.CRITICAL)
