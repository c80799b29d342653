"""Figures of one container: out of what the engine and the kernel tell of it."""

from functools import partial

import pytest
from figured_containers import figured
from stanchion_figures import containers, kernel
from stanchion_figures.kernel import Use
from stanchion_host import cgroup

USE = Use(memory=200, oom_kills=2, cpu_seconds=1.5, cpu_periods=40, cpu_throttled_periods=9)
# As the kernel writes them, by its version.
V1 = {
    "memory/docker/x/memory.limit_in_bytes": "2147483648",
    "memory/docker/x/memory.usage_in_bytes": "300",
    "memory/docker/x/memory.stat": "inactive_file 7\ntotal_inactive_file 100\n",
    "memory/docker/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids/docker/x/pids.max": "256",
    "pids/docker/x/pids.current": "12",
    "pids/docker/x/cgroup.procs": "70\n",
    "cpu/docker/x/cpu.cfs_quota_us": "150000",
    "cpu/docker/x/cpu.cfs_period_us": "100000",
    "cpu/docker/x/cpu.stat": "nr_periods 40\nnr_throttled 9\nthrottled_time 5\n",
    "cpuacct/docker/x/cpuacct.usage": "1500000000\n",
}
V1_LINES = "11:memory:/docker/x\n8:pids:/docker/x\n4:cpu,cpuacct:/docker/x\n2:hugetlb:/\n0::/\n"
V2 = {
    "system.slice/docker-x.scope/memory.max": "2147483648",
    "system.slice/docker-x.scope/memory.current": "300",
    "system.slice/docker-x.scope/memory.stat": "anon 10\ninactive_file 100\n",
    "system.slice/docker-x.scope/memory.events": "low 0\noom 3\noom_kill 2\n",
    "system.slice/docker-x.scope/pids.max": "256",
    "system.slice/docker-x.scope/pids.current": "12",
    "system.slice/docker-x.scope/cgroup.procs": "70\n",
    "system.slice/docker-x.scope/cpu.max": "150000 100000\n",
    "system.slice/docker-x.scope/cpu.stat": "usage_usec 1500000\nnr_periods 40\nnr_throttled 9\n",
}
V2_LINES = "0::/system.slice/docker-x.scope\n"


def told(found, use=None, oom_kills=0):
    """Return the values by their names, without what they begin with."""
    every = containers.samples({"container": "demo-db"}, found, use, oom_kills)
    return {
        each.name.removeprefix("stanchion_container_"): each.value for each in every if each.value is not None
    }


def test_one_that_runs():
    assert told(figured(restarts=3), USE, 5) == {
        "running": 1,
        "healthy": 1,
        "restarts_total": 3,
        "started_timestamp_seconds": 1796068564.5,
        "memory_limit_bytes": 2**31,
        "cpu_limit": 1.5,
        "memory_bytes": 200,
        "cpu_seconds_total": 1.5,
        "cpu_periods_total": 40,
        "cpu_throttled_periods_total": 9,
        "oom_kills_total": 5,
    }


def test_one_that_is_gone():
    assert told(None, None, 5) == {"running": 0, "oom_kills_total": 5}


@pytest.mark.parametrize("status", ["exited", "paused", "restarting", "created", "dead", "removing"])
def test_one_that_does_not_serve(status):
    seen = told(figured(Status=status))
    assert seen["running"] == 0
    # What its last probe said is no news of it.
    assert "healthy" not in seen


@pytest.mark.parametrize(
    ("health", "healthy"),
    [
        ({"Status": "healthy"}, 1),
        ({"Status": "unhealthy"}, 0),
        ({"Status": "starting"}, None),
        ({"Status": "none"}, None),
        (None, None),
    ],
)
def test_health(health, healthy):
    assert told(figured(Health=health)).get("healthy") == healthy


@pytest.mark.parametrize(
    ("limits", "cpus"),
    [
        ({"NanoCpus": 500_000_000}, 0.5),
        ({"NanoCpus": 0, "CpuQuota": 25_000, "CpuPeriod": 50_000}, 0.5),
        ({"NanoCpus": 0, "CpuQuota": 25_000, "CpuPeriod": 0}, 0.25),
        ({"NanoCpus": 0, "CpuQuota": -1}, None),
        ({"NanoCpus": 0, "CpuQuota": 0}, None),
    ],
)
def test_a_limit_of_processors(limits, cpus):
    assert told(figured(limits=limits)).get("cpu_limit") == cpus


def test_without_a_limit_of_memory_there_is_none():
    assert "memory_limit_bytes" not in told(figured(limits={"Memory": 0}))


def test_one_that_was_never_started():
    new = figured(Status="created", StartedAt="0001-01-01T00:00:00Z")
    assert "started_timestamp_seconds" not in told(new)


class TestKernel:
    @pytest.fixture
    def tree(self, tmp_path, monkeypatch):
        for read in ("usage", "processors"):
            of_here = partial(getattr(cgroup, read), root=tmp_path / "cgroup", proc=tmp_path)
            monkeypatch.setattr(cgroup, read, of_here)

        def make(files, lines):
            (tmp_path / "70").mkdir(exist_ok=True)
            (tmp_path / "70" / "cgroup").write_text(lines)
            for name, text in files.items():
                path = tmp_path / "cgroup" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

        return make

    @pytest.mark.parametrize(("files", "lines"), [(V1, V1_LINES), (V2, V2_LINES)], ids=["v1", "v2"])
    @pytest.mark.parametrize("status", ["running", "paused"])
    def test_both_versions_say_the_same(self, tree, files, lines, status):
        tree(files, lines)
        assert kernel.look(figured(Status=status)) == USE

    @pytest.mark.parametrize("found", [None, figured(Status="exited", Pid=0), figured(Status="restarting")])
    def test_what_is_not_alive_is_not_asked(self, tree, found):
        tree(V2, V2_LINES)
        assert kernel.look(found) is None

    def test_one_that_ends_meanwhile(self, tree):
        tree(V2, V2_LINES)
        assert kernel.look(figured(Pid=71)) is None
        # Its number is another process's by now, which is in no container.
        tree(V2, "0::/\n")
        assert kernel.look(figured()) is None
