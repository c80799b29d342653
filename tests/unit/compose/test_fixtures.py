"""The fixtures: every flaw of each is found, with its line, and nothing else is."""

from pathlib import Path

import pytest
from asking import ask, found

from stanchion.checks import Phase, catalogue

FILES = Path(__file__).parent / "files"

# The compose file of the requirements, put together as one file; its Dockerfile is not part of them.
REQUIREMENTS = """
docker-compose.yml:2 container.capabilities db
docker-compose.yml:2 container.cpu_pids db
docker-compose.yml:2 container.cpu_pids db
docker-compose.yml:2 container.init db
docker-compose.yml:2 container.memory_limit db
docker-compose.yml:2 container.no_new_privileges db
docker-compose.yml:2 container.read_only db
docker-compose.yml:2 container.restart_policy db
docker-compose.yml:2 container.stop db
docker-compose.yml:2 log.rotation db
docker-compose.yml:2 setting.shm db
docker-compose.yml:3 image.pinned db
docker-compose.yml:4 container.recovery db
docker-compose.yml:5 container.health_check db
docker-compose.yml:11 environment.secrets db
docker-compose.yml:13 volume.mount db
docker-compose.yml:18 container.capabilities backend
docker-compose.yml:18 container.cpu_pids backend
docker-compose.yml:18 container.cpu_pids backend
docker-compose.yml:18 container.memory_limit backend
docker-compose.yml:18 container.no_new_privileges backend
docker-compose.yml:18 container.read_only backend
docker-compose.yml:18 container.restart_policy backend
docker-compose.yml:18 container.user backend
docker-compose.yml:18 log.rotation backend
docker-compose.yml:24 auth.superuser backend
docker-compose.yml:24 environment.secrets backend
docker-compose.yml:32 compose.health_tool backend
docker-compose.yml:38 compose.internal_network app_network
"""

MIDDLING = """
compose.yaml:10 container.capabilities postgres
compose.yaml:10 container.cpu_pids postgres
compose.yaml:10 container.cpu_pids postgres
compose.yaml:10 container.init postgres
compose.yaml:10 container.no_new_privileges postgres
compose.yaml:10 container.read_only postgres
compose.yaml:10 container.stop postgres
compose.yaml:10 container.swap postgres
compose.yaml:13 compose.checksums postgres
compose.yaml:15 auth.superuser api
compose.yaml:16 environment.secrets api
compose.yaml:16 environment.secrets postgres
compose.yaml:17 pool.arithmetic postgres
compose.yaml:19 container.health_check postgres
compose.yaml:21 container.recovery postgres
compose.yaml:29 container.capabilities api
compose.yaml:29 container.no_new_privileges api
compose.yaml:29 container.read_only api
compose.yaml:29 network.user_defined api
compose.yaml:31 compose.health_tool api
compose.yaml:41 compose.depends_on api
compose.yaml:44 compose.port_address api
"""

