"""Who gets the lock of a host, and who is told what."""

import json
import stat

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _lock

BOOT, OTHER_BOOT = "boot-1", "boot-2"
NAMESPACE, OTHER_NAMESPACE = "pid:[1]", "pid:[2]"
PID, STARTED = 4242, 1000
NOW = 1_800_000_000.0
LEASE = 900


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


@pytest.fixture
def host(proc):
    return _lock.Host(BOOT, NAMESPACE, proc)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "stanchion"


def run(proc, pid=PID, started=STARTED, state="S", name="ansible-playbook"):
    (proc / str(pid)).mkdir(exist_ok=True)
    fields = [state, *["0"] * 18, str(started), *["0"] * 30]
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")


def who(run_id="run-1", **changes):
    return {
        "run_id": run_id,
        "verb": "deploy",
        "user": "operator",
        "hostname": "controller",
        "directory": "/home/operator/stack",
        "pid": PID,
        "pid_started": STARTED,
        "pid_namespace": NAMESPACE,
        "boot_id": BOOT,
        **changes,
    }


REMOTE = {"boot_id": "boot-of-the-controller"}


def hold(directory, host, identity, now=NOW, dead=None):
    return _lock.hold(directory, identity, LEASE, host, now, dead)


def test_a_free_lock_is_taken_and_written_for_root_only(directory, host):
    answer = hold(directory, host, who())
    assert answer["taken"] == "free"
    file = directory / "lock.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    holder = json.loads(file.read_text())["holder"]
    assert (holder["run_id"], holder["since"], holder["lease_until"]) == ("run-1", NOW, NOW + LEASE)
    assert [path.name for path in directory.iterdir()] == ["lock.json"]


def test_an_open_folder_is_closed(directory, host):
    directory.mkdir(mode=0o755)
    hold(directory, host, who())
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_same_run_renews_and_keeps_its_beginning(directory, host):
    hold(directory, host, who())
    answer = hold(directory, host, who(), now=NOW + 600)
    assert answer["taken"] == "renewed"
    assert answer["holder"]["since"] == NOW
    assert answer["holder"]["lease_until"] == NOW + 600 + LEASE


def test_ones_own_lease_that_ended_unnoticed_is_renewed(directory, host):
    hold(directory, host, who())
    assert hold(directory, host, who(), now=NOW + LEASE + 60)["taken"] == "renewed"


def test_a_live_holder_elsewhere_is_respected_and_named(directory, host):
    hold(directory, host, who(**REMOTE))
    with pytest.raises(_lock.RefusedError) as refused:
        hold(directory, host, who("run-2", **REMOTE), now=NOW + 300)
    text = str(refused.value)
    for part in (
        'operator@controller with "deploy" from /home/operator/stack',
        "since 2027-01-15 08:00:00 UTC (5 min ago)",
        f"process {PID}",
        "ends at 2027-01-15 08:15:00 UTC (in 10 min)",
        "Wait for that run to end",
        str(directory / "lock.json"),
    ):
        assert part in text
    assert json.loads((directory / "lock.json").read_text())["holder"]["run_id"] == "run-1"


def test_a_live_holder_here_is_respected(directory, host, proc):
    run(proc)
    hold(directory, host, who())
    with pytest.raises(_lock.RefusedError):
        hold(directory, host, who("run-2", pid=1))


def test_an_ended_lease_is_taken_over_and_remembered(directory, host):
    hold(directory, host, who(**REMOTE))
    answer = hold(directory, host, who("run-2"), now=NOW + LEASE)
    assert answer["taken"] == "expired"
    assert answer["previous"]["run_id"] == "run-1"
    (past,) = json.loads((directory / "lock.json").read_text())["history"]
    assert (past["run_id"], past["end"], past["by"]) == ("run-1", "expired", "run-2")


class TestDeath:
    """A holder is dead only where that is certain."""

    def taken(self, directory, host):
        return hold(directory, host, who("run-2", pid=1))

    def test_process_is_gone(self, directory, host):
        hold(directory, host, who())
        answer = self.taken(directory, host)
        assert answer["taken"] == "dead"
        assert answer["reason"] == f"its process {PID} on this host is gone"

    def test_number_is_another_processs_now(self, directory, host, proc):
        run(proc, started=STARTED + 1)
        hold(directory, host, who())
        assert "another process's now" in self.taken(directory, host)["reason"]

    def test_zombie_is_dead(self, directory, host, proc):
        run(proc, state="Z")
        hold(directory, host, who())
        assert self.taken(directory, host)["taken"] == "dead"

    def test_name_with_brackets_and_spaces(self, directory, host, proc):
        run(proc, name="a) S 1 (b")
        hold(directory, host, who())
        with pytest.raises(_lock.RefusedError):
            self.taken(directory, host)

    def test_host_was_booted_since(self, directory, host, proc):
        run(proc)
        hold(directory, host, who())
        answer = self.taken(directory, _lock.Host(OTHER_BOOT, NAMESPACE, proc))
        assert "booted since" in answer["reason"]

    def test_booted_host_proves_nothing_of_a_holder_elsewhere(self, directory, host, proc):
        hold(directory, host, who(**REMOTE))
        with pytest.raises(_lock.RefusedError):
            self.taken(directory, _lock.Host(OTHER_BOOT, NAMESPACE, proc))

    def test_process_of_a_controller_elsewhere_is_not_looked_up_here(self, directory, host):
        hold(directory, host, who(**REMOTE))
        with pytest.raises(_lock.RefusedError):
            self.taken(directory, host)

    def test_process_in_another_namespace_is_not_seen_here(self, directory, host):
        hold(directory, host, who(pid_namespace=OTHER_NAMESPACE))
        with pytest.raises(_lock.RefusedError):
            self.taken(directory, host)

    def test_controller_that_tells_no_namespace(self, directory, host):
        hold(directory, host, who(pid_namespace=None, boot_id=None, pid_started=None))
        with pytest.raises(_lock.RefusedError):
            self.taken(directory, host)

    def test_proof_of_the_controller(self, directory, host):
        hold(directory, host, who(**REMOTE))
        dead = {"run_id": "run-1", "reason": "gone there"}
        answer = hold(directory, host, who("run-2", **REMOTE), dead=dead)
        assert (answer["taken"], answer["reason"]) == ("dead", "gone there")

    def test_proof_about_another_run_is_none(self, directory, host):
        hold(directory, host, who(**REMOTE))
        with pytest.raises(_lock.RefusedError):
            hold(directory, host, who("run-2", **REMOTE), dead={"run_id": "run-0", "reason": "x"})


