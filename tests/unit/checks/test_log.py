"""Logs without an end, and logs that tell of trouble."""

import pytest

from stanchion.checks import Outcome, Phase

DB = "medication-tracker-db"


@pytest.mark.parametrize(
    "driver,options,says",
    [
        ("json-file", {}, "grows without an end"),
        ("json-file", {"max-file": "3"}, "grows without an end"),
        ("json-file", {"max-size": "10m"}, "all of it is thrown away"),
        ("json-file", {"max-size": "10m", "max-file": "3"}, None),
        ("local", {}, None),
        ("journald", {}, None),
    ],
)
def test_a_log_without_an_end(kept, driver, options, says):
    kept.container("backend-1").update(log_driver=driver, logging=options)
    finding = kept.ask("log.rotation")
    assert finding.outcome is (Outcome.WARN if says else Outcome.PASS)
    if says:
        assert finding.summary.startswith("medication-tracker-backend-1: ")
        assert says in finding.summary
        assert finding.evidence[0].key == "logging"


def test_one_that_is_declared(kept):
    kept.definition("db").pop("log_options")
    assert kept.ask("log.rotation", Phase.PREFLIGHT).outcome is Outcome.WARN


@pytest.mark.parametrize(
    "kind,outcome",
    [
        ("panic", "fail"),
        ("crash", "fail"),
        ("killed", "fail"),
        ("write", "fail"),
        ("archive", "fail"),
        ("fatal", "fail"),
        ("refused", "warn"),
        ("saturated", "warn"),
        ("deadlock", "pass"),
    ],
)
def test_trouble(kept, kind, outcome):
    line = {"at": "2026-11-25T14:00:00Z", "text": "PANIC:  could not write"}
    kept.facts["logs"]["entries"][DB]["trouble"][kind] = {"count": 3, "last": [line]}
    kept.facts["backup"]["observed"]["archive"]["failing"] = True
    finding = kept.ask("log.trouble")
    assert finding.outcome == outcome
    if outcome != "pass":
        assert finding.summary.startswith(f"{DB}: ")
        assert finding.summary.endswith("3 x; last: PANIC:  could not write")


@pytest.mark.parametrize("kind", ["killed", "crash", "fatal"])
@pytest.mark.parametrize(
    "ready,outcome", [("2026-11-25T14:00:03Z", "warn"), ("2026-11-25T13:59:59Z", "fail"), (None, "fail")]
)
def test_what_the_server_has_got_over_is_a_warning(kept, kind, ready, outcome):
    entry = kept.facts["logs"]["entries"][DB]
    line = {"at": "2026-11-25T14:00:00Z", "text": "terminating any other active server processes"}
    entry.update(ready=ready, trouble={kind: {"count": 1, "last": [line]}})
    finding = kept.ask("log.trouble")
    assert finding.outcome == outcome
    assert ("it takes connections again since 3 s after that" in finding.summary) == (outcome == "warn")


@pytest.mark.parametrize("kind", ["panic", "write"])
@pytest.mark.parametrize(
    "text,outcome",
    [("PANIC:  could not write: No space left on device", "warn"), ("PANIC:  could not fsync file", "fail")],
)
def test_a_disk_that_was_full_is_over_with_room_and_a_bad_one_is_not(kept, kind, text, outcome):
    entry = kept.facts["logs"]["entries"][DB]
    line = {"at": "2026-11-25T14:00:00Z", "text": text}
    entry.update(ready="2026-11-25T14:00:03Z", trouble={kind: {"count": 1, "last": [line]}})
    assert kept.ask("log.trouble").outcome == outcome


def test_who_crashes_again_and_again_is_not_over_it(kept):
    entry = kept.facts["logs"]["entries"][DB]
    line = {"at": "2026-11-25T14:00:00Z", "text": "terminating any other active server processes"}
    entry.update(ready="2026-11-25T14:00:03Z", trouble={"crash": {"count": 6, "last": [line]}})
    assert kept.ask("log.trouble").outcome == "fail"


@pytest.mark.parametrize(
    "archive,outcome",
    [
        ({"failing": False, "ready_files": 0}, "warn"),
        ({"failing": True, "ready_files": 0}, "fail"),
        ({"failing": False, "ready_files": 2}, "fail"),
    ],
)
def test_an_archive_that_has_caught_up_is_a_warning(kept, archive, outcome):
    line = {"at": "2026-11-25T14:00:00Z", "text": "archive command failed with exit code 82"}
    kept.facts["logs"]["entries"][DB]["trouble"]["archive"] = {"count": 9, "last": [line]}
    kept.facts["backup"]["observed"]["archive"].update(archive)
    assert kept.ask("log.trouble").outcome == outcome


def test_a_flooded_log_is_read_in_part(kept):
    kept.facts["logs"]["entries"][DB].update(lines=5000, all_read=False)
    assert any(seen.what == "only the last 5000 lines" for seen in kept.ask("log.trouble").evidence)


def test_a_log_that_was_not_read_is_an_error(kept):
    del kept.facts["logs"]["entries"][DB]
    finding = kept.ask("log.trouble")
    assert finding.outcome is Outcome.ERROR
    assert finding.summary == f"the log of {DB} was not read"
