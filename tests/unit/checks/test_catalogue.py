"""What holds for every check: it passes on a healthy stack, and what it could not read is never well."""

import re

import click
import pytest

from stanchion.checks import Outcome, Phase, Severity, catalogue, select
from stanchion.checks.model import stops
from stanchion.checks.registry import UnknownCheckError
from stanchion.cli import program

CHECKS = list(catalogue().values())
# What cannot pass on the recorded stack, each with the reason.
NOT_GREEN: dict[str, Outcome] = {
    # One disk, as on most first hosts.
    "disk.backup_apart": Outcome.WARN,
    # Everything is on one host.
    "tls.server": Outcome.SKIP,
    "tls.client": Outcome.SKIP,
}


def name_of(value):
    return getattr(value, "slug", value)


def reads(check, phase):
    """Return what of a host a check reads; before a deploy the containers are the declared ones."""
    if phase is Phase.PREFLIGHT:
        return [name for name in check.reads if name != "containers"]
    return check.every_read


LOOKED_AT = [(c, p) for c in CHECKS for p in c.phases if p is not Phase.FILE]
READING = [(c, p) for c, p in LOOKED_AT if reads(c, p)]
ASKING = [c for c in CHECKS if any(name.startswith("sql.") for name in c.every_read)]

each_check = pytest.mark.parametrize("check", CHECKS, ids=name_of)


@pytest.mark.parametrize(("check", "phase"), LOOKED_AT, ids=name_of)
def test_it_passes_on_a_healthy_stack(check, phase, kept):
    finding = kept.ask(check.slug, phase)
    assert finding.outcome is NOT_GREEN.get(check.slug, Outcome.PASS), finding


@pytest.mark.parametrize(("check", "phase"), READING, ids=name_of)
def test_what_it_could_not_read_is_an_error_never_well(check, phase, kept):
    for name in reads(check, phase):
        source = name.partition(".")[0]
        kept.facts[source] = {"ok": False, "error": "the test took it away"}
    finding = kept.ask(check.slug, phase)
    assert finding.outcome is Outcome.ERROR
    assert "the test took it away" in finding.summary


# Of docker, timedatectl, du, df, pg_checksums, initdb, useradd, gunicorn, and of a Dockerfile's RUN.
OF_OTHERS = {
    *("--alias", "--data-checksums", "--enable", "--inodes", "--max-depth", "--mount", "--now", "--since"),
    *("--tail", "--uid"),
}


def options(command):
    own = {word for each in command.params if isinstance(each, click.Option) for word in each.opts}
    return own.union(*map(options, getattr(command, "commands", {}).values()))


@each_check
def test_what_to_do_names_options_that_are_there(check):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", check.remedy))
    assert named <= options(program) | OF_OTHERS


@pytest.mark.parametrize("check", ASKING, ids=name_of)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"ok": False, "error": "permission denied"}, "permission denied"),
        (None, "was not asked: these facts are older than it"),
    ],
    ids=["refused", "not asked yet"],
)
def test_a_query_without_an_answer_is_an_error(check, kept, answer, said):
    queries = kept.facts["sql"]["queries"]
    for name in check.every_read:
        source, _, query = name.partition(".")
        if source == "sql" and answer is None:
            del queries[query]
        elif source == "sql":
            queries[query] = answer
    finding = kept.ask(check.slug)
    assert finding.outcome is Outcome.ERROR
    assert said in finding.summary


@pytest.mark.parametrize("check", [c for c in CHECKS if "containers" in c.reads], ids=name_of)
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
    every = {limit for check in CHECKS for limit in check.thresholds}
    assert len({limit.variable for limit in every}) == len(every), "one variable, two meanings"
    for limit in every:
        assert limit.variable.startswith("validation_")
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
    findings = [kept.ask(check.slug, phase) for check, phase in READING]
    assert {finding.outcome for finding in findings} == {Outcome.ERROR}
    stopping = {finding.slug for finding in findings if stops(finding.outcome, finding.severity)}
    assert stopping == {check.slug for check, _ in READING if check.severity is Severity.CRITICAL}
