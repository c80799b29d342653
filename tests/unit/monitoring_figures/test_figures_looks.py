"""A look at everything: what is not known is left out, what is remembered, and the text of it."""

import json
import os
import stat
import time
from http import HTTPStatus
from pathlib import Path

import pytest
from figured_containers import BACKEND, DATABASE, figured
from prometheus_client.parser import text_string_to_metric_families
from stanchion_figures import disks, engine, figures
from stanchion_figures.kernel import Use
from stanchion_host.recovery_record import RECORD

SOON = 0.3
RUNNING = "stanchion_container_running"
KILLS = "stanchion_container_oom_kills_total"
UP = ("stanchion_figures_engine_up",)
GAVE_UP = ("stanchion_watch_gave_up", DATABASE)
USE = Use(memory=200, oom_kills=0, cpu_seconds=1.5, cpu_periods=40, cpu_throttled_periods=9)


def test_the_whole_picture(host, tmp_path):
    host.uses[DATABASE] = USE
    seen = host.look()
    assert (seen[UP], seen["stanchion_figures_timestamp_seconds",]) == (1, host.now)
    assert (seen[RUNNING, DATABASE], seen[RUNNING, BACKEND]) == (1, 1)
    assert seen["stanchion_container_memory_bytes", DATABASE] == 200
    assert ("stanchion_container_memory_bytes", BACKEND) not in seen
    assert seen["stanchion_disk_size_bytes", "data", str(tmp_path)] > 0
    assert seen[GAVE_UP] == 0


def test_labels_and_types(host):
    host.declare(endpoints=["http://127.0.0.1:1/"])
    host.look()
    families = {each.name: each for each in text_string_to_metric_families(host.settings.figures.read_text())}
    assert families["stanchion_container_restarts"].type == "counter"
    assert families["stanchion_container_running"].type == "gauge"
    roles = {
        each.labels["container"]: (each.labels["stack"], each.labels["role"])
        for each in families["stanchion_container_running"].samples
    }
    assert roles == {DATABASE: ("demo", "postgres"), BACKEND: ("demo", "backend")}


def test_every_name_is_explained():
    for name, (kind, explains) in figures.METRICS.items():
        assert name.endswith("_total") == (kind == "counter")
        assert kind in ("gauge", "counter")
        assert explains.endswith(".")


def test_the_file_is_for_everybody_and_what_is_remembered_is_not(host):
    host.look()
    modes = {
        path.name: oct(stat.S_IMODE(path.stat().st_mode))
        for path in (
            host.settings.figures.parent,
            host.settings.figures,
            host.settings.folder / "figures.json",
        )
    }
    assert modes == {"metrics": "0o755", "stanchion_figures.prom": "0o644", "figures.json": "0o600"}


@pytest.mark.parametrize("answer", [404, figured(stack="another")])
def test_a_container_that_is_gone_does_not_run(host, answer):
    host.engine.answers[f"/containers/{BACKEND}/json"] = answer
    seen = host.look()
    assert (seen[RUNNING, BACKEND], seen[RUNNING, DATABASE], seen[UP]) == (0, 1, 1)
    assert ("stanchion_container_restarts_total", BACKEND) not in seen


