"""settings.json: what the role has written is read; what it has not written is refused with the way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from stanchion_backup.errors import RefusedError
from stanchion_backup.settings import Repository, Schedule, load

ROOT = Path(__file__).resolve().parents[3]


def raw(**changed):
    return {
        "stack": "shop",
        "state_dir": "/var/lib/stanchion/shop",
        "container": "shop-db",
        "volume_record": "/var/lib/stanchion/shop/postgres/volume.json",
        "socket": "/var/lib/stanchion/shop/postgres/socket",
        "postgres_config": "/var/lib/stanchion/shop/postgres/config",
        "repository": "shop-backup",
        "config": "/var/lib/stanchion/shop/backup/config",
        "lock": "/var/lib/stanchion/shop/backup/lock",
        "repositories": [{"key": 1, "kind": "volume", "where": "shop-backup"}],
        "database": "shop",
        "user": "shop",
        "job_memory": "512m",
        "scratch_memory": "512m",
        "archive_timeout": 60,
        "schedule": {"full": {"cron": "15 1 * * 0", "period": 604800}},
        "retention_full": 2,
        **changed,
    }


def written(folder, content):
    path = folder / "settings.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_the_role_has_written_is_read(tmp_path):
    settings = load(written(tmp_path, raw(sentinels=["public.orders"])))
    assert settings.repositories == (Repository(1, "volume", "shop-backup"),)
    assert settings.schedule == {"full": Schedule("15 1 * * 0", 604800)}
    assert settings.sentinels == ("public.orders",)
    assert str(settings.folder) == "/var/lib/stanchion/shop/backup"


def test_the_roles_install_and_mount_the_folder_that_the_command_works_in(tmp_path):
    """One that could be moved for one of them only would hide what the others look for."""
    state = "{{ stack_state_dir }}"
    folder = str(load(written(tmp_path, raw(state_dir=state))).folder)
    mine = yaml.safe_load((ROOT / "roles/backup/vars/main.yml").read_text())
    assert mine["__backup_folder"] == folder
    for name in ("config", "lock"):
        assert mine["__backup_settings"][name] == f"{{{{ __backup_folder }}}}/{name}"
    for name in ("prepare", "absent"):
        text = (ROOT / f"roles/backup/tasks/{name}.yml").read_text()
        assert text.count('folder: "{{ __backup_folder }}"') == 1
    database = yaml.safe_load((ROOT / "roles/postgres/vars/main.yml").read_text())
    sources = [each["source"] for each in database["__postgres_archive_mounts"] if each["type"] == "bind"]
    assert sources == [f"{folder}/config", f"{folder}/lock"]


def test_what_only_another_version_knows_is_passed_over(tmp_path):
    assert load(written(tmp_path, raw(of_a_later_version=1))).stack == "shop"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ({key: value for key, value in raw().items() if key != "schedule"}, "schedule"),
        ({key: value for key, value in raw().items() if key != "container"}, "container"),
        (raw(repositories=[{"key": 1}]), "kind"),
    ],
    ids=["none", "half a file", "no schedule", "no container", "half a repository"],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(tmp_path, content, said):
    path = tmp_path / "settings.json" if content is None else written(tmp_path, content)
    with pytest.raises(RefusedError) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)
    assert "Deploy the stack" in str(refused.value)


def test_an_unknown_repository_is_refused_with_those_that_there_are(tmp_path):
    settings = load(written(tmp_path, raw()))
    for name in ("", "1", "repo1"):
        assert settings.repository_of(name).name == "repo1"
    for name in ("repo2", "foo1", "repo", "0", "²"):
        with pytest.raises(RefusedError, match=rf"no {name}; it has repo1\."):
            settings.repository_of(name)
