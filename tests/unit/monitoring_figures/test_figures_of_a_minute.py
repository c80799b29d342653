"""The minute that cron gives: how often it looks, when it ends, and that it is alone."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from figured_containers import DECLARED
from stanchion_figures import __main__, figures, minute, settings, side_by_side
from stanchion_host import files


@pytest.fixture
def clock(host, monkeypatch):
    """A clock for which only waiting and looking take time; `looks` has the seconds at which it looked."""
    seen = SimpleNamespace(now=7200.4, takes=0.1, looks=[], meanwhile={}, waits=0)

    def sleep(seconds):
        assert seconds <= 1
        seen.waits += 1
        seen.now += seconds
        if seen.waits in seen.meanwhile:
            seen.meanwhile.pop(seen.waits)()

    def take(read):
        seen.looks.append(round(seen.now - 7200, 1))
        seen.interval = read.interval
        seen.now += seen.takes

    time = SimpleNamespace(time=lambda: seen.now, monotonic=lambda: seen.now - 5000, sleep=sleep)
    monkeypatch.setattr(minute, "time", time)
    monkeypatch.setattr(minute.figures, "take", take)
    return seen


@pytest.mark.parametrize(
    ("interval", "looks"),
    [
        (60, [0.4]),
        (30, [0.4, 30.0]),
        (20, [0.4, 20.0, 40.0]),
        (15, [0.4, 15.0, 30.0, 45.0]),
        # A look at second 55 might not end before the next run begins.
        (5, [0.4, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0]),
    ],
)
def test_it_looks_at_each_interval_and_ends_before_the_next_minute(host, clock, interval, looks):
    host.declare(interval=interval)
    assert minute.run(host.settings) == 0
    assert clock.looks == looks
    assert clock.now < 7260


def test_once_is_once(host, clock):
    assert minute.run(host.settings, once=True) == 0
    assert clock.looks == [0.4]


def test_a_look_that_takes_long_costs_the_next_and_not_the_minute(host, clock):
    clock.takes = 9.9
    host.declare(interval=5)
    assert minute.run(host.settings) == 0
    assert clock.looks == [0.4, 15.0, 25.0, 35.0, 45.0]
    assert clock.now < 7260


def test_one_that_cron_starts_late_keeps_to_the_minute(host, clock):
    clock.now = 7238.0
    assert minute.run(host.settings) == 0
    assert clock.looks == [38.0, 45.0]
    clock.now, clock.looks = 7259.5, []
    assert minute.run(host.settings) == 0
    assert clock.looks == [59.5]


@pytest.mark.parametrize("passed", [0.0, 0.4, 14.9, 15.0, 49.9, 50.0, 59.9, 75.0])
@pytest.mark.parametrize("interval", [1, 7, 15, 45, 60])
def test_the_next_look_is_later_and_has_its_time(passed, interval):
    following = minute.due(passed, interval)
    if following is not None:
        assert passed < following <= passed + interval
        assert following + figures.LONGEST <= 60


def test_what_a_deploy_has_written_meanwhile_counts(host, clock):
    clock.meanwhile[2] = lambda: host.path.write_text(
        json.dumps({**DECLARED, "state_dir": str(host.state), "interval": 30})
    )
    minute.run(host.settings)
    assert clock.looks == [0.4, 15.0, 30.0]
    assert clock.interval == 30


def test_a_job_that_is_taken_away_ends_within_a_second(host, clock, tmp_path):
    table = tmp_path / "stanchion-demo-monitoring"
    table.touch()
    host.declare(cron_file=str(table))
    clock.meanwhile[3] = table.unlink
    assert minute.run(host.settings) == 0
    assert clock.looks == [0.4]
    assert clock.now < 7204.5


def test_one_that_is_taken_away_with_all_of_it_writes_nothing(host, clock, tmp_path):
    host.declare(cron_file=str(tmp_path / "gone"))
    host.path.unlink()
    assert minute.run(host.settings) == 0
    assert clock.looks == [0.4]


def test_only_one_runs(host, clock, monkeypatch):
    monkeypatch.setattr(minute, "_GIVES_WAY_FOR", 0.2)
    with (host.settings.folder / "figures.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert minute.run(host.settings) == 0
        assert clock.looks == []
    minute.run(host.settings, once=True)
    assert clock.looks == [0.4]


def test_it_holds_the_lock_as_long_as_it_runs(host, clock):
    held = []

    def look():
        with files.alone(host.settings.folder / "figures.lock") as mine:
            held.append(not mine)

    clock.meanwhile[5] = look
    minute.run(host.settings)
    assert held == [True]


class TestSettings:
    def test_they_are_read(self, host):
        read = host.settings
        assert read.figures == host.state / "monitoring/metrics/stanchion_figures.prom"
        assert (read.recovery, read.watched, read.interval) == (host.state / "recovery", ("demo-db",), 15)

    def test_what_another_version_has_written_beside_is_passed_over(self, host):
        host.declare(cron_text="a table")
        assert host.settings.stack == "demo"

    @pytest.mark.parametrize("changed", [{"interval": 0}, {"interval": 61}, {"interval": "15"}])
    def test_an_interval_that_cannot_be_meant(self, host, changed):
        with pytest.raises(settings.SettingsError, match="Deploy the stack"):
            host.declare(**changed)

    @pytest.mark.parametrize(
        "text", [None, "{", "[]", '{"endpoints": []}', '{"endpoints": [], "watched": []}']
    )
    def test_what_cannot_be_read(self, tmp_path, capsys, text):
        path = tmp_path / "settings.json"
        if text is not None:
            path.write_text(text)
        assert __main__.main(["--settings", str(path)]) == 1
        assert "Deploy the stack" in capsys.readouterr().err


def test_the_command_writes_figures(host, capsys):
    assert __main__.main(["--settings", str(host.path), "--once"]) == 0
    assert capsys.readouterr() == ("", "")
    assert host.settings.figures.exists()


def test_a_full_disk_is_an_error(host, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures.exposition.files, "replace", full)
    assert __main__.main(["--settings", str(host.path), "--once"]) == 1
    assert "No space left" in capsys.readouterr().err


class TestSideBySide:
    def test_what_hangs_does_not_hold_up_the_end_of_the_process(self):
        script = (
            "import sys, time; sys.path.insert(0, sys.argv[1]); from stanchion_figures import side_by_side;"
            "print(side_by_side.ask({1: lambda: time.sleep(60), 2: lambda: 'b'}, 0.2))"
        )
        folder = str(Path(side_by_side.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, text=True, timeout=20, check=False
        )
        assert (done.stdout, done.returncode) == ("{2: 'b'}\n", 0)

    def test_an_error_of_the_system_is_no_answer_and_another_is_told(self):
        def fails(error):
            raise error

        assert side_by_side.ask({"a": lambda: fails(OSError("away")), "b": lambda: 2}, 5) == {"b": 2}
        with pytest.raises(ValueError, match="so it is"):
            side_by_side.ask({"a": lambda: fails(ValueError("so it is"))}, 5)
