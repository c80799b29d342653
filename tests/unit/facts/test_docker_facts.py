"""From the engine's answers to facts, with `docker inspect` as a real engine gave it."""

import json
import socket

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_docker
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}


@pytest.fixture
def ask(fake_engine):
    return lambda answers: Engine(fake_engine(answers).host, 5)


def test_running_engine(ask):
    info = {
        "DockerRootDir": "/srv/docker",
        "Driver": "overlay2",
        "SecurityOptions": ["name=seccomp,profile=default", "name=userns", "name=rootless"],
        "LiveRestoreEnabled": True,
        "Swarm": {"LocalNodeState": "inactive"},
    }
    facts = _facts_docker.engine_facts(ask({"/info": info, "/version": VERSION}))
    assert facts["state"] == "running"
    assert facts["security_options"] == ["seccomp", "userns", "rootless"]
    assert facts["rootless"]
    assert facts["userns_remap"]
    assert facts["live_restore"]
    assert facts["api_version"] == "1.41"
    assert facts["root_dir"] == "/srv/docker"


class TestSilentEngine:
    """No answer means absent, stopped or unreachable; only the first two are somebody's to mend later."""

    @pytest.fixture(autouse=True)
    def default_host(self, tmp_path, monkeypatch):
        self.folder = tmp_path
        self.socket = tmp_path / "engine.sock"
        self.host = f"unix://{self.socket}"
        monkeypatch.setattr(_facts_docker, "DEFAULT_HOST", self.host)
        monkeypatch.setattr(_facts_docker, "_PID_FILES", (str(tmp_path / "docker.pid"),))
        monkeypatch.setattr(_facts_docker, "_PATH", str(tmp_path / "bin"))

    def install(self):
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "dockerd").touch(mode=0o755)

    def leave_socket(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(self.socket))

    def look(self):
        return _facts_docker.engine_facts(Engine(self.host, 0.3))

    def test_absent(self):
        assert self.look()["state"] == "absent"

    def test_stopped_without_socket(self):
        self.install()
        assert self.look()["state"] == "stopped"

    def test_stopped_with_a_socket_left_behind(self):
        self.install()
        self.leave_socket()
        assert self.look()["state"] == "stopped"

    def test_socket_of_an_engine_that_is_not_installed_here(self):
        self.leave_socket()
        with pytest.raises(UnreadableError) as caught:
            self.look()
        assert caught.value.details["state"] == "unreachable"

    def test_frozen(self):
        self.install()
        with socket.socket(socket.AF_UNIX) as frozen:
            frozen.bind(str(self.socket))
            frozen.listen()
            with pytest.raises(UnreadableError, match="did not answer within") as caught:
                self.look()
        assert caught.value.details["state"] == "unreachable"

    def test_a_dockerd_that_runs_and_is_silent(self, monkeypatch):
        self.install()
        monkeypatch.setattr(_facts_docker, "_engine_pid", lambda: 42)
        with pytest.raises(UnreadableError, match="dockerd runs as process 42"):
            self.look()

    def test_a_pid_file_left_behind_is_no_running_engine(self):
        self.install()
        (self.folder / "docker.pid").write_text("1\n")
        assert self.look()["state"] == "stopped"

    def test_a_declared_engine_elsewhere_is_never_absent(self):
        self.host = "tcp://127.0.0.1:1"
        with pytest.raises(UnreadableError):
            self.look()


def test_database_container(recorded):
    container = _facts_docker.container(recorded("inspect_database"))
    assert container["name"] == "medication-tracker-db"
    assert container["role"] == "postgres"
    assert (container["state"], container["running"], container["health"]) == ("running", True, "healthy")
    assert container["health_output"] == "fine"
    assert container["finished_at"] is None
    assert container["networks"]["medication-tracker_app_network"]["ip"] == "172.30.205.2"
    assert "db" in container["networks"]["medication-tracker_app_network"]["aliases"]
    assert container["mounts"] == [
        {
            "type": "volume",
            "name": "medication-tracker-pgdata",
            "source": "/var/lib/docker/volumes/medication-tracker-pgdata/_data",
            "destination": "/var/lib/postgresql/data",
            "read_only": False,
        }
    ]
    assert container["limits"] == {
        "memory": 67108864,
        "memory_swap": 134217728,
        "cpus": 0.5,
        "pids": 50,
        "shm_size": 67108864,
    }
    assert container["security"]["read_only"]
    assert container["security"]["cap_drop"] == ["ALL"]
    assert container["security"]["options"] == ["no-new-privileges"]
    assert (container["init"], container["stop_signal"], container["stop_timeout"]) == (True, "SIGINT", 120)


