# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Views from inside a container: a child process enters its network and its files; the image needs nothing.

The child resolves names as the application does, and connects as it does: by its DATABASE_URL, with its
password. Neither leaves the host.

What libraries read in there (nsswitch.conf, openssl.cnf) may name code of the container's own to be loaded:
the child gives up the host's rights as soon as it is inside, and is no more than the application is.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text

try:
    import psycopg2
    import psycopg2.extensions
except ImportError:
    psycopg2 = None

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_CONNECT_TIMEOUT = 2
# prctl(2)
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# Nobody: for an application that is root in its container, which must not be root out of it.
_NOBODY = 65534
# What libpq reads beside the address; a value of the host's own must not answer for the container's.
_LIBPQ = "PG"
_DRIVER = "postgresql+"

View = Callable[[], dict]


class Children:
    """One child for each container; started before threads are, asked when the others have answered."""

    def __init__(
        self, containers: Iterable[dict], names: list[str], address_variable: str, timeout: float
    ) -> None:
        self._deadline = time.monotonic() + timeout
        # Loaded here: in the container's files there is no module to be found.
        "x".encode("idna")
        self._running = {
            item["name"]: _fork(item["pid"], lambda pid=item["pid"]: _view(pid, names, address_variable))
            for item in containers
            if item["pid"] and item["running"]
        }

    def facts(self) -> dict:
        """Return each container's view by name: `names` (addresses or error of each) and `query`."""
        return {"entries": {name: self._collect(*child) for name, child in self._running.items()}}

    def _collect(self, process: int, pipe: int) -> dict:
        text = b""
        try:
            while select.select([pipe], [], [], max(self._deadline - time.monotonic(), 0))[0]:
                chunk = os.read(pipe, 65536)
                if not chunk:
                    break
                text += chunk
        finally:
            os.close(pipe)
            # One that hangs in a resolver or a server has had its time.
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        if not text.endswith(b"\n"):
            return {"ok": False, "error": "no answer from inside the container in time"}
        return json.loads(text)


def _fork(pid: int, view: View) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        _let_go_of_all_but(writing)
        os.write(writing, json.dumps(_safely(view)).encode() + b"\n")
    finally:
        os._exit(0)


def _let_go_of_all_but(kept: int) -> None:
    """Close what the parent has open: nothing in the container is to speak to the engine or to Ansible."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number != kept:
            with contextlib.suppress(OSError):  # the one of the listing itself
                os.close(number)


def _safely(view: View) -> dict:
    try:
        return {"ok": True, **view()}
    except OSError as error:
        return {"ok": False, "error": f"the container's namespaces cannot be entered: {error}"}
    except Exception as error:  # the parent has to hear of it
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def _view(pid: int, names: list[str], address_variable: str) -> dict:
    environment, owner = _environment(pid), _owner(pid)
    # A name that nobody has is asked of the world's servers, which an internal network does not reach.
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    _enter(pid)
    _become(*owner)
    return {"names": {name: _resolve(name) for name in names}, "query": _query(environment, address_variable)}


def _environment(pid: int) -> dict[str, str]:
    raw = Path(f"/proc/{pid}/environ").read_bytes()
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _enter(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    opened = [
        (os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), flag)
        for kind, flag in (("net", _CLONE_NEWNET), ("mnt", _CLONE_NEWNS))
    ]
    for descriptor, flag in opened:
        if libc.setns(descriptor, flag) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    os.chdir("/")


def _owner(pid: int) -> tuple[int, int, list[int]]:
    """Return the user, the group and the further groups, as the host counts them, of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    user, group = (int(fields[kind].split()[1]) for kind in ("Uid", "Gid"))
    return user, group, [int(each) for each in fields["Groups"].split()]


def _become(user: int, group: int, groups: list[int]) -> None:
    """Give up every right of root, for good."""
    os.setgroups([each for each in groups if each])
    os.setresgid(*[group or _NOBODY] * 3)
    os.setresuid(*[user or _NOBODY] * 3)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # One whose parent is killed has nobody to end it.
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _resolve(name: str) -> dict:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return {"addresses": [], "error": error.strerror or str(error)}
    return {"addresses": sorted({str(entry[4][0]) for entry in found}), "error": None}


def _query(environment: dict[str, str], address_variable: str) -> dict:
    """Ask SELECT 1 as the application would; `asked` is false where its settings name no database."""
    address = environment.get(address_variable)
    if not address:
        return {"asked": False, "reason": f"its environment has no {address_variable or 'address'}"}
    if psycopg2 is None:
        return {"asked": False, "reason": "the host has no psycopg2 (Debian: python3-psycopg2)"}
    unread = _unreadable(_without_driver(address))
    if unread:
        return {"asked": True, "ok": False, "error": unread, "seconds": 0.0}
    for name in [name for name in os.environ if name.startswith(_LIBPQ)]:
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if name.startswith(_LIBPQ)})
    began = time.monotonic()
    try:
        connection = psycopg2.connect(
            _without_driver(address), connect_timeout=_CONNECT_TIMEOUT, application_name="stanchion-inside"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchall()
        finally:
            connection.close()
    except psycopg2.Error as error:
        text = _secret_text.hidden(" ".join(str(error).split()))
        return {"asked": True, "ok": False, "error": text, "seconds": time.monotonic() - began}
    return {"asked": True, "ok": True, "error": None, "seconds": time.monotonic() - began}


def _unreadable(address: str) -> str:
    """Say what libpq would not read, in words of our own: its own repeat what may be part of a password."""
    try:
        parts = psycopg2.extensions.parse_dsn(address)
    except psycopg2.ProgrammingError:
        return "its DATABASE_URL is no address that libpq can read"
    ports = parts.get("port", "").split(",")
    if "@" in parts.get("host", "") or not all(port.isdigit() or not port for port in ports):
        return "its DATABASE_URL has a character in its password that has to be percent-encoded"
    return ""


def _without_driver(address: str) -> str:
    """SQLAlchemy's postgresql+DRIVER:// is postgresql:// to libpq."""
    return "postgresql://" + address.partition("://")[2] if address.startswith(_DRIVER) else address
