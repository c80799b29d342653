"""Containers that are not as they should be, beside the stack's own or in place of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack, until

# Connects without a name, forks with the connection open, and tells of a full pool that is held badly.
WRONG = """
import http.server, os, time, psycopg2
held = psycopg2.connect(os.environ["DATABASE_URL"])
if os.fork() == 0:
    time.sleep(600)
TOLD = b'''db_pool_limit 5
db_pool_in_use 5
db_pool_waiting 3
db_pool_threads 400
db_pool_timeout_seconds 30
db_pool_worker_timeout_seconds 20
'''
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TOLD)
http.server.HTTPServer(("", 5000), Handler).serve_forever()
"""
STRANGER = """
import os, time, psycopg2
held = psycopg2.connect(os.environ["DATABASE_URL"], application_name="stranger")
time.sleep(600)
"""
TRY = """
import sys, time, urllib.request
for _ in range(100):
    try:
        sys.exit(0 if urllib.request.urlopen(sys.argv[1], timeout=1).status == 200 else 1)
    except OSError:
        time.sleep(0.1)
sys.exit("the wrong backend does not serve")
"""


def wrong_environment() -> dict[str, str]:
    """Return its variables: too much of some, none of DB_POOL_TIMEOUT, a secret, and one in both forms."""
    return {
        "WEB_CONCURRENCY": "64",
        "DB_POOL_SIZE": "5",
        "DB_MAX_OVERFLOW": "-1",
        "PORT": "5000",
        "API_TOKEN": "canary",
        "API_TOKEN_FILE": "/run/secrets/api_token",
    }


@contextlib.contextmanager
def renamed(stack: Stack, name: str) -> Iterator[None]:
    """Put a container of the stack aside, running, and back in place of the one that took its name."""
    own, aside = f"{stack.name}-{name}", f"{stack.name}-aside-{name}"
    stack.host.run("docker", "rename", own, aside)
    try:
        yield
    finally:
        stack.host.run("docker", "rm", "-fv", own, check=False)
        stack.host.run("docker", "rename", aside, own)


@contextlib.contextmanager
def wrong_backend(stack: Stack) -> Iterator[None]:
    """Run a backend that does everything wrong under the name of replica 1."""
    with renamed(stack, "backend-1"):
        labels = ["io.stanchion.role=backend", "io.stanchion.schema_version=9999"]
        _run(stack, "backend-1", ["python3", "-c", WRONG], labels, wrong_environment())
        _wait_until_it_serves(stack, "backend-1")
        yield


@contextlib.contextmanager
def untried(stack: Stack) -> Iterator[None]:
    """Run the application itself once more, with connections that it uses untried."""
    _run(
        stack, "backend-untried", [], ["io.stanchion.role=backend"], {"DB_POOL_PRE_PING": "0", "PORT": "5000"}
    )
    try:
        _wait_until_it_serves(stack, "backend-untried")
        yield
    finally:
        stack.host.run("docker", "rm", "-fv", f"{stack.name}-backend-untried", check=False)


@contextlib.contextmanager
def stranger(stack: Stack) -> Iterator[None]:
    """Run a container that is none of the stack's and holds a connection of its application."""
    _run(stack, "stranger", ["python3", "-c", STRANGER], [], {})
    try:
        counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stranger'"
        until(lambda: stack.sql(counted) == "1", "the stranger has no connection", every=0.2)
        yield
    finally:
        stack.host.run("docker", "rm", "-fv", f"{stack.name}-stranger", check=False)


@contextlib.contextmanager
def wrong_database(stack: Stack) -> Iterator[None]:
    """Put a container with the variables of an initialisation in place of the database's; that runs on."""
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    with renamed(stack, "db"):
        labels = [f"--label=io.stanchion.stack={stack.name}", "--label=io.stanchion.role=postgres"]
        volume = f"--volume={stack.name}-pgdata:/var/lib/postgresql/data"
        options = [f"--name={stack.name}-db", *labels, volume, "--env=POSTGRES_DB=other"]
        stack.host.run("docker", "create", *options, image)
        yield


def _wait_until_it_serves(stack: Stack, name: str) -> None:
    seen = stack.host.inspect(f"{stack.name}-{name}")
    address = seen["NetworkSettings"]["Networks"][f"{stack.name}_app_network"]["IPAddress"]
    stack.host.run("python3", "-c", TRY, f"http://{address}:5000/metrics")


def _run(stack: Stack, name: str, command: list[str], labels: list[str], environment: dict[str, str]) -> None:
    """Run something in the backend's image, with the application's password; nothing: the application."""
    image = stack.host.inspect(f"{stack.name}-backend-2")["Config"]["Image"]
    state = f"/var/lib/stanchion/{stack.name}"
    variables = {
        "DATABASE_URL": "postgresql://medication_tracker@db:5432/medication_tracker",
        "PGPASSFILE": "/run/secrets/pgpass",
        **environment,
    }
    of_stack = [f"io.stanchion.stack={stack.name}"] if labels else []
    options = [
        f"--name={stack.name}-{name}",
        "--init",
        f"--network={stack.name}_app_network",
        f"--volume={state}/secrets/backend:/run/secrets:ro",
        *(f"--label={label}" for label in (*of_stack, *labels)),
        *(f"--env={key}={value}" for key, value in variables.items()),
    ]
    stack.host.run("docker", "run", "-d", *options, image, *command)