def test_no_value_of_the_environment_leaves_the_host(recorded):
    inspect = recorded("inspect_database")
    assert "canary-password" in json.dumps(inspect)
    container = _facts_docker.container(inspect)
    assert "canary-password" not in json.dumps(container)
    assert container["environment_names"] == ["POSTGRES_PASSWORD", "POSTGRES_USER"]


def test_published_port(recorded):
    container = _facts_docker.container(recorded("inspect_backend"))
    assert container["ports"] == [
        {"container_port": 5000, "protocol": "tcp", "address": "127.0.0.1", "port": 15051}
    ]
    assert container["health"] is None


def test_ended_container(recorded):
    container = _facts_docker.container(recorded("inspect_migration"))
    assert (container["state"], container["running"], container["exit_code"]) == ("exited", False, 3)
    assert container["pid"] is None
    assert container["finished_at"]


def test_paused_container_is_not_running(recorded):
    inspect = recorded("inspect_backend")
    inspect["State"].update(Status="paused", Paused=True)
    assert not _facts_docker.container(inspect)["running"]


def test_long_output_of_a_probe_is_cut_from_the_front(recorded):
    inspect = recorded("inspect_database")
    inspect["State"]["Health"]["Log"][-1]["Output"] = "x" * 600 + "end"
    assert len(_facts_docker.container(inspect)["health_output"]) == 500
    assert _facts_docker.container(inspect)["health_output"].endswith("end")


def test_container_that_vanishes_between_list_and_look(ask, recorded):
    engine = ask(
        {
            "/containers/json": [{"Id": "gone"}, {"Id": "there"}],
            "/containers/gone/json": 404,
            "/containers/there/json": recorded("inspect_database"),
        }
    )
    entries = _facts_docker.container_facts(engine, "medication-tracker")["entries"]
    assert [entry["name"] for entry in entries] == ["medication-tracker-db"]


def test_container_that_cannot_be_inspected_is_no_shorter_list(ask):
    engine = ask({"/containers/json": [{"Id": "broken"}], "/containers/broken/json": 500})
    with pytest.raises(OSError, match="answered 500"):
        _facts_docker.container_facts(engine, "medication-tracker")


def test_networks_of_everybody(ask):
    ours = {
        "Name": "b",
        "Id": "2",
        "Driver": "bridge",
        "Internal": True,
        "EnableIPv6": True,
        "Labels": {"io.stanchion.stack": "s", "io.stanchion.role": "stack_network"},
        "IPAM": {"Config": [{"Subnet": "172.30.240.0/24", "Gateway": "172.30.240.1"}]},
    }
    foreign = {"Name": "a", "Id": "1", "Labels": None, "IPAM": {"Config": None}}
    attached = {
        "Id": "1",
        "Names": ["/db"],
        "State": "running",
        "Labels": {"io.stanchion.stack": "s"},
        "NetworkSettings": {"Networks": {"b": {"IPAddress": "172.30.240.2"}}},
    }
    stopped = {"Id": "2", "Names": ["/x"], "State": "exited", "NetworkSettings": {"Networks": {"b": {}}}}
    engine = ask({"/networks": [ours, foreign], "/containers/json": [attached, stopped]})
    first, second = _facts_docker.network_facts(engine)["entries"]
    assert (first["name"], first["stack"], first["subnets"]) == ("a", None, [])
    assert (second["name"], second["stack"], second["subnets"]) == ("b", "s", ["172.30.240.0/24"])
    assert second["internal"]
    assert (first["ipv6"], second["ipv6"]) == (False, True)
    assert first["containers"] == []
    assert second["containers"] == [
        {"name": "db", "stack": "s", "state": "running", "ip": "172.30.240.2"},
        {"name": "x", "stack": None, "state": "exited", "ip": None},
    ]


