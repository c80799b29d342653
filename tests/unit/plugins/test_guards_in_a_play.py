"""The guards through a real ansible-playbook on this machine: some seconds, without Docker."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from ansible_collections.stanchion.stack.plugins.module_utils import _lock

from stanchion import lock

ROOT = Path(__file__).resolve().parents[3]


CONFIGURATION = f"""\
[defaults]
collections_path = {ROOT}/.ansible/collections
inject_facts_as_vars = False
stdout_callback = ansible.posix.json

[connection]
pipelining = True
"""


def as_module(name, label, **arguments):
    return {"name": label, f"stanchion.stack.{name}": arguments, "ignore_errors": True}


DECLARED = {
    "stack_name": "guarded",
    "stack_app_network": "guarded_app",
    "stack_app_subnet": "10.201.1.0/24",
    "stack_edge_network": "guarded_edge",
    "stack_edge_subnet": "10.201.2.0/24",
    "stack_backend_replicas": "2",
    "stack_backend_companions": "0",
}
STACK = {
    **dict.fromkeys(("state_dir", "secrets_dir"), "/nowhere"),
    **dict.fromkeys(("app_network", "edge_network", "database_name", "database_alias"), "guarded"),
    "name": "guarded",
    "database_port": 5432,
    "backup_repository": "",
}
# What a playbook has seen already, with a route that this machine does not have.
LOOK = {
    "stack": "guarded",
    "state_dir": "/var/lib/stanchion/guarded",
    "engine": {"ok": True, "state": "absent", "host": "unix:///var/run/docker.sock"},
    "networks": {"ok": False, "error": "no engine"},
    "routes": {
        "ok": True,
        "entries": [{"destination": "10.201.0.0/16", "gateway": None, "interface": "tun7", "metric": 0}],
    },
}


def seconds(duration):
    begin, end = (datetime.fromisoformat(duration[key]) for key in ("start", "end"))
    return (end - begin).total_seconds()


class Play:
    """Runs tasks on localhost and returns each task's result by its name."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "ansible.cfg").write_text(CONFIGURATION)
        (folder / "group_vars").mkdir()
        (folder / "group_vars" / "all.yml").write_text("stack_name: guarded\nstack_nmae: x\nstak_name: y\n")
        (folder / "hosts.yml").write_text(
            yaml.safe_dump(
                {
                    "all": {
                        "hosts": {"localhost": {"ansible_connection": "local"}},
                        "vars": {"ansible_python_interpreter": sys.executable},
                    }
                }
            )
        )

    def run(self, tasks, *arguments):
        play = {"name": "Guard", "hosts": "localhost", "gather_facts": False, "tasks": tasks}
        (self.folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        outcome = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "-i",
                self.folder,
                *arguments,
                "play.yml",
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
                "DOCKER_HOST": f"unix://{self.folder}/no-engine",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        report = json.loads(outcome.stdout[outcome.stdout.index("{") :])
        found = report["plays"][0]["tasks"]
        self.seconds = {task["task"]["name"]: seconds(task["task"]["duration"]) for task in found}
        return {task["task"]["name"]: task["hosts"]["localhost"] for task in found}


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    return Play(tmp_path_factory.mktemp("guards"))


@pytest.fixture
def stranger(play):
    """Another run's process on this controller, and its lock on a host."""
    directory = play.folder / "stranger"
    with subprocess.Popen(["sleep", "300"]) as process:
        try:
            started = _lock.Host.this().start_of(process.pid)
            mine = lock.identity("deploy", _lock.Host.this(), {"SUDO_USER": "bob"}).as_dict()
            theirs = {**mine, "run_id": "theirs", "pid": process.pid, "pid_started": started}
            # As on a host that is another machine than the controller, and cannot tell whether it lives.
            _lock.hold(directory, theirs, 900, _lock.Host("boot-of-the-host", None), time.time())
            yield process, directory
        finally:
            process.kill()


@pytest.fixture(scope="module")
def results(play):
    own = str(play.folder / "own")
    return play.run(
        [
            as_module("known_variables", "variables"),
            as_module("deploy_lock", "renew nothing", state="renewed"),
            as_module("deploy_lock", "take", directory=own),
            as_module("deploy_lock", "take again", directory=own),
            as_module("deploy_lock", "ask for longer", directory=own, lease_seconds=2000),
            as_module("deploy_lock", "ask for less", directory=own, lease_seconds=900),
            as_module("deploy_lock", "renew for longer", state="renewed", lease_seconds=2400),
            as_module("deploy_lock", "renew for less", state="renewed"),
            as_module("deploy_lock", "renew for a backup", state="renewed", lease_seconds=129600),
            as_module("deploy_lock", "renew after the backup", state="renewed"),
            as_module("deploy_lock", "too short", directory=own, lease_seconds=59, state="released"),
            as_module("deploy_lock", "give back", directory=own, state="released"),
            as_module("deploy_lock", "renew after it", state="renewed"),
            as_module("deploy_lock", "give back twice", directory=own, state="released"),
            as_module("preflight", "good", subject="network", declared=DECLARED),
            {"name": "look", "ansible.builtin.set_fact": {"stack_preflight_facts": {"stack_facts": LOOK}}},
            as_module("preflight", "by the look", subject="network", declared=DECLARED),
            as_module(
                "preflight",
                "not by a look at another stack",
                subject="network",
                declared={**DECLARED, "stack_name": "other"},
            ),
            as_module(
                "preflight",
                "bad",
                subject="network",
                declared={**DECLARED, "stack_app_subnet": "127.0.3.0/24", "stack_edge_subnet": "nonsense"},
            ),
            as_module(
                "stack_validate", "validate", fail_on="warn", only=["engine"], declared={"stack": STACK}
            ),
            as_module("preflight", "too little", subject="network", declared={"stack_name": "guarded"}),
            as_module("preflight", "no such subject", subject="weather", declared={}),
        ],
        "-e",
        "stack_other=1",
    )


def test_unknown_variables_are_refused_with_their_places(results):
    result = results["variables"]
    assert result["failed"]
    assert result["stanchion"] == {"exit": "configuration"}
    assert result["msg"].splitlines() == [
        "No role knows 2 variables of localhost; nothing was changed.",
        "stack_nmae (group_vars/all.yml:2). Did you mean stack_name?",
        "stack_other (-e on the command line).",
    ]
    assert any("stak_name (group_vars/all.yml:3)" in warning for warning in result["warnings"])


def test_lock_is_taken_and_given_back(results):
    names = ("take", "take again", "ask for longer", "ask for less", "renew for longer", "renew for less")
    taken = ["free", "fresh", "renewed", "fresh", "renewed", "fresh"]
    assert [results[name]["lock"]["taken"] for name in names] == taken
    assert results["renew for a backup"]["lock"]["holder"]["lease_seconds"] == 129600
    assert results["renew after the backup"]["lock"]["holder"]["lease_seconds"] == 1200
    assert results["ask for longer"]["lock"]["holder"]["lease_seconds"] == 2000
    assert "at least 60" in results["too short"]["msg"]
    assert results["give back"]["lock"]["state"] == "released"
    assert results["give back twice"]["lock"]["state"] == "free"
    assert not any(result.get("changed") for result in results.values())


def test_a_lock_that_is_not_held_is_not_renewed(results):
    """A role may be used without a lock; another run's is none of its business either."""
    assert results["renew nothing"]["skipped"]
    assert results["renew after it"]["skipped"]


def test_holder_is_this_run(results):
    holder = results["take"]["lock"]["holder"]
    assert holder["verb"] == "guard"
    assert holder["boot_id"] == holder["host_boot_id"]
    assert holder["lease_until"] == pytest.approx(holder["since"] + 1200)


def test_preflight_passes(results):
    assert results["good"]["problems"] == []
    assert not results["good"].get("failed")
    assert results["not by a look at another stack"]["problems"] == []


def test_a_validation_says_by_what_it_refused(results):
    assert results["validate"]["validation"]["fail_on"] == "warn"
    assert results["validate"]["refusal"]


def test_preflight_uses_what_the_playbook_has_seen(results):
    slugs = [problem["slug"] for problem in results["by the look"]["problems"]]
    assert slugs == ["network.route_clash"] * 2
    assert "tun7" in results["by the look"]["msg"]


def test_preflight_tells_every_problem(results):
    result = results["bad"]
    assert result["failed"]
    assert [problem["slug"] for problem in result["problems"]] == ["network.cidr", "network.kind"]
    assert result["msg"].startswith(
        "The network preflight of localhost found 2 problems; nothing was changed."
    )
    assert result["stanchion"] == {"exit": "configuration"}


def test_preflight_that_declares_too_little(results):
    assert "was not told stack_app_subnet" in results["too little"]["msg"]
    assert results["no such subject"]["failed"]


def test_another_runs_lock(play, stranger):
    process, directory = stranger
    take = as_module("deploy_lock", "take", directory=str(directory))
    dry = {**take, "check_mode": True}
    found = play.run(
        [take, {**dry, "name": "dry run"}, {**dry, "name": "dry renewal"}, {**take, "name": "take once more"}]
    )
    refused, seen = found["take"], found["dry run"]
    # It refuses without waiting: half a second on an idle machine, some on one that runs other tests.
    assert play.seconds["take"] < 20
    assert refused["failed"]
    assert refused["stanchion"] == {"exit": "lock"}
    assert refused["lock"]["holder"]["run_id"] == "theirs"
    assert "bob@" in refused["msg"]
    assert '"deploy"' in refused["msg"]
    # A dry run takes nothing and only says what would be in its way.
    assert not seen.get("failed")
    assert seen["lock"]["state"] == "foreign"
    assert "Another run holds the lock" in seen["warnings"][0]
    assert "warnings" not in found["dry renewal"]
    assert found["take once more"]["failed"]
    # Once that process is gone, its lock is taken over at once.
    process.kill()
    process.wait()
    taken = play.run([take])["take"]
    assert "Took over the lock of bob@" in taken["warnings"][0]
    taken = taken["lock"]
    assert (taken["taken"], taken["previous"]["run_id"]) == ("dead", "theirs")
