"""Installing the monitoring: nothing to do the second time, nothing left over, and no hidden text told."""

import json
import os
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.stanchion.stack.plugins.module_utils import _program, _removal
from ansible_collections.stanchion.stack.plugins.modules import monitoring_install
from ansible_collections.stanchion.stack.plugins.plugin_utils._packed import encoded
from figured_containers import DECLARED
from stanchion_figures import settings
from stanchion_host import files as host_files

ROOT = Path(__file__).resolve().parents[3]
HIDDEN = "a text that nobody is to see"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="gives files to other users")


def file(path, content="text\n", **changed):
    return {"path": path, "content": content, "owner": 0, "mode": "0644", "shown": True, **changed}


@pytest.fixture
def params(tmp_path):
    (tmp_path / "cron.d").mkdir()
    return {
        "stack": "demo",
        "folder": str(tmp_path / "demo" / "monitoring"),
        "archive": encoded(ROOT / "roles/monitoring/files/figures"),
        "settings": {**DECLARED, "state_dir": str(tmp_path / "demo")},
        "files": [
            file("prometheus/prometheus.yml"),
            file("prometheus/rules/DatabaseDown.yml"),
            file("alertmanager/alertmanager.yml", HIDDEN, owner=990, mode="0400", shown=False),
        ],
        "owned_folders": list(_removal.MONITORING_FOLDERS),
        "cron": str(tmp_path / "cron.d"),
    }


