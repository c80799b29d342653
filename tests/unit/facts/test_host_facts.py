"""What the kernel's tables say."""

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_host
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine
from ansible_collections.stanchion.stack.plugins.module_utils._facts_docker import ANYWHERE

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
lo\t00F01EAC\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ZERO = "0" * 32
ROUTES_6 = f"""\
fd000000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000002 00000000 00000001     eth0
{ZERO} 00 {ZERO} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
{ZERO[:-1]}1 80 {ZERO} 00 {ZERO} 00000000 00000002 00000000 80200001       lo
fd000000000000000000000000000002 80 {ZERO} 00 {ZERO} 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 {ZERO} 00 {ZERO} 00000100 00000003 00000000 00000001     eth0
"""
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 635 1
   1: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 636 1
   2: 020200C0:9222 507100CB:0050 06 00000000:00000000 03:00000773 00000000     0        0 0 3
"""
TCP_6 = f"""\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: {ZERO}:1388 {ZERO}:0000 0A 00000000:00000000
   1: 00000000000000000000000001000000:0016 {ZERO}:0000 0A 00000000:00000000
   2: 0000000000000000FFFF00000100007F:0017 {ZERO}:0000 0A 00000000:00000000
"""


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES_6)
    (tmp_path / "tcp").write_text(TCP)
    (tmp_path / "tcp6").write_text(TCP_6)
    return tmp_path


def test_routes(proc):
    entries = _facts_host.route_facts(proc)["entries"]
    assert [(entry["destination"], entry["interface"]) for entry in entries] == [
        ("0.0.0.0/0", "eth0"),
        ("172.17.0.0/16", "docker0"),
        ("10.0.0.0/8", "tun0"),
        ("fd00::/64", "eth0"),
        ("::/0", "eth0"),
    ]
    assert entries[0]["gateway"] == "192.0.2.1"
    assert entries[1]["gateway"] is None


def test_routes_without_ipv6(proc):
    (proc / "ipv6_route").unlink()
    assert len(_facts_host.route_facts(proc)["entries"]) == 3


def test_ports_with_whoever_publishes_them(proc, fake_engine):
    containers = [
        {
            "Id": "1",
            "Names": ["/backend-1"],
            "Labels": {"io.stanchion.stack": "s", "io.stanchion.role": "backend"},
            "Ports": [
                {"IP": "127.0.0.1", "PrivatePort": 5000, "PublicPort": 5432, "Type": "tcp"},
                {"PrivatePort": 9000, "Type": "tcp"},
                {"IP": "127.0.0.1", "PrivatePort": 5000, "PublicPort": 5353, "Type": "udp"},
            ],
        },
        {
            "Id": "2",
            "Names": ["/no-proxy"],
            "Labels": None,
            "Ports": [{"IP": "192.0.2.7", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
        },
    ]
    engine = Engine(fake_engine({"/containers/json": containers}).host, 5)
    facts = _facts_host.port_facts(engine, proc)
    assert facts["containers_error"] is None
    assert {(e["address"], e["port"]): (e["container"], e["stack"], e["role"]) for e in facts["entries"]} == {
        (ANYWHERE, 5000): (None, None, None),
        ("127.0.0.1", 5432): ("backend-1", "s", "backend"),
        ("127.0.0.1", 23): (None, None, None),
        ("::", 5000): (None, None, None),
        ("::1", 22): (None, None, None),
        ("192.0.2.7", 8080): ("no-proxy", None, None),
    }


def test_ports_are_told_without_an_engine_and_say_so(proc, tmp_path):
    facts = _facts_host.port_facts(Engine(f"unix://{tmp_path}/none", 5), proc)
    assert len(facts["entries"]) == 5
    assert "no answer" in facts["containers_error"]


def test_a_port_that_this_process_opens_is_seen(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        facts = _facts_host.port_facts(Engine(f"unix://{tmp_path}/none", 5))
        assert ("127.0.0.1", number) in [(entry["address"], entry["port"]) for entry in facts["entries"]]


def test_disk_of_a_folder_that_does_not_exist_yet(tmp_path):
    facts = _facts_host.disk_facts({"docker_root": str(tmp_path / "a" / "b"), "state_dir": str(tmp_path)})
    assert facts["docker_root"]["path"] == str(tmp_path / "a" / "b")
    assert facts["docker_root"]["measured_at"] == str(tmp_path)
    assert 0 < facts["docker_root"]["free"] <= facts["docker_root"]["total"]
    assert facts["docker_root"]["device"] == facts["state_dir"]["device"]
    assert facts["state_dir"]["read_only"] is False


def test_memory(tmp_path):
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:  2048 kB\nMemAvailable:  1024 kB\nHugePages_Total:  3\nSwapTotal: 0 kB\n")
    assert _facts_host.memory_facts(table) == {
        "total": 2048 * 1024,
        "available": 1024 * 1024,
        "swap_total": 0,
        "swap_free": None,
    }


def test_host_tells_who_it_is():
    facts = _facts_host.host_facts()
    assert facts["hostname"] == socket.gethostname()
    assert facts["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert facts["root"] == (os.geteuid() == 0)


def test_host_tells_what_the_modules_would_miss(monkeypatch):
    monkeypatch.setattr(_facts_host, "COMMANDS", ("sh", "no-such-command"))
    monkeypatch.setattr(_facts_host, "LIBRARIES", ("json", "no_such_library"))
    assert _facts_host.host_facts()["lacks"] == ["no-such-command", "no_such_library"]


def test_os_release_with_quotes_and_comments():
    text = (
        '# a comment\nID=ubuntu\nID_LIKE="debian other"\nPRETTY_NAME="Ubuntu \\"24\\""\nVERSION_ID="24.04"\n'
    )
    assert _facts_host._os_release(text) == {
        "id": "ubuntu",
        "id_like": ["debian", "other"],
        "version_id": "24.04",
        "codename": None,
        "name": 'Ubuntu "24"',
    }
