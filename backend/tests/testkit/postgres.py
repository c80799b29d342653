"""A disposable Postgres: a container where STANCHION_TEST_POSTGRES_IMAGE names an image with the server's
programs, else a process of the server that this machine has."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import psycopg2

from .wait import free_port, until

IMAGE_VARIABLE = "STANCHION_TEST_POSTGRES_IMAGE"
INITDB = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
# Nothing here outlives the tests, so nothing needs to reach the disk.
SETTINGS = ["-c", "fsync=off", "-c", "max_connections=60"]


class Server(Protocol):
    """Postgres on 127.0.0.1; its superuser is postgres."""

    port: int
    password: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def remove(self) -> None: ...


def make_server() -> Server:
    """Makes and starts one, or fails saying what is missing."""
    image = os.environ.get(IMAGE_VARIABLE)
    server: Server = ContainerServer(image) if image else LocalServer(_programs())
    try:
        server.start()
    except BaseException:
        server.remove()
        raise
    return server


def wait_until_served(server: Server) -> None:
    def served() -> bool:
        try:
            psycopg2.connect(
                host="127.0.0.1", port=server.port, user="postgres", password=server.password
            ).close()
        except psycopg2.OperationalError:
            return False
        return True

    until(served, "Postgres accepts connections", seconds=30)


def _programs() -> Path:
    found = [program.parent for program in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise RuntimeError(
            f"the backend's tests need a Postgres: set {IMAGE_VARIABLE} to an image that has the server, "
            "or install Debian's postgresql on this machine"
        )
    return max(found, key=lambda place: int(place.parent.name))


class LocalServer:
    def __init__(self, programs: Path) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="medication-tracker-postgres-"))
        # Postgres refuses to run as root.
        self._user = _server_user() if os.geteuid() == 0 else None
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        if self._user:
            for path in (self._folder, password_file):
                shutil.chown(path, self._user)
        self._run(["initdb", *INITDB, f"--pwfile={password_file}", f"--pgdata={self._data}"])

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        options = " ".join(["-p", str(self.port), "-k", str(self._folder), "-h", "127.0.0.1", *SETTINGS])
        log = self._folder / "log"
        self._run(["pg_ctl", "start", f"--pgdata={self._data}", f"--log={log}", "--wait", "-o", options])
        wait_until_served(self)

    def stop(self) -> None:
        self._run(["pg_ctl", "stop", f"--pgdata={self._data}", "--mode=fast", "--wait"])

    def remove(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run(["pg_ctl", "stop", f"--pgdata={self._data}", "--mode=immediate", "--wait"])
        shutil.rmtree(self._folder)

    def _run(self, command: Sequence[str]) -> None:
        _run([str(self._programs / command[0]), *command[1:]], user=self._user, folder=self._folder)


class ContainerServer:
    def __init__(self, image: str) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._name = f"medication-tracker-test-{secrets.token_hex(4)}"
        script = (
            "set -e; export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH PGDATA=/tmp/data; "
            'if ! [ -d "$PGDATA" ]; then '
            f'printf %s "$TEST_PASSWORD" > /tmp/password; initdb {" ".join(INITDB)} --pwfile=/tmp/password; '
            "echo 'host all all all scram-sha-256' >> \"$PGDATA/pg_hba.conf\"; fi; "
            f"exec postgres -k /tmp -h '*' {' '.join(SETTINGS)}"
        )
        options = ["--init", "--stop-signal=SIGINT", "--user=postgres", "--entrypoint=sh", "--no-healthcheck"]
        publish = f"--publish=127.0.0.1:{self.port}:5432"
        environment = f"--env=TEST_PASSWORD={self.password}"
        _docker("create", f"--name={self._name}", *options, publish, environment, image, "-c", script)

    def start(self) -> None:
        _docker("start", self._name)
        wait_until_served(self)

    def stop(self) -> None:
        _docker("stop", "--time=10", self._name)

    def remove(self) -> None:
        _docker("rm", "--force", "--volumes", self._name)


def _server_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _docker(*arguments: str) -> None:
    _run(["docker", *arguments])


def _run(command: Sequence[str], user: str | None = None, folder: Path | None = None) -> None:
    # The output goes to a file: a server that stays behind would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            check=False,
        )
        output.seek(0)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:2])} failed with {done.returncode}: {output.read()}")