BAD = """
docker-compose.yml:1 compose.version
docker-compose.yml:4 container.capabilities db
docker-compose.yml:4 container.cpu_pids db
docker-compose.yml:4 container.cpu_pids db
docker-compose.yml:4 container.health_check db
docker-compose.yml:4 container.init db
docker-compose.yml:4 container.memory_limit db
docker-compose.yml:4 container.no_new_privileges db
docker-compose.yml:4 container.read_only db
docker-compose.yml:4 container.stop db
docker-compose.yml:4 log.rotation db
docker-compose.yml:4 pool.arithmetic db
docker-compose.yml:4 setting.shm db
docker-compose.yml:5 image.pinned db
docker-compose.yml:6 compose.checksums db
docker-compose.yml:8 compose.literal_secret db
docker-compose.yml:8 environment.secrets db
docker-compose.yml:9 auth.weak_methods db
docker-compose.yml:10 network.database_unpublished db
docker-compose.yml:12 volume.mount db
docker-compose.yml:16 container.restart_policy db
docker-compose.yml:18 container.capabilities web
docker-compose.yml:18 container.health_check web
docker-compose.yml:18 container.no_new_privileges web
docker-compose.yml:18 container.read_only web
docker-compose.yml:18 container.restart_policy web
docker-compose.yml:18 container.user web
docker-compose.yml:18 log.rotation web
docker-compose.yml:18 network.user_defined web
docker-compose.yml:22 auth.superuser web
docker-compose.yml:22 compose.literal_secret web
docker-compose.yml:22 environment.secrets web
docker-compose.yml:23 compose.literal_secret web
docker-compose.yml:23 environment.secrets web
docker-compose.yml:25 pool.arithmetic web
docker-compose.yml:25 pool.overflow_bounded web
docker-compose.yml:27 compose.depends_on web
docker-compose.yml:28 compose.replicas web
docker-compose.yml:29 compose.port_address web
docker-compose.yml:30 container.privileged web
docker-compose.yml:35 container.cpu_pids web
docker-compose.yml:35 container.cpu_pids web
docker-compose.yml:38 compose.depends_on worker
docker-compose.yml:38 container.capabilities worker
docker-compose.yml:38 container.cpu_pids worker
docker-compose.yml:38 container.cpu_pids worker
docker-compose.yml:38 container.health_check worker
docker-compose.yml:38 container.memory_limit worker
docker-compose.yml:38 container.no_new_privileges worker
docker-compose.yml:38 container.read_only worker
docker-compose.yml:38 container.restart_policy worker
docker-compose.yml:38 log.rotation worker
docker-compose.yml:38 network.user_defined worker
docker-compose.yml:39 image.pinned worker
docker-compose.yml:40 container.user worker
docker-compose.yml:41 container.privileged worker
docker-compose.yml:44 auth.superuser worker
docker-compose.yml:45 compose.literal_secret worker
docker-compose.yml:45 environment.secrets worker
docker-compose.yml:49 container.capabilities cache
docker-compose.yml:49 container.cpu_pids cache
docker-compose.yml:49 container.cpu_pids cache
docker-compose.yml:49 container.memory_limit cache
docker-compose.yml:49 container.read_only cache
docker-compose.yml:49 log.rotation cache
docker-compose.yml:50 image.pinned cache
docker-compose.yml:51 container.privileged cache
docker-compose.yml:54 container.no_new_privileges cache
docker-compose.yml:54 container.no_new_privileges cache
docker-compose.yml:56 container.capabilities cache
Dockerfile:2 dockerfile.base_pinned Dockerfile
Dockerfile:2 dockerfile.health_check Dockerfile
Dockerfile:4 dockerfile.secrets Dockerfile
Dockerfile:5 dockerfile.secrets Dockerfile
Dockerfile:7 dockerfile.secrets Dockerfile
Dockerfile:8 dockerfile.secrets Dockerfile
Dockerfile:10 dockerfile.user Dockerfile
Dockerfile:11 dockerfile.exec_form Dockerfile
"""


def expected(text):
    return sorted(text.split("\n")[1:-1])


@pytest.mark.parametrize(
    "name,text",
    [
        ("requirements/docker-compose.yml", REQUIREMENTS),
        ("good/compose.yml", "\n"),
        ("middling/compose.yaml", MIDDLING),
        ("bad/docker-compose.yml", BAD),
    ],
)
def test_every_flaw_is_found_and_nothing_else(monkeypatch, name, text):
    monkeypatch.setenv("POSTGRES_PASSWORD", "given")
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    assert found(ask(FILES / name)) == expected(text)


def test_a_good_file_is_safe_and_each_check_has_looked_or_said_why_not():
    result = ask(FILES / "good/compose.yml", fail_on="warn")
    assert result.status == "safe"
    assert result.exit_code == 0
    assert result.warnings == []
    assert result.validations[0].counts["error"] == 0


def test_the_requirements_with_a_dockerfile_that_was_given():
    """Now it is known that the image lacks curl, and that it does not run as root."""
    given = FILES / "requirements/given/backend/Dockerfile"
    result = ask(FILES / "requirements/docker-compose.yml", given)
    without = [line for line in expected(REQUIREMENTS) if "container.user" not in line]
    assert found(result) == without
    (finding,) = [f for f in result.validations[0].findings if f.slug == "compose.health_tool"]
    assert finding.outcome == "fail"
    assert "calls curl, which python:3.12-slim lacks" in finding.summary


def test_every_check_of_a_file_alone_is_seen_to_fire():
    """Those of running stacks are broken in tests/e2e/test_checks_fire.py."""
    seen = {line.split()[1] for line in (REQUIREMENTS + MIDDLING + BAD).split("\n") if line}
    alone = {slug for slug, check in catalogue().items() if check.phases == (Phase.FILE,)}
    assert alone <= seen
