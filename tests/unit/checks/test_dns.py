"""The database's name as the backends resolve it."""

import pytest

from stanchion.checks import Outcome


def answer(kept, container="medication-tracker-backend-2"):
    return kept.facts["inside"]["entries"][container]["names"]["db"]


def test_no_such_name(kept):
    answer(kept).update(addresses=[], error="Name or service not known")
    finding = kept.ask("dns.alias")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == "medication-tracker-backend-2: db has no address: Name or service not known"


def test_another_address(kept):
    answer(kept)["addresses"] = ["172.30.240.9"]
    finding = kept.ask("dns.alias")
    assert finding.outcome is Outcome.FAIL
    assert "db is 172.30.240.9, and the database is 172.30.240.2" in finding.summary


def test_a_database_elsewhere_has_to_have_a_name_only(kept):
    del kept.declared["postgres"]
    answer(kept)["addresses"] = ["198.51.100.7"]
    assert kept.ask("dns.alias").outcome is Outcome.PASS


def test_two_that_answer(kept):
    answer(kept)["addresses"] = ["172.30.240.2", "172.30.240.9"]
    finding = kept.ask("dns.single_answer")
    assert finding.outcome is Outcome.FAIL
    assert (
        "db is 172.30.240.2 (medication-tracker-db) and 172.30.240.9 (no container of this host)"
        in finding.summary
    )
    # The database is among them: that it is not alone is the other check's.
    assert kept.ask("dns.alias").outcome is Outcome.PASS


def test_an_address_of_each_kind_is_one_answer(kept):
    answer(kept)["addresses"] = ["172.30.240.2", "fd00::2"]
    assert kept.ask("dns.single_answer").outcome is Outcome.PASS


def test_none_that_answers_is_not_one(kept):
    answer(kept).update(addresses=[], error="Name or service not known")
    assert kept.ask("dns.single_answer").outcome is Outcome.ERROR


@pytest.mark.parametrize("slug", ["dns.alias", "dns.single_answer"])
def test_a_container_that_could_not_be_entered(kept, slug):
    kept.facts["inside"]["entries"]["medication-tracker-backend-1"] = {"ok": False, "error": "no answer"}
    assert kept.ask(slug).outcome is Outcome.ERROR
    kept.facts["inside"]["entries"] = {}
    assert kept.ask(slug).summary == "no backend runs"
