"""Limits, use and sockets from trees as the kernel writes them."""

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_cgroup

NO_LIMIT_V1 = "9223372036854771712"
CONTAINER = [{"name": "demo-db", "pid": 70}]
V1 = {
    "memory/docker/x/memory.limit_in_bytes": "2147483648",
    "memory/docker/x/memory.memsw.limit_in_bytes": "2147483648",
    "memory/docker/x/memory.usage_in_bytes": "300",
    "memory/docker/x/memory.stat": "cache 10\ntotal_inactive_file 100\n",
    "memory/docker/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids/docker/x/pids.max": "256",
    "pids/docker/x/pids.current": "12",
    "pids/docker/x/cgroup.procs": "71\n70\n",
    "cpu/docker/x/cpu.cfs_quota_us": "150000",
    "cpu/docker/x/cpu.cfs_period_us": "100000",
    "cpu/docker/x/cpu.stat": "nr_periods 40\nnr_throttled 9\nthrottled_time 5\n",
    "cpuacct/docker/x/cpuacct.usage": "1500000000\n",
}
V2 = {
    "docker/x/memory.max": "2147483648",
    "docker/x/memory.current": "300",
    "docker/x/memory.stat": "anon 10\ninactive_file 100\n",
    "docker/x/memory.events": "low 0\noom 3\noom_kill 2\n",
    "docker/x/pids.max": "256",
    "docker/x/pids.current": "12",
    "docker/x/cgroup.procs": "70\n71\n",
    "docker/x/cpu.max": "150000 100000\n",
    "docker/x/cpu.stat": "usage_usec 1500000\nuser_usec 1\nnr_periods 40\nnr_throttled 9\n",
}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def tree(tmp_path):
    def make(files, lines):
        write(tmp_path / "cgroup", files)
        write(tmp_path / "proc", {"70/cgroup": lines})
        return {"root": tmp_path / "cgroup", "proc": tmp_path / "proc"}

    return make


V1_LINES = "11:memory:/docker/x\n8:pids:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n"
V2_LINES = "0::/docker/x\n"


@pytest.mark.parametrize("version,files,lines", [(1, V1, V1_LINES), (2, V2, V2_LINES)])
def test_both_versions_say_the_same(version, files, lines, tree):
    seen = _facts_cgroup.cgroup_facts(CONTAINER, **tree(files, lines))["entries"]["demo-db"]
    assert seen["version"] == version
    assert (seen["memory_limit"], seen["memory_used"], seen["working_set"]) == (2**31, 300, 200)
    assert seen["oom_kills"] == 2
    assert (seen["pids_limit"], seen["pids"], seen["cpus"]) == (256, 12, 1.5)
    assert seen["cpu_seconds"] == 1.5
    assert seen["processes"] == [70, 71]


@pytest.mark.parametrize("files,lines", [(V1, V1_LINES), (V2, V2_LINES)])
def test_the_use_of_processors(files, lines, tree):
    seen = _facts_cgroup.processors(70, **tree(files, lines))
    assert seen == {"seconds": 1.5, "periods": 40, "throttled": 9}


def test_without_a_limit_of_processors_nothing_is_throttled(tree):
    files = {**V2, "docker/x/cpu.stat": "usage_usec 1500000\n"}
    seen = _facts_cgroup.processors(70, **tree(files, V2_LINES))
    assert seen == {"seconds": 1.5, "periods": 0, "throttled": 0}


def test_no_limit_is_none_in_version_1(tree):
    files = {
        **V1,
        "memory/docker/x/memory.limit_in_bytes": NO_LIMIT_V1,
        "memory/docker/x/memory.memsw.limit_in_bytes": NO_LIMIT_V1,
        "pids/docker/x/pids.max": "max",
        "cpu/docker/x/cpu.cfs_quota_us": "-1",
    }
    seen = _facts_cgroup.cgroup_facts(CONTAINER, **tree(files, V1_LINES))["entries"]["demo-db"]
    assert {seen[name] for name in ("memory_limit", "memory_swap_limit", "pids_limit", "cpus")} == {None}


def test_no_limit_is_none_in_version_2(tree):
    files = {
        **V2,
        "docker/x/memory.max": "max",
        "docker/x/pids.max": "max",
        "docker/x/cpu.max": "max 100000\n",
    }
    seen = _facts_cgroup.cgroup_facts(CONTAINER, **tree(files, V2_LINES))["entries"]["demo-db"]
    assert {seen[name] for name in ("memory_limit", "pids_limit", "cpus")} == {None}


def test_a_container_that_does_not_run_is_not_asked(tree):
    assert _facts_cgroup.cgroup_facts([{"name": "x", "pid": None}], **tree(V2, V2_LINES)) == {"entries": {}}


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def connection(inode, local, port, state="01"):
    return f"   0: 0200F0AC:{local:04X} 0300F0AC:{port:04X} {state} 0:0 00:0 0 999 0 {inode} 1\n"


def test_sockets_by_process_and_those_that_two_hold(tree):
    table = HEAD + connection(5001, 40001, 5432) + connection(5002, 40002, 5432)
    table += connection(5003, 40003, 80) + connection(5004, 40004, 5432, state="06")
    places = tree(V2, V2_LINES)
    write(places["proc"], {"70/net/tcp": table, "70/net/tcp6": HEAD})
    for pid, sockets in {70: [5001, 5003], 71: [5001, 5002, 5004]}.items():
        (places["proc"] / str(pid) / "fd").mkdir(parents=True, exist_ok=True)
        for number, inode in enumerate(sockets):
            (places["proc"] / str(pid) / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
        (places["proc"] / str(pid) / "fd" / "9").symlink_to("/dev/null")
        status = f"Name:\tgunicorn\nPPid:\t1\nNSpid:\t{pid}\t{pid - 60}\n"
        write(places["proc"], {f"{pid}/status": status})
    seen = _facts_cgroup.socket_facts(CONTAINER, 5432, **places)["entries"]["demo-db"]
    assert [(each["pid"], each["sockets"]) for each in seen["holders"]] == [
        (70, ["5001"]),
        (71, ["5001", "5002"]),
    ]
    assert seen["holders"][1] | {"sockets": []} == {
        "pid": 71,
        "sockets": [],
        "parent": 1,
        "command": "gunicorn",
        "inner_pid": 11,
    }
    assert seen["shared"] == [{"socket": "5001", "pids": [70, 71]}]
    assert seen["local_ports"] == {"5001": 40001, "5002": 40002}


@pytest.mark.parametrize(
    "ask",
    [_facts_cgroup.cgroup_facts, lambda items, **where: _facts_cgroup.socket_facts(items, 5432, **where)],
)
def test_a_container_that_ends_meanwhile_does_not_cost_the_others(ask, tree):
    where = tree(V2, V2_LINES)
    seen = ask([{"name": "gone", "pid": 71}, *CONTAINER], **where)
    assert list(seen["entries"]) == ["demo-db"]


def test_one_that_is_there_and_cannot_be_read_is_an_error(tree):
    where = tree({}, V2_LINES)
    with pytest.raises(FileNotFoundError):
        _facts_cgroup.cgroup_facts(CONTAINER, **where)
