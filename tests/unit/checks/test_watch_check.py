"""The host's watch: as it was installed, and looking each minute."""

import pytest

from stanchion.checks import Outcome, Phase

PATH = "/etc/cron.d/stanchion-medication-tracker-recovery"


@pytest.fixture
def seen(kept):
    return kept.facts["recovery"]["watch"]


def ask(kept, outcome, text=""):
    finding = kept.ask("schedule.watch")
    told = "\n".join([finding.summary, *(f"{each.of}: {each.what}" for each in finding.evidence)])
    assert (finding.outcome, text in told) == (outcome, True), told


def test_well(kept):
    ask(kept, Outcome.PASS, "the watch looked 41 s ago")


@pytest.mark.parametrize("changed", [{"installed": False}, {"cron_file": "missing"}])
def test_not_installed(kept, seen, changed):
    seen.update(changed)
    ask(kept, Outcome.WARN, f"{PATH}: is not there")


def test_changed_by_hand(kept, seen):
    seen.update(cron_file="differs", cron_difference="added: # by hand")
    ask(kept, Outcome.WARN, f"{PATH}: is not as it was written, added: # by hand")


def test_it_does_not_run(kept, seen):
    seen["ran"] -= 600
    ask(kept, Outcome.WARN, "the watch looked 11 min ago, allowed are 5 min")
    seen["ran"] = None
    ask(kept, Outcome.WARN, "the watch has never looked")


def test_it_has_just_been_installed(kept, seen):
    seen.update(ran=None, cron_since=seen["cron_since"] + 890)
    ask(kept, Outcome.PASS, "was installed 10 s ago")


def test_it_could_not_look(kept, seen):
    seen["trouble"] = "The engine does not answer: it hangs"
    ask(kept, Outcome.WARN, "it could not look: The engine does not answer")


def test_no_watch_is_declared(kept, seen):
    seen["installed"] = False
    kept.declared["recovery"]["watch"] = False
    ask(kept, Outcome.SKIP, "recovery_watch is false")
    del kept.declared["recovery"]
    ask(kept, Outcome.SKIP)


def test_it_is_asked_after_a_deploy_too(kept):
    assert kept.ask("schedule.watch", Phase.DEPLOY).outcome is Outcome.PASS
