"""What a stranger tries, from the engine's answers; the container that tries is gone in any case."""

import socket
import time

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_outside
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

APP, EDGE = "demo_app", "demo_edge"


def attached(**networks):
    return {name: {"ip": ip, "ipv6": None, "aliases": [], "id": "n"} for name, ip in networks.items()}


@pytest.fixture
def containers():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        yield [
            {
                "name": "demo-db",
                "role": "postgres",
                "running": True,
                "image_id": "sha256:1",
                "networks": attached(demo_app="172.30.240.2"),
                "ports": [],
            },
            {
                "name": "demo-backend-1",
                "role": "backend",
                "running": True,
                "image_id": "sha256:2",
                "networks": attached(demo_app="172.30.240.3", demo_edge="172.30.241.3"),
                "ports": [{"container_port": 5000, "protocol": "tcp", "address": "127.0.0.1", "port": port}],
            },
        ]


def line(text):
    raw = f"{text}\n".encode()
    return b"\1\0\0\0" + len(raw).to_bytes(4, "big") + raw


@pytest.fixture
def answers():
    return {
        f"/networks/{APP}": {"IPAM": {"Config": [{"Subnet": "172.30.240.0/24"}]}},
        f"/networks/{EDGE}": {"IPAM": {"Config": [{"Subnet": "172.30.241.0/24", "Gateway": "172.30.241.1"}]}},
        "/containers/json": [],
        "/containers/create": {"Id": "p1"},
        "/containers/p1/start": {},
        "/containers/p1/wait": {"StatusCode": 0},
        "/containers/p1/logs": line("172.30.241.3 5000"),
        "/containers/p1": {},
    }


def ask(fake, containers):
    return _facts_outside.outside_facts(Engine(fake.host, 5), "demo", containers, APP, EDGE, 5432)


def test_what_must_not_work_and_what_must(fake_engine, answers, containers):
    fake = fake_engine(answers)
    seen = ask(fake, containers)
    tried = {(t["what"], t["address"], t["port"]): t["reached"] for t in seen["targets"]}
    assert tried == {
        ("database", "172.30.240.2", 5432): False,
        ("host", "172.30.241.1", 5432): False,
        ("host", "172.30.240.1", 5432): False,  # the engine chose the first address and does not say so
        ("backend", "172.30.241.3", 5000): True,
    }
    assert [(p["container"], p["reached"]) for p in seen["published"]] == [("demo-backend-1", True)]
    assert fake.asked[-1].startswith("/containers/p1?")


def test_a_published_database_is_tried_where_it_is_published(fake_engine, answers, containers):
    containers[0]["ports"] = [{"container_port": 5432, "protocol": "tcp", "address": "0.0.0.0", "port": 6432}]
    seen = ask(fake_engine(answers), containers)
    assert ("database-port", "172.30.241.1", 6432) in {
        (t["what"], t["address"], t["port"]) for t in seen["targets"]
    }


@pytest.mark.parametrize(
    "change", [{"/containers/p1/wait": {"StatusCode": 127}}, {"/containers/p1/start": 500}]
)
def test_a_probe_that_could_not_try_says_nothing_of_isolation(change, fake_engine, answers, containers):
    fake = fake_engine({**answers, **change})
    with pytest.raises((UnreadableError, OSError)):
        ask(fake, containers)
    assert fake.asked[-1].startswith("/containers/p1?"), "it is removed all the same"


def test_a_database_is_tried_by_its_ipv6_address_too(fake_engine, answers, containers):
    containers[0]["networks"]["demo_app"]["ipv6"] = "fd00::2"
    seen = ask(fake_engine(answers), containers)
    assert [t["address"] for t in seen["targets"] if t["what"] == "database"] == ["172.30.240.2", "fd00::2"]


def test_a_probe_that_a_killed_look_left_behind_is_removed_and_a_young_one_is_not(
    fake_engine, answers, containers
):
    old, young = ({"Id": name, "Created": time.time() - age} for name, age in (("old", 61), ("young", 5)))
    fake = fake_engine({**answers, "/containers/json": [old, young], "/containers/old": {}})
    ask(fake, containers)
    removed = {path.split("?")[0] for path in fake.asked if path.endswith("?force=1") or "force" in path}
    assert removed == {"/containers/old", "/containers/p1"}


def test_without_a_database_there_is_nothing_to_be_out_of_reach(fake_engine, answers, containers):
    with pytest.raises(UnreadableError, match="no running database"):
        ask(fake_engine(answers), containers[1:])
