"""The life of an image on two hosts: built once, handed on, pruned; pulled and loaded."""

from __future__ import annotations

import json
import re

import pytest
from testinfra.host import Host

TAG = re.compile(r"[0-9a-f]{16}")


def tags(host: Host, name: str) -> list[str]:
    """Return the tags of an image, the newest first."""
    output = host.check_output("docker images --format '{{.CreatedAt}} {{.Tag}}' %s", name)
    return [line.split()[-1] for line in sorted(output.splitlines(), reverse=True)]


def record(host: Host, name: str) -> dict:
    return json.loads(host.file(f"/var/lib/stanchion/images/{name.replace('/', '_')}.json").content_string)


def image(host: Host, ref: str) -> dict:
    return json.loads(host.check_output("docker image inspect %s", ref))[0]


@pytest.fixture(scope="module")
def current(host: Host) -> str:
    return f"test/hello:{record(host, 'test/hello')['tag']}"


def test_the_image_runs(host: Host, current: str) -> None:
    assert host.check_output("docker run --rm %s", current) == "4"


def test_the_tag_is_a_content_hash(current: str) -> None:
    assert TAG.fullmatch(current.partition(":")[2])


def test_the_context_came_without_what_is_ignored(host: Host, current: str) -> None:
    listing = host.check_output("docker run --rm %s find /context -type f", current).split()
    assert "/context/kept.log" in listing
    assert not [name for name in listing if "secret" in name]


def test_the_labels_tell_where_it_comes_from(host: Host, current: str) -> None:
    labels = image(host, current)["Config"]["Labels"]
    known = record(host, "test/hello")
    assert labels["io.stanchion.image"] == "test/hello"
    assert labels["io.stanchion.role"] == "container_image"
    assert labels["io.stanchion.resolved"] == known["resolved"]
    assert labels["io.stanchion.base_id"] == known["base_id"] == image(host, "debian:trixie-slim")["Id"]


def test_the_record_has_the_versions_that_are_in_the_image(host: Host, current: str) -> None:
    versions = record(host, "test/hello")["versions"]
    installed = host.check_output("docker run --rm %s dpkg-query -W -f '${Version}' tini", current)
    assert versions["tini"] == installed


def test_the_record_is_for_root_alone(host: Host) -> None:
    assert host.file("/var/lib/stanchion/images").mode == 0o700
    assert host.file("/var/lib/stanchion/images/test_hello.json").mode == 0o600


def test_the_last_two_stay_and_the_one_in_use(host: Host) -> None:
    own = [tag for tag in tags(host, "test/hello") if TAG.fullmatch(tag)]
    versions = {host.check_output("docker run --rm test/hello:%s", tag) for tag in own}
    assert versions == {"1", "3", "4"}


def test_a_tag_of_other_origin_stays(host: Host) -> None:
    assert "by-hand" in tags(host, "test/hello")


def test_the_other_host_was_handed_the_same_image(host: Host, other_host: Host) -> None:
    first = record(other_host, "test/hello")["tag"]
    assert tags(other_host, "test/hello") == [first]
    ref = f"test/hello:{first}"
    assert image(other_host, ref)["Id"] == image(host, ref)["Id"]
    assert other_host.check_output("docker run --rm %s", ref) == "1"


def test_the_other_host_never_had_the_base(other_host: Host) -> None:
    assert tags(other_host, "debian") == []


def test_no_archive_was_left_behind(host: Host, other_host: Host) -> None:
    for machine in (host, other_host):
        assert machine.check_output("find / -xdev \\( -name image.tar -o -name context.tar \\) -print") == ""


def test_no_container_was_left_behind(host: Host) -> None:
    ours = "--filter label=io.stanchion.role=container_image"
    names = host.check_output(f"docker ps --all {ours} --format '{{{{.Names}}}}'").split()
    assert sorted(names) == ["registry", "user-of-the-first"]


@pytest.mark.parametrize("name", ["test/passed-on", "test/pulled", "test/loaded"])
def test_each_way_brings_the_same_image_to_both_hosts(host: Host, other_host: Host, name: str) -> None:
    expected = image(host, f"test/passed-on:{record(host, 'test/passed-on')['tag']}")["Id"]
    for machine in (host, other_host):
        assert image(machine, f"{name}:{record(machine, name)['tag']}")["Id"] == expected


def test_no_name_in_the_registry_is_left_as_a_tag(host: Host, other_host: Host) -> None:
    for machine in (host, other_host):
        names = machine.check_output("docker images --format '{{.Repository}}:{{.Tag}}'").split()
        assert not [name for name in names if ":5050/test/passed-on:" in name and "<none>" not in name]


def test_a_failed_build_leaves_no_image(host: Host) -> None:
    assert tags(host, "test/broken") == []
    assert not host.file("/var/lib/stanchion/images/test_broken.json").exists
