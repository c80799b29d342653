"""The child that enters a container, and what becomes of one that cannot or hangs."""

import os
import time
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_inside

ME = [{"name": "demo-backend-1", "pid": os.getpid(), "running": True}]


def views(monkeypatch, view, timeout=5.0):
    monkeypatch.setattr(_facts_inside, "_view", view)
    return _facts_inside.Children(ME, [], "DATABASE_URL", timeout).facts()["entries"]


def test_what_the_child_saw_comes_back(monkeypatch):
    seen = views(monkeypatch, lambda pid, *_: {"names": {}, "query": {"asked": False}})
    assert seen == {"demo-backend-1": {"ok": True, "names": {}, "query": {"asked": False}}}


def test_one_that_hangs_is_ended(monkeypatch):
    began = time.monotonic()
    seen = views(monkeypatch, lambda pid, *_: time.sleep(60), timeout=0.3)
    assert time.monotonic() - began < 5
    assert seen["demo-backend-1"] == {"ok": False, "error": "no answer from inside the container in time"}


def test_one_that_may_not_enter_says_so(monkeypatch):
    def refused(pid, *_):
        raise PermissionError(1, "Operation not permitted")

    assert "cannot be entered" in views(monkeypatch, refused)["demo-backend-1"]["error"]


def test_one_that_breaks_says_so(monkeypatch):
    def broken(pid, *_):
        raise KeyError("x")

    assert views(monkeypatch, broken)["demo-backend-1"]["error"] == "KeyError: 'x'"


def test_stopped_and_paused_containers_are_not_entered():
    stopped = [{"name": "a", "pid": None, "running": False}, {"name": "b", "pid": 1, "running": False}]
    assert _facts_inside.Children(stopped, [], "DATABASE_URL", 1.0).facts() == {"entries": {}}


def test_without_an_address_nothing_is_asked():
    assert _facts_inside._query({"DB": "postgresql://u@h/d"}, "DATABASE_URL")["asked"] is False


@pytest.mark.parametrize("address", ["postgresql+psycopg2://u@127.0.0.1:1/d", "postgresql://u@127.0.0.1:1/d"])
def test_a_refused_connection_is_told_without_the_hosts_own_settings(address, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", "/of/the/host")
    seen = _facts_inside._query({"DATABASE_URL": address}, "DATABASE_URL")
    assert seen["asked"]
    assert not seen["ok"]
    assert "refused" in seen["error"]
    assert "PGPASSFILE" not in os.environ


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize("owner,becomes", [((10001, 10002, [0, 7]), (10001, 10002, [7])), ((0, 0, []), None)])
def test_inside_the_child_has_the_applications_rights_and_never_roots(owner, becomes, monkeypatch):
    def view(pid, *_):
        _facts_inside._become(*owner)
        with pytest.raises(PermissionError):
            os.setuid(0)
        return {"names": {}, "query": [os.getuid(), os.getgid(), os.getgroups()]}

    user, group, groups = becomes or (65534, 65534, [])
    assert views(monkeypatch, view)["demo-backend-1"]["query"] == [user, group, groups]


def test_the_owner_of_a_process_is_read():
    assert _facts_inside._owner(os.getpid()) == (os.geteuid(), os.getegid(), os.getgroups())


def held_by_child(pid, *_):
    return {"names": {}, "query": [entry.name for entry in Path("/proc/self/fd").iterdir()]}


def test_the_child_holds_nothing_that_the_parent_has_open(monkeypatch, tmp_path):
    with (tmp_path / "x").open("w") as file:
        number = file.fileno()
        seen = views(monkeypatch, held_by_child)
    held = set(seen["demo-backend-1"]["query"])
    assert str(number) not in held
    assert len(held) <= 5, "three of its own, the pipe, and the listing"


@pytest.mark.parametrize(
    "address", ["postgresql://u:se/cret@h/d", "postgresql://u:se@cret@h/d", "u:secret@h x"]
)
def test_of_an_address_that_cannot_be_read_nothing_is_repeated(address):
    seen = _facts_inside._query({"DATABASE_URL": address}, "DATABASE_URL")
    assert (seen["asked"], seen["ok"]) == (True, False)
    assert "its DATABASE_URL" in seen["error"]
    assert "cret" not in seen["error"]


def test_the_containers_own_password_and_not_the_hosts_is_used(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of the host")
    given = {"DB": "postgresql://u@127.0.0.1:1/d", "PGPASSWORD": "of the application"}
    assert _facts_inside._query(given, "DB")["asked"]
    assert os.environ["PGPASSWORD"] == "of the application"
