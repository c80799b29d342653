"""The whole stack as its host sees it: it serves, keeps what it is given, and is closed to the rest."""

from __future__ import annotations

import json

import pytest
import testinfra
from stack import Run, Stack
from testinfra.host import Host

STACK = "medication-tracker"
CONTAINERS = (f"{STACK}-db", f"{STACK}-backend-1", f"{STACK}-backend-2")
REPLICAS = ("http://127.0.0.1:5000", "http://127.0.0.1:5001")


@pytest.fixture(scope="module")
def machine(first_stack: Stack, first_deploy: Run) -> Host:
    """The host of the deployed stack."""
    first_stack.bring_back()
    return testinfra.get_host(f"docker://{first_stack.host.container}")


def curl(machine: Host, *arguments: str) -> str:
    placeholders = " ".join(["%s"] * len(arguments))
    return machine.check_output(f"curl --silent --show-error --fail --max-time 10 {placeholders}", *arguments)


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_is_healthy(machine: Host, name: str) -> None:
    state = json.loads(machine.check_output("docker inspect --format '{{json .State}}' %s", name))
    assert (state["Status"], state["Health"]["Status"]) == ("running", "healthy")


def test_there_are_no_other_containers(machine: Host) -> None:
    names = machine.check_output("docker ps --all --format '{{.Names}}'").split()
    assert sorted(name for name in names if name.startswith(f"{STACK}-")) == sorted(CONTAINERS)


def test_what_one_replica_is_given_the_other_gives_back(machine: Host) -> None:
    body = json.dumps({"name": "Paracetamol", "dosage": "500 mg"})
    created = json.loads(curl(machine, "--json", body, f"{REPLICAS[0]}/medications"))
    read = json.loads(curl(machine, f"{REPLICAS[1]}/medications/{created['id']}"))
    assert (read["name"], read["dosage"]) == ("Paracetamol", "500 mg")


@pytest.mark.parametrize("replica", REPLICAS)
def test_each_replica_is_ready(machine: Host, replica: str) -> None:
    curl(machine, f"{replica}/health")


def test_the_database_is_published_nowhere(machine: Host) -> None:
    assert machine.check_output(f"docker port {STACK}-db") == ""
    assert not [address for address in machine.socket.get_listening_sockets() if address.endswith(":5432")]


def test_the_replicas_are_published_on_loopback_only(machine: Host) -> None:
    for number, port in ((1, 5000), (2, 5001)):
        published = machine.check_output(f"docker port {STACK}-backend-{number}")
        assert published == f"5000/tcp -> 127.0.0.1:{port}"


def test_root_on_the_host_is_the_operator(machine: Host) -> None:
    program = (
        "import psycopg2; "
        f"connection = psycopg2.connect(host='/var/lib/stanchion/{STACK}/postgres/socket', user='postgres'); "
        "cursor = connection.cursor(); cursor.execute('SELECT current_user'); print(cursor.fetchone()[0])"
    )
    assert machine.check_output("/usr/bin/python3 -c %s", program) == "postgres"


def test_no_secret_is_in_what_docker_shows(machine: Host) -> None:
    shown = machine.check_output("docker inspect " + " ".join(CONTAINERS))
    for name in ("postgres_password", "app_password"):
        secret = machine.file(f"/var/lib/stanchion/{STACK}/secrets/{name}").content_string.strip()
        assert len(secret) >= 20
        assert secret not in shown


def test_the_lock_was_given_back(machine: Host) -> None:
    lock = json.loads(machine.file("/var/lib/stanchion/lock.json").content_string)
    assert lock["holder"] is None
    assert lock["history"][-1]["end"] == "released"


def test_the_images_have_content_tags_and_a_record(machine: Host) -> None:
    for name in CONTAINERS:
        image = machine.check_output("docker inspect --format '{{.Config.Image}}' %s", name)
        repository, _, tag = image.partition(":")
        record = json.loads(
            machine.file(f"/var/lib/stanchion/images/{repository.replace('/', '_')}.json").content_string
        )
        assert (record["tag"], len(tag)) == (tag, 16)
