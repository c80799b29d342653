"""The database's schema beside the one that the image expects."""

import pytest

from stanchion.checks import Outcome

LABEL = "io.stanchion.schema_version"


@pytest.mark.parametrize(
    "version,outcome,says",
    [
        ("0000", Outcome.FAIL, "expects 0001, and the database is at 0000"),
        ("ae1027a6acf", Outcome.FAIL, "expects 0001, and the database is at ae1027a6acf"),
        ("0002", Outcome.WARN, "as after a roll-back"),
    ],
)
def test_another_version(kept, version, outcome, says):
    kept.rows("migration")[0]["version"] = version
    finding = kept.ask("migration.head")
    assert finding.outcome is outcome
    assert says in finding.summary


def test_never_migrated(kept):
    kept.rows("migration").clear()
    finding = kept.ask("migration.head")
    assert finding.outcome is Outcome.FAIL
    assert "never migrated" in finding.summary


def test_images_that_do_not_say(kept):
    for name in ("backend-1", "backend-2"):
        del kept.container(name)["labels"][LABEL]
    assert kept.ask("migration.head").outcome is Outcome.SKIP
