"""What a backup carries of the configuration: every file, and of a secret only its name."""

import dataclasses

import pytest
from stanchion_backup.looks import configuration
from stanchion_backup.settings import Settings


@pytest.fixture
def settings(tmp_path):
    for name in ("postgres", "config", "config/conf.d", "secrets", "backup"):
        (tmp_path / name).mkdir()
    for name, text in {
        "settings.json": "{}",
        "cron": "* * * * *",
        "volume.json": "{}",
        "backup/on_failure": "curl -H 'Authorization: hidden' https://pager",
        "postgres/pg_hba.conf": "local all",
        "config/pgbackrest.conf": "[global]",
        "config/id_ed25519": "-----BEGIN KEY-----",
        "config/conf.d/secrets.conf": "repo1-cipher-pass=hidden",
        "secrets/app_password": "hidden",
    }.items():
        (tmp_path / name).write_text(text)
    names = {field.name: "" for field in dataclasses.fields(Settings) if field.default is dataclasses.MISSING}
    given = {
        "state_dir": str(tmp_path),
        "postgres_config": str(tmp_path / "postgres"),
        "config": str(tmp_path / "config"),
        "volume_record": str(tmp_path / "volume.json"),
        "cron_file": str(tmp_path / "cron"),
        "path": tmp_path / "settings.json",
    }
    return Settings(**{**names, **given})


def test_files_with_their_content_and_secrets_by_name_only(settings, tmp_path):
    found = {path.removeprefix(f"{tmp_path}/"): text for path, text in configuration.files(settings).items()}
    assert found == {
        "settings.json": "{}",
        "cron": "* * * * *",
        "volume.json": "{}",
        "postgres/pg_hba.conf": "local all",
        "config/pgbackrest.conf": "[global]",
        "config/id_ed25519": None,
        "secrets/app_password": None,
    }


def test_a_quote_in_a_file_is_no_end_of_the_statement(settings, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(configuration.Database, "execute", lambda self, script: said.append(script))
    (tmp_path / "postgres/pg_hba.conf").write_text("it's '; DROP TABLE x; --")
    configuration.save(settings)
    assert "it''s ''; DROP TABLE x; --" in said[0]
