"""Installing the command: closed files, nothing to do the second time, and no secret on the way."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_files, _program, _removal
from ansible_collections.stanchion.stack.plugins.modules import backup_install
from ansible_collections.stanchion.stack.plugins.plugin_utils._packed import packed

ROOT = Path(__file__).resolve().parents[3]
SECRET = "a-passphrase-that-nobody-sees"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="gives files to other users")


@pytest.fixture
def params(tmp_path):
    secret = tmp_path / "passphrase"
    secret.write_text(SECRET + "\n")
    (tmp_path / "programs").mkdir()
    return {
        "stack": "shop",
        "folder": str(tmp_path / "state" / "backup"),
        "archive": base64.b64encode(packed(ROOT / "roles/backup/files/command")).decode(),
        "settings": {"stack": "shop"},
        "config": "[global]\nrepo1-path=/var/lib/pgbackrest\n",
        "secrets": {"repo1-cipher-pass": str(secret)},
        "keys": {},
        "files": {},
        "on_failure": "",
        "repository": "shop-backup",
        "owner": 999,
        "programs": str(tmp_path / "programs"),
    }


def install(params, check_mode=False):
    return backup_install.install(SimpleNamespace(params=params, check_mode=check_mode))


def modes(folder):
    """Return owner, group and mode of everything below a folder."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        found = path.stat()
        seen[str(path.relative_to(folder))] = (found.st_uid, found.st_gid, oct(stat.S_IMODE(found.st_mode)))
    return seen


def test_what_the_engine_reads_is_the_databases_users_and_the_rest_is_roots(params, tmp_path):
    install(params)
    assert modes(tmp_path / "state") == {
        "backup": (0, 0, "0o700"),
        "backup/config": (999, 999, "0o700"),
        "backup/config/conf.d": (999, 999, "0o700"),
        "backup/config/conf.d/secrets.conf": (999, 999, "0o400"),
        "backup/config/pgbackrest.conf": (999, 999, "0o400"),
        "backup/lock": (999, 999, "0o700"),
        "backup/metrics": (0, 0, "0o755"),
        "backup/settings.json": (0, 0, "0o600"),
        "backup/stanchion-shop.pyz": (0, 0, "0o600"),
    }
    assert modes(tmp_path / "programs") == {"stanchion-shop": (0, 0, "0o755")}


def test_the_second_time_there_is_nothing_to_do(params):
    assert install(params)["changed"]
    again = install(params)
    assert (again["changed"], again["changed_files"], again["diff"]) == (False, [], [])


class TestBytecode:
    @pytest.fixture
    def archive(self, params, tmp_path):
        install(params)
        return tmp_path / "state/backup/stanchion-shop.pyz"

    def test_python_takes_it(self, archive):
        """Spoil every source: what runs then is the bytecode."""
        spoilt = io.BytesIO()
        with zipfile.ZipFile(spoilt, "w") as opened:
            for name, content in _program.members(archive.read_bytes()).items():
                opened.writestr(name, b"raise SystemExit(1)" if name.endswith(".py") else content)
        archive.write_bytes(spoilt.getvalue())
        done = subprocess.run(
            [sys.executable, archive, "--help"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, "drill" in done.stdout) == (0, True)

    def test_another_pythons_is_passed_over_and_made_anew_by_the_next_deploy(
        self, params, archive, monkeypatch
    ):
        spoilt = io.BytesIO()
        with zipfile.ZipFile(spoilt, "w") as opened:
            for name, content in _program.members(archive.read_bytes()).items():
                opened.writestr(name, b"\0\0\r\n" + content[4:] if name.endswith(".pyc") else content)
        archive.write_bytes(spoilt.getvalue())
        done = subprocess.run(
            [sys.executable, archive, "--help"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, "drill" in done.stdout) == (0, True)
        assert install(params)["changed_files"] == [str(archive)]
        assert not install(params)["changed"]

    @pytest.mark.parametrize("content", [b"", b"no archive"])
    def test_what_is_no_archive_is_written_anew(self, params, archive, content):
        archive.write_bytes(content)
        assert install(params)["changed_files"] == [str(archive)]

    def test_a_traceback_names_the_file_in_the_archive(self, archive):
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]);"
            " from stanchion_backup.host import jobs; jobs.records(None, '')"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, archive], capture_output=True, text=True, check=False
        )
        assert f'File "{archive}/stanchion_backup/host/jobs.py", line ' in done.stderr


@pytest.mark.parametrize("spoil", ["content", "mode", "owner"])
def test_one_file_that_differs_is_written_anew_alone(params, tmp_path, spoil):
    install(params)
    path = tmp_path / "state/backup/config/conf.d/secrets.conf"
    if spoil == "content":
        path.write_text("[global]\n")
    elif spoil == "mode":
        path.chmod(0o444)
    else:
        os.chown(path, 0, 0)
    assert install(params)["changed_files"] == [str(path)]
    assert path.read_text() == f"[global]\nrepo1-cipher-pass={SECRET}\n"
    assert not install(params)["changed"]


