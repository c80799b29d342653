"""What cron does each minute, and to what scheduled jobs give way."""

import fcntl
import json
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _lock
from stanchion_backup import watch
from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import docker, files, giving_way, jobs
from stanchion_backup.looks import observe
from stanchion_backup.restored import canary, scratch
from stanchion_backup.restores import journal
from stanchion_backup.restores.journal import LATEST_STEPS, Journal
from stanchion_backup.settings import load
from test_backup_settings import raw, written

HOUR = 3600


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A stack whose database answers, whose repositories are looked at in no time, and a clock."""
    state = tmp_path / "state"
    schedule = {"incr": {"cron": "45 * * * *", "period": HOUR}}
    table = tmp_path / "cron"
    table.touch()
    changed = raw(state_dir=str(state), on_failure=True, schedule=schedule, cron_file=str(table))
    settings = load(written(tmp_path, changed))
    settings.folder.mkdir(parents=True)
    settings.failure_script.write_text(f"cat >> {tmp_path}/told")
    seen = SimpleNamespace(
        settings=settings, now=time.time(), error="", looks=0, told=tmp_path / "told", said=[], volumes=[]
    )

    def write(_):
        if seen.error:
            raise BackupError(seen.error)
        return SimpleNamespace(epoch=seen.now)

    def look(*_):
        seen.looks += 1
        return {"repositories": [], "canary": {"newest": 0}, "schedule": {}, "jobs": {}}

    def docker_says(*arguments, **_):
        assert "label=io.stanchion.one-shot=drill" in " ".join(arguments)
        return "\n".join(seen.volumes)

    monkeypatch.setattr(docker, "docker", docker_says)
    monkeypatch.setattr(scratch, "sweep", lambda _, purpose: (assert_drill(purpose), seen.volumes.clear()))
    monkeypatch.setattr(canary, "write", write)
    monkeypatch.setattr(observe, "brief", look)
    monkeypatch.setattr(watch, "time", SimpleNamespace(time=lambda: seen.now))
    monkeypatch.setattr(jobs, "say", seen.said.append)
    return seen


def assert_drill(purpose):
    assert purpose == "drill"


def run(host, after=60.0):
    host.now += after
    return watch.watch(host.settings)


def text(host):
    return (host.settings.folder / "metrics" / "stanchion_backup.prom").read_text()


def test_a_row_and_the_metrics_each_minute_and_the_repositories_now_and_then(host):
    for _ in range(6):
        assert run(host)["canary"] == host.now
    assert host.looks == 2
    assert f'stanchion_backup_canary_timestamp_seconds{{stack="{host.settings.stack}"}} {host.now!r}' in text(
        host
    )
    assert host.said == []


def test_a_database_that_restarts_is_no_news_and_one_that_stays_away_is_said_once(host):
    run(host)
    host.error = "no answer"
    for _ in range(5):
        assert run(host)["said"] == []
    (said,) = run(host)["said"]
    assert "No canary row could be written for 5 min: no answer" in said
    for _ in range(3):
        assert run(host)["said"] == []
    told = json.loads(host.told.read_text())
    assert (told["job"], told["outcome"]) == ("watch", "failed")
    host.error = ""
    assert run(host)["canary"] == host.now
    host.error = "again"
    for _ in range(6):
        run(host)
    assert len(host.said) == 2


def test_nothing_is_asked_while_a_restore_is_under_way(host):
    files.write_json(host.settings.folder / "restore.json", {})
    assert run(host) == {"canary": None, "said": []}
    assert host.looks == 0
    assert run(host, after=HOUR)["said"] == []


def test_a_job_whose_time_the_host_has_slept_through_is_said_once(host):
    jobs.keep(
        host.settings, {"job": "incr", "started": host.now, "ended": host.now, "outcome": "ok", "pid": 1}
    )
    period = host.settings.schedule["incr"].period
    assert run(host, after=1.4 * period)["said"] == []
    (said,) = run(host, after=0.2 * period)["said"]
    assert "incr was due and has not run for" in said
    assert json.loads(host.told.read_text())["outcome"] == "missed"
    assert run(host)["said"] == []
    assert 'stanchion_backup_job_missed{stack="shop",job="incr"} 1' in text(host)


def test_a_job_that_is_skipped_again_and_again_is_said_to_be(host):
    record = {"job": "incr", "ended": host.now, "outcome": "skipped", "pid": 1}
    for number in range(2):
        jobs.keep(host.settings, {**record, "started": host.now + number})
    (said,) = run(host, after=1.6 * HOUR)["said"]
    assert f"It was skipped 2 times; {host.settings.folder}/log/backup.log says for what." in said


def test_a_job_that_is_scheduled_again_is_not_missed_at_once(host):
    months_ago = host.now - 90 * 24 * HOUR
    record = {"job": "incr", "started": months_ago, "ended": months_ago, "outcome": "ok", "pid": 1}
    jobs.keep(host.settings, record)
    os.utime(host.settings.cron_file, (host.now, host.now))
    assert run(host, after=1.4 * HOUR)["said"] == []
    assert 'stanchion_backup_job_missed{stack="shop",job="incr"} 0' in text(host)
    assert len(run(host, after=0.2 * HOUR)["said"]) == 1


def test_a_watch_that_has_not_ended_is_not_met_by_another(host):
    with (host.settings.folder / "watch.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run(host) == {"canary": None, "said": []}
    assert run(host)["canary"] == host.now


@pytest.mark.parametrize("what", ["metrics", "state"])
def test_a_disk_that_is_full_is_told_of_each_hour(host, monkeypatch, what):
    def full(*_):
        raise OSError(28, "No space left on device")

    run(host)
    with monkeypatch.context() as patched:
        patched.setattr(
            *((watch.metrics, "write", full) if what == "metrics" else (files, "write_json", full))
        )
        with pytest.raises(BackupError, match="No space left on device"):
            run(host)
        for _ in range(59):
            assert run(host)["said"] == []
        told = json.loads(host.told.read_text())
        assert (told["job"], told["outcome"], told["exit"]) == ("watch", "failed", 1)
        with pytest.raises(BackupError, match="metrics are old"):
            run(host)
    host.told.unlink()
    assert run(host)["canary"] == host.now
    assert not host.told.exists()


def test_a_killed_drills_copy_goes_within_two_minutes(host):
    host.volumes = ["shop-drill-1"]
    run(host)
    assert host.volumes == ["shop-drill-1"]
    run(host)
    assert host.volumes == []


def test_the_copy_of_a_drill_that_runs_stays(host):
    run(host)
    host.volumes = ["shop-drill-1"]
    with jobs.alone(host.settings, wait=1):
        for _ in range(3):
            run(host)
    assert host.volumes == ["shop-drill-1"]
    # And so does that of the next one, though something was left a minute ago.
    host.volumes = ["shop-drill-2"]
    run(host)
    assert host.volumes == ["shop-drill-2"]


def holder(deploy_lock, left, host=None, **more):
    identity = {
        "run_id": "r",
        "verb": "deploy",
        "user": "ops",
        "hostname": "laptop",
        "directory": "/",
        "pid": 1,
    }
    boot = {"boot_id": None, "pid_namespace": None, "pid_started": 1}
    where = host or _lock.Host.this()
    _lock.hold(deploy_lock.parent, {**identity, **boot, **more}, 600, where, time.time() + left - 600)


def test_the_lock_is_where_deploys_have_it():
    source = Path(giving_way.__file__).read_text()
    assert f'LOCK = Path("{_lock.DIRECTORY / _lock.NAME}")' in source


def test_a_scheduled_job_gives_way_to_a_deploy(host, deploy_lock):
    holder(deploy_lock, left=60)
    with pytest.raises(BusyError, match=r'worked on for more than 0 min, by "deploy" of ops@laptop'):
        giving_way.to_others(host.settings, patience=0)
    with jobs.alone(host.settings, wait=1):
        pass  # a deploy's own jobs go on


def test_a_deploy_that_died_holds_up_no_backup(host, deploy_lock):
    holder(deploy_lock, left=-1)
    with jobs.alone(host.settings):
        pass
    deploy_lock.write_text("{")
    with jobs.alone(host.settings):
        pass


@pytest.fixture
def process():
    """A process of this machine, whose deploy holds the lock."""
    with subprocess.Popen(["sleep", "60"]) as run:
        yield run
        run.kill()


def lease(deploy_lock, process, where=None, **changed):
    here = _lock.Host.this()
    of = {"boot_id": here.boot_id, "pid_namespace": here.pid_namespace, "pid": process.pid}
    holder(deploy_lock, 60, where, **{**of, "pid_started": here.start_of(process.pid), **changed})


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        pytest.param(None, {"pid_started": 1}, id="another has its number"),
        pytest.param(_lock.Host("before", None), {}, id="the host was booted"),
    ],
)
def test_a_lease_whose_holder_cannot_be_the_one_that_runs_holds_up_no_backup(
    deploy_lock, process, where, changed
):
    lease(deploy_lock, process)
    assert giving_way.deploy_under_way(time.time())
    lease(deploy_lock, process, where, **changed)
    assert not giving_way.deploy_under_way(time.time())


@pytest.mark.parametrize(
    ("changed", "held"),
    [
        pytest.param({}, False, id="here"),
        pytest.param({"pid_namespace": "pid:[1]"}, True, id="another namespace"),
        # The first namespace has the same number on each host.
        pytest.param({"boot_id": "elsewhere"}, True, id="another host"),
    ],
)
def test_only_of_a_process_of_this_host_can_be_told_that_it_ended(deploy_lock, process, changed, held):
    lease(deploy_lock, process, **changed)
    process.kill()
    # Ended, and not yet taken note of by who started it: its number is still there.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert bool(giving_way.deploy_under_way(time.time())) == held
    process.wait()
    assert bool(giving_way.deploy_under_way(time.time())) == held


def test_a_scheduled_job_that_meets_a_restore_is_skipped_with_the_reason(host):
    journal.write(host.settings, Journal("shop", 0.0, "latest", {}, "new", {}, LATEST_STEPS, touched=True))
    with pytest.raises(BusyError), jobs.recorded(host.settings, "incr"), jobs.alone(host.settings):
        pass
    (record,) = jobs.records(host.settings, "incr")
    assert record["outcome"] == "skipped"
    assert "A restore of shop (latest), begun 1970-01-01 00:00:00+00, is not finished" in record["error"]
    assert not host.told.exists()
