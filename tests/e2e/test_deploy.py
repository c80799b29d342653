"""The main job, on a host that has nothing yet, and again, and by other ways."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stack import ROOT, Run, Stack, monitoring


def login(stack: Stack, password: str) -> str:
    """Try to log in as the application does, from its network; return the answer or the error."""
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    script = (
        f"PGPASSWORD={password} docker run --rm --network {stack.name}_app_network --env PGPASSWORD {image}"
        " psql -XAtqw -h db -U medication_tracker -d medication_tracker -c 'SELECT 1' 2>&1"
    )
    return stack.host.run("sh", "-c", script, check=False).strip()


def test_a_fresh_host_gets_the_whole_stack(first_deploy: Run, stack: Stack) -> None:
    """Everything is healthy, and the API keeps what it is given."""
    assert first_deploy.result["changed"] > 0
    for container in ("db", "backend-1", "backend-2"):
        health = stack.host.inspect(f"{stack.name}-{container}")["State"]["Health"]
        assert health["Status"] == "healthy"
    created = stack.add_medication("Ibuprofen")
    status, body = stack.curl(f"/medications/{created}", replica=2)
    assert (status, json.loads(body)["name"]) == (200, "Ibuprofen")


def test_removed_containers_are_made_anew_with_every_row_and_no_secret_in_sight(stack: Stack) -> None:
    """A container is nothing; the recorded volume is the database. The application's new password reaches
    database and backend. No password stands in `docker inspect`, in the process list, in the output or in run
    folders of this deploy, which has work to do. The next test sees that nothing is left to do."""
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    new = "another-password-of-an-operator"
    old = stack.host.run("cat", path).strip()
    secrets = [new, old, stack.host.run("cat", path.replace("app_", "postgres_")).strip()]
    assert all(len(secret) >= 20 for secret in secrets)
    stack.host.run("sh", "-c", f"cat > {path}", stdin=new)
    stack.add_medication("kept through removed containers")
    stack.host.run("docker", "rm", "-f", f"{stack.name}-db", f"{stack.name}-backend-1")
    run = stack.start("deploy", "-vvv")
    processes = []
    while run.poll() is None:
        processes.append(stack.host.run("ps", "-eww", "-o", "args", "e"))
        processes.append(subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True).stdout)
        time.sleep(0.8)
    out, err = run.communicate()
    assert run.returncode == 0, out + err
    stack.remember()
    assert stack.sql("SELECT count(*) FROM medications WHERE name = 'kept through removed containers'") == "1"
    for replica in (1, 2):
        stack.add_medication(f"by the new password, {replica}", replica=replica)
    seen = {"output": out + err, "processes": "".join(processes)}
    # Those of both sides have been seen.
    assert "ansible-playbook" in seen["processes"]
    assert "/usr/bin/python3" in "".join(processes[::2]), "a module on the host"
    for container in stack.host.containers(stack.name):
        seen[container] = json.dumps(stack.host.inspect(container))
    state = stack.folder.parent / "state"
    for path in (path for path in state.rglob("*") if path.is_file()):
        seen[str(path)] = path.read_text(errors="replace")
    assert any(path.startswith(str(state)) for path in seen)
    assert [place for place, text in seen.items() if any(secret in text for secret in secrets)] == []
    assert login(stack, new) == "1"
    assert "password authentication failed" in login(stack, old)


def test_a_second_deploy_changes_nothing_and_one_beside_it_is_turned_away(stack: Stack) -> None:
    """Zero changed tasks, and no container restarted; the other one ends in seconds and names the holder."""
    before = stack.identities()
    second = stack.start("deploy", "--format", "json")
    lock = "import json; print(json.dumps(json.load(open('/var/lib/stanchion/lock.json'))['holder']))"
    for _ in range(100):
        if stack.host.python(lock):
            break
        time.sleep(0.1)
    began = time.monotonic()
    beside = stack.runner("deploy")
    elapsed = time.monotonic() - began
    out, err = second.communicate(timeout=600)
    assert beside.code == 6, beside.text
    assert f'@{os.uname().nodename} with "deploy"' in beside.text
    assert elapsed < 8, "5 s, and the start of two processes on a busy machine"
    assert second.returncode == 0, out + err
    assert json.loads(out)["changed"] == 0, out
    assert stack.identities() == before


def test_what_a_deploy_leaves_on_the_host(stack: Stack) -> None:
    """The stack's containers and no others, the lock given back, a content tag and a record of each image."""
    mine = {f"{stack.name}-{name}" for name in ("db", "backend-1", "backend-2", *monitoring(stack))}
    names = stack.host.run("docker", "ps", "--all", "--format", "{{.Names}}").split()
    assert {name for name in names if name.startswith(f"{stack.name}-")} == mine
    lock = json.loads(stack.host.run("cat", "/var/lib/stanchion/lock.json"))
    assert (lock["holder"], lock["history"][-1]["end"]) == (None, "released")
    for name in mine:
        repository, _, tag = stack.host.inspect(name)["Config"]["Image"].partition(":")
        record = stack.host.run("cat", f"/var/lib/stanchion/images/{repository.replace('/', '_')}.json")
        assert (json.loads(record)["tag"], len(tag)) == (tag, 16)


