"""What runs on the Docker host while something is broken: one client a process, each with a log of its own.

    writer.py api FOLDER RUN URL...      numbered medications by the API, one replica after another
    writer.py sql FOLDER RUN SOCKET      numbered rows by SQL, on the operators' socket
    writer.py alive FOLDER RUN URL...    /livez of each replica
    writer.py hold FOLDER SOCKET COUNT STATEMENT...    sessions that say this and then do nothing

A line is on disk before the thing that it tells of begins: "try N" stands there before the row N can be
anywhere, and "yes N" says that the server has acknowledged it. What has neither yes nor no may be there or
not, and so may what has a no: the answer may have been lost. Each process ends by itself after SECONDS or
COUNT, or once FOLDER/stop is there.
"""

import http.client
import itertools
import json
import os
import select
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import psycopg2.extensions

SECONDS = 420
COUNT = 4000
PAUSE = 0.1
# Longer than the backend takes for any answer; the server's own limits are longer.
PATIENCE = 6.0
TABLE = "fault_rows"


class Log:
    """One line per event, on disk before the next thing happens."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, *words: object) -> None:
        line = " ".join(str(word) for word in (*words, f"{time.time():.3f}"))
        os.write(self._file, line.encode() + b"\n")
        os.fsync(self._file)


def begun(path: Path) -> int:
    """Return the last number that an earlier process of this run has tried."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return 0
    return max((int(line.split()[1]) for line in lines if line.startswith("try ")), default=0)


def numbers(folder: Path, first: int) -> Iterator[int]:
    """Count, with a pause each, until it is enough or somebody says so."""
    until = time.monotonic() + SECONDS
    for number in range(first, first + COUNT):
        if time.monotonic() > until or (folder / "stop").exists():
            return
        yield number
        time.sleep(PAUSE)


def ask(url: str, path: str, body: bytes | None = None) -> tuple[int, str, float]:
    """Return status (0: no answer), Retry-After ("-": none) and seconds of one request."""
    address = urllib.parse.urlsplit(url)
    began = time.monotonic()
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request("POST" if body else "GET", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After") or "-", time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return 0, "-", time.monotonic() - began
    finally:
        connection.close()


def api(folder: Path, run: str, urls: list[str]) -> None:
    """Write by the application. Its own log tells each answer: status, Retry-After, seconds."""
    path = folder / f"{run}.api"
    first, log = begun(path) + 1, Log(path)
    for number, url in zip(numbers(folder, first), itertools.cycle(urls), strict=False):
        body = json.dumps({"name": f"{run} {number}", "dosage": "1"}).encode()
        log.write("try", number)
        status, retry, seconds = ask(url, "/medications", body)
        log.write("yes" if status == 201 else "no", number, status, retry, f"{seconds:.3f}")


def patient(connection: psycopg2.extensions.connection) -> None:
    """Wait for the server as psycopg2 wants it waited for, but never longer than PATIENCE."""
    until = time.monotonic() + PATIENCE
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        wants = [connection.fileno()]
        reads = wants if state == psycopg2.extensions.POLL_READ else []
        writes = wants if state == psycopg2.extensions.POLL_WRITE else []
        left = until - time.monotonic()
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise psycopg2.OperationalError("no answer in time")


def sql(folder: Path, run: str, socket: str) -> None:
    """Write by SQL; a connection that has failed is made anew for the next row."""
    path = folder / f"{run}.sql"
    first, log = begun(path) + 1, Log(path)
    psycopg2.extensions.set_wait_callback(patient)
    connection = None
    for number in numbers(folder, first):
        log.write("try", number)
        try:
            if connection is None:
                connection = psycopg2.connect(
                    host=socket, user="postgres", dbname="medication_tracker", application_name="fault-writer"
                )
                connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {TABLE} (run, number) VALUES (%s, %s)", (run, number))
            log.write("yes", number)
        except psycopg2.Error as error:
            log.write("no", number, "_".join(str(error).split())[:200])
            if connection is not None:
                connection.close()
            connection = None


def alive(folder: Path, run: str, urls: list[str]) -> None:
    """Ask each replica whether its process lives."""
    path = folder / f"{run}.alive"
    first, log = begun(path) + 1, Log(path)
    for number in numbers(folder, first):
        for url in urls:
            status, _, seconds = ask(url, "/livez")
            log.write("try", number, url, status, f"{seconds:.3f}")


def hold(folder: Path, socket: str, count: str, *statements: str) -> None:
    """Keep sessions as a program that leaks them does."""
    held = []
    for _ in range(int(count)):
        connection = psycopg2.connect(
            host=socket, user="postgres", dbname="medication_tracker", application_name="leak"
        )
        connection.autocommit = True
        for statement in statements:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        held.append(connection)
    (folder / "held").touch()
    for _ in numbers(folder, 1):
        pass


def main(mode: str, folder: str, run: str, *rest: str) -> None:
    if mode == "sql":
        sql(Path(folder), run, *rest)
    elif mode == "hold":
        hold(Path(folder), run, *rest)
    else:
        {"api": api, "alive": alive}[mode](Path(folder), run, list(rest))


if __name__ == "__main__":
    main(*sys.argv[1:])
