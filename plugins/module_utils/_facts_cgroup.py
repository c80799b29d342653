# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel holds a container to and what it uses, from cgroup v1 or v2; and who holds which socket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# cgroup v1 writes "no limit" as the largest page-aligned number.
_NO_LIMIT = 2**62
_ESTABLISHED = "01"


def cgroup_facts(
    containers: Iterable[dict[str, Any]], root: Path = ROOT, proc: Path = PROC
) -> dict[str, Any]:
    """Return limits and use of every running container, by name; sizes are bytes."""
    return _of_each(containers, lambda pid: usage(pid, root, proc), proc)


def usage(pid: int, root: Path = ROOT, proc: Path = PROC) -> dict[str, Any]:
    """Return limits and use of a process's container; sizes are bytes. OSError where it has ended."""
    folders = _folders(pid, root, proc)
    return _usage_v2(folders) if str(folders["version"]) == "2" else _usage_v1(folders)


def processors(pid: int, root: Path = ROOT, proc: Path = PROC) -> dict[str, float]:
    """Return what a process's container has used of processors; OSError where it has ended.

    `seconds` of their time; the number of `periods` in which its limit counted, and of `throttled` ones.
    """
    folders = _folders(pid, root, proc)
    held = _keyed(folders["cpu"] / "cpu.stat")
    return {
        "seconds": _cpu_seconds(folders) or 0.0,
        "periods": held.get("nr_periods", 0),
        "throttled": held.get("nr_throttled", 0),
    }


def _of_each(
    containers: Iterable[dict[str, Any]], look: Callable[[int], dict[str, Any]], proc: Path
) -> dict[str, Any]:
    """Return what is seen of each container that runs; one that ends meanwhile must not cost the others."""
    entries = {}
    for item in containers:
        if not item["pid"]:
            continue
        try:
            entries[item["name"]] = look(item["pid"])
        except OSError:
            if (proc / str(item["pid"])).exists():
                raise
    return {"entries": entries}


def _folders(pid: int, root: Path, proc: Path) -> dict[str, Path]:
    """Return the container's folder by controller; under v2 all of them are one."""
    folders = {}
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folders["unified"] = root / path.lstrip("/")
        for controller in controllers.split(","):
            if controller:
                folders[controller] = root / controller / path.lstrip("/")
    if "memory" not in folders and "unified" in folders:
        return dict.fromkeys(("memory", "cpu", "pids"), folders["unified"]) | {"version": Path("2")}
    return folders | {"version": Path("1")}


def _usage_v1(folders: dict[str, Path]) -> dict[str, Any]:
    memory, pids = folders["memory"], folders["pids"]
    used = _number(memory / "memory.usage_in_bytes")
    quota = _number(folders["cpu"] / "cpu.cfs_quota_us")
    period = _number(folders["cpu"] / "cpu.cfs_period_us")
    swap = memory / "memory.memsw.limit_in_bytes"
    return {
        "version": 1,
        "memory_limit": _limit(_number(memory / "memory.limit_in_bytes")),
        "memory_swap_limit": _limit(_number(swap)) if swap.exists() else None,
        "memory_used": used,
        "working_set": max((used or 0) - _keyed(memory / "memory.stat").get("total_inactive_file", 0), 0),
        "oom_kills": _keyed(memory / "memory.oom_control").get("oom_kill"),
        "pids_limit": _number(pids / "pids.max"),
        "pids": _number(pids / "pids.current"),
        "cpus": quota / period if quota and period and quota > 0 else None,
        "cpu_seconds": _cpu_seconds(folders),
        "processes": _processes(pids),
    }


def _usage_v2(folders: dict[str, Path]) -> dict[str, Any]:
    folder = folders["memory"]
    used = _number(folder / "memory.current")
    quota, _, period = (folder / "cpu.max").read_text().strip().partition(" ")
    return {
        "version": 2,
        "memory_limit": _number(folder / "memory.max"),
        "memory_swap_limit": None,
        "memory_used": used,
        "working_set": max((used or 0) - _keyed(folder / "memory.stat").get("inactive_file", 0), 0),
        "oom_kills": _keyed(folder / "memory.events").get("oom_kill"),
        "pids_limit": _number(folder / "pids.max"),
        "pids": _number(folder / "pids.current"),
        "cpus": None if quota == "max" else int(quota) / int(period),
        "cpu_seconds": _cpu_seconds(folders),
        "processes": _processes(folder),
    }


def _cpu_seconds(folders: dict[str, Path]) -> float | None:
    """Return the processor time used; under v1 its controller need not be there."""
    if str(folders["version"]) == "2":
        return _keyed(folders["cpu"] / "cpu.stat").get("usage_usec", 0) / 1e6
    used = folders["cpuacct"] / "cpuacct.usage" if "cpuacct" in folders else None
    return (_number(used) or 0) / 1e9 if used and used.exists() else None


def _number(path: Path) -> int | None:
    text = path.read_text().strip()
    return None if text == "max" else int(text)


def _limit(value: int | None) -> int | None:
    return None if value is None or value > _NO_LIMIT else value


def _keyed(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def _processes(folder: Path) -> list[int]:
    return sorted(int(pid) for pid in (folder / "cgroup.procs").read_text().split())


def socket_facts(
    containers: Iterable[dict[str, Any]], port: int, root: Path = ROOT, proc: Path = PROC
) -> dict[str, Any]:
    """Return, of every running container by name, which of its processes hold which connections to `port`.

    Each holder has `pid`, `parent`, `command` and `sockets`, inodes; `shared` has those that several hold.
    """
    return _of_each(
        containers,
        lambda pid: _holders(pid, _processes(_folders(pid, root, proc)["pids"]), port, proc),
        proc,
    )


def _holders(pid: int, processes: Iterable[int], port: int, proc: Path) -> dict[str, Any]:
    connections = set(_connections(pid, port, proc))
    holders = []
    by_socket: dict[str, list[int]] = {}
    for process in processes:
        held = sorted(connections & _sockets(process, proc))
        if held:
            holders.append({"pid": process, "sockets": held, **_process(process, proc)})
        for socket in held:
            by_socket.setdefault(socket, []).append(process)
    return {
        "holders": holders,
        "shared": [{"socket": s, "pids": pids} for s, pids in sorted(by_socket.items()) if len(pids) > 1],
        "local_ports": _connections(pid, port, proc),
    }


def _connections(pid: int, port: int, proc: Path) -> dict[str, int]:
    """Return the local port of each established connection to `port` in the container's network, by inode."""
    found = {}
    for name in ("tcp", "tcp6"):
        table = proc / str(pid) / "net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = line.split()
            if fields[3] == _ESTABLISHED and int(fields[2].rpartition(":")[2], 16) == port:
                found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def _sockets(process: int, proc: Path) -> set[str]:
    found: set[str] = set()
    try:
        entries = list((proc / str(process) / "fd").iterdir())
    except OSError:  # it ended meanwhile
        return found
    for entry in entries:
        try:
            match = re.match(r"socket:\[(\d+)\]", str(entry.readlink()))
        except OSError:
            continue
        if match:
            found.add(match.group(1))
    return found


def _process(process: int, proc: Path) -> dict[str, Any]:
    try:
        status = dict(
            line.split(":", 1)
            for line in (proc / str(process) / "status").read_text().splitlines()
            if ":" in line
        )
    except OSError:
        return {"parent": None, "command": None, "inner_pid": None}
    return {
        "parent": int(status["PPid"]),
        "command": status["Name"].strip(),
        "inner_pid": int(status.get("NSpid", "0").split()[-1]),
    }
