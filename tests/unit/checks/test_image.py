"""Which images are pinned, and how old they are."""

import pytest

from stanchion.checks import Outcome
from stanchion.checks.container import Container

DIGEST = f"postgres@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    "role,image,outcome",
    [
        ("backend", "medication-tracker/backend:87010dccc7c7a113", Outcome.PASS),
        ("postgres", "stanchion/postgres:9fe8a4ddd8b77c46", Outcome.PASS),
        ("postgres", DIGEST, Outcome.PASS),
        ("postgres", f"postgres:17@sha256:{'a' * 64}", Outcome.PASS),
        ("postgres", "postgres:17.5-bookworm", Outcome.PASS),
        ("postgres", "postgres:17.5-alpine3.22", Outcome.PASS),
        ("postgres", "postgres:17.5", Outcome.FAIL),
        ("postgres", "postgres:17-bookworm", Outcome.FAIL),
        ("postgres", "postgres:17", Outcome.FAIL),
        ("postgres", "timescale/timescaledb:latest-pg17", Outcome.FAIL),
        (None, "docker.io/library/postgres:16-alpine", Outcome.FAIL),
        (None, "registry.example:5000/tool", Outcome.FAIL),
        (None, "redis", Outcome.FAIL),
        (None, "redis:latest", Outcome.FAIL),
        (None, "redis:7.4", Outcome.WARN),
        (None, "redis:7.4-alpine", Outcome.WARN),
        (None, "tool:edge", Outcome.WARN),
        (None, "redis:7.4.1", Outcome.PASS),
        (None, "caddy:v2.8.4-alpine", Outcome.PASS),
        (None, "tool:20261125", Outcome.PASS),
        (None, "tool:1f2e3d4c", Outcome.PASS),
        ("backend", "", Outcome.PASS),
    ],
)
def test_references(kept, role, image, outcome):
    finding = kept.ask_file("image.pinned", Container("x", role, image))
    assert finding.outcome is outcome
    assert finding.evidence[0].key == ("image" if image else "build")


def test_a_label_does_not_pin_a_moving_tag(kept):
    kept.container("db")["image"] = "stanchion/postgres:latest"
    assert kept.ask("image.pinned").outcome is Outcome.FAIL


class TestAge:
    def image(self, kept):
        return next(i for i in kept.facts["images"]["entries"] if i["name"] == "stanchion/postgres")

    def old(self, kept):
        self.image(kept)["created"] = "2026-09-25T13:20:38+00:00"
        kept.facts["image_records"]["entries"]["stanchion_postgres"]["resolved_at"] = (
            "2026-09-25T13:20:38+00:00"
        )

    def test_old(self, kept):
        self.old(kept)
        finding = kept.ask("image.age")
        assert finding.outcome is Outcome.WARN
        assert "61 days old" in finding.summary

    def test_asked_again_without_news(self, kept):
        self.old(kept)
        record = kept.facts["image_records"]["entries"]["stanchion_postgres"]
        record["resolved_at"] = "2026-11-24T13:20:38+00:00"
        assert kept.ask("image.age").outcome is Outcome.PASS

    def test_an_image_that_is_gone(self, kept):
        kept.facts["images"]["entries"].remove(self.image(kept))
        assert kept.ask("image.age").outcome is Outcome.ERROR
