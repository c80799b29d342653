"""What stands behind `restore --to`."""

from __future__ import annotations

import pytest
from stanchion_backup.errors import RefusedError
from stanchion_backup.repository.target import parse, position


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-25 12:00:00+00", "2026-11-25 12:00:00.000000+00"),
        ("2026-11-25T12:00Z", "2026-11-25 12:00:00.000000+00"),
        ("2026-11-25 12:00:00.25 +01", "2026-11-25 11:00:00.250000+00"),
        ("2026-11-25T00:30:00-0330", "2026-11-25 04:00:00.000000+00"),
        ("2026-11-25 12:00:00.123456+05:30", "2026-11-25 06:30:00.123456+00"),
    ],
)
def test_a_time_is_read_in_its_zone(text: str, value: str) -> None:
    asked = parse(text)
    assert (asked.kind, asked.value) == ("time", value)


@pytest.mark.parametrize("text", ["2026-11-25 12:00:00", "2026-11-25T12:00"])
def test_a_time_without_zone_is_refused_with_what_to_add(text: str) -> None:
    with pytest.raises(RefusedError, match=r"has no zone.*\+00 for UTC"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("latest", "latest", ""),
        ("lsn:0/a000028", "lsn", "0/A000028"),
        ("xid:742", "xid", "742"),
        ("name:before the sale", "name", "before the sale"),
        ("backup:20261125-175257F", "backup", "20261125-175257F"),
    ],
)
def test_other_targets(text: str, kind: str, value: str) -> None:
    asked = parse(text)
    assert (asked.kind, asked.value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "now",
        "2026-13-01 00:00Z",
        "2026-11-25 25:00Z",
        "lsn:12",
        "lsn:0/0/0",
        "xid:0",
        "xid:x",
        "xid:²",
        "name:",
        f"name:{'x' * 64}",
        "set:x",
    ],
)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="Nothing was done"):
        parse(text)


def test_positions_are_bytes() -> None:
    assert position("1/10") - position("0/10") == 1 << 32
