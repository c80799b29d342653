"""The compose file of the declared stack: the same containers, and nothing to find in it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from asking import ask, found

from stanchion.checks.container import declared
from stanchion.cli import run
from stanchion.compose.files import gather
from stanchion.compose.load import load
from stanchion.compose.render import render

RECORDED = Path(__file__).parents[1] / "checks" / "recorded" / "healthy.json"
IMAGES = {
    "POSTGRES_IMAGE": "stanchion/postgres:0123456789abcdef",
    "BACKEND_IMAGE": "medication-tracker/backend:0123456789abcdef",
}


@pytest.fixture
def composed():
    kept = json.loads(RECORDED.read_text())["declared"]
    return {
        "stack": kept["stack"],
        "postgres_image": "",
        "backend_image": "",
        "password_variable": "",
        "postgres": kept["postgres"]["containers"],
        "backend": kept["backend"]["containers"],
        "volume": kept["postgres"]["volume"],
    }


def test_its_containers_are_those_that_the_roles_declare(composed, write):
    files = gather(load([write("compose.yml", render(composed))], IMAGES), [])
    for part in ("postgres", "backend"):
        for name, definition in composed[part].items():
            service = files.service(name.removeprefix("medication-tracker-"))
            wanted = declared(name, part, definition)
            made = service.container()
            assert service.text("container_name") == name
            assert made.image == IMAGES[f"{part.upper()}_IMAGE"]
            assert {f"medication-tracker_{net}" for net in made.networks} == set(wanted.networks)
            for network in wanted.networks.values():
                assert set(network["aliases"]) <= set(service.names)
            mounts = tuple(
                replace(mount, source=f"medication-tracker-{mount.source}")
                if mount.kind == "volume"
                else mount
                for mount in made.mounts
            )
            same = replace(made, name=name, mounts=mounts)
            left_out = {"labels": {}, "image": "", "networks": {}, "network_mode": None}
            assert replace(same, **left_out) == replace(wanted, **left_out)


def test_the_checks_find_nothing_in_it(composed, write, monkeypatch):
    for name, value in IMAGES.items():
        monkeypatch.setenv(name, value)
    result = ask(write("compose.yml", render(composed)))
    assert found(result) == []
    assert result.warnings == []


def test_networks_and_volume(composed):
    document = yaml.safe_load(render(composed))
    assert document["networks"]["app_network"] == {
        "name": "medication-tracker_app_network",
        "driver": "bridge",
        "internal": True,
        "ipam": {"config": [{"subnet": composed["stack"]["app_subnet"]}]},
    }
    assert document["networks"]["edge_network"]["internal"] is False
    assert document["volumes"] == {
        "pgdata": {"name": "${POSTGRES_VOLUME:-medication-tracker-pgdata}", "external": True},
        "backup": {"name": "medication-tracker-backup", "external": True},
    }
    assert document["services"]["backend-1"]["networks"]["edge_network"] == {"priority": 1000}


def test_the_images_are_demanded_and_the_first_lines_say_how_to_find_them(composed):
    text = render(composed)
    assert "image: ${POSTGRES_IMAGE:?the top of this file says how to find it}" in text
    assert (
        "#   export POSTGRES_IMAGE=$(docker inspect --format '{{.Config.Image}}' medication-tracker-db)"
        in text
    )
    pulled = render({**composed, "postgres_image": "r/p@sha256:0", "backend_image": "r/b@sha256:0"})
    service = yaml.safe_load(pulled)["services"]["db"]
    assert service["image"] == "r/p@sha256:0"
    assert "pull_policy" not in service
    assert "docker inspect" not in pulled


def test_a_password_in_the_address_is_a_variable(composed):
    text = render({**composed, "password_variable": "DATABASE_URL"})
    address = yaml.safe_load(text)["services"]["backend-1"]["environment"]["DATABASE_URL"]
    assert address.startswith("postgresql://medication_tracker:${DATABASE_PASSWORD:?")
    assert address.endswith("@db:5432/medication_tracker")


def test_the_address_stands_under_another_name_or_nowhere(composed):
    for definition in composed["backend"].values():
        definition["env"]["SHOP_DB"] = definition["env"].pop("DATABASE_URL")
    renamed = yaml.safe_load(render({**composed, "password_variable": "SHOP_DB"}))
    environment = renamed["services"]["backend-1"]["environment"]
    assert environment["SHOP_DB"].startswith("postgresql://medication_tracker:${DATABASE_PASSWORD:?")
    for definition in composed["backend"].values():
        del definition["env"]["SHOP_DB"]
    assert "DATABASE_PASSWORD" not in render({**composed, "password_variable": ""})


def test_each_volume_of_the_backend_is_its_own(composed):
    for definition in composed["backend"].values():
        mount = {"type": "volume", "source": "medication-tracker-uploads", "target": "/srv/uploads"}
        definition["mounts"] = [*definition["mounts"], mount]
    document = yaml.safe_load(render(composed))
    mounts = document["services"]["backend-2"]["volumes"]
    assert {"type": "volume", "source": "uploads", "target": "/srv/uploads"} in mounts
    assert set(document["volumes"]) == {"pgdata", "backup", "uploads"}
    alone = yaml.safe_load(render({**composed, "postgres": {}}))
    assert alone["volumes"] == {"uploads": {"name": "medication-tracker-uploads", "external": True}}


def test_a_dollar_sign_is_no_variable(composed):
    for definition in composed["backend"].values():
        definition["env"]["COST"] = "$5 ${NAME}"
    environment = yaml.safe_load(render(composed))["services"]["backend-1"]["environment"]
    assert environment["COST"] == "$$5 $${NAME}"


def test_a_host_with_one_part_only(composed):
    backend = yaml.safe_load(render({**composed, "postgres": {}}))
    assert set(backend["services"]) == {"backend-1", "backend-2"}
    assert "depends_on" not in backend["services"]["backend-1"]
    assert "volumes" not in backend
    database = yaml.safe_load(render({**composed, "backend": {}}))
    assert set(database["networks"]) == {"app_network"}


def inventory(folder, database, backend):
    hosts = {
        group: {"hosts": {name: {"ansible_host": "192.0.2.1"} for name in names}}
        for group, names in (("database", database), ("backend", backend))
    }
    path = folder / "hosts.yml"
    path.write_text(yaml.safe_dump({"stack": {"children": hosts, "vars": {"stack_name": "shop"}}}))
    return str(path)


def test_an_inventory_that_renames_the_address(tmp_path):
    written = tmp_path / "docker-compose.yml"
    hosts = inventory(tmp_path, [], ["one"])
    own = ["-e", "backend_password_mode=environment", "-e", "backend_variable_names={DATABASE_URL: SHOP_DB}"]
    volume = ["-e", "backend_volumes=[{name: uploads, target: /srv/uploads}]"]
    assert run(["compose", "render", "-i", hosts, "--output", str(written), *own, *volume]) == 0
    document = yaml.safe_load(written.read_text())
    environment = document["services"]["backend-1"]["environment"]
    assert "${DATABASE_PASSWORD:?" in environment["SHOP_DB"]
    assert "DATABASE_URL" not in environment
    assert document["volumes"] == {"uploads": {"name": "shop-uploads", "external": True}}


def test_from_an_inventory_whose_host_nobody_reaches(tmp_path):
    written = tmp_path / "docker-compose.yml"
    hosts = inventory(tmp_path, ["one"], ["one"])
    pulled = ["-e", "postgres_image_source=pull", "-e", "postgres_image_reference=r/p@sha256:0"]
    assert run(["compose", "render", "-i", hosts, "--output", str(written), *pulled]) == 0
    document = yaml.safe_load(written.read_text())
    assert document["name"] == "shop"
    assert set(document["services"]) == {"db", "backend-1", "backend-2"}
    assert document["services"]["db"]["image"] == "r/p@sha256:0"


def test_a_file_is_of_one_host(tmp_path, capsys):
    assert run(["compose", "render", "-i", inventory(tmp_path, ["one"], ["two"])]) == 2
    assert "A compose file is of one host, and one, two each have a part" in capsys.readouterr().err