def test_no_secret_is_in_what_the_module_tells(params):
    assert SECRET not in json.dumps(install(params))
    params["secrets"] = {**params["secrets"], "repo2-cipher-pass": params["secrets"]["repo1-cipher-pass"]}
    told = install(params)
    assert told["changed"]
    assert SECRET not in json.dumps(told)


def test_the_diff_shows_the_configuration_before_and_after(params):
    install(params)
    params["config"] += "process-max=4\n"
    [diff] = install(params, check_mode=True)["diff"]
    assert diff["before_header"].endswith("config/pgbackrest.conf")
    assert (diff["before"], diff["after"]) == (
        params["config"].replace("process-max=4\n", ""),
        params["config"],
    )


def test_a_preview_of_a_first_deploy_changes_nothing_and_needs_no_secret_yet(params, tmp_path):
    (tmp_path / "passphrase").unlink()
    assert install(params, check_mode=True)["changed"]
    assert not (tmp_path / "state").exists()
    assert list((tmp_path / "programs").iterdir()) == []


def test_a_key_is_a_file_beside_the_configuration(params, tmp_path):
    key = tmp_path / "key"
    key.write_text(SECRET)
    told = install({**params, "keys": {"sftp_key": str(key)}})
    path = tmp_path / "state/backup/config/sftp_key"
    assert path.read_text() == SECRET
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (999, 0o400)
    assert SECRET not in json.dumps(told)


def test_the_command_for_failed_jobs_is_roots_alone_and_in_no_diff(params, tmp_path):
    told = install({**params, "on_failure": f"curl -H 'Authorization: {SECRET}' https://pager"})
    path = tmp_path / "state/backup/on_failure"
    assert path.read_text().startswith("#!/bin/sh\n")
    assert path.read_text().endswith(f"\ncurl -H 'Authorization: {SECRET}' https://pager\n")
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o700)
    assert str(path) in told["changed_files"]
    assert SECRET not in json.dumps(told)
    assert backup_install._removal.files("shop", tmp_path / "state", None).strange == []
    assert install(params)["changed_files"] == [str(path)]
    assert not path.exists()


def test_the_settings_say_only_whether_there_is_a_command_for_failed_jobs():
    declared = yaml.safe_load((ROOT / "roles/backup/vars/main.yml").read_text())["__backup_settings"]
    for command, said in (("", False), (f"mail {SECRET}", True)):
        templar = Templar(DataLoader(), variables={"backup_on_failure": command})
        assert templar.template(trust_as_template(declared["on_failure"])) is said


def test_a_repository_on_a_disk_is_made_below_a_parent_that_is_there(params, tmp_path):
    repository = tmp_path / "disk"
    install({**params, "repository": str(repository)})
    assert (repository.stat().st_uid, stat.S_IMODE(repository.stat().st_mode)) == (999, 0o750)
    with pytest.raises(FileNotFoundError):
        install({**params, "repository": str(tmp_path / "not-mounted" / "backup")})


@pytest.mark.parametrize(
    ("made", "owner", "why"),
    [
        (["sh", "ls"], 0, "holds what is no backup: ls, sh"),
        (["archive", "backup", ".ssh"], 999, "holds what is no backup: .ssh"),
        (["archive", "backup"], 1000, "belongs to the user 1000, not 999"),
        (["archive", "backup"], 999, None),
        (["lost+found"], 0, None),
        ([], 0, None),
    ],
)
def test_only_a_folder_of_its_own_is_given_to_the_databases_user(params, tmp_path, made, owner, why):
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o755)
    for name in made:
        (disk / name).mkdir()
    os.chown(disk, owner, owner)
    before = disk.stat()
    wanted = {**params, "repository": str(disk)}
    assert bool(_facts_files.repository_facts(str(disk), "shop")["foreign"]) == bool(why)
    if why is None:
        install(wanted)
        assert disk.stat().st_uid == 999
        return
    for check_mode in (True, False):
        with pytest.raises(_removal.RefusedError, match=why):
            install(wanted, check_mode)
    assert (disk.stat().st_uid, disk.stat().st_mode) == (owner, before.st_mode)
    assert not (tmp_path / "state").exists()


def test_the_same_files_make_the_same_archive_and_it_runs(params, tmp_path):
    folder = ROOT / "roles/backup/files/command"
    assert packed(folder) == packed(folder)
    names = zipfile.ZipFile(io.BytesIO(packed(folder))).namelist()
    assert "__main__.py" in names
    # What hosts share, and the engine's client, which is one of the collection's own modules' too.
    assert {"stanchion_host/exposition.py", "stanchion_host/docker_api.py"} < set(names)
    assert all(name.endswith(".py") for name in names)
    install(params)
    told = subprocess.run(
        [tmp_path / "programs/stanchion-shop", "--help"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "backup" in told.stdout
