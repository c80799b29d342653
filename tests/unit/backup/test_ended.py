"""The command, told to end while it works."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.plugin_utils import _packed
from test_backup_settings import raw

ROOT = Path(__file__).resolve().parents[3]

# Notes what is removed; `run` never ends by itself.
DOCKER = """#!/bin/sh
echo "$@" >> "{log}"
case "$1 $2" in
run*) exec sleep 60 ;;
"container ls") ;;
*) echo '[{{"Image": "i", "State": {{"Running": false, "Paused": false}}}}]' ;;
esac
"""

# As the archive starts it, but for what it would ask the database first.
START = """
import signal, sys
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    # Whoever runs the tests may have one ignored.
    signal.signal(number, signal.SIG_DFL)
sys.path.insert(0, sys.argv[1])
from stanchion_backup import __main__
from stanchion_backup.looks import configuration
configuration.save = lambda _: None
sys.exit(__main__.main(["--settings", sys.argv[2], "backup"]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_job_that_is_told_to_end_leaves_a_record_and_no_container_and_begins_nothing(tmp_path, number):
    archive = tmp_path / "stanchion-shop.pyz"
    archive.write_bytes(_packed.packed(ROOT / "roles/backup/files/command"))
    record = tmp_path / "volume.json"
    record.write_text('{"volume": "data"}')
    state = tmp_path / "state"
    two = [{"key": key, "kind": "volume", "where": "shop-backup"} for key in (1, 2)]
    settings = raw(state_dir=str(state), volume_record=str(record), repositories=two)
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    log = tmp_path / "asked"
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.format(log=log))
    docker.chmod(0o755)
    path = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", START, str(archive), str(tmp_path / "settings.json")]
    with subprocess.Popen(command, env=path, stderr=subprocess.PIPE) as job:
        deadline = time.monotonic() + 20
        while not (log.exists() and "\nrun " in log.read_text()):
            assert job.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        job.send_signal(number)
        said = job.communicate(timeout=20)[1].decode()
    assert job.returncode == 1, said
    assert f"stopped by {signal.Signals(number).name}" in said
    # Of the first repository: the second's is not begun any more.
    assert log.read_text().count("\nrun ") == 1
    name = log.read_text().split("--name ")[1].split()[0]
    assert f"container rm --force --volumes {name}" in log.read_text()
    (kept,) = (state / "backup" / "records").glob("incr-*.json")
    assert json.loads(kept.read_text())["outcome"] == "failed"
