"""Somebody else's cluster: when it is taken over, when and how it is refused, and what is said to it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils._adoption import (
    BACKUP,
    TAKEOVER,
    Adoption,
    decide,
    examine,
    questions,
    resorted,
    statements,
)
from ansible_collections.stanchion.stack.plugins.module_utils._volume import Decision, RefusedError
from ansible_collections.stanchion.stack.plugins.modules import postgres_adoption, postgres_volume

WANTED = Adoption("shop", "app", "shop_db", "app")
CLUSTER = {
    "content": "cluster",
    "major": "17",
    "system_identifier": "7",
    "timeline": "1",
    "state": "shut down",
    "owner": "999",
}
BEGUN = {"volume": "v", "state": "initialising", "system_identifier": "7", "adopting": BACKUP}
CHANGED = {**BEGUN, "adopting": TAKEOVER}
RECORD_IT = Decision(create=False, initialise=False, record=True)
AS_IT_IS = Decision(create=False, initialise=False, record=False)
KILLED = {"state": "in production"}


@pytest.mark.parametrize(
    ("record", "found", "decision"),
    [
        (None, CLUSTER, (RECORD_IT, BACKUP)),
        (BEGUN, CLUSTER, (AS_IT_IS, BACKUP)),
        # Stopped in peace: nobody knows by whom, so there is another backup.
        (CHANGED, CLUSTER, (AS_IT_IS, BACKUP)),
        # Our own server was killed, after the backup.
        (CHANGED, CLUSTER | KILLED, (AS_IT_IS, TAKEOVER)),
        # A preview without an image.
        (None, {"content": "unlooked"}, (RECORD_IT, BACKUP)),
    ],
)
def test_what_goes_on(record: Any, found: dict[str, str], decision: Any) -> None:
    assert decide(record, "v", found, "17", WANTED) == decision


DUMP = (
    "pg_dump -Fc -U app shop_db",
    "pg_restore -U postgres",
    "--role=app -d shop_db",
    "Nothing was touched",
)


@pytest.mark.parametrize(
    ("record", "found", "words"),
    [
        (None, {"content": "missing"}, ["There is no volume v", "docker volume ls"]),
        (None, {"content": "empty"}, ["no cluster in the volume v", "none is made"]),
        (None, {"content": "unfinished"}, ["no cluster in the volume v"]),
        (BEGUN, {"content": "missing"}, ["There is no volume v"]),
        (CHANGED, {"content": "empty"}, ["no cluster in the volume v"]),
        (None, {"content": "other"}, ["no cluster of Postgres"]),
        (None, {"content": "unreadable", "owner": "70"}, ["user 70", "musl", *DUMP]),
        (None, {"content": "unreadable", "owner": "1001"}, ["user 1001", *DUMP]),
        (None, CLUSTER | {"owner": "70"}, ["musl", *DUMP]),
        (None, CLUSTER | {"owner": "0"}, ["user 0", *DUMP]),
        (None, CLUSTER | {"major": "16"}, ["Postgres 16", "Postgres 17", *DUMP]),
        (CHANGED, CLUSTER | {"major": "18"}, ["Postgres 18", *DUMP]),
        (
            None,
            {"content": "other", "nested": "18/docker", "major": "18", "owner": "0"},
            ["Postgres 18", *DUMP],
        ),
        (None, {"content": "other", "nested": "pgdata", "major": "17", "owner": "0"}, ["mv /v/pgdata/*"]),
        (None, CLUSTER | KILLED, ["`in production`", "docker compose down", "never with -v"]),
        # Before the takeover began, it was the old server that was killed.
        (BEGUN, CLUSTER | KILLED, ["`in production`"]),
        (BEGUN, CLUSTER | {"system_identifier": "8"}, ["another database", "(7)"]),
    ],
)
def test_what_is_refused(record: Any, found: dict[str, str], words: list[str]) -> None:
    with pytest.raises(RefusedError) as raised:
        decide(record, "v", found, "17", WANTED)
    for word in words:
        assert word in str(raised.value)


def database(name: str, **other: Any) -> dict[str, Any]:
    sorted_by = {"provider": "c", "collation": "en_US.utf8", "version": "2.41", "actual": "2.41"}
    return {"name": name, "connectable": True, **sorted_by, **other}


TEMPLATE0 = database("template0", connectable=False, version=None)
FOUND = {
    "bootstrap": "app",
    "postgres": None,
    "databases": [database("postgres"), database("shop_db"), TEMPLATE0],
    "extensions": [],
}


@pytest.mark.parametrize(
    "found",
    [
        FOUND,
        # Of an image whose POSTGRES_USER was left out, and of a takeover that was cut off.
        FOUND | {"bootstrap": "postgres", "postgres": 10},
        FOUND | {"databases": [database("shop_db", collation="C.UTF-8", version=None)]},
        FOUND | {"databases": [database("shop_db", provider="b", collation="C", version="1")]},
    ],
)
def test_a_cluster_that_can_be_taken_over(found: dict[str, Any]) -> None:
    examine(found, WANTED)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"bootstrap": "admin"}, ["bootstrap superuser is admin", "says app"]),
        ({"postgres": 16384}, ["a role postgres beside"]),
        ({"databases": [database("shop")]}, ["no database shop_db; it has shop"]),
        ({"extensions": ["postgis"]}, ["uses postgis", "postgres_image_source"]),
        (
            {"databases": [database("shop_db", version=None)]},
            ["musl", "pg_dump", "stack_backup_repository", "volume.json"],
        ),
    ],
)
def test_a_cluster_that_cannot(found: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(RefusedError) as raised:
        examine(FOUND | found, WANTED)
    for word in words:
        assert word in str(raised.value)


def test_only_what_another_version_has_sorted_is_sorted_anew() -> None:
    old = [database("shop_db", version="2.36"), database("closed", version="2.36", connectable=False)]
    found = FOUND | {"databases": [database("postgres"), *old, TEMPLATE0]}
    assert resorted(FOUND) == []
    assert resorted(found) == ["shop_db", "closed"]
    said = statements(found, WANTED)
    assert said.count("REINDEX DATABASE") == 1
    assert said.count("REFRESH COLLATION VERSION") == 2
    # The indexes first: the refresh alone would only silence the warning.
    assert said.index("REINDEX DATABASE") < said.index("REFRESH COLLATION VERSION")
    assert "REINDEX" not in statements(FOUND, WANTED)


def test_the_superuser_is_renamed_once_and_the_helper_always_goes() -> None:
    again = statements(FOUND | {"bootstrap": "postgres", "postgres": 10}, WANTED)
    assert "RENAME" in statements(FOUND, WANTED)
    assert "RENAME" not in again
    assert "DROP ROLE IF EXISTS stanchion_adoption" in again


def test_names_are_quoted() -> None:
    odd = Adoption("shop", "o'app", "shop's", "app's")
    assert "\\set database 'shop''s'" in questions(odd)
    said = statements(FOUND | {"bootstrap": "o'app"}, odd)
    assert "\\set role 'app''s'" in said
    assert "\\set bootstrap 'o''app'" in said


# The record


class EndedError(Exception):
    """What exit_json and fail_json become here."""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "volume.json"
    path.write_text(json.dumps(BEGUN))
    return path


def take_over(
    monkeypatch: pytest.MonkeyPatch, record: Path, answers: list[tuple[int, str, str]]
) -> list[str]:
    """Run the module against a server that answers so; return what `adopting` was when it was asked."""
    seen = []

    def one_shot(*_: Any) -> tuple[int, str, str]:
        seen.append(json.loads(record.read_text())["adopting"])
        return answers.pop(0)

    params = {
        "stack": "shop",
        "record": str(record),
        "image": "i",
        "config": "/c",
        "memory": "2g",
        "superuser": "app",
        "database": "shop_db",
        "role": "app",
    }

    def end(**result: Any) -> None:
        raise EndedError(result.get("msg", result.get("resorted")))

    fake = SimpleNamespace(params=params, fail_json=end, exit_json=end)
    monkeypatch.setattr(postgres_adoption, "AnsibleModule", lambda **_: fake)
    monkeypatch.setattr(postgres_adoption, "one_shot", one_shot)
    with pytest.raises(EndedError) as raised:
        postgres_adoption.main()
    return [*seen, str(raised.value)]


def test_the_record_says_that_it_is_done(monkeypatch: pytest.MonkeyPatch, record: Path) -> None:
    said = take_over(monkeypatch, record, [(0, json.dumps(FOUND), ""), (0, "", "")])
    assert said == [TAKEOVER, TAKEOVER, "[]"]
    assert json.loads(record.read_text()) == {k: v for k, v in BEGUN.items() if k != "adopting"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(1, "", "FATAL: no\n")], "could not be taken over: FATAL: no."),
        ([(124, "", "")], "it ended with 124"),
        ([(2, "", 'database locale "de_DE" is not recognized')], "pg_dump"),
        ([(0, json.dumps(FOUND | {"bootstrap": "admin"}), "")], "bootstrap superuser is admin"),
        ([(0, json.dumps(FOUND), ""), (3, "", "ERROR: disk full")], "disk full"),
    ],
)
def test_a_failure_leaves_the_adoption_begun(
    monkeypatch: pytest.MonkeyPatch, record: Path, answers: list[tuple[int, str, str]], words: str
) -> None:
    assert words in take_over(monkeypatch, record, answers)[-1]
    assert json.loads(record.read_text())["adopting"] == TAKEOVER


def test_whose_cluster_it_is_has_to_be_said_until_it_is_done() -> None:
    path = Path("/s/volume.json")
    whose = {"superuser": "app", "database": "shop_db", "role": "app"}
    asked = {"stack": "shop", "adopt": whose}
    assert postgres_volume.adoption(asked, None, path) == WANTED
    assert postgres_volume.adoption(asked, BEGUN, path) == WANTED
    assert postgres_volume.adoption(asked, {"state": "active"}, path) is None
    assert postgres_volume.adoption({"stack": "shop", "adopt": None}, None, path) is None
    with pytest.raises(RefusedError, match="postgres_adopt_superuser as it was"):
        postgres_volume.adoption({"stack": "shop", "adopt": None}, BEGUN, path)


def test_the_record_of_an_adoption_names_the_cluster_from_the_start() -> None:
    """By that the preflight knows whose backups the repository holds after a kill."""
    kept = postgres_volume.new_record("v", "17", CLUSTER, BACKUP)
    assert (kept["state"], kept["system_identifier"], kept["adopting"]) == ("initialising", "7", BACKUP)
    assert "adopting" not in postgres_volume.new_record("v", "17", {"content": "empty"})