def really(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def install(params, check_mode=False):
    return monitoring_install.install(SimpleNamespace(params=params, check_mode=check_mode))


def uninstall(params, check_mode=False):
    module = SimpleNamespace(params=params, check_mode=check_mode, run_command=really)
    return monitoring_install.uninstall(module)


def modes(folder):
    """Return owner and mode of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        seen = path.stat()
        found[str(path.relative_to(folder))] = (seen.st_uid, oct(stat.S_IMODE(seen.st_mode)))
    return found


def test_what_is_written(params, tmp_path):
    planned = install(params, check_mode=True)["changed_files"]
    assert list(tmp_path.rglob("*")) == [tmp_path / "cron.d"]
    done = install(params)
    assert done["changed_files"] == planned
    assert planned[-1] == str(tmp_path / "cron.d/stanchion-demo-monitoring")
    assert modes(tmp_path / "demo") == {
        "monitoring": (0, "0o700"),
        "monitoring/alertmanager": (0, "0o755"),
        "monitoring/alertmanager/alertmanager.yml": (990, "0o400"),
        "monitoring/exporter": (0, "0o755"),
        "monitoring/figures.pyz": (0, "0o600"),
        "monitoring/metrics": (0, "0o755"),
        "monitoring/prometheus": (0, "0o755"),
        "monitoring/prometheus/prometheus.yml": (0, "0o644"),
        "monitoring/prometheus/rules": (0, "0o755"),
        "monitoring/prometheus/rules/DatabaseDown.yml": (0, "0o644"),
        "monitoring/settings.json": (0, "0o600"),
    }
    assert modes(tmp_path / "cron.d") == {"stanchion-demo-monitoring": (0, "0o644")}


def test_the_second_time_there_is_nothing_to_do(params, tmp_path):
    install(params)
    folder = tmp_path / "demo/monitoring"
    # What the job has written meanwhile is its own.
    for name in ("figures.json", "figures.lock", "metrics/stanchion_figures.prom"):
        (folder / name).touch()
    assert install(params) == {"changed": False, "changed_files": [], "diff": []}


@pytest.mark.parametrize("spoil", ["content", "mode", "owner", "gone"])
def test_one_file_that_differs_is_written_anew_alone(params, tmp_path, spoil):
    install(params)
    path = tmp_path / "demo/monitoring/prometheus/rules/DatabaseDown.yml"
    if spoil == "content":
        path.write_text("another\n")
    elif spoil == "mode":
        path.chmod(0o600)
    elif spoil == "owner":
        os.chown(path, 999, 999)
    else:
        path.unlink()
    assert install(params, check_mode=True)["changed_files"] == [str(path)]
    assert install(params)["changed_files"] == [str(path)]
    assert not install(params)["changed"]


def test_a_rule_that_went_away_goes_with_its_folder(params, tmp_path):
    install(params)
    folder = tmp_path / "demo/monitoring/prometheus"
    (folder / "rules" / ".draft.yml.x2").touch()
    (folder / "rules" / "link").symlink_to(tmp_path / "cron.d")
    fewer = {**params, "files": params["files"][::2]}
    planned = install(fewer, check_mode=True)["changed_files"]
    assert (folder / "rules" / "DatabaseDown.yml").exists()
    assert sorted(planned) == sorted(
        str(folder / name)
        for name in ("rules", "rules/DatabaseDown.yml", "rules/.draft.yml.x2", "rules/link")
    )
    assert install(fewer)["changed_files"] == planned
    assert [path.name for path in folder.iterdir()] == ["prometheus.yml"]
    assert (tmp_path / "cron.d" / "stanchion-demo-monitoring").exists()
    assert not install(fewer)["changed"]


def test_what_is_in_no_owned_folder_stays(params, tmp_path):
    install(params)
    folder = tmp_path / "demo/monitoring/prometheus"
    (folder / "of_a_person.yml").touch()
    owned = {**params, "owned_folders": ["prometheus/rules"], "files": []}
    install(owned)
    assert sorted(path.name for path in folder.iterdir()) == ["of_a_person.yml", "prometheus.yml", "rules"]
    assert list((folder / "rules").iterdir()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"files": [file("settings.json")]},
        {"files": [file("metrics/mine.prom")]},
        {"files": [file("/etc/passwd")]},
        {"files": [file("prometheus/../../passwd")]},
        {"files": [file("prometheus")]},
        {"files": [file("")]},
        {"files": [file("prometheus/x", mode="420")]},
        {"files": [file("prometheus/x", mode="u=rw")]},
        {"owned_folders": ["."]},
        {"owned_folders": ["metrics"]},
        {"owned_folders": ["prometheus/.."]},
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything(params, tmp_path, changed):
    for check_mode in (True, False):
        with pytest.raises(_removal.RefusedError, match="Nothing was changed"):
            install({**params, **changed}, check_mode)
    assert not (tmp_path / "demo").exists()


def test_a_diff_shows_what_may_be_seen(params):
    told = install(params)["diff"]
    shown = {Path(each["before_header"]).name for each in told}
    assert shown == {"prometheus.yml", "DatabaseDown.yml", "settings.json", "stanchion-demo-monitoring"}
    assert HIDDEN not in json.dumps(told)
    params["files"][0]["content"] = "another\n"
    (told,) = install(params, check_mode=True)["diff"]
    assert (told["before"], told["after"]) == ("text\n", "another\n")


def test_no_result_has_a_hidden_text(params, capsys):
    arguments = {**params, "files": [*params["files"], file("exporter/queries.yml", "seen by all\n")]}
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        monitoring_install.main()
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert json.loads(told)["changed"] is True
    assert HIDDEN not in told
    assert {each["after"] for each in json.loads(told)["diff"]} > {"seen by all\n", "text\n"}


def test_a_refusal_says_with_what_a_command_line_ends(params, capsys):
    arguments = {**params, "owned_folders": ["elsewhere"]}
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        monitoring_install.main()
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["stanchion"]) == (1, {"exit": "configuration"})
    assert "elsewhere" in told["msg"]


def test_cron_runs_it(params, tmp_path):
    install(params)
    table = (tmp_path / "cron.d/stanchion-demo-monitoring").read_text()
    assert 'MAILTO=""\n' in table
    (line,) = [each for each in table.splitlines() if each.startswith("*")]
    assert line.startswith("* * * * * root /")
    command = line.split()[6:]
    done = subprocess.run(
        [*command, "--once"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin", "DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    figures = (tmp_path / "demo/monitoring/metrics/stanchion_figures.prom").read_text()
    assert 'stanchion_figures_engine_up{stack="demo"} 0\n' in figures
    assert not install(params)["changed"]


def test_its_settings_say_which_table_is_its_own(params, tmp_path):
    install(params)
    read = settings.load(tmp_path / "demo/monitoring/settings.json")
    table = tmp_path / "cron.d/stanchion-demo-monitoring"
    assert (read.cron_file, read.is_wanted()) == (str(table), True)
    assert json.loads(read.path.read_text())["cron_text"] == table.read_text()
    table.unlink()
    assert not read.is_wanted()


def test_the_archive_is_whole_and_compiled(params, tmp_path):
    install(params)
    archive = tmp_path / "demo/monitoring/figures.pyz"
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"__main__.py", "stanchion_figures/minute.py", "stanchion_host/docker_api.pyc"} <= names
    assert set(_program.members(archive.read_bytes())) == names
    # On the host nothing else is there to be imported.
    done = subprocess.run(
        [sys.executable, "-I", archive, "--help"], capture_output=True, text=True, check=False, cwd="/"
    )
    assert (done.returncode, "--once" in done.stdout) == (0, True), done.stderr


class TestAbsent:
    def test_all_of_it_goes(self, params, tmp_path):
        install(params)
        folder = tmp_path / "demo/monitoring"
        for name in ("figures.json", "figures.lock", "metrics/stanchion_figures.prom", ".figures.json.a2"):
            (folder / name).touch()
        there = modes(folder)
        planned = uninstall(params, check_mode=True)["changed_files"]
        assert modes(folder) == there
        assert uninstall(params)["changed_files"] == planned
        assert planned[0] == str(tmp_path / "cron.d/stanchion-demo-monitoring")
        assert planned[-1] == str(folder)
        assert (list((tmp_path / "demo").iterdir()), list((tmp_path / "cron.d").iterdir())) == ([], [])
        assert uninstall(params) == {"changed": False, "changed_files": []}

    def test_what_is_not_ours_stays(self, params, tmp_path):
        install(params)
        strange = tmp_path / "demo/monitoring/of_a_person"
        strange.touch()
        table = tmp_path / "cron.d/stanchion-demo-monitoring"
        table.write_text("# Written by Ansible (role backup of stack demo-monitoring).\n")
        assert str(strange.parent) not in uninstall(params)["changed_files"]
        assert list(modes(tmp_path / "demo")) == ["monitoring", "monitoring/of_a_person"]
        assert table.exists()

    def test_it_waits_for_the_end_of_the_job(self, params, tmp_path):
        """Which sees that its table is gone, and may have been writing."""
        install(params)
        folder, table = tmp_path / "demo/monitoring", tmp_path / "cron.d/stanchion-demo-monitoring"
        begun, ended = threading.Event(), threading.Event()

        def job():
            with host_files.alone(folder / "figures.lock"):
                begun.set()
                while table.exists():
                    ended.wait(0.05)
                (folder / "metrics" / "late.prom").touch()
                ended.set()

        thread = threading.Thread(target=job)
        thread.start()
        assert begun.wait(5)
        uninstall(params)
        assert ended.is_set()
        assert not folder.exists()
        thread.join(5)

    def test_a_job_that_does_not_end_is_told(self, params, tmp_path, monkeypatch):
        install(params)
        folder = tmp_path / "demo/monitoring"
        monkeypatch.setattr(_removal, "is_held", lambda *_: True)
        with pytest.raises(_removal.RefusedError, match="Run this again when it has ended"):
            uninstall(params)
        assert (folder / "settings.json").exists()


def test_what_is_written_goes_with_the_stack(params, tmp_path):
    install(params)
    for name in ("figures.json", "figures.lock"):
        (tmp_path / "demo/monitoring" / name).touch()
    found = _removal.files("demo", tmp_path / "demo", None)
    assert found.strange == []


def test_the_roles_settings_are_those_that_the_job_reads():
    declared = yaml.safe_load((ROOT / "roles/monitoring/vars/main.yml").read_text())["__monitoring_settings"]
    assert set(declared) | {"cron_file"} == set(settings.Settings.__dataclass_fields__) - {"path"}
