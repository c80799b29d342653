"""Engines where there were none, and one that was left alone."""

from __future__ import annotations

import json

import pytest
from conftest import machine
from testinfra.host import Host


@pytest.fixture(params=["bare", "sysvinit"])
def installed(request: pytest.FixtureRequest) -> Host:
    """A machine on which the role has installed an engine."""
    return machine(request.param)


def test_the_engine_answers(installed: Host) -> None:
    version = json.loads(installed.check_output("docker version --format '{{json .}}'"))
    assert version["Server"]["Version"]
    assert version["Client"]["Version"]


def test_it_runs_containers(installed: Host) -> None:
    # A shell and its libraries make an image without any registry.
    files = "/bin/sh $(ldd /bin/sh | grep -o '/[^ ]*')"
    installed.check_output(f"tar --create --dereference {files} 2>/dev/null | docker import - test/sh")
    assert installed.check_output("docker run --rm test/sh /bin/sh -c 'echo it runs'") == "it runs"


def test_it_is_supervised(installed: Host) -> None:
    pid = installed.check_output("cat /run/docker.pid")
    parent = installed.check_output("ps -o ppid= -p %s", pid).strip()
    assert installed.check_output("ps -o comm= -p %s", parent) == "runsv"


def test_the_supervisor_belongs_to_no_session(installed: Host) -> None:
    pid = installed.check_output("pgrep -x runsv")
    assert installed.check_output("ps -o tty= -p %s", pid).strip() == "?"
    assert installed.check_output("ps -o ppid= -p %s", pid).strip() == "1"


def test_it_was_started_once(installed: Host) -> None:
    assert len(installed.check_output("pgrep -x dockerd").split()) == 1


def test_its_log_is_rotated(installed: Host) -> None:
    log = installed.file("/var/log/stanchion-dockerd/current")
    assert "API listen on /var/run/docker.sock" in log.content_string
    limits = installed.file("/var/log/stanchion-dockerd/config").content_string.splitlines()
    assert {"s10000000", "n5"} <= set(limits)


def test_it_is_started_at_boot(installed: Host) -> None:
    entry = installed.file("/etc/cron.d/stanchion-dockerd")
    assert "@reboot root " in entry.content_string
    assert (entry.user, entry.mode) == ("root", 0o644)


def test_the_libraries_of_the_modules_are_there(installed: Host) -> None:
    installed.check_output("/usr/bin/python3 -c 'import requests, psycopg2'")


def test_the_options_are_written(installed: Host) -> None:
    options = json.loads(installed.file("/etc/docker/daemon.json").content_string)
    assert options["max-concurrent-downloads"] == 4


def test_an_allowed_restart_took_the_option_over() -> None:
    assert machine("bare").check_output("docker info --format '{{.Debug}}'") == "true"


def test_a_running_engine_was_left_alone(host: Host) -> None:
    now = host.check_output("stat --format=%Y /proc/$(cat /run/docker.pid); cat /run/docker.pid")
    assert now == host.file("/run/engine-before").content_string.strip()
    assert not host.file("/etc/docker/daemon.json").exists
    # The test machine runs its engine below this folder, too; the role's has a log.
    assert not host.file("/etc/sv/stanchion-dockerd/log").exists