class TestLostLock:
    """Whoever let the lease end and lost it must not go on as if nothing had been."""

    @pytest.fixture
    def lost(self, directory, host):
        hold(directory, host, who(**REMOTE))
        hold(directory, host, who("run-2", user="bob", **REMOTE), now=NOW + LEASE + 1)
        return directory

    def refused(self, directory, host, now):
        with pytest.raises(_lock.RefusedError, match="This run has lost its lock") as refused:
            hold(directory, host, who(**REMOTE), now=now)
        return str(refused.value)

    def test_while_the_other_one_works(self, lost, host):
        text = self.refused(lost, host, NOW + LEASE + 10)
        assert "bob@controller" in text
        assert "2027-01-15 08:15:01 UTC" in text

    def test_after_the_other_one_has_ended(self, lost, host):
        assert _lock.release(lost, "run-2", NOW + LEASE + 20)
        assert "bob@controller" in self.refused(lost, host, NOW + LEASE + 30)

    def test_a_second_play_of_the_same_run_is_no_loss(self, directory, host):
        hold(directory, host, who())
        _lock.release(directory, "run-1", NOW)
        assert hold(directory, host, who())["taken"] == "free"

    def test_a_loss_outweighs_an_earlier_release(self, directory, host):
        hold(directory, host, who(**REMOTE))
        _lock.release(directory, "run-1", NOW)
        hold(directory, host, who(**REMOTE))
        hold(directory, host, who("run-2", **REMOTE), now=NOW + LEASE + 1)
        self.refused(directory, host, NOW + LEASE + 2)


class TestRelease:
    def test_ones_own(self, directory, host):
        hold(directory, host, who())
        assert _lock.release(directory, "run-1", NOW + 5)
        assert hold(directory, host, who("run-2"))["taken"] == "free"

    def test_somebody_elses_stays(self, directory, host):
        hold(directory, host, who(**REMOTE))
        assert not _lock.release(directory, "run-2", NOW)
        assert _lock.look(directory, host, NOW)["state"] == "held"

    def test_a_lock_that_was_never_taken(self, directory):
        assert not _lock.release(directory, "run-1", NOW)
        assert not directory.exists()


class TestLook:
    def test_changes_nothing(self, directory, host):
        assert _lock.look(directory, host, NOW)["state"] == "free"
        assert not directory.exists()

    def test_tells_a_held_an_ended_and_a_dead_one_apart(self, directory, host):
        hold(directory, host, who(**REMOTE))
        assert _lock.look(directory, host, NOW + 1)["state"] == "held"
        assert _lock.look(directory, host, NOW + LEASE + 1)["state"] == "expired"
        _lock.release(directory, "run-1", NOW)
        hold(directory, host, who("run-2"))
        assert _lock.look(directory, host, NOW)["state"] == "dead"

    def test_names_the_last_holder(self, directory, host):
        hold(directory, host, who())
        _lock.release(directory, "run-1", NOW)
        assert _lock.look(directory, host, NOW)["last"]["end"] == "released"


class TestDamage:
    """A lock file that cannot be read is never taken for a free lock."""

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 1}', "null"])
    def test_unreadable_file(self, directory, host, content):
        directory.mkdir(mode=0o700)
        (directory / "lock.json").write_text(content)
        with pytest.raises(_lock.LockError, match=r"lock\.json cannot be read"):
            hold(directory, host, who())

    def test_file_of_another_version(self, directory, host):
        directory.mkdir(mode=0o700)
        (directory / "lock.json").write_text('{"schema_version": 2, "holder": null, "history": []}')
        with pytest.raises(_lock.LockError, match="another version"):
            hold(directory, host, who())

    def test_link_in_place_of_the_folder(self, directory, host, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        directory.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(_lock.LockError, match="folder of root's"):
            hold(directory, host, who())

    def test_a_write_that_was_killed_leaves_the_old_lock(self, directory, host):
        hold(directory, host, who(**REMOTE))
        (directory / ".lock.json.new").write_text('{"schema_')
        with pytest.raises(_lock.RefusedError):
            hold(directory, host, who("run-2", **REMOTE))
        hold(directory, host, who("run-2", **REMOTE), now=NOW + LEASE)
        assert [path.name for path in directory.iterdir()] == ["lock.json"]


def test_history_stays_short(directory, host):
    for number in range(20):
        hold(directory, host, who(f"run-{number}"))
        _lock.release(directory, f"run-{number}", NOW)
    history = json.loads((directory / "lock.json").read_text())["history"]
    assert [past["run_id"] for past in history] == [f"run-{number}" for number in range(10, 20)]
