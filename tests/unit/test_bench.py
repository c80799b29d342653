"""What deploys are timed beside is made of the roles' figures; scripts for hosts find what they import."""

import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from stanchion.contract import database

ROOT = Path(__file__).resolve().parents[2]


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = load("bench/compose.yml")["services"]
    return found


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    return {
        name: value
        for role in ("stack", "postgres", "backend")
        for name, value in load(f"roles/{role}/defaults/main.yml").items()
    }


def rendered(value: Any, variables: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [rendered(item, variables) for item in value]
    return jinja2.Template(value).render(variables) if isinstance(value, str) else value


def server(defaults: dict[str, Any]) -> dict[str, Any]:
    """Return the options with which role postgres starts the server, where the engine is an older one."""
    role = load("roles/postgres/vars/main.yml")
    health = {name: rendered(value, defaults) for name, value in role["__postgres_health"].items()}
    return {**role["__postgres_server"], "healthcheck": health}


def test_the_migration_is_the_roles(services, defaults):
    assert services["migrate"]["command"] == defaults["backend_migration_command"]


@pytest.mark.parametrize("replica", ["backend-1", "backend-2"])
def test_the_backends_health_check_is_the_roles(services, defaults, replica):
    assert services[replica]["healthcheck"] == {
        "test": ["CMD", *rendered(defaults["backend_health_command"], defaults)],
        "interval": defaults["backend_health_interval"],
        "timeout": defaults["backend_health_timeout"],
        "retries": defaults["backend_health_retries"],
        "start_period": defaults["backend_health_start_period"],
    }


@pytest.mark.parametrize("name", ["migrate", "backend-1", "backend-2"])
def test_the_backends_limits_are_the_roles(services, defaults, name):
    service = services[name]
    limits = {
        "user": defaults["backend_user"],
        "mem_limit": defaults["backend_memory"],
        "memswap_limit": defaults["backend_memory"],
        "cpus": defaults["backend_cpus"],
        "pids_limit": int(rendered(defaults["backend_pids_limit"], defaults)),
        "tmpfs": defaults["backend_tmpfs"],
        "stop_signal": defaults["backend_stop_signal"],
        "stop_grace_period": f"{defaults['backend_stop_timeout']}s",
    }
    assert {option: service[option] for option in limits} == limits
    assert service["logging"]["options"] == {
        "max-size": defaults["backend_log_max_size"],
        "max-file": str(defaults["backend_log_max_file"]),
    }


def test_the_server_is_started_and_probed_as_the_role_does(services, defaults):
    role = server(defaults)
    assert services["db"]["command"] == role["command"]
    assert services["db"]["healthcheck"] == role["healthcheck"]
    for option in ("user", "init", "read_only", "cap_drop", "stop_signal"):
        assert services["db"][option] == role[option], option


def test_the_servers_limits_are_the_roles(services, defaults):
    pool = {
        "replicas": defaults["stack_backend_replicas"],
        "workers": defaults["stack_backend_workers"],
        "pool_size": defaults["stack_db_pool_size"],
        "max_overflow": defaults["stack_db_max_overflow"],
        "other": defaults["postgres_other_connections"],
    }
    declared = {
        "stack_name": "x",
        "memory": defaults["postgres_memory"],
        "cpus": defaults["postgres_cpus"],
        "pool": pool,
    }
    needed = database.limits({**declared, "settings": defaults["postgres_settings"]})
    limits = {
        "mem_limit": defaults["postgres_memory"],
        "memswap_limit": defaults["postgres_memory"],
        "shm_size": needed["shm_bytes"],
        "pids_limit": needed["pids"],
        "stop_grace_period": f"{needed['stop_seconds']}s",
    }
    assert {option: services["db"][option] for option in limits} == limits
    assert services["db"]["logging"]["options"] == {
        "max-size": defaults["postgres_log_max_size"],
        "max-file": str(defaults["postgres_log_max_file"]),
    }


@pytest.mark.parametrize("folder", ["bench", "tests/e2e"])
def test_scripts_for_hosts_find_the_modules_of_the_command(monkeypatch, folder):
    """They are texts in a program: nothing else looks at them before they run beside a deployed stack."""
    monkeypatch.syspath_prepend(ROOT / "roles/backup/files/command")
    texts = [path.read_text() for path in (ROOT / folder).iterdir() if path.is_file()]
    lines = re.findall(r"^ *(from stanchion_backup.*)$", "\n".join(texts), re.MULTILINE)
    assert lines
    for line in lines:
        exec(line, {})
