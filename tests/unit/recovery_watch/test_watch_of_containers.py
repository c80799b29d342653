"""The watch of each minute: what it does, to what it gives way, what it remembers."""

import fcntl
import json
import os
from pathlib import Path

import pytest
from stanchion_watch import files, watch
from watched_containers import BACKEND, DATABASE, inspected, sick, stamp

GONE = sick("TCP: 127.0.0.1:5432 - no response")


def test_what_lives_is_left_alone(host):
    host.looks(60)
    assert (host.did, host.records()) == ([], [])
    assert host.state()["at"] == host.now


def test_a_dead_backend_is_restarted_after_its_patience(host):
    host.silent = {BACKEND}
    host.looks(2)
    assert host.did == []
    host.look()
    assert host.did == [("restart", BACKEND, 12)]
    (record,) = host.records()
    assert list(record) == ["at", "by", "remedy", "of", "why", "outcome", "seconds"]
    assert host.outcomes() == [("restart_backend", BACKEND, "done")]
    assert record["by"] == "watch"
    assert "no answer of any kind" in record["why"]
    assert "since 120 s" in record["why"]
    assert not host.told.exists()


def test_the_time_that_asking_takes_proves_nothing(host, monkeypatch):
    host.silent = {BACKEND}
    told = watch.asking.all_of

    def slowly(*asked):
        host.now += 300
        return told(*asked)

    monkeypatch.setattr(watch.asking, "all_of", slowly)
    host.look()
    assert host.did == []


def test_a_dead_database_is_given_its_own_stop_time_out(host):
    host.containers[DATABASE] = inspected(DATABASE, stop=300, Health=GONE)
    host.silent = {DATABASE}
    host.looks(10)
    assert host.did == []
    host.look()
    assert host.did == [("restart", DATABASE, 300)]


def test_an_answer_in_between_begins_anew(host):
    host.silent = {BACKEND}
    host.looks(2)
    host.silent = set()
    host.look()
    host.silent = {BACKEND}
    host.looks(2)
    assert host.did == []


def test_so_does_a_start_by_somebody_else(host):
    host.silent = {BACKEND}
    host.looks(2)
    host.containers[BACKEND] = inspected(started=host.now)
    host.looks(2)
    assert host.did == []
    host.look()
    assert len(host.did) == 1


@pytest.mark.parametrize("jump", [watch.GAP, -3600])
def test_so_does_a_gap_in_which_nobody_looked_or_a_clock_that_was_set(host, jump):
    host.silent = {BACKEND}
    host.looks(2)
    host.now += jump
    host.looks(2)
    assert host.did == []


def test_an_engine_that_does_not_answer_makes_nothing_dead(host):
    host.silent = {BACKEND}
    host.looks(2)
    host.fails = "engine"
    host.looks(10)
    assert "does not answer" in host.state()["trouble"]
    assert "trouble" in watch.look(host.settings)
    host.fails = ""
    host.looks(2)
    assert (host.did, host.state()["trouble"]) == ([], "")


def test_it_gives_up_says_so_once_and_begins_again(host):
    host.silent = {BACKEND}
    host.looks(60)
    assert [each["outcome"] for each in host.records()] == ["done", "done", "done", "gave_up"]
    waits = [b["at"] - a["at"] for a, b in zip(host.records(), host.records()[1:], strict=False)]
    # Patience x 2, x 4, and once more to see that it did not help; a look comes each minute.
    assert waits == [300, 540, 180]
    (told,) = host.told.read_text().splitlines()
    assert (json.loads(told)["outcome"], json.loads(told)["stack"]) == ("gave_up", "demo")
    host.looks(22)
    assert [each["outcome"] for each in host.records()][4:] == ["done"]


def test_a_restart_that_fails_is_told(host):
    host.silent, host.fails = {BACKEND}, "network not found"
    host.looks(3)
    assert host.outcomes() == [("restart_backend", BACKEND, "failed")]
    assert "It failed: network not found" in host.records()[0]["why"]
    assert json.loads(host.told.read_text())["of"] == BACKEND


def test_what_the_engine_could_not_start_is_started(host):
    host.containers[DATABASE] = inspected(DATABASE, Status="exited", Error="network not found")
    host.looks(2)
    assert host.did == [("start", DATABASE)]
    assert host.outcomes() == [("start_database", DATABASE, "done")]


def test_two_servers_never_get_one_volume(host):
    host.containers[DATABASE] = inspected(DATABASE, Status="exited", Error="network not found")
    host.users = ["by-hand"]
    host.looks(5)
    assert host.did == []
    assert host.outcomes() == [("start_database", DATABASE, "refused")]
    assert "by-hand writes to demo-pgdata" in host.records()[0]["why"]


@pytest.mark.parametrize("text", ['{"volume": "another"}', '{"volume": "demo-pgdata", "restore": {}, ', "[]"])
def test_only_the_volume_on_record_is_started(host, text):
    Path(host.settings.state_dir, "postgres/volume.json").write_text(text)
    host.containers[DATABASE] = inspected(DATABASE, Status="exited", Error="network not found")
    host.looks(5)
    assert (host.did, host.outcomes()) == ([], [("start_database", DATABASE, "refused")])


