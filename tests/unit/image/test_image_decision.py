"""Who builds, hands over, receives and prunes, on one host and on several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanchion.image.decision import Decision, Policy, Resolution, decide, versions_of
from stanchion.image.request import Request

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
REQUEST = Request("test/hello", "build", "content-1", "debian:trixie-slim", ("tini",))
VERSIONS = {"tini": "1.0"}
KNOWN = Resolution("one", "base-1", "pulled", VERSIONS, (NOW - timedelta(hours=1)).isoformat())
TAG = REQUEST.tag("base-1", KNOWN.resolved)


def record(tag: str = TAG, known: Resolution = KNOWN, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "name": REQUEST.name,
        "source": "build",
        "tag": tag,
        "tags": list(tags) or [tag],
        "base": REQUEST.base,
        "packages": list(REQUEST.packages),
        **known.as_record(),
    }


def look(*tags: str, base: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "record": None,
        "base": base and {"id": base, "origin": "pulled"},
        "tags": {tag: {"id": f"id-{tag}", "created": number, "own": True} for number, tag in enumerate(tags)},
        "in_use": [],
        **more,
    }


SETTLED = look(TAG, base="base-1", record=record())


def on(host: str, looks: dict[str, Any], policy: Policy | None = None, **more: Any) -> Decision:
    return decide(more.pop("request", REQUEST), looks, host, policy or Policy(), now=NOW, **more)


def test_unchanged_there_is_nothing_to_do() -> None:
    decision = on("one", {"one": SETTLED})
    assert decision.ref == f"test/hello:{TAG}"
    assert decision.id == f"id-{TAG}"
    assert decision.resolver is None
    assert not any([decision.builds, decision.gives, decision.receives, decision.settles, decision.prune])


def test_without_its_base_a_host_that_has_the_image_is_settled_too() -> None:
    assert on("one", {"one": {**SETTLED, "base": None}}).id == f"id-{TAG}"


def test_a_fresh_host_resolves_first() -> None:
    decision = on("one", {"one": look()})
    assert (decision.resolver, decision.resolve, decision.id) == ("one", True, None)


def test_after_resolving_it_builds_and_records() -> None:
    decision = on("one", {"one": look(base="base-1")}, resolution=KNOWN)
    assert (decision.builds, decision.settles, decision.tag) == (True, True, TAG)
    assert decision.record["resolved"] == KNOWN.resolved
    assert decision.record["tags"] == [TAG]


def test_a_changed_context_is_built_with_the_recorded_versions() -> None:
    changed = Request("test/hello", "build", "content-2", REQUEST.base, REQUEST.packages)
    decision = on("one", {"one": SETTLED}, request=changed)
    assert (decision.resolver, decision.resolve) == ("one", False)


@pytest.mark.parametrize(
    "looks",
    [
        {
            "one": look(
                base="base-1",
                record=record(
                    known=Resolution("one", "base-1", "pulled", VERSIONS, "2025-01-01T00:00:00+00:00")
                ),
            )
        },
        {"one": look(record=record())},
        {"one": look(base="base-2", record=record())},
    ],
    ids=["old record", "no base", "other base"],
)
def test_a_build_asks_anew(looks: dict[str, Any]) -> None:
    assert on("one", looks).resolve


def test_another_base_on_the_host_is_another_image() -> None:
    assert on("one", {"one": look(TAG, base="base-2", record=record())}).resolver == "one"


def test_other_packages_are_asked_for_anew() -> None:
    more = Request("test/hello", "build", "content-1", REQUEST.base, ("curl", "tini"))
    assert on("one", {"one": SETTLED}, request=more).resolve


def test_update_asks_anew_although_nothing_changed() -> None:
    decision = on("one", {"one": SETTLED}, Policy(update=True))
    assert (decision.resolver, decision.resolve) == ("one", True)


def test_update_without_new_versions_builds_nothing_and_records_the_time() -> None:
    later = Resolution("one", "base-1", "pulled", VERSIONS, NOW.isoformat())
    decision = on("one", {"one": SETTLED}, Policy(update=True), resolution=later)
    assert (decision.id, decision.builds, decision.settles) == (f"id-{TAG}", False, True)
    assert decision.record["resolved_at"] == NOW.isoformat()


def test_update_with_new_versions_builds() -> None:
    newer = Resolution("one", "base-1", "pulled", {"tini": "1.1"}, NOW.isoformat())
    decision = on("one", {"one": SETTLED}, Policy(update=True), resolution=newer)
    assert (decision.id, decision.builds) == (None, True)
    assert decision.record["tags"] == [decision.tag, TAG]


def test_of_several_hosts_one_builds_and_gives_to_the_others() -> None:
    looks = {"one": look(base="base-1"), "two": look(), "three": look()}
    decisions = [on(host, looks, resolution=KNOWN) for host in looks]
    assert [decision.builds for decision in decisions] == [True, False, False]
    assert [decision.gives for decision in decisions] == [True, False, False]
    assert [decision.receives for decision in decisions] == [False, True, True]
    assert {decision.tag for decision in decisions} == {TAG}


def test_a_host_that_joins_is_handed_what_the_others_run() -> None:
    looks = {"new": look(), "one": SETTLED}
    new, one = on("new", looks), on("one", looks)
    assert (new.receives, new.builds, new.settles, new.tag) == (True, False, True, TAG)
    assert (one.gives, one.settles) == (True, False)
    assert new.record["resolved_at"] == KNOWN.resolved_at


def test_the_newest_record_counts() -> None:
    old = Resolution("one", "base-1", "pulled", {"tini": "0.9"}, "2025-12-01T00:00:00+00:00")
    older = look("old", base="base-1", record=record("old", known=old))
    assert on("one", {"one": older, "two": SETTLED}).tag == TAG


def test_pulled_images_come_to_each_host_by_itself() -> None:
    pull = Request("test/hello", "pull", "0123456789abcdef" * 4)
    looks = {"one": look(), "two": look()}
    for host in looks:
        decision = on(host, looks, request=pull)
        assert decision.tag == "0123456789abcdef"
        assert (decision.id, decision.resolver, decision.settles) == (None, None, True)
        assert not any([decision.builds, decision.gives, decision.receives])


def pruned(**more: Any) -> list[str]:
    looks = {"one": {**look("a", "b", "c", "d", base="base-1"), **more}}
    return [ref.partition(":")[2] for ref in on("one", looks, resolution=KNOWN).prune]


def test_the_last_three_stay() -> None:
    assert pruned(record=record("d", tags=("d", "c", "b", "a"))) == ["b", "a"]


def test_what_a_container_was_made_from_stays() -> None:
    assert pruned(record=record("d", tags=("d", "c", "b", "a")), in_use=["id-a"]) == ["b"]


def test_the_order_is_that_of_use_and_not_of_creation() -> None:
    assert pruned(record=record("a", tags=("a", "d", "c", "b"))) == ["c", "b"]


def test_a_lost_record_does_not_keep_everything_for_ever() -> None:
    assert pruned() == ["b", "a"]


def test_tags_of_other_origin_stay() -> None:
    foreign = look("v1", "v2", "v3", "v4", base="base-1")
    for image in foreign["tags"].values():
        image["own"] = False
    assert on("one", {"one": foreign}, resolution=KNOWN).prune == []


def test_versions_out_of_a_simulation() -> None:
    output = """Reading package lists...
Inst base-files [13.8] (13.8+deb13u1 Debian:13/stable [amd64])
Inst libc6 (2.41-12 Debian:13/stable [amd64]) []
Inst tini (0.19.0-3 Debian:13/stable [amd64])
Conf tini (0.19.0-3 Debian:13/stable [amd64])
"""
    assert versions_of(output) == {"base-files": "13.8+deb13u1", "libc6": "2.41-12", "tini": "0.19.0-3"}


def test_the_resolution_is_known_by_all_versions() -> None:
    def resolved(versions: dict[str, str]) -> str:
        return Resolution("one", "base-1", "pulled", versions, "").resolved

    assert resolved({"a": "1", "b": "2"}) == resolved({"b": "2", "a": "1"})
    assert resolved({"a": "1", "b": "2"}) != resolved({"a": "1", "b": "3"})
    assert resolved({"a": "1"}) != resolved({"a": "1", "b": "2"})