LABELS = {"io.stanchion.stack": "s", "io.stanchion.role": "postgres"}


def test_volume_names_whoever_mounts_it(ask):
    engine = ask(
        {
            "/volumes": {"Volumes": [{"Name": "data", "Labels": LABELS}]},
            "/containers/json": [
                {"Id": "1", "Names": ["/db"], "Mounts": [{"Name": "data"}, {"Source": "/etc"}]},
                {"Id": "2", "Names": ["/other/alias", "/stranger"], "Mounts": [{"Name": "data"}]},
            ],
        }
    )
    (volume,) = _facts_docker.volume_facts(engine, "s", None)["entries"]
    assert volume["used_by"] == ["db", "stranger"]
    assert volume["role"] == "postgres"


def test_a_volume_is_written_by_its_folder_too(ask):
    folder = "/var/lib/docker/volumes/data/_data"
    engine = ask(
        {
            "/volumes": {"Volumes": [{"Name": "data", "Labels": LABELS, "Mountpoint": folder}]},
            "/containers/json": [
                {"Id": "1", "Names": ["/db"], "Mounts": [{"Name": "data", "Source": folder, "RW": True}]},
                {"Id": "2", "Names": ["/reads"], "Mounts": [{"Name": "data", "RW": False}]},
                {"Id": "3", "Names": ["/writes"], "Mounts": [{"Source": folder, "RW": True}]},
                {"Id": "4", "Names": ["/beside"], "Mounts": [{"Source": f"{folder}2", "RW": True}]},
            ],
        }
    )
    (volume,) = _facts_docker.volume_facts(engine, "s", None)["entries"]
    assert volume["used_by"] == ["db", "reads", "writes"]
    assert volume["written_by"] == ["db", "writes"]


def test_no_volumes_at_all(ask):
    engine = ask({"/volumes": {"Volumes": None}, "/containers/json": []})
    assert _facts_docker.volume_facts(engine, "s", "data") == {"entries": []}


def test_the_recorded_volume_is_the_stacks_without_a_label_too(ask):
    volumes = [
        {"Name": "made-by-hand", "Labels": None},
        {"Name": "labelled", "Labels": LABELS},
        {"Name": "of-another-stack", "Labels": {**LABELS, "io.stanchion.stack": "t"}},
        {"Name": "of-nobody", "Labels": {}},
    ]
    engine = ask({"/volumes": {"Volumes": volumes}, "/containers/json": []})
    entries = _facts_docker.volume_facts(engine, "s", "made-by-hand")["entries"]
    assert [entry["name"] for entry in entries] == ["labelled", "made-by-hand"]
    assert entries[1]["role"] is None


def test_images_of_ours_and_in_use(ask):
    ours = {"io.stanchion.image": "postgres"}
    images = [
        {"Id": "old", "RepoTags": ["postgres:1"], "Labels": ours, "Created": 1_700_000_000, "Size": 7},
        {"Id": "new", "RepoTags": ["postgres:2"], "Labels": ours, "Created": 1_800_000_000, "Size": 7},
        {"Id": "pulled", "RepoTags": ["x:1"], "Labels": None, "Created": 1_600_000_000, "Size": 7},
        {"Id": "foreign", "RepoTags": ["y:1"], "Labels": {}, "Created": 1_600_000_000, "Size": 7},
        {"Id": "dangling", "RepoTags": ["<none>:<none>"], "Labels": ours, "Created": 1, "Size": 7},
    ]
    engine = ask({"/images/json": images, "/containers/json": [{"ImageID": "pulled"}]})
    entries = _facts_docker.image_facts(engine, "s")["entries"]
    assert [entry["id"] for entry in entries] == ["pulled", "new", "old", "dangling"]
    assert [entry["in_use"] for entry in entries] == [True, False, False, False]
    assert entries[1]["created"] == "2027-01-15T08:00:00+00:00"
    assert entries[3]["refs"] == []
