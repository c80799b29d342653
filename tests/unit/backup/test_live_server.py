"""What the live server tells in one session, and the picture that is made of it."""

import dataclasses
import json

import pytest
from stanchion_backup.host.database import QueryError
from stanchion_backup.looks import observe, server
from stanchion_backup.repository import archive, pgbackrest
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.restored import canary
from stanchion_backup.settings import Settings

HELD = [
    Contents(1, 0, "", "7", "000000010000000000000001", "000000010000000000000005", ()),
    Contents(2, 99, "refused", "", "", "", ()),
]
ARCHIVE = {"ready_files": 0, "waiting": [], "last_archived_wal": "000000010000000000000005"}


@pytest.fixture
def settings(tmp_path):
    names = {field.name: "" for field in dataclasses.fields(Settings) if field.default is dataclasses.MISSING}
    return Settings(
        **{**names, "stack": "s", "state_dir": str(tmp_path), "volume_record": str(tmp_path / "none")}
    )


@pytest.fixture
def says(monkeypatch):
    """Have the server print these objects, one a line."""
    asked = []

    def make(*told):
        def execute(self, script, values=None):
            asked.append((script, values))
            return [json.dumps(each) for each in told]

        monkeypatch.setattr(server.Database, "execute", execute)
        monkeypatch.setattr(archive.volume_record, "data_volume", lambda settings: "s-pgdata")
        monkeypatch.setattr(archive.docker, "free_bytes", {"s-pgdata": 10 * 2**30}.__getitem__)
        monkeypatch.setattr(observe.configuration, "files", lambda settings: {})
        return asked

    return make


def test_it_is_asked_once_and_for_repositories_with_wal_only(settings, says):
    asked = says({"archive": ARCHIVE})
    server.look(settings, HELD, 5.0)
    ((script, values),) = asked
    assert values == {"repo1": "000000010000000000000005"}
    assert "jsonb_build_object('repo1'" in script
    assert "repo2" not in script
    assert "'{}'" in script


def test_the_picture(settings, says):
    says(
        {"archive": ARCHIVE},
        {"rate": {"bytes": 16 * 2**20, "seconds": 60.0}},
        {"newest": 100.0},
        {"repo1": {"restorable": 40.0, "pending": 100.0}},
        {"configuration": [{"path": "/x", "saved": 5.0, "hash": "0"}]},
    )
    live = observe._live(settings, HELD, 5.0)
    assert live["canary"] == {"newest": 100.0, "restorable": {"repo1": 40.0}, "pending": {"repo1": 100.0}}
    assert live["archive"]["wal_bytes_per_hour"] == 960 * 2**20
    assert live["archive"]["hours_left"] == 10.7
    assert live["configuration"] == {"saved": 5.0, "files": 1, "differs": ["/x"]}


@pytest.mark.parametrize("rate", [{}, {"rate": None}, {"rate": {"bytes": 10**9, "seconds": 3.0}}])
def test_no_rate_from_too_little(settings, says, rate):
    says({"archive": ARCHIVE}, rate)
    live = observe._live(settings, HELD, 5.0)
    assert (live["archive"]["wal_bytes_per_hour"], live["archive"]["hours_left"]) == (None, None)
    assert live["canary"] == {"newest": None, "restorable": {}, "pending": {}}
    assert live["configuration"] == {"saved": None, "files": 0, "differs": []}


def test_a_server_that_does_not_answer(settings, monkeypatch):
    def refuse(*_):
        raise QueryError("s-db, database postgres: no answer")

    monkeypatch.setattr(server, "look", refuse)
    live = observe._live(settings, HELD, 5.0)
    assert {part["error"] for part in live.values()} == {"s-db, database postgres: no answer"}


def test_the_newest_row_is_that_of_the_timeline_asked_for(settings, monkeypatch):
    asked = []
    row = {"id": 1, "mark": "", "t": "t", "epoch": 5.0, "lsn": "0/1"}
    monkeypatch.setattr(canary, "is_there", lambda _: True)
    monkeypatch.setattr(pgbackrest, "wal_max_on", lambda _, held, timeline: {1: "S1", 2: ""}[timeline])
    monkeypatch.setattr(
        server.Database, "rows", lambda _, query, given: asked.append((query, given)) or [row]
    )
    live = server.Database("db")
    assert canary.restorable(live, settings, HELD[0], 1) == canary.Row(**row)
    assert canary.restorable(live, settings, HELD[0], 2) is None
    [(query, given)] = asked
    assert given == {"wal_max": "S1"}
    assert ":'wal_max'" in query
