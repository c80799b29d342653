# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host itself tells: routes, listening ports, disk, memory, processors, who it is."""

from __future__ import annotations

import ctypes
import importlib.util
import ipaddress
import os
import platform
import shlex
import shutil
import socket
import struct
import time
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine, EngineError
from ansible_collections.stanchion.stack.plugins.module_utils._facts_docker import publishers

# What the collection's modules start or import on a host; the role docker_engine installs it.
COMMANDS = ("docker",)
LIBRARIES = ("requests", "psycopg2")

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_LISTEN = "0A"
_ROUTE_UP = 0x1
_ROUTE_REJECT = 0x200
_IPV6_LOCAL_OR_CACHE = 0x80000000 | 0x01000000


def route_facts(proc: Path = Path("/proc/net")) -> dict:
    """Return the routes of the host, default routes (/0) included."""
    items = _ipv4_routes((proc / "route").read_text())
    if (proc / "ipv6_route").exists():
        items += _ipv6_routes((proc / "ipv6_route").read_text())
    return {"entries": items}


def _ipv4_routes(table: str) -> list[dict]:
    routes = []
    for line in table.splitlines()[1:]:
        field = line.split()
        if len(field) < 8 or not int(field[3], 16) & _ROUTE_UP or int(field[3], 16) & _ROUTE_REJECT:
            continue
        network = ipaddress.ip_network(f"{_ipv4(field[1])}/{_ipv4(field[7])}", strict=False)
        gateway = _ipv4(field[2])
        routes.append(_route(network, None if int(gateway) == 0 else gateway, field[0], int(field[6])))
    return routes


def _ipv4(hexadecimal: str) -> ipaddress.IPv4Address:
    # The kernel prints the address as a number in the byte order of the machine.
    return ipaddress.IPv4Address(struct.pack("=I", int(hexadecimal, 16)))


def _ipv6_routes(table: str) -> list[dict]:
    routes = []
    for line in table.splitlines():
        field = line.split()
        if len(field) < 10 or field[9] == "lo" or int(field[8], 16) & _IPV6_LOCAL_OR_CACHE:
            continue
        network = ipaddress.IPv6Network((bytes.fromhex(field[0]), int(field[1], 16)))
        if network.is_multicast or network.is_link_local:
            continue
        gateway = ipaddress.IPv6Address(bytes.fromhex(field[4]))
        routes.append(_route(network, None if int(gateway) == 0 else gateway, field[9], int(field[5], 16)))
    return routes


def _route(network: object, gateway: object, interface: str, metric: int) -> dict:
    return {
        "destination": str(network),
        "gateway": None if gateway is None else str(gateway),
        "interface": interface,
        "metric": metric,
    }


def port_facts(engine: Engine, proc: Path = Path("/proc/net")) -> dict:
    """Return the listening TCP ports and, where a container publishes one, its name and stack."""
    listening = _listening((proc / "tcp").read_text())
    if (proc / "tcp6").exists():
        listening += _listening((proc / "tcp6").read_text())
    try:
        published = publishers(engine)
    except EngineError as error:
        return {
            "entries": [_port(*pair, []) for pair in sorted(set(listening))],
            "containers_error": str(error),
        }
    # Without docker's proxy nothing listens on a published port: it is a rule of the packet filter.
    ruled = {(entry["address"], port) for port, entries in published.items() for entry in entries}
    pairs = sorted(set(listening) | ruled)
    return {"entries": [_port(*pair, published.get(pair[1], [])) for pair in pairs], "containers_error": None}


def _port(address: str, port: int, published: list[dict]) -> dict:
    owner = next((entry for entry in published if entry["address"] == address), None)
    return {
        "address": address,
        "port": port,
        "container": owner["container"] if owner else None,
        "stack": owner["stack"] if owner else None,
        "role": owner["role"] if owner else None,
    }


def _listening(table: str) -> list[tuple[str, int]]:
    found = []
    for line in table.splitlines()[1:]:
        field = line.split()
        if len(field) > 3 and field[3] == _LISTEN:
            address, _, port = field[1].partition(":")
            found.append((_socket_address(address), int(port, 16)))
    return found


def _socket_address(hexadecimal: str) -> str:
    if len(hexadecimal) == 8:
        return str(_ipv4(hexadecimal))
    words = [int(hexadecimal[start : start + 8], 16) for start in range(0, 32, 8)]
    address = ipaddress.IPv6Address(struct.pack("=4I", *words))
    return str(address.ipv4_mapped or address)


def disk_facts(paths: dict[str, str]) -> dict:
    """Return free space and inodes of the file system that holds, or will hold, each path."""
    return {name: _disk(Path(path)) for name, path in paths.items()}


def _disk(path: Path) -> dict:
    existing = path
    while not existing.exists():
        existing = existing.parent
    usage = os.statvfs(existing)
    return {
        "path": str(path),
        "measured_at": str(existing),
        "device": existing.stat().st_dev,
        "total": usage.f_blocks * usage.f_frsize,
        "free": usage.f_bavail * usage.f_frsize,
        "inodes_total": usage.f_files,
        "inodes_free": usage.f_favail,
        "read_only": bool(usage.f_flag & os.ST_RDONLY),
    }


def memory_facts(meminfo: Path = Path("/proc/meminfo")) -> dict:
    """Return the host's memory in bytes."""
    values = {}
    for line in meminfo.read_text().splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        if unit == "kB":
            values[name] = int(number) * 1024
    return {
        "total": values["MemTotal"],
        "available": values.get("MemAvailable"),
        "swap_total": values.get("SwapTotal"),
        "swap_free": values.get("SwapFree"),
    }


def cpu_facts() -> dict:
    """Return the processors that this process may use, and those of the host."""
    return {"count": os.cpu_count(), "usable": len(os.sched_getaffinity(0))}


def host_facts() -> dict:
    """Return who this host is."""
    return {
        "hostname": socket.gethostname(),
        "machine_id": _text("/etc/machine-id"),
        "boot_id": _text("/proc/sys/kernel/random/boot_id"),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "root": os.geteuid() == 0,
        "os": _os_release(_text("/etc/os-release") or _text("/usr/lib/os-release") or ""),
        "lacks": lacking(),
    }


def lacking() -> list[str]:
    """Return which of the collection's needs this host does not have."""
    commands = [name for name in COMMANDS if shutil.which(name) is None]
    return commands + [name for name in LIBRARIES if importlib.util.find_spec(name) is None]


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except OSError:
        return None


def _os_release(text: str) -> dict:
    values = dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)
    return {
        "id": values.get("ID"),
        "id_like": values.get("ID_LIKE", "").split(),
        "version_id": values.get("VERSION_ID"),
        "codename": values.get("VERSION_CODENAME"),
        "name": values.get("PRETTY_NAME"),
    }


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read; the rest is room for the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("room", ctypes.c_byte * 256),
    )


def clock_facts() -> dict:
    """Return what the kernel knows of its clock's discipline; whichever daemon keeps it, it says so here.

    `offset` and `max_error` are seconds.
    """
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    scale = 1e9 if timex.status & _STA_NANO else 1e6
    return {
        "synchronised": not timex.status & _STA_UNSYNC,
        "offset": timex.offset / scale,
        "max_error": timex.maxerror / 1e6,
        "time": time.time(),
        "timezone": _timezone(),
    }


def _timezone() -> str:
    offset = -time.altzone if time.localtime().tm_isdst else -time.timezone
    return "UTC" if offset == 0 else f"UTC{offset / 3600:+g}h"
