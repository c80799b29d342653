"""Today's tool deploys over a stack that the version before recovery has deployed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from fault import ITSELF, Fault, Row
from scene import Scene
from stack import ROOT, Stack

# The last commit without `recover` and the watch job.
EARLIER = "01ce936970673021c60f22048f0e9128a049f4a2"
NAME = "older"
# What CHANGELOG.md says of that: the command that runs on the host, its schedule and its checks.
CHANGES = ("backup", "recovery", "validation", "watch")


def git(*argv: str) -> str:
    done = subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()


def earlier_clone() -> Path:
    """Return a work tree of the earlier commit, with the link that the set-up makes."""
    known = subprocess.run(["git", "cat-file", "-e", f"{EARLIER}^{{commit}}"], cwd=ROOT, check=False)
    assert known.returncode == 0, (
        f"this clone does not have the commit {EARLIER[:7]}: fetch its whole history (git fetch --unshallow)"
    )
    clone = Path(tempfile.mkdtemp(prefix="stanchion-earlier-")) / "clone"
    git("worktree", "add", "--detach", str(clone), EARLIER)
    link = clone / ".ansible/collections/ansible_collections/stanchion/stack"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../../..")
    return clone


def deployed_by_it(scene: Scene) -> Scene:
    """Return a second stack on the same host, which the earlier version has deployed."""
    clone = earlier_clone()
    folder = clone.parent / NAME
    folder.mkdir()
    variables = {
        **scene.stack.variables,
        "backend_context": str(ROOT / "backend"),
        "stack_app_subnet": "172.30.238.0/24",
        "stack_edge_subnet": "172.30.239.0/24",
        "backend_publish_port": 5200,
    }
    stack = Stack(scene.host, folder, NAME, variables)
    try:
        dataclasses.replace(stack, root=clone).deploy("--no-validate")
    finally:
        git("worktree", "remove", "--force", str(clone))
    older = Scene(stack)
    older.install()
    return older


def upgrade(scene: Scene, row: Row) -> None:
    """Nothing is restarted, and what changes is what the changelog tells of."""
    before = scene.stack.identities()
    scene.stack.add_medication("before the upgrade")
    label = scene.stack.on_host("backup", "--type", "incr")["repositories"]["repo1"]["label"]
    cron = scene.sh(f"cat /etc/cron.d/stanchion-{NAME}").splitlines()
    made = time.monotonic()
    run = scene.stack.deploy()
    row.detected, row.cause = time.monotonic() - made, "none: today's deploy takes over"
    assert scene.stack.identities() == before
    elsewhere = [each for each in run.result["changes"] if each["role"] not in CHANGES]
    assert elsewhere == [], elsewhere
    left = set(cron) - set(scene.sh(f"cat /etc/cron.d/stanchion-{NAME}").splitlines())
    assert not {line for line in left if " backup " in line or " drill" in line}, left
    copy = scene.stack.on_host("restore", "--to", f"backup:{label}")["copy"]["container"]
    try:
        psql = f"docker exec {copy} psql -U postgres -XAtq -d medication_tracker -c"
        kept = "SELECT count(*) FROM medications WHERE name = $$before the upgrade$$"
        assert scene.sh(f"{psql} '{kept}'") == "1"
    finally:
        scene.stack.on_host("restore", "--drop", copy)


def destroy(scene: Scene) -> None:
    gone = scene.stack.runner("destroy", "--yes", "--delete-data", NAME, "--delete-backups", NAME)
    assert gone.code == 0, gone.text
    shutil.rmtree(scene.stack.folder.parent)


FAULT = Fault(
    "F26",
    "today's tool takes over from the one before it",
    inject=upgrade,
    course=upgrade,
    where=deployed_by_it,
    clear=destroy,
    repair=ITSELF,
    gap=3,
)
