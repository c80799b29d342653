"""What sorting rests on: versions, encoding, the next image."""

import pytest

from stanchion.checks import Outcome, Phase


def sorted_by(kept, provider, collation):
    kept.rows("databases")[3].update(provider=provider, collation=collation)


def next_image(kept, **versions):
    kept.facts["image_records"]["entries"]["stanchion_postgres"]["versions"] = versions


def test_another_version_than_the_indexes_were_made_with(kept):
    kept.rows("databases")[3].update(collation_version="2.36", collation_actual="2.41", provider="libc")
    finding = kept.ask("collation.version")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == "medication_tracker: was sorted by version 2.36 of libc, which is 2.41 now"


def test_a_database_that_nobody_can_write_to_has_no_indexes_to_break(kept):
    kept.rows("databases")[2].update(collation_version="0")
    assert kept.ask("collation.version").outcome is Outcome.PASS


@pytest.mark.parametrize("recorded,outcome", [("153.120", "fail"), (None, "pass")])
def test_a_collation_of_its_own(kept, recorded, outcome):
    kept.rows("collations").append({"name": "de", "recorded": recorded, "actual": "153.128"})
    finding = kept.ask("collation.version")
    assert finding.outcome == outcome
    assert outcome == "pass" or finding.summary.startswith("collation de: was version 153.120")


@pytest.mark.parametrize("slug", ["collation.version", "collation.image", "collation.encoding"])
def test_before_a_deploy_the_database_may_be_down(kept, slug):
    kept.facts["sql"] = {"ok": False, "error": "no such socket", "state": "unreachable"}
    finding = kept.ask(slug, Phase.PREFLIGHT)
    assert finding.outcome is Outcome.SKIP
    assert finding.summary == "the database does not answer before the deploy: no such socket"


@pytest.mark.parametrize("slug", ["collation.image", "collation.encoding", "collation.version"])
def test_a_host_without_a_database(kept, slug):
    kept.facts["volume_record"].update(exists=False, record=None)
    finding = kept.ask(slug, Phase.PREFLIGHT)
    assert finding.outcome is Outcome.SKIP
    assert "no record of a database" in finding.summary


@pytest.mark.parametrize("of", [2, 3])
@pytest.mark.parametrize(
    "key,value", [("encoding", "LATIN1"), ("provider", "icu"), ("collation", "de_DE.UTF-8")]
)
def test_made_another_way(kept, of, key, value):
    kept.rows("databases")[of][key] = value
    finding = kept.ask("collation.encoding")
    name = kept.rows("databases")[of]["name"]
    assert finding.outcome is Outcome.FAIL
    assert finding.summary.startswith(f"{name}: has {key} {value}, and ")


def test_another_database_beside_it_may_be_made_another_way(kept):
    kept.rows("databases")[0]["encoding"] = "LATIN1"
    assert kept.ask("collation.encoding").outcome is Outcome.PASS


def test_an_older_record(kept):
    del kept.facts["volume_record"]["record"]["provider"]
    finding = kept.ask("collation.encoding")
    assert finding.outcome is Outcome.SKIP
    assert "older than this check" in finding.summary


def test_no_application_database_is_an_error(kept):
    del kept.rows("databases")[3]
    assert kept.ask("collation.encoding").outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "provider,collation",
    [("builtin", "C.UTF-8"), ("libc", "C"), ("libc", "C.UTF-8"), ("libc", "POSIX")],
)
def test_what_sorts_by_code_point_takes_any_image(kept, provider, collation):
    sorted_by(kept, provider, collation)
    next_image(kept, libicu99="99.1")
    assert kept.ask("collation.image").outcome is Outcome.PASS


@pytest.mark.parametrize(
    "provider,versions,outcome,says",
    [
        ("icu", {"libicu76": "76.1-5"}, "pass", "ICU 76 runs, ICU 76 is"),
        ("icu", {"libicu78": "78.1-1"}, "fail", "ICU 76 runs, ICU 78 is"),
        ("libc", {"libc-l10n": "2.41-13"}, "pass", "glibc 2.41 runs, glibc 2.41 is"),
        ("libc", {"libc6": "2.43-1", "libc-l10n": "2.43-1"}, "fail", "glibc 2.41 runs, glibc 2.43 is"),
        ("libc", {"libicu76": "76.1-4"}, "skip", "release of libc is not known"),
        ("icu", {}, "skip", "the next image are not on record"),
    ],
)
def test_another_library_in_the_next_image(kept, provider, versions, outcome, says):
    sorted_by(kept, provider, "de_DE.UTF-8")
    next_image(kept, **versions)
    finding = kept.ask("collation.image")
    assert finding.outcome == outcome
    assert says in finding.summary


def test_an_image_without_a_package_list(kept):
    sorted_by(kept, "icu", "de")
    kept.facts["libraries"]["entries"] = {}
    assert "no package list" in kept.ask("collation.image").summary
