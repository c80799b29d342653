"""The replicas after what the scenario did to them: as declared, confined, and without a secret in sight."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

STACK = "backend-scenario"
REPLICAS = (f"{STACK}-backend-1", f"{STACK}-backend-2")
SECRETS = f"/var/lib/stanchion/{STACK}/secrets"


def inspect(host: Host, name: str) -> dict:
    return json.loads(host.check_output("docker inspect %s", name))[0]


@pytest.fixture(params=REPLICAS)
def replica(request: pytest.FixtureRequest, host: Host) -> dict:
    """What Docker knows of each replica."""
    return inspect(host, request.param)


def test_there_are_the_declared_replicas_and_no_leftovers(host: Host) -> None:
    names = host.check_output(
        "docker ps --all --filter label=io.stanchion.role=backend --format '{{.Names}}'"
    ).split()
    assert sorted(names) == list(REPLICAS)


def test_each_replica_is_healthy_by_its_own_check(replica: dict) -> None:
    assert replica["State"]["Health"]["Status"] == "healthy"
    assert replica["Config"]["Healthcheck"]["Test"] == ["CMD", "/app/healthcheck", "/health"]
    assert replica["Config"]["Healthcheck"]["StartPeriod"] == 30 * 10**9
    assert replica["Config"]["Healthcheck"]["StartInterval"] == 10**9


def test_each_replica_is_confined(replica: dict) -> None:
    config, limits = replica["Config"], replica["HostConfig"]
    assert config["User"] == "10001:10001"
    assert limits["ReadonlyRootfs"] is True
    assert limits["CapDrop"] == ["ALL"]
    assert not limits["CapAdd"]
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert limits["Privileged"] is False
    assert limits["Init"] is True


def test_each_replica_has_limits(replica: dict) -> None:
    limits = replica["HostConfig"]
    assert limits["Memory"] == limits["MemorySwap"] == 512 << 20
    assert limits["NanoCpus"] == 10**9
    assert limits["PidsLimit"] == 64 + 1 * (4 * (3 + 2) + 8)
    assert limits["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    assert (replica["Config"]["StopSignal"], replica["Config"]["StopTimeout"]) == ("SIGTERM", 12)


def test_each_replica_is_in_both_networks_under_its_name(replica: dict) -> None:
    networks = replica["NetworkSettings"]["Networks"]
    assert sorted(networks) == [f"{STACK}_app_network", f"{STACK}_edge_network"]
    assert replica["Name"].removeprefix(f"/{STACK}-") in networks[f"{STACK}_app_network"]["Aliases"]


def test_the_replicas_are_published_on_loopback_only(host: Host) -> None:
    for number, name in enumerate(REPLICAS):
        bindings = inspect(host, name)["HostConfig"]["PortBindings"]
        assert bindings == {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(5000 + number)}]}


def test_the_environment_is_the_contract_as_declared_last(replica: dict) -> None:
    environment = dict(entry.split("=", 1) for entry in replica["Config"]["Env"])
    assert environment["DATABASE_URL"] == "postgresql://medication_tracker@db:5432/medication_tracker"
    assert environment["PGPASSFILE"] == "/run/secrets/pgpass"
    assert environment["DB_POOL_SIZE"] == "3"
    assert environment["DB_MAX_OVERFLOW"] == "2"
    assert environment["DB_POOL_TIMEOUT"] == "30"
    assert environment["DB_POOL_RECYCLE"] == "1800"
    assert environment["WEB_CONCURRENCY"] == "1"


def test_the_secret_files_are_the_containers_users_alone(host: Host) -> None:
    for name in ("pgpass", "api_token"):
        file = host.file(f"{SECRETS}/backend/{name}")
        assert (file.uid, file.gid, file.mode) == (10001, 10001, 0o400)
    key = host.file(f"{SECRETS}/fingerprint_key")
    assert (key.uid, key.mode, key.size) == (0, 0o600, 32)


def test_the_replicas_can_read_them_and_not_write_them(host: Host) -> None:
    for name in REPLICAS:
        assert host.check_output("docker exec %s cat /run/secrets/api_token", name)
        assert host.run("docker exec %s touch /run/secrets/other", name).rc != 0


def test_the_password_is_the_one_that_the_scenario_changed_it_to(host: Host) -> None:
    word = host.check_output("cat %s", f"{SECRETS}/app_password")
    assert word == "changed-by-the-scenario"
    assert host.file(f"{SECRETS}/backend/pgpass").content_string.rstrip().endswith(f":{word}")


def test_no_secret_is_in_what_docker_shows(host: Host) -> None:
    token = host.check_output("cat %s", f"{SECRETS}/backend/api_token")
    password = host.check_output("cat %s", f"{SECRETS}/app_password")
    for name in REPLICAS:
        shown = host.check_output("docker inspect %s", name) + host.run("docker logs %s", name).stdout
        assert token not in shown
        assert password not in shown


def test_the_label_tells_that_they_run_with_the_present_secrets(host: Host) -> None:
    labels = {inspect(host, name)["Config"]["Labels"]["io.stanchion.secrets"] for name in REPLICAS}
    assert len(labels) == 1
    assert len(labels.pop()) == 64


def test_a_row_written_through_one_replica_is_read_through_the_other(host: Host) -> None:
    body = json.dumps({"name": "Ibuprofen", "dosage": "400 mg"})
    url = "http://127.0.0.1:{}/medications"
    created = json.loads(
        host.check_output("curl -sf -H 'Content-Type: application/json' -d %s %s", body, url.format(5000))
    )
    read = json.loads(host.check_output("curl -sf %s/%s", url.format(5001), str(created["id"])))
    assert read["name"] == "Ibuprofen"


def test_the_database_knows_which_replica_asks(host: Host) -> None:
    for port in (5000, 5001):
        host.check_output("curl -sf http://127.0.0.1:%s/health", str(port))
    names = host.check_output(
        "docker exec %s psql -U postgres -XAtqc %s",
        f"{STACK}-db",
        "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'medication_tracker'",
    )
    for number in (1, 2):
        assert f"backend-{number}" in names
