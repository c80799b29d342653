"""The fingerprint of the mounted secrets, and what of `docker inspect` decides a roll-out."""

import stat

import pytest
from ansible_collections.stanchion.stack.plugins.modules.backend_state import (
    KEY_BYTES,
    fingerprint,
    host_key,
    summary,
)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "pgpass", tmp_path / "token"]
    for path in paths:
        path.write_text(path.name)
    return paths


def names(files):
    return [str(path) for path in files]


def test_the_key_is_made_once_for_root_alone(tmp_path):
    path = tmp_path / "secrets" / "fingerprint_key"
    key = host_key(path, check_mode=False)
    assert len(key) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert host_key(path, check_mode=False) == key
    assert [entry.name for entry in path.parent.iterdir()] == ["fingerprint_key"]


def test_a_key_that_was_cut_short_is_made_again(tmp_path):
    path = tmp_path / "fingerprint_key"
    path.write_bytes(b"short")
    assert len(host_key(path, check_mode=False)) == KEY_BYTES


def test_check_mode_makes_no_key(tmp_path):
    assert host_key(tmp_path / "fingerprint_key", check_mode=True) is None
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_follows_contents_and_names_and_not_order(files):
    before = fingerprint(b"k" * KEY_BYTES, names(files))
    assert fingerprint(b"k" * KEY_BYTES, names(reversed(files))) == before
    assert fingerprint(b"k" * KEY_BYTES, names(files[:1])) != before
    files[0].write_text("another password")
    assert fingerprint(b"k" * KEY_BYTES, names(files)) != before


def test_the_same_secrets_on_another_host_have_another_fingerprint(files):
    assert fingerprint(b"k" * KEY_BYTES, names(files)) != fingerprint(b"h" * KEY_BYTES, names(files))


def inspected(**host):
    return {
        "Name": "/shop-backend-1",
        "Image": "sha256:1",
        "State": {"Status": "running", "Health": {"Status": "healthy"}},
        "Config": {"Labels": {"io.stanchion.config": "c0ffee", "io.stanchion.secrets": "5ec2e7"}},
        "HostConfig": {
            "Memory": 512,
            "MemorySwap": 512,
            "NanoCpus": 10**9,
            "PidsLimit": 64,
            "RestartPolicy": {"Name": "unless-stopped"},
            "PortBindings": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5000"}]},
            **host,
        },
        "NetworkSettings": {"Networks": {"app": {"Aliases": ["backend-1"]}, "edge": {"Aliases": None}}},
    }


def test_the_summary_has_what_decides():
    assert summary(inspected()) == {
        "name": "shop-backend-1",
        "state": "running",
        "health": "healthy",
        "port": 5000,
        "config": "c0ffee",
        "secrets": "5ec2e7",
        "image": "sha256:1",
        "memory": 512,
        "memory_swap": 512,
        "nano_cpus": 10**9,
        "pids": 64,
        "restart": "unless-stopped",
        "networks": {"app": ["backend-1"], "edge": []},
    }


@pytest.mark.parametrize(
    "bindings",
    [None, {}, {"5000/tcp": None}, {"5000/tcp": []}, {"5000/tcp": [{"HostIp": "", "HostPort": ""}]}],
)
def test_a_container_without_a_published_port_has_none(bindings):
    assert summary(inspected(PortBindings=bindings))["port"] is None


def test_limits_that_are_not_set_count_as_none():
    bare = summary(inspected(Memory=0, PidsLimit=None, RestartPolicy={"Name": ""}))
    assert (bare["memory"], bare["pids"], bare["restart"]) == (0, 0, "no")
