"""Which volume may be mounted: every pair of record and volume, and other people's containers."""

from __future__ import annotations

import json

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils._volume import (
    Decision,
    RefusedError,
    decide,
    strangers,
)
from ansible_collections.stanchion.stack.plugins.modules.postgres_volume import (
    is_empty,
    new_record,
    read_record,
    text_of,
)

CLUSTER = {"content": "cluster", "major": "17", "system_identifier": "7", "timeline": "2"}
INITIALISING = {"volume": "v", "state": "initialising", "system_identifier": None, "timeline": None}
ACTIVE = {"volume": "v", "state": "active", "system_identifier": "7", "timeline": 2}

INITIALISE = Decision(create=False, initialise=True, record=False)
AS_IT_IS = Decision(create=False, initialise=False, record=False)


@pytest.mark.parametrize(
    ("record", "content", "decision"),
    [
        (None, "missing", Decision(create=True, initialise=True, record=True)),
        (None, "empty", Decision(create=False, initialise=True, record=True)),
        (INITIALISING, "missing", Decision(create=True, initialise=True, record=False)),
        (INITIALISING, "empty", INITIALISE),
        (INITIALISING, "unfinished", INITIALISE),
        (INITIALISING, "cluster", AS_IT_IS),
        # Our server runs on it and does not answer: it would not run without a cluster.
        (INITIALISING, "silent", AS_IT_IS),
        (ACTIVE, "silent", AS_IT_IS),
        # A preview without an image, which nobody could look with.
        (None, "unlooked", Decision(create=False, initialise=True, record=True)),
        (INITIALISING, "unlooked", INITIALISE),
        (ACTIVE, "unlooked", AS_IT_IS),
        (ACTIVE, "cluster", AS_IT_IS),
    ],
)
def test_what_goes_on(record, content, decision):
    found = CLUSTER if content == "cluster" else {"content": content}
    assert decide(record, "v", found, "17") == decision


@pytest.mark.parametrize(
    ("record", "found", "words"),
    [
        (None, CLUSTER, "no record"),
        (None, {"content": "unfinished"}, "no record"),
        (None, {"content": "other"}, "no record"),
        (None, {"content": "silent"}, "no record"),
        (INITIALISING, {"content": "other"}, "other people's files"),
        (ACTIVE, {"content": "missing"}, "is gone"),
        (ACTIVE, {"content": "empty"}, "is empty"),
        (ACTIVE, {"content": "unfinished"}, "no finished database"),
        (ACTIVE, {"content": "other"}, "no finished database"),
        (ACTIVE, CLUSTER | {"system_identifier": "8"}, "another database"),
        (ACTIVE, {"content": "cluster", "major": "17"}, "another database"),
        (ACTIVE, CLUSTER | {"timeline": "1"}, "older copy"),
        (ACTIVE, CLUSTER | {"major": "16"}, "written by Postgres 16"),
        (INITIALISING, CLUSTER | {"major": "18"}, "written by Postgres 18"),
    ],
)
def test_what_is_refused(record, found, words):
    with pytest.raises(RefusedError, match=words):
        decide(record, "v", found, "17")


def test_a_newer_timeline_is_the_same_database():
    assert decide(ACTIVE, "v", CLUSTER | {"timeline": "3"}, "17") == AS_IT_IS


def container(name, stack="s", state="running", **mount):
    return {
        "Names": [f"/{name}"],
        "Labels": {"io.stanchion.stack": stack} if stack else {},
        "State": state,
        "Mounts": [{"Type": "volume", "Name": "v", "RW": True} | mount],
    }


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (container("s-db"), []),
        (container("s-db-initialise", state="exited"), []),
        (container("s-db", stack=None), ["s-db (running)"]),
        (container("s-db-old"), ["s-db-old (running)"]),
        (container("foreign", stack=None, state="created"), ["foreign (created)"]),
        (container("foreign", stack="t", RW=False), ["foreign (running)"]),
        (container("s-backup", RW=False), []),
        (container("s-db-identify-1f2e", RW=False), []),
        (container("elsewhere", stack=None, Name="w"), []),
        (
            container("by-path", stack=None, Type="bind", Name="", Source="/vol/v/_data/base"),
            ["by-path (running)"],
        ),
        (container("beside", stack=None, Type="bind", Name="", Source="/vol/v/_data2"), []),
        (container("above", stack=None, Type="bind", Name="", Source="/vol", RW=False), []),
    ],
)
def test_who_may_mount_it_too(other, refused):
    own = {"s-db", "s-db-initialise"}
    assert strangers([other], "v", "/vol/v/_data", "s", own) == refused


def test_a_record_survives_writing_and_reading(tmp_path):
    path = tmp_path / "volume.json"
    assert read_record(path) is None
    path.write_text(text_of(new_record("v", "17", {})))
    record = read_record(path)
    assert record is not None
    assert (record["volume"], record["state"], record["major"]) == ("v", "initialising", "17")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"state": "lost", "volume": "v"}',
        '{"state": "active", "volume": "v"}',
        '{"state": "active"}',
    ],
)
def test_a_record_that_says_nothing_is_refused(tmp_path, text):
    path = tmp_path / "volume.json"
    path.write_text(text)
    with pytest.raises(RefusedError, match="can't be read"):
        read_record(path)


def test_a_record_is_readable_for_people():
    assert json.loads(text_of(ACTIVE)) == ACTIVE
    assert text_of(ACTIVE).count("\n") > 3


def test_a_volume_with_nothing_in_it(tmp_path):
    assert is_empty(str(tmp_path))
    (tmp_path / "PG_VERSION").write_text("17")
    assert not is_empty(str(tmp_path))
    assert not is_empty(str(tmp_path / "elsewhere"))
    assert not is_empty(None)
    assert not is_empty("")
