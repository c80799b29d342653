"""The monitoring as it runs in the end: confined, on loopback, reading every target, with the alerts that
are declared."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from testinfra.host import Host

STACK = "monitoring-scenario"
FOLDER = f"/var/lib/stanchion/{STACK}/monitoring"
SECRETS = f"/var/lib/stanchion/{STACK}/secrets"
PARTS = ("prometheus", "alertmanager", "node-exporter", "postgres-exporter", "blackbox-exporter")
ALERTS = Path(__file__).parents[2] / "roles/monitoring/files/alerts"
# Without backups, and without TLS.
LEFT_OUT = {
    "ArchiveBehind",
    "BackupFailed",
    "BackupFiguresOld",
    "BackupMissed",
    "BackupTooOld",
    "CertificateExpires",
    "DrillFailed",
    "JobMissed",
    "ProofTooOld",
    "RecoveryPointOverTarget",
    "RecoveryTimeOverTarget",
    "RepositoryDown",
    "RestoreUnfinished",
    "VerifyFailed",
}


def asked(host: Host, path: str, port: int = 9090) -> dict:
    return json.loads(host.check_output(f"curl -gfsS 'http://127.0.0.1:{port}/api/{path}'"))


def query(host: Host, expr: str) -> list[dict]:
    return asked(host, f"v1/query?query={expr}")["data"]["result"]


@pytest.fixture(params=PARTS)
def container(request: pytest.FixtureRequest, host: Host) -> dict:
    return json.loads(host.check_output(f"docker inspect {STACK}-{request.param}"))[0]


def test_each_is_healthy_and_confined(container: dict) -> None:
    config = container["HostConfig"]
    assert container["State"]["Health"]["Status"] == "healthy"
    assert container["Config"]["User"] == "990:990"
    assert config["ReadonlyRootfs"]
    assert config["CapDrop"] == ["ALL"]
    assert config["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < config["Memory"] == config["MemorySwap"]
    assert 0 < config["NanoCpus"] <= 500_000_000
    assert config["PidsLimit"] == 128
    assert config["RestartPolicy"]["Name"] == "unless-stopped"
    assert not any("docker.sock" in mount["Source"] for mount in container["Mounts"])
    assert all(not mount["RW"] or mount["Type"] == "volume" for mount in container["Mounts"])


def test_the_pages_are_on_loopback_alone(host: Host) -> None:
    published = host.check_output(
        f"docker ps --filter label=io.stanchion.stack={STACK} --filter label=io.stanchion.role=monitoring "
        "--format '{{.Names}} {{.Ports}}'"
    )
    ports = {line.split()[0]: line.split()[1:] for line in published.splitlines()}
    assert ports[f"{STACK}-prometheus"] == ["127.0.0.1:9090->9090/tcp"]
    assert ports[f"{STACK}-alertmanager"] == ["127.0.0.1:9093->9093/tcp"]
    assert [name for name, where in ports.items() if where] == sorted(
        (f"{STACK}-prometheus", f"{STACK}-alertmanager"), key=list(ports).index
    )


def test_only_the_exporter_is_on_the_databases_network(host: Host) -> None:
    network = json.loads(host.check_output(f"docker network inspect {STACK}_app_network"))[0]
    names = {member["Name"].removeprefix(f"{STACK}-") for member in network["Containers"].values()}
    assert names == {"db", "backend-1", "backend-2", "postgres-exporter"}


def test_every_target_is_read(host: Host) -> None:
    deadline = time.monotonic() + 60
    while True:
        targets = asked(host, "v1/targets")["data"]["activeTargets"]
        up = {(each["labels"]["job"], each["labels"].get("replica", "")): each["health"] for each in targets}
        if set(up.values()) == {"up"} or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert up == dict.fromkeys(
        [
            *((job, "") for job in ("prometheus", "alertmanager", "node", "postgres", "blackbox")),
            ("backend", "backend-1"),
            ("backend", "backend-2"),
        ],
        "up",
    )


def test_the_alerts_are_those_of_the_role(host: Host) -> None:
    groups = asked(host, "v1/rules")["data"]["groups"]
    found = {group["name"]: group["rules"][0] for group in groups}
    assert set(found) == {path.stem for path in ALERTS.glob("*.yml")} - LEFT_OUT
    assert {rule["health"] for rule in found.values()} == {"ok"}


def test_every_metric_that_an_alert_reads_is_there(host: Host) -> None:
    deadline = time.monotonic() + 90
    while (missing := query(host, "ALERTS{alertname=%22MetricMissing%22}")) and time.monotonic() < deadline:
        time.sleep(2)
    assert missing == []


def test_the_exporter_reads_statistics_and_no_table(host: Host) -> None:
    sql = (
        "SELECT r.rolsuper, r.rolconnlimit, array(SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON "
        "g.oid = m.roleid WHERE m.member = r.oid) FROM pg_roles r WHERE rolname = 'stanchion_monitor'"
    )
    found = host.check_output(f'docker exec {STACK}-db psql -XAtc "{sql}"')
    assert found == "f|3|{pg_monitor}"
    denied = host.run(
        f"docker exec {STACK}-db psql -XAt -d medication_tracker -c 'SET ROLE stanchion_monitor' "
        "-c 'SELECT count(*) FROM medications'"
    )
    assert "permission denied" in denied.stderr
    assert query(host, "pg_up")[0]["value"][1] == "1"


def test_container_figures_are_there_and_young(host: Host) -> None:
    names = {each["metric"]["container"] for each in query(host, "stanchion_container_memory_bytes%3E0")}
    assert names == {f"{STACK}-{part}" for part in (*PARTS, "db", "backend-1", "backend-2")}
    age = float(query(host, "time()-stanchion_figures_timestamp_seconds")[0]["value"][1])
    assert 0 <= age < 90


def test_the_programs_find_no_fault_with_their_configuration(host: Host) -> None:
    checked = host.check_output(
        f"docker exec {STACK}-prometheus promtool check config /etc/prometheus/prometheus.yml"
    )
    assert "SUCCESS" in checked
    checked = host.check_output(
        f"docker exec {STACK}-alertmanager amtool check-config /etc/alertmanager/alertmanager.yml"
    )
    assert "SUCCESS" in checked
    assert host.run(
        f"docker exec {STACK}-blackbox-exporter prometheus-blackbox-exporter --config.check "
        "--config.file=/etc/exporter/blackbox.yml"
    ).succeeded


def test_no_secret_can_be_seen(host: Host) -> None:
    password = host.check_output(f"cat {SECRETS}/monitoring_password")
    shown = host.check_output(f"docker inspect $(docker ps -q --filter label=io.stanchion.stack={STACK})")
    shown += host.check_output(f"grep -rh '' {FOLDER} --include=*.yml")
    shown += json.dumps(asked(host, "v2/status", 9093)) + json.dumps(asked(host, "v1/status/config"))
    for secret in (password, "not-to-be-seen"):
        assert secret not in shown
    for name in ("database_password", "people_url", "heartbeat_url"):
        file = host.file(f"{SECRETS}/monitoring/{name}")
        assert (file.uid, file.mode) == (990, 0o400)


def test_messages_are_complete(host: Host) -> None:
    lines = [json.loads(line) for line in host.check_output("cat /var/tmp/received.jsonl").splitlines()]
    alerts = [alert for line in lines if line["path"].startswith("/alerts/") for alert in line["alerts"]]
    down = [alert for alert in alerts if alert["labels"]["alertname"] == "ContainerDown"]
    assert {alert["status"] for alert in down} == {"firing", "resolved"}
    for alert in alerts:
        assert set(alert["annotations"]) == {"summary", "description", "action", "runbook"}
        assert "<error" not in json.dumps(alert)
        assert alert["labels"]["stack"] == STACK
    beats = [line for line in lines if line["path"].startswith("/heartbeat/")]
    assert len(beats) > 3
    assert {alert["labels"]["alertname"] for beat in beats for alert in beat["alerts"]} == {"DeadMansSwitch"}
