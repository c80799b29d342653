"""The lock for real: processes that race for it, and one that is killed while it has it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _lock

from stanchion import lock

ROOT = Path(__file__).resolve().parents[3]
MODULE_UTILS = ROOT / "plugins" / "module_utils"

CONTENDER = """
import importlib.util, json, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("_lock", sys.argv[1])
_lock = importlib.util.module_from_spec(spec)
sys.modules["_lock"] = _lock
spec.loader.exec_module(_lock)
from stanchion import lock
print("ready", flush=True)
sys.stdin.readline()
try:
    here = _lock.Host.this()
    _lock.hold(Path(sys.argv[2]), lock.identity("race", here, {}).as_dict(), 900, here, time.time())
    print("held", flush=True)
except _lock.RefusedError:
    print("refused", flush=True)
sys.stdin.readline()
"""


class Contender:
    def __init__(self, directory):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTENDER, str(MODULE_UTILS / "_lock.py"), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.read() == "ready"

    def read(self):
        return self.process.stdout.readline().strip()

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def contend(tmp_path):
    contenders = []

    def start():
        contenders.append(Contender(tmp_path / "stanchion"))
        return contenders[-1]

    yield start
    for contender in contenders:
        contender.end()


def test_of_several_processes_exactly_one_wins(contend, tmp_path):
    racers = [contend() for _ in range(4)]
    for racer in racers:
        racer.go()
    outcomes = sorted(racer.read() for racer in racers)
    assert outcomes == ["held", "refused", "refused", "refused"]
    holder = json.loads((tmp_path / "stanchion" / "lock.json").read_text())["holder"]
    assert holder["pid"] in [racer.process.pid for racer in racers]


def test_a_killed_holder_is_recognised_at_once(contend, tmp_path):
    directory = tmp_path / "stanchion"
    holder = contend()
    holder.go()
    assert holder.read() == "held"
    mine = lock.identity("deploy", _lock.Host.this(), {}).as_dict()
    with pytest.raises(_lock.RefusedError):
        _lock.hold(directory, mine, 900, _lock.Host.this(), time.time())
    holder.process.send_signal(signal.SIGKILL)
    holder.process.wait()
    answer = _lock.hold(directory, mine, 900, _lock.Host.this(), time.time())
    assert answer["taken"] == "dead"
    assert f"process {holder.process.pid}" in answer["reason"]


def test_a_folder_that_somebody_keeps_locked_is_told_in_time(tmp_path, monkeypatch):
    directory = tmp_path / "stanchion"
    monkeypatch.setattr(_lock, "_PATIENCE", 0.2)
    mine = lock.identity("deploy", _lock.Host.this(), {}).as_dict()
    with (
        _lock._exclusive(directory),
        pytest.raises(_lock.LockError, match=r"kept .* locked for 0\.2 s"),
    ):
        _lock.hold(directory, mine, 900, _lock.Host.this(), time.time())
