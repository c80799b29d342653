"""Whole runs of the command line, with throw-away playbooks in place of the real ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from samples import SERVING

INVENTORY = """
stack:
  hosts:
    here:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
      stack_name: demo
"""

PLAY = "- name: Play\n  hosts: stack\n  gather_facts: false\n  tasks:\n"

# Stands in for the module stack_facts: it tells what stands in a file.
LOOK_MODULE = """
import json
import os
import time
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"path": {"type": "path"}})
if not os.path.exists(module.params["path"]):
    module.fail_json(msg="no look")
facts = json.load(open(module.params["path"]))
open(module.params["path"] + ".read", "w").close()
time.sleep(facts.pop("sleep", 0))
module.exit_json(stack_facts=facts)
"""

STATUS = """
    - name: status | Look at the stack
      look:
        path: "{{ playbook_dir }}/facts.json"
"""

DEPLOY = """
    - name: roll_out | Change something
      ansible.builtin.debug:
      changed_when: true
    - name: roll_out | Do what the test wants
      ansible.builtin.shell: "{{ wanted | default('true') }}"
      changed_when: false
"""

DESTROY = """
    - name: Say who runs this
      ansible.builtin.debug:
        msg: "{{ stanchion_run.verb }} {{ stack_delete_data | default('nothing') }}"
"""

# Ansible is started by the real program; only its root is another one.
PROGRAM = """
import sys
from pathlib import Path
from stanchion.cli import session
from stanchion.run import context
root = Path(sys.argv.pop(1))
session.find_root = context.find_root = lambda: root
from stanchion.cli import main
main()
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STANCHION_", "GITHUB_", "PYTHONDONT"))
        }
        return {**kept, "STANCHION_STATE": str(self.root / "state")}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.root), *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Done:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)

    def records(self) -> list[dict[str, Any]]:
        runs = self.root / "state" / "runs.jsonl"
        return [json.loads(line) for line in runs.read_text().splitlines()] if runs.exists() else []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("clone")
    for folder in ("playbooks", "inventory/local"):
        (root / folder).mkdir(parents=True)
    (root / "inventory" / "local" / "hosts.yml").write_text(INVENTORY)
    (root / "playbooks" / "deploy.yml").write_text(PLAY + DEPLOY)
    (root / "playbooks" / "restore.yml").write_text(PLAY + DEPLOY)
    (root / "playbooks" / "status.yml").write_text(PLAY + STATUS)
    (root / "playbooks" / "library").mkdir()
    (root / "playbooks" / "library" / "look.py").write_text(LOOK_MODULE)
    (root / "playbooks" / "destroy.yml").write_text(PLAY + DESTROY)
    return Project(root)


@pytest.fixture(scope="module")
def dry_run(project: Project) -> Done:
    return project.run("deploy", "--check", "--format", "json")


def test_a_dry_run_is_planned_and_recorded(project: Project, dry_run: Done) -> None:
    done = dry_run
    assert (done.code, done.result["status"], done.result["error"]) == (0, "planned", None), done.err
    assert done.err.splitlines()[0].startswith("deploy: roll_out (")
    (kept,) = [record for record in project.records() if record["id"] == done.result["run"]["id"]]
    assert (kept["verb"], kept["status"], kept["check"], kept["tasks"]) == ("deploy", "planned", True, 2)
    folder = Path(done.result["run"]["folder"])
    assert json.loads((folder / "result.json").read_text()) == done.result


def test_a_failed_task_with_no_stack_that_serves(project: Project) -> None:
    done = project.run("deploy", "-e", "wanted=echo last words; exit 3")
    assert done.code == 5
    assert done.out.splitlines()[0].startswith("deploy failed on here after ")
    assert "  last words" in done.out
    assert "playbooks/deploy.yml:" in done.out
    assert "Nothing serves now" in done.out
    log = next(line for line in done.out.splitlines() if line.startswith("log ")).split()[1]
    assert "last words" in Path(log).read_text()
    assert project.records()[-1]["exit_code"] == 5


def wait_for(mark: Path) -> None:
    ends = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < ends, f"{mark.name} never came"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals(project: Project, number: signal.Signals, code: int) -> None:
    mark = project.root / f"mark-{code}"
    process = project.start("deploy", "--format", "json", "-e", f"wanted=touch {mark}; sleep 30")
    wait_for(mark)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    result = json.loads(out)
    assert (result["exit_code"], result["changed"]) == (code, 1)
    assert "resumes" in result["error"]["remedy"]
    assert result["error"]["what"].endswith("Whether the stack serves could not be looked at.")
    assert "asking Ansible to stop" in err


def test_destroy_wants_a_confirmation(project: Project) -> None:
    done = project.run("destroy")
    assert (done.code, done.out) == (2, "")
    assert "--yes" in done.err


def test_data_of_another_stack_is_refused_before_anything(project: Project) -> None:
    runs = len(project.records())
    done = project.run("destroy", "--yes", "--delete-data", "dema")
    assert done.code == 2
    assert "Did you mean demo?" in done.err
    assert len(project.records()) == runs


def test_data_goes_when_its_stack_is_named(project: Project) -> None:
    done = project.run("destroy", "--no-input", "--delete-data", "demo", "--format", "json")
    assert done.code == 0, done.err
    log = Path(done.result["run"]["log"]).read_text()
    assert "destroy demo" in log


def test_a_look_that_failed_is_no_green(project: Project) -> None:
    done = project.run("status", "--format", "json")
    assert done.code not in (0, 4)
    assert done.result["error"]["what"] == "no look"