class TestEngineDown:
    def test_what_is_not_known_is_left_out(self, host, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        seen = host.look()
        assert (seen[UP], seen["stanchion_figures_timestamp_seconds",]) == (0, host.now)
        assert [name for name in seen if name[0].startswith("stanchion_container")] == []
        assert seen[GAVE_UP] == 0

    def test_one_that_hangs_holds_up_nothing(self, host, monkeypatch):
        monkeypatch.setattr(engine, "ANSWERS_WITHIN", SOON)
        host.engine.answers[f"/containers/{BACKEND}/json"] = None
        seen = host.look()
        assert (seen[UP], seen[RUNNING, DATABASE]) == (0, 1)
        assert (RUNNING, BACKEND) not in seen

    @pytest.mark.parametrize("answer", [500, b"<html>"])
    def test_an_error_is_no_container_that_is_gone(self, host, answer):
        host.engine.answers[f"/containers/{BACKEND}/json"] = answer
        seen = host.look()
        assert (seen[UP], (RUNNING, BACKEND) in seen) == (0, False)

    def test_a_disk_is_looked_at_where_it_was(self, host, monkeypatch, tmp_path):
        host.declare(disks={"data": "demo-pgdata", "docker": "", "repository": str(host.state)})
        host.look()
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        seen = host.look()
        for name in ("data", "docker"):
            assert seen["stanchion_disk_available_bytes", name, str(tmp_path)] > 0
        assert seen["stanchion_disk_size_bytes", "repository", str(host.state)] > 0

    def test_what_is_wrong_in_the_program_is_told(self, host):
        """Left out like what the engine does not tell, it would be missed by nobody."""
        host.engine.answers[f"/containers/{BACKEND}/json"] = {"Name": "an inspection without a configuration"}
        with pytest.raises(KeyError):
            host.look()


class TestKills:
    def test_they_are_counted_over_runs(self, host):
        host.happens((DATABASE, host.now - 5))
        # It was before the first look.
        assert host.look()[KILLS, DATABASE] == 0
        host.happens((DATABASE, host.now + 5), (DATABASE, host.now + 6), ("stranger", host.now + 6))
        host.now += 15
        seen = host.look()
        assert (seen[KILLS, DATABASE], seen[KILLS, BACKEND]) == (2, 0)
        # The engine still tells of them, and they are counted.
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 2

    def test_only_this_stacks_are_asked_for(self, host):
        host.look()
        (asked,) = [each for each in host.engine.asked if each.startswith("/events")]
        assert "io.stanchion.stack%3Ddemo" in asked
        assert "%22oom%22" in asked

    def test_what_happens_just_now_is_counted_once(self, host):
        host.look()
        host.now += 15
        host.happens((DATABASE, host.now))
        assert host.look()[KILLS, DATABASE] == 0
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 1

    def test_an_engine_that_did_not_tell_is_asked_again(self, host):
        host.look()
        host.happens((DATABASE, host.now + 5))
        told, host.engine.answers["/events"] = host.engine.answers["/events"], 500
        host.now += 15
        seen = host.look()
        assert (seen[UP], seen[KILLS, DATABASE]) == (0, 0)
        host.engine.answers["/events"] = told
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 1

    def test_the_kernels_count_where_the_engine_is_not_told(self, host):
        host.uses[DATABASE] = USE
        host.look()
        host.uses[DATABASE] = Use(**{**vars(USE), "oom_kills": 2})
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 2

    def test_one_that_ended_the_container_is_counted(self, host):
        host.look()
        host.happens((DATABASE, host.now + 5))
        host.engine.answers[f"/containers/{DATABASE}/json"] = 404
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 1

    def test_a_clock_that_was_put_back(self, host):
        host.look()
        host.now -= 5000
        assert host.look()[KILLS, DATABASE] == 0
        host.happens((DATABASE, host.now + 5))
        host.now += 15
        assert host.look()[KILLS, DATABASE] == 1

    @pytest.mark.parametrize(
        "text", ["", "{", "[1]", "null", "{}", '{"counted_until": 1, "oom_kills": [], "places": {}}']
    )
    def test_a_memory_that_cannot_be_read_is_none(self, host, text):
        (host.settings.folder / "figures.json").write_text(text)
        assert host.look()[KILLS, DATABASE] == 0

    def test_what_is_declared_no_more_is_forgotten(self, host):
        host.look()
        host.declare(containers={DATABASE: "postgres"}, disks={})
        host.look()
        remembered = host.remembered()
        assert (set(remembered.oom_kills), remembered.places) == ({DATABASE}, {})


class TestDisks:
    def test_every_kind_of_place(self, host, tmp_path):
        host.engine.answers["/volumes/of-nobody"] = HTTPStatus.NOT_FOUND.value
        places = {"data": "demo-pgdata", "docker": "", "repository": "of-nobody", "monitoring": "/nowhere"}
        host.declare(disks=places)
        seen = host.look()
        assert {name[1:] for name in seen if name[0] == "stanchion_disk_size_bytes"} == {
            ("data", str(tmp_path)),
            ("docker", str(tmp_path)),
        }
        # What is not there is no engine that does not answer.
        assert seen[UP] == 1

    def test_what_is_left_is_left_for_others_than_root(self, monkeypatch):
        class Seen:
            f_blocks, f_bfree, f_bavail, f_frsize, f_bsize = 1000, 300, 200, 10, 4096

        monkeypatch.setattr(disks.os, "statvfs", lambda _: Seen)
        values = {each.name: each.value for each in disks.look({"data": "/data"})}
        assert values == {"stanchion_disk_size_bytes": 10_000, "stanchion_disk_available_bytes": 2000}

    def test_one_that_hangs_is_left_out(self, monkeypatch, tmp_path):
        really = os.statvfs
        monkeypatch.setattr(
            disks.os, "statvfs", lambda path: time.sleep(5) if path == "/away" else really(path)
        )
        began = time.monotonic()
        found = {each.labels["of"] for each in disks.look({"away": "/away", "here": str(tmp_path)}, SOON)}
        assert found == {"here"}
        assert time.monotonic() - began < 2


class TestGaveUp:
    def record(self, host, *lines):
        line = {"by": "watch", "remedy": "restart_database", "outcome": "gave_up", "of": DATABASE}
        path = host.state / "recovery" / RECORD
        path.write_text("".join(json.dumps({**line, **each}) + "\n" for each in lines))

    def test_for_an_hour(self, host):
        self.record(host, {"at": host.now - 3599})
        assert host.look()[GAVE_UP] == 1
        self.record(host, {"at": host.now - 3601})
        assert host.look()[GAVE_UP] == 0

    def test_other_lines_are_not_about_it(self, host):
        at = host.now - 10
        self.record(host, {"at": at, "outcome": "failed"}, {"at": at, "of": BACKEND})
        assert host.look()[GAVE_UP] == 0

    def test_each_watched_container_has_its_own(self, host):
        host.declare(watched=[DATABASE, BACKEND])
        self.record(host, {"at": host.now - 10})
        seen = host.look()
        assert (seen[GAVE_UP], seen["stanchion_watch_gave_up", BACKEND]) == (1, 0)

    def test_a_record_that_cannot_be_read_is_no_word_of_the_watch(self, host):
        (host.state / "recovery" / RECORD).mkdir()
        seen = host.look()
        assert (GAVE_UP in seen, seen[UP]) == (False, 1)


def test_what_cannot_be_written_leaves_the_old_figures(host, monkeypatch):
    host.look()
    before = host.settings.figures.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures.exposition.files, "replace", full)
    with pytest.raises(OSError, match="No space"):
        host.look()
    assert host.settings.figures.read_text() == before


def test_a_folder_that_is_gone_is_not_made_again(host):
    """Whoever deletes a stack must not find it half there again."""
    host.look()
    figures_folder = Path(host.settings.folder)
    for path in sorted(figures_folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    figures_folder.rmdir()
    with pytest.raises(FileNotFoundError):
        figures.take(host.settings)
    assert not figures_folder.exists()