def test_status_tells_what_runs_and_changes_nothing(stack: Stack) -> None:
    """Healthy is 0; a stopped replica is named and is 1."""
    before = stack.identities()
    healthy = stack.runner("status")
    assert healthy.code == 0, healthy.text
    assert f"{stack.name}-backend-2" in healthy.text
    assert stack.identities() == before
    stack.host.run("docker", "stop", f"{stack.name}-backend-2")
    stopped = stack.runner("status")
    stack.host.run("docker", "start", f"{stack.name}-backend-2")
    assert stopped.code == 1
    assert f"{stack.name}-backend-2" in stopped.text
    stack.wait_until_healthy()


def test_check_mode_changes_nothing(stack: Stack) -> None:
    """What would change is said, and is not done."""
    before = (stack.picture(), stack.identities())
    run = stack.with_variables(backend_pool_timeout=4).runner(
        "deploy", "--check", "--diff", "--format", "json"
    )
    assert run.code == 0, run.out + run.err
    assert run.result["status"] == "planned"
    assert run.result["changed"] > 0
    assert (stack.picture(), stack.identities()) == before


@pytest.mark.long
def test_another_password_reaches_a_backend_whose_next_version_cannot_be_built(
    stack: Stack, tmp_path: Path
) -> None:
    """The deploy fails after the database has the new password; what serves on can still log in anew."""
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    stack.host.run("sh", "-c", f"printf a-third-password-of-an-operator > {path}")
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN exit 3\n")
    broken = stack.with_variables(backend_context=str(tmp_path), backend_image_packages=[])
    assert broken.runner("deploy").code == 4
    assert login(stack, "a-third-password-of-an-operator") == "1"
    # Every pooled connection is gone with it.
    database = f"{stack.name}-db"
    stack.host.run("docker", "restart", database)
    stack.host.run("sh", "-c", f"until docker exec {database} healthcheck; do sleep 0.3; done")
    for replica in (1, 2):
        stack.add_medication(f"by a new connection, {replica}", replica=replica)


def installed(archive_in: Path) -> Callable[..., str]:
    """Build the collection's archive, install it there, and return what runs one of its playbooks."""
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(archive_in)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (archive,) = archive_in.iterdir()
    # By force: in the clone, Ansible takes the clone itself for the installed collection.
    install = ["ansible-galaxy", "collection", "install", "--force", "--offline", "--no-deps", str(archive)]
    subprocess.run([*install, "-p", str(archive_in)], cwd=archive_in, check=True, capture_output=True)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(archive_in),
        "ANSIBLE_INJECT_FACT_VARS": "False",
    }
    # The modules that the runs share are the clone's.
    environment.pop("ANSIBLE_CALLBACKS_ENABLED", None)

    def run(playbook: str, stack: Stack, *argv: str) -> str:
        done = subprocess.run(
            ["ansible-playbook", "-i", str(stack.inventory), f"stanchion.stack.{playbook}", *argv],
            cwd=archive_in,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_an_installed_collection_runs_by_full_name(stack: Stack, tmp_path: Path) -> None:
    """A playbook that needs roles, plugins and checks; a unit test sees that the archive has all files."""
    # What earlier tests have done to the server is in its log.
    said = installed(tmp_path)("validate", stack, "-v", "-e", "validation_log_window=5")
    assert "container.state" in said, "the checks have been asked"


@pytest.mark.long
def test_an_installed_collection_finds_nothing_to_deploy(stack: Stack, tmp_path: Path) -> None:
    """Without the runner, and from the archive: images and commands are the same to the byte."""
    assert "changed=0" in installed(tmp_path)("deploy", stack)
