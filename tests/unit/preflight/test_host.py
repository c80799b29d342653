"""Hosts that the roles can, and cannot, work on."""

import pytest

DECLARED = {"stack_name": "medication-tracker"}
GB = 1024**3


@pytest.mark.parametrize("host", ["running", "bare"])
def test_a_good_host(look, request, host):
    assert look("host", DECLARED, request.getfixturevalue(host)) == []


def test_a_stopped_engine_is_for_the_role_to_start(look, bare):
    bare["engine"]["state"] = "stopped"
    assert look("host", DECLARED, bare) == []


def test_an_engine_that_hangs(look, running):
    running["engine"] = {
        "ok": False,
        "state": "unreachable",
        "error": "the engine did not answer within 4.5 s",
    }
    (problem,) = look("host", DECLARED, running)
    assert problem.slug == "engine.unreachable"
    assert problem.exit == "unreachable"
    assert "did not answer within 4.5 s" in problem.what


@pytest.mark.parametrize("key", ["rootless", "userns_remap"])
def test_engines_that_map_users(look, slugs, running, key):
    running["engine"][key] = True
    (problem,) = look("host", DECLARED, running)
    assert problem.slug == "engine.user_namespace"
    assert "nobody who may use them" in problem.what


@pytest.mark.parametrize(("version", "found"), [("1.40", True), ("1.41", False), ("1.100", False)])
def test_oldest_engine(look, slugs, running, version, found):
    running["engine"]["api_version"] = version
    assert slugs(look("host", DECLARED, running)) == (["engine.too_old"] if found else [])


@pytest.mark.parametrize(
    ("system", "found"),
    [
        ({"id": "debian", "id_like": []}, False),
        ({"id": "ubuntu", "id_like": ["debian"]}, False),
        ({"id": "linuxmint", "id_like": ["ubuntu", "debian"]}, False),
        ({"id": "fedora", "id_like": []}, True),
        ({"id": "rocky", "id_like": ["rhel", "centos", "fedora"]}, True),
        ({"id": None, "id_like": []}, True),
    ],
)
def test_distribution(look, slugs, bare, system, found):
    bare["host"]["os"] = {"name": None, **system}
    assert slugs(look("host", DECLARED, bare)) == (["host.distribution"] if found else [])


def test_without_root(look, slugs, bare):
    bare["host"]["root"] = False
    assert slugs(look("host", DECLARED, bare)) == ["host.root"]


class TestDisk:
    def test_too_little_for_the_images(self, look, bare):
        bare["disk"]["docker_root"]["free"] = 3 * GB - 1
        (problem,) = look("host", DECLARED, bare)
        assert problem.slug == "disk.images"
        assert "need 3.0 GB" in problem.what
        assert "/var/lib/docker" in problem.what

    def test_just_enough(self, look, bare):
        bare["disk"]["docker_root"]["free"] = 3 * GB
        assert look("host", DECLARED, bare) == []

    def test_images_that_are_there_need_no_more_room(self, look, running):
        running["images"]["entries"][1]["size"] = 2 * GB
        running["disk"]["docker_root"]["free"] = 1 * GB
        assert look("host", DECLARED, running) == []

    def test_a_rebuild_always_needs_room(self, look, slugs, running):
        running["images"]["entries"][1]["size"] = 9 * GB
        running["disk"]["docker_root"]["free"] = 1 * GB - 1
        assert slugs(look("host", DECLARED, running)) == ["disk.images"]

    def test_foreign_images_do_not_count(self, look, slugs, running):
        running["images"]["entries"][1].update(size=9 * GB, name=None)
        running["disk"]["docker_root"]["free"] = 1 * GB
        assert slugs(look("host", DECLARED, running)) == ["disk.images"]

    def test_inodes(self, look, slugs, bare):
        bare["disk"]["docker_root"]["inodes_free"] = 99_999
        assert slugs(look("host", DECLARED, bare)) == ["disk.inodes"]

    def test_file_systems_without_a_number_of_inodes(self, look, bare):
        bare["disk"]["docker_root"].update(inodes_total=0, inodes_free=0)
        assert look("host", DECLARED, bare) == []

    def test_read_only(self, look, slugs, bare):
        bare["disk"]["state_dir"]["read_only"] = True
        assert slugs(look("host", DECLARED, bare)) == ["disk.read_only"]


@pytest.mark.parametrize("source", ["disk", "host"])
def test_what_could_not_be_looked_at_is_not_taken_for_granted(look, bare, source):
    bare[source] = {"ok": False, "error": "no answer within 5 s"}
    (problem,) = look("host", DECLARED, bare)
    assert problem.slug == "host.unreadable"
    assert problem.exit == "unreachable"
    assert "no answer within 5 s" in problem.what


def test_every_problem_at_once(look, slugs, running):
    running["engine"]["rootless"] = True
    running["host"]["os"] = {"id": "alpine", "id_like": [], "name": "Alpine"}
    running["disk"]["docker_root"]["free"] = 0
    assert slugs(look("host", DECLARED, running)) == [
        "engine.user_namespace",
        "host.distribution",
        "disk.images",
    ]


@pytest.mark.parametrize("name", ["medication-tracker", "a", "7", "a.b_c--d", "x" * 40])
def test_names_of_stacks(look, bare, name):
    assert look("host", {"stack_name": name}, bare) == []


@pytest.mark.parametrize(
    "name", ["", "Shop", "my shop", "-shop", "shop-", "a..b", "a._b", "shöp", "a/b", "a\nb", "x" * 41]
)
def test_names_that_no_image_could_have(look, slugs, bare, name):
    (problem,) = look("host", {"stack_name": name}, bare)
    assert (problem.slug, problem.exit) == ("host.stack_name", "configuration")
    assert "\n" not in problem.what
