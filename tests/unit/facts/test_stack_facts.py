"""The module as a whole: its documentation, and a look that ends in time whatever the engine does."""

import time

import yaml
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import ask_all
from ansible_collections.stanchion.stack.plugins.modules import stack_facts

PARAMS = {
    "stack": "s",
    "sources": None,
    "paths": [],
    "state_dir": None,
    "secrets_dir": None,
    "socket": None,
    "database": "postgres",
    "database_port": 5432,
    "names": [],
    "app_network": "s_app",
    "edge_network": "s_edge",
    "environment": [],
    "address_variable": "DATABASE_URL",
    "log_window": 60.0,
    "repository": None,
    "monitoring": None,
    "prometheus": "",
    "queries": {},
    "timeout": 5.0,
}


def test_documentation_names_every_source():
    options = yaml.safe_load(stack_facts.DOCUMENTATION)["options"]
    returned = yaml.safe_load(stack_facts.RETURN)["stack_facts"]["contains"]
    assert options["sources"]["choices"] == stack_facts.SOURCES
    assert [*stack_facts.sources(PARAMS), *stack_facts.OF_CONTAINERS] == stack_facts.SOURCES
    assert set(stack_facts.sources_of_containers(PARAMS, [], [])) == set(stack_facts.OF_CONTAINERS)
    assert set(PARAMS) == set(options)
    assert set(stack_facts.SOURCES) < set(returned)


def test_a_frozen_engine_costs_its_time_limit_once(monkeypatch, fake_engine, tmp_path):
    silent = dict.fromkeys(
        ["/info", "/version", "/containers/json", "/networks", "/volumes", "/images/json"], None
    )
    monkeypatch.setenv("DOCKER_HOST", fake_engine(silent).host)
    params = {**PARAMS, "timeout": 1.0, "state_dir": str(tmp_path)}
    began = time.monotonic()
    answers = stack_facts.look(params)
    assert time.monotonic() - began < 2
    assert answers["engine"]["state"] == "unreachable"
    unknown = {name for name, answer in answers.items() if not answer["ok"]}
    of_the_engine = {"engine", "containers", "networks", "volumes", "images"}
    # Without a socket there is no database to be asked.
    assert unknown == {*of_the_engine, *stack_facts.OF_CONTAINERS, "sql"}
    assert "the containers could not be looked at" in answers["cgroups"]["error"]
    # What can be told without the engine is told.
    assert answers["ports"]["containers_error"]
    assert answers["disk"]["docker_root"]["path"] == stack_facts.DOCKER_ROOT


def test_environment_names_the_engine(monkeypatch, fake_engine):
    engine = fake_engine({"/info": {}, "/version": {}})
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    answers = ask_all({"engine": stack_facts.sources(PARAMS)["engine"]}, 5)
    assert answers["engine"]["host"] == engine.host
    assert answers["engine"]["state"] == "running"


def test_file_systems_of_data_and_backups_where_there_are_some(monkeypatch, tmp_path, fake_engine):
    record = tmp_path / "postgres" / "volume.json"
    engine = fake_engine({"/info": {"DockerRootDir": "/srv/docker"}, "/version": {}})
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    params = {**PARAMS, "state_dir": str(tmp_path)}
    assert set(stack_facts.disk_paths(params)) == {"docker_root", "state_dir"}
    record.parent.mkdir()
    record.write_text('{"volume": "data"}')
    paths = stack_facts.disk_paths({**params, "repository": "/srv/backup"})
    assert paths["data_volume"] == "/srv/docker/volumes/data/_data"
    assert paths["repository"] == "/srv/backup"
    paths = stack_facts.disk_paths({**params, "repository": "s-backup"})
    assert paths["repository"] == "/srv/docker/volumes/s-backup/_data"
