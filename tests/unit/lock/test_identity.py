"""Who asks, told on the controller."""

import multiprocessing
import os
import socket
import subprocess
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _lock

from stanchion import lock

HERE = _lock.Host.this()


def test_identity_of_this_process():
    identity = lock.identity("deploy", HERE, {"SUDO_USER": "operator"})
    assert identity.user == "operator"
    assert identity.hostname == socket.gethostname()
    assert identity.pid == os.getpid()
    assert identity.verb == "deploy"
    assert identity.directory == str(Path.cwd())
    assert str(os.getpid()) in identity.run_id


def test_identity_is_the_same_at_every_task_of_a_run():
    assert lock.identity("a", HERE, {}).run_id == lock.identity("b", HERE, {}).run_id


def test_a_worker_speaks_for_the_process_that_forked_it():
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        assert pool.apply(lock.identity, ("deploy", HERE, {})).pid == os.getpid()


def test_command_line_names_run_and_verb():
    identity = lock.identity("play", HERE, {"STANCHION_RUN_ID": "run-7", "STANCHION_VERB": "destroy"})
    assert (identity.run_id, identity.verb) == ("run-7", "destroy")


def test_controller_without_proc(tmp_path):
    identity = lock.identity("deploy", _lock.Host(None, None, tmp_path), {})
    assert (identity.pid_started, identity.pid_namespace, identity.boot_id) == (None, None, None)
    assert identity.run_id


def test_user_without_a_name(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(lock.getpass, "getuser", nobody)
    assert lock.identity("deploy", HERE, {}).user == f"uid {os.getuid()}"


class TestDeath:
    """The new run may know of the old one what the locked host cannot."""

    @pytest.fixture
    def child(self):
        with subprocess.Popen(["sleep", "60"]) as process:
            yield process
            process.kill()

    def holder(self, child, **changes):
        mine = lock.identity("deploy", HERE, {})
        started = HERE.start_of(child.pid)
        return {**mine.as_dict(), "pid": child.pid, "pid_started": started, **changes}

    def test_live_process(self, child):
        assert lock.death(self.holder(child), HERE) is None

    def test_killed_process_even_as_a_zombie(self, child):
        holder = self.holder(child)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert f"its process {child.pid}" in lock.death(holder, HERE)
        child.wait()
        assert f"its process {child.pid}" in lock.death(holder, HERE)

    def test_number_given_to_another_process(self, child):
        assert lock.death(self.holder(child, pid_started=1), HERE)

    def test_other_machines_boots_and_namespaces_prove_nothing(self, child):
        child.kill()
        child.wait()
        for change in ({"boot_id": "x"}, {"pid_namespace": "x"}, {"boot_id": None}):
            assert lock.death(self.holder(child, pid_started=1, **change), HERE) is None

    def test_controller_without_proc_proves_nothing(self, child, tmp_path):
        holder = self.holder(child, boot_id=None, pid_namespace=None)
        assert lock.death(holder, _lock.Host(None, None, tmp_path)) is None
