"""The compose file that `compose render` writes: compose takes it, and makes of it what the roles make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from stack import MONITORING, ROOT, Host, Stack

FOLDER = "/root/compose"
# What a container is made of, by the names of `docker inspect`.
HELD = (
    *("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "ShmSize", "ReadonlyRootfs", "CapDrop", "CapAdd"),
    *("SecurityOpt", "RestartPolicy", "Init", "Tmpfs", "LogConfig", "PortBindings", "Privileged"),
)
MADE_OF = ("User", "StopSignal", "StopTimeout", "Cmd", "Image")


@pytest.fixture(scope="module")
def file(first_stack: Stack, first_deploy: object) -> str:
    """The file, as it is rendered for the stack that runs."""
    first_stack.bring_back()
    run = first_stack.runner("compose render")
    assert run.code == 0, run.text
    return run.out


@pytest.fixture(scope="module")
def images(first_stack: Stack, file: str) -> dict[str, str]:
    """The variables that the file's first lines tell how to find."""
    names = {"POSTGRES_IMAGE": "db", "BACKEND_IMAGE": "backend-1"}
    return {
        variable: first_stack.host.inspect(f"{first_stack.name}-{name}")["Config"]["Image"]
        for variable, name in names.items()
    }


@pytest.fixture(scope="module")
def composed(first_stack: Stack, file: str, images: dict[str, str]) -> Host:
    """The host, with the file and compose on it."""
    host = first_stack.host
    host.run("mkdir", "-p", FOLDER)
    host.run("sh", "-c", f"cat > {FOLDER}/docker-compose.yml", stdin=file)
    variables = "".join(f"{name}={value}\n" for name, value in images.items())
    host.run("sh", "-c", f"cat > {FOLDER}/.env", stdin=variables)
    return host


def made_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return what has to be the same, of whichever made it."""
    mounts = [
        (mount["Type"], mount.get("Name") or mount["Source"], mount["Destination"], mount["RW"])
        for mount in found["Mounts"]
    ]
    held = {name: found["HostConfig"][name] for name in HELD}
    return {
        **{name: held[name] or None for name in HELD},
        **{name: found["Config"].get(name) for name in MADE_OF},
        # A file cannot know whether the engine is one that looks more often at the start.
        "Healthcheck": {**found["Config"]["Healthcheck"], "StartInterval": None},
        "Env": sorted(found["Config"]["Env"]),
        "Mounts": sorted(mounts),
        "Networks": sorted(found["NetworkSettings"]["Networks"]),
    }


def test_compose_takes_it(composed: Host) -> None:
    """`docker compose config -q` has nothing to say."""
    assert composed.compose(FOLDER, "config", "-q") == ""


def test_the_checks_find_nothing_in_it(
    file: str, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What we write passes what we ask of others."""
    path = tmp_path_factory.mktemp("compose") / "docker-compose.yml"
    path.write_text(file)
    done = subprocess.run(
        [sys.executable, "runner.py", "compose", "check", str(path), "--fail-on", "warn", "--format", "json"],
        cwd=ROOT,
        env={**os.environ, **images},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["warnings"] == []


def test_it_makes_the_containers_that_the_roles_make(first_stack: Stack, composed: Host) -> None:
    """The roles' containers go, those of compose come: the same, on the same data, and healthy."""
    own = {f"{first_stack.name}-{part}" for part in MONITORING}
    # A file of compose has the database and the backend.
    names = sorted(set(composed.containers(first_stack.name)) - own)
    before = {name: made_of(composed.inspect(name)) for name in names}
    first_stack.sql("CREATE TABLE IF NOT EXISTS kept_by_compose (n int)")
    run = first_stack.runner("destroy", "--yes")
    assert run.code == 0, run.text
    composed.compose(FOLDER, "up", "--wait", "--wait-timeout", "120")
    try:
        assert {name: made_of(composed.inspect(name)) for name in names} == before
        assert first_stack.sql("SELECT to_regclass('kept_by_compose') IS NOT NULL") == "t"
        first_stack.sql("DROP TABLE kept_by_compose")
    finally:
        composed.compose(FOLDER, "down")
