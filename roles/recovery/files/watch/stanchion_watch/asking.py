# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks containers whether they live: any answer counts, whatever it says."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from stanchion_watch import judging
from stanchion_watch.judging import Seen
from stanchion_watch.settings import BACKEND, Settings

# A server that is busy is slow, not dead.
ANSWERS_WITHIN = 10.0
_AT_ONCE = 16
# Version 3.0 of Postgres's protocol, and its goodbye.
_PROTOCOL = 196608
_TERMINATE = b"X\0\0\0\4"


def all_of(settings: Settings, containers: Iterable[Seen]) -> dict[str, bool | None]:
    """Ask every container that has to be asked, side by side; None for the others."""
    every = list(containers)
    places = [
        (each, address)
        for each in every
        if judging.is_asked(each)
        for address in (each.addresses if each.role == BACKEND else (settings.socket,))
    ]
    answers: dict[str, bool | None] = {each.name: None for each in every}
    if places:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            told = pool.map(lambda place: _answers(settings, place[1]), places)
            # One place at which it answers is enough.
            for (container, _), answered in zip(places, told):
                answers[container.name] = answers[container.name] or answered
    return answers


def _answers(settings: Settings, address: str | tuple[str, int]) -> bool:
    if isinstance(address, str):
        return postgres(address)
    return http(address, settings.liveness_path)


def http(address: tuple[str, int], path: str, within: float = ANSWERS_WITHIN) -> bool:
    """Say whether a request is answered with anything at all."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\nUser-Agent: stanchion-watch\r\n"
    return _first_byte(address, (request + "Connection: close\r\n\r\n").encode(), b"", within)


def postgres(path: str, within: float = ANSWERS_WITHIN) -> bool:
    """Say whether a new connection of an operator is answered with anything at all.

    The first byte comes once the connection is ready for a query, or is refused: "too many clients" and
    "starting up" are answers. A server that hangs accepts the connection in its kernel, and says nothing.
    """
    words = b"user\0postgres\0database\0postgres\0application_name\0stanchion-watch\0\0"
    packet = struct.pack("!ii", len(words) + 8, _PROTOCOL) + words
    return _first_byte(path, packet, _TERMINATE, within)


def _first_byte(address: str | tuple[str, int], request: bytes, goodbye: bytes, within: float) -> bool:
    deadline = time.monotonic() + within
    try:
        with _connected(address, within) as connection:
            connection.sendall(request)
            connection.settimeout(max(deadline - time.monotonic(), 0.1))
            told = connection.recv(4096)
            if told and goodbye:
                connection.sendall(goodbye)
    except OSError:
        return False
    return told != b""


def _connected(address: str | tuple[str, int], within: float) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection(address, within)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(within)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection
