"""Installing the watch: for root only, nothing to do the second time, and away but for the record."""

import json
import os
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_recovery, _removal
from ansible_collections.stanchion.stack.plugins.modules import recovery_install
from ansible_collections.stanchion.stack.plugins.plugin_utils._packed import encoded
from stanchion_watch.settings import Settings
from watched_containers import DECLARED

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="gives files to root")


@pytest.fixture
def params(tmp_path):
    (tmp_path / "cron.d").mkdir()
    return {
        "stack": "demo",
        "folder": str(tmp_path / "demo" / "recovery"),
        "archive": encoded(ROOT / "roles/recovery/files/watch"),
        "settings": {**DECLARED, "state_dir": str(tmp_path / "demo")},
        "mailto": "ops@example.com",
        "on_failure": "logger 'a token'",
        "cron": str(tmp_path / "cron.d"),
    }


def install(params, check_mode=False):
    return recovery_install.install(SimpleNamespace(params=params, check_mode=check_mode))


def uninstall(params, check_mode=False):
    return recovery_install.uninstall(SimpleNamespace(params=params, check_mode=check_mode))


def modes(folder):
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in sorted(folder.rglob("*"))}


def test_what_is_written(params, tmp_path):
    planned = install(params, check_mode=True)["changed_files"]
    assert list(tmp_path.rglob("*")) == [tmp_path / "cron.d"]
    assert install(params)["changed_files"] == planned
    assert not install(params)["changed"]
    assert modes(tmp_path / "demo") == {
        "recovery": "0o700",
        "on_failure": "0o700",
        "settings.json": "0o600",
        "watch.pyz": "0o600",
    }
    assert modes(tmp_path / "cron.d") == {"stanchion-demo-recovery": "0o644"}


def test_no_diff_shows_the_script(params):
    told = json.dumps(install(params)["diff"])
    assert "demo-backend-1" in told
    assert "a token" not in told


def test_cron_runs_it(params, tmp_path):
    install(params)
    table = (tmp_path / "cron.d/stanchion-demo-recovery").read_text()
    assert 'MAILTO="ops@example.com"\n' in table
    (line,) = [each for each in table.splitlines() if each.startswith("*")]
    assert line.startswith("* * * * * root /")
    done = subprocess.run(
        [*line.split()[6:], "--help"], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin"}
    )
    assert (done.returncode, "--look" in done.stdout) == (0, True), done.stderr


def test_the_facts_find_it_as_written(params, tmp_path):
    install(params)
    told = _facts_recovery.recovery_facts("demo", str(tmp_path / "demo"), tmp_path / "cron.d")["watch"]
    assert (told["installed"], told["cron_file"], told["ran"]) == (True, "exact", None)


def test_a_script_that_is_declared_no_more_goes(params, tmp_path):
    install(params)
    script = tmp_path / "demo/recovery/on_failure"
    changed = {**params, "on_failure": ""}
    assert install(changed, check_mode=True)["changed_files"] == [str(script)]
    assert script.exists()
    assert install(changed)["changed_files"] == [str(script)]
    assert not script.exists()


def test_the_record_outlives_the_watch(params, tmp_path):
    install(params)
    folder = tmp_path / "demo/recovery"
    for name in ("recovery.jsonl", "watch.json", "watch.lock"):
        (folder / name).touch()
    planned = uninstall(params, check_mode=True)["changed_files"]
    assert planned[0] == str(tmp_path / "cron.d/stanchion-demo-recovery")
    assert len(modes(folder)) == 6
    assert uninstall(params)["changed_files"] == planned
    assert list(modes(folder)) == ["recovery.jsonl"]
    assert list((tmp_path / "cron.d").iterdir()) == []
    assert not uninstall(params)["changed"]


def test_what_is_written_goes_with_the_stack():
    assert {*recovery_install.OWN, "recovery.jsonl"} <= _removal._OWN["recovery"]


def test_the_roles_settings_are_those_that_the_watch_reads():
    declared = yaml.safe_load((ROOT / "roles/recovery/vars/main.yml").read_text())["__recovery_settings"]
    assert set(declared) == set(Settings.__dataclass_fields__) - {"path"}