def test_what_was_stopped_by_hand_stays_stopped(host):
    for name in host.containers:
        host.containers[name] = inspected(name, Status="exited", FinishedAt=stamp(host.now))
    host.looks(60)
    assert (host.did, host.records()) == ([], [])


class TestGivingWay:
    def test_to_a_run_that_holds_the_lock(self, host):
        host.silent = {BACKEND}
        host.hold()
        host.looks(30)
        assert host.did == []
        assert host.outcomes() == [("restart_backend", BACKEND, "refused")]
        assert 'held by "deploy" of root@control' in host.records()[0]["why"]
        host.lock.unlink()
        host.look()
        assert len(host.did) == 1

    def test_a_new_refusal_after_it_was_well(self, host):
        host.hold()
        for _ in range(2):
            host.silent = {BACKEND}
            host.looks(5)
            host.silent = set()
            host.look()
        assert len(host.records()) == 2

    @pytest.mark.parametrize(
        "changed", [{"lease_until": 1.0}, {"host_boot_id": "of the boot before"}], ids=["ended", "booted"]
    )
    def test_not_to_a_lease_that_is_over(self, host, changed):
        host.silent = {BACKEND}
        host.hold(**changed)
        host.looks(3)
        assert len(host.did) == 1

    def test_not_to_a_holder_that_ran_here_and_is_gone(self, host):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        here = {
            "boot_id": boot,
            "host_boot_id": boot,
            "pid_namespace": str(Path("/proc/self/ns/pid").readlink()),
        }
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        host.silent = {BACKEND}
        host.hold(**here, pid=os.getpid(), pid_started=started)
        host.looks(3)
        assert host.did == []
        host.hold(**here, pid=os.getpid(), pid_started=started + 1)
        host.look()
        assert len(host.did) == 1

    @pytest.mark.parametrize("text", ["", "{}", '{"holder": {}}', "[]"])
    def test_to_a_lock_that_nobody_can_read(self, host, text):
        host.silent = {BACKEND}
        host.lock.write_text(text)
        host.looks(5)
        assert (host.did, len(host.records())) == ([], 1)

    @pytest.mark.parametrize(
        ("text", "acts"), [('{"touched": true}', 0), ("{", 0), ('{"touched": false}', 1)]
    )
    def test_to_a_restore(self, host, text, acts):
        journal = Path(host.settings.state_dir, "backup/restore.json")
        journal.parent.mkdir()
        journal.write_text(text)
        host.silent = {BACKEND}
        host.looks(5)
        assert len(host.did) == acts

    def test_to_a_run_that_begins_while_it_looks_once_more(self, host, monkeypatch):
        host.silent = {BACKEND}
        host.looks(2)
        told = watch.asking.all_of

        def meanwhile(settings, containers):
            if len(containers) == 1:
                host.hold()
            return told(settings, containers)

        monkeypatch.setattr(watch.asking, "all_of", meanwhile)
        host.look()
        assert (host.did, host.records()) == ([], [])

    def test_to_itself(self, host):
        host.silent = {BACKEND}
        host.looks(2)
        with (host.settings.folder / "watch.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert host.look() == 0
        assert host.did == []


class TestInterrupted:
    @pytest.fixture
    def stopped(self, host):
        """A watch that was killed after it had stopped a backend."""
        host.silent, host.killed = {BACKEND}, True
        host.looks(2)
        with pytest.raises(KeyboardInterrupt):
            host.look()
        host.killed = False
        host.did.clear()
        host.containers[BACKEND] = inspected(Status="exited", FinishedAt=stamp(host.now + 13))
        return host

    def test_what_it_has_stopped_is_started(self, stopped):
        stopped.looks(2)
        assert stopped.did == [("start", BACKEND)]
        assert [each["outcome"] for each in stopped.records()] == ["failed", "done"]
        assert "was killed" in stopped.records()[0]["why"]
        assert stopped.state()["begun"] == {}

    def test_what_was_stopped_by_hand_later_is_not(self, stopped):
        stopped.containers[BACKEND] = inspected(Status="exited", FinishedAt=stamp(stopped.now + 600))
        stopped.looks(5)
        assert stopped.did == []

    def test_nor_what_was_started_since(self, stopped):
        stopped.silent = set()
        stopped.containers[BACKEND] = inspected(started=stopped.now + 20)
        stopped.look()
        assert stopped.state()["begun"] == {}
        stopped.containers[BACKEND] = inspected(Status="exited", FinishedAt=stamp(stopped.now))
        stopped.looks(5)
        assert stopped.did == []


def test_what_changes_while_it_decides_is_left_alone(host, monkeypatch):
    host.silent = {BACKEND}
    host.looks(2)
    decided = watch.giving_way.reason

    def paused_now(*asked):
        host.containers[BACKEND] = inspected(Status="paused")
        return decided(*asked)

    monkeypatch.setattr(watch.giving_way, "reason", paused_now)
    host.look()
    assert (host.did, host.records()) == ([], [])


def test_a_look_by_hand_changes_nothing(host):
    host.silent = {BACKEND}
    host.hold()
    told = watch.look(host.settings)
    assert told["containers"][BACKEND]["remedy"] == "restart_backend"
    assert told["containers"][DATABASE]["state"] == "alive"
    assert "lock" in told["gives_way"]
    assert not (host.settings.folder / files.STATE).exists()