@pytest.fixture
def serving(project: Project) -> Iterator[None]:
    """Let the look find a stack that serves."""
    path = project.root / "playbooks" / "facts.json"
    path.write_text(json.dumps(SERVING))
    yield
    path.unlink()


@pytest.mark.usefixtures("serving")
def test_status_of_a_stack_that_serves(project: Project) -> None:
    done = project.run("status", "--format", "json")
    assert (done.code, done.result["status"]) == (0, "healthy"), done.err
    assert done.result["headline"] == "healthy: demo is healthy on 1 host; 2 of 2 containers well"


@pytest.mark.usefixtures("serving")
def test_a_failed_deploy_beside_a_stack_that_serves(project: Project) -> None:
    done = project.run("deploy", "--format", "json", "-e", "wanted=exit 3")
    assert (done.code, done.result["error"]["kind"]) == (4, "FailedServing"), done.err
    assert len(done.result["hosts"][0]["containers"]) == 2


def test_a_failed_replacement_with_no_stack_that_serves(project: Project) -> None:
    done = project.run("restore", "--resume", "--format", "json", "-e", "wanted=exit 3")
    assert (done.code, done.result["error"]["kind"]) == (5, "FailedNotServing"), done.err
    remedy = done.result["error"]["remedy"]
    assert remedy.startswith("Nothing serves now. ")
    assert "`restore --resume` goes on" in remedy
    assert "deploy" not in remedy


@pytest.mark.usefixtures("serving")
def test_a_failed_replacement_beside_a_stack_that_serves(project: Project) -> None:
    done = project.run("restore", "--rollback", "--format", "json", "-e", "wanted=exit 3")
    assert (done.code, done.result["error"]["kind"]) == (4, "FailedServing"), done.err
    assert done.result["error"]["remedy"].startswith("The stack serves. ")


@pytest.mark.usefixtures("serving")
def test_a_failed_copy_beside_the_database_is_none_of_that(project: Project) -> None:
    done = project.run("restore", "--to", "latest", "--format", "json", "-e", "wanted=exit 3")
    assert (done.code, done.result["error"]["remedy"]) == (1, ""), done.err


@pytest.mark.usefixtures("serving")
def test_an_interrupted_replacement_says_whether_the_stack_serves(project: Project) -> None:
    mark = project.root / "mark-restore"
    wanted = f"wanted=touch {mark}; sleep 30"
    process = project.start("restore", "--resume", "--format", "json", "-e", wanted)
    wait_for(mark)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    error = json.loads(out)["error"]
    assert error["what"].endswith("1 change was made. The stack serves.")
    assert "`restore --rollback` returns" in error["remedy"]


@pytest.mark.usefixtures("serving")
def test_an_interrupted_deploy_says_whether_the_stack_serves(project: Project) -> None:
    mark = project.root / "mark-serving"
    process = project.start("deploy", "--format", "json", "-e", f"wanted=touch {mark}; sleep 30")
    wait_for(mark)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["error"]["what"].endswith("1 change was made. The stack serves.")
    assert len(json.loads(out)["hosts"][0]["containers"]) == 2


@pytest.mark.usefixtures("serving")
def test_a_deploy_out_of_time_says_that_the_stack_does_not_serve(project: Project) -> None:
    facts = project.root / "playbooks" / "facts.json"
    facts.write_text(facts.read_text().replace('"healthy"', '"unhealthy"'))
    done = project.run("deploy", "--timeout", "3", "--format", "json", "-e", "wanted=sleep 30")
    assert done.code == 7, done.err
    what = done.result["error"]["what"]
    assert what.startswith("The time limit is over")
    assert what.endswith("The stack does not serve.")


@pytest.mark.usefixtures("serving")
def test_a_second_ctrl_c_ends_the_look(project: Project) -> None:
    facts = project.root / "playbooks" / "facts.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "sleep": 15}))
    mark, looking = project.root / "mark-look", facts.with_name("facts.json.read")
    looking.unlink(missing_ok=True)
    process = project.start("deploy", "--format", "json", "-e", f"wanted=touch {mark}; sleep 30")
    wait_for(mark)
    process.send_signal(signal.SIGINT)
    wait_for(looking)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 10
    assert json.loads(out)["error"]["what"].endswith("could not be looked at.")


@pytest.mark.usefixtures("serving")
def test_a_second_ctrl_c_before_the_look_leaves_it_out(project: Project) -> None:
    mark = project.root / "mark-twice"
    wanted = f"wanted=trap '' INT; touch {mark}; sleep 30"
    process = project.start("deploy", "--format", "json", "-e", wanted)
    wait_for(mark)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    # The first one has been heard: two at once are one.
    assert any("asking Ansible to stop" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "looking whether" not in err
    assert json.loads(out)["error"]["what"].endswith("could not be looked at.")


def test_an_inventory_without_the_group(project: Project) -> None:
    (project.root / "other.yml").write_text("all:\n  hosts:\n    one:\n")
    done = project.run("deploy", "-i", "other.yml")
    assert done.code == 2
    assert "no host for this play" in done.out


@pytest.mark.usefixtures("dry_run")
def test_history_shows_them_all(project: Project) -> None:
    done = project.run("history", "--format", "json", "--last", "500")
    assert done.code == 0, done.err
    records = project.records()
    assert records
    assert [run["id"] for run in done.result["runs"]] == [run["id"] for run in records]
