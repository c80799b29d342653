"""Configuration files: compared, rehearsed and replaced together; loaded when they are newer."""

from __future__ import annotations

import os
import stat
import tempfile
from types import SimpleNamespace

import pytest
from ansible_collections.stanchion.stack.plugins.modules import postgres_config, postgres_config_files

FILES = {"postgresql.conf": "port = 5432\n", "pg_hba.conf": "host all all all reject\n"}


class FailedError(Exception):
    """What fail_json becomes here."""


def module(folder, check_mode=False, status=0, output="", listed=""):
    """A module whose `docker run` ends with `status`."""
    ran = []

    def run_command(argv, **_):
        ran.append(argv)
        return (status, output, "") if "rehearse" in argv else (0, listed if "ps" in argv else "", "")

    def fail_json(**result):
        raise FailedError(result["msg"])

    return SimpleNamespace(
        params={
            "path": str(folder / "config"),
            "socket": str(folder / "socket"),
            "files": FILES,
            "image": "image:tag",
            "stack": "s",
        },
        check_mode=check_mode,
        tmpdir=tempfile.mkdtemp(dir=folder.parent),
        run_command=run_command,
        fail_json=fail_json,
        ran=ran,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_config_files, "SERVER", os.getuid())
    return tmp_path / "postgres"


def test_files_are_written_after_the_rehearsal(folder):
    fake = module(folder)
    result = postgres_config_files.converge(fake)
    assert result["changed"]
    assert sorted(result["replaced"]) == sorted(FILES)
    assert {p.name: p.read_text() for p in (folder / "config").iterdir()} == FILES
    assert any("rehearse" in argv for argv in fake.ran)
    assert not (folder / "config.next").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_folder_that_others_get_into_is_closed(folder, check_mode):
    postgres_config_files.converge(module(folder))
    folder.chmod(0o755)
    assert postgres_config_files.converge(module(folder, check_mode=check_mode))["changed"]
    assert stat.S_IMODE(folder.stat().st_mode) == (0o755 if check_mode else 0o700)


@pytest.mark.skipif(os.getuid() != 0, reason="gives a folder to another user")
def test_a_folder_of_somebody_else_becomes_roots(folder):
    postgres_config_files.converge(module(folder))
    os.chown(folder, 999, 999)
    assert postgres_config_files.converge(module(folder))["changed"]
    seen = folder.stat()
    assert (seen.st_uid, seen.st_gid) == (0, 0)
    assert postgres_config_files.converge(module(folder))["changed"] is False


def test_a_second_time_nothing_is_run(folder):
    postgres_config_files.converge(module(folder))
    fake = module(folder)
    assert postgres_config_files.converge(fake)["changed"] is False
    assert fake.ran == []


def test_only_what_differs_is_replaced_and_shown(folder):
    postgres_config_files.converge(module(folder))
    untouched = (folder / "config" / "pg_hba.conf").stat().st_ino
    (folder / "config" / "postgresql.conf").write_text("port = 1\n")
    result = postgres_config_files.converge(module(folder))
    assert result["replaced"] == ["postgresql.conf"]
    assert result["diff"][0]["before"] == "port = 1\n"
    assert (folder / "config" / "pg_hba.conf").stat().st_ino == untouched


def test_what_no_server_starts_with_is_refused_and_the_old_stays(folder):
    postgres_config_files.converge(module(folder))
    (folder / "config" / "postgresql.conf").write_text("old\n")
    with pytest.raises(FailedError, match="FATAL: no") as raised:
        postgres_config_files.converge(module(folder, status=1, output="FATAL: no\n"))
    assert "keeps the old one" in str(raised.value)
    assert (folder / "config" / "postgresql.conf").read_text() == "old\n"
    assert not (folder / "config.next").exists()


def test_an_engine_that_fails_is_not_taken_for_a_bad_configuration(folder):
    with pytest.raises(FailedError, match="could not be rehearsed: no such image"):
        postgres_config_files.converge(module(folder, status=125, output="no such image"))


def test_what_a_killed_run_left_is_removed_and_its_name_not_used(folder):
    first, second = module(folder, listed="4711\n"), module(folder)
    postgres_config_files.converge(first)
    assert ["docker", "rm", "--force", "4711"] in first.ran
    (folder / "config" / "postgresql.conf").write_text("old\n")
    postgres_config_files.converge(second)
    names = [
        argv[argv.index("--name") + 1] for fake in (first, second) for argv in fake.ran if "--name" in argv
    ]
    assert len(set(names)) == 2


def test_check_mode_rehearses_and_replaces_nothing(folder):
    fake = module(folder, check_mode=True)
    assert postgres_config_files.converge(fake)["changed"]
    assert any("rehearse" in argv for argv in fake.ran)
    assert not folder.exists()


def test_the_sockets_folder_is_kept_closed(folder):
    postgres_config_files.converge(module(folder))
    (folder / "socket").chmod(0o777)
    assert postgres_config_files.converge(module(folder))["changed"]
    assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o750


def server(monkeypatch, loaded, reloads=True, errors=(), pending=(), overrides=()):
    """A server that has loaded its files at `loaded`, and does so again when told to."""
    state = SimpleNamespace(at=loaded, reloaded=0)

    def reload_now(_connection, query, *_):
        if "pg_reload_conf" in query:
            state.reloaded += 1
            state.at = state.at + 1000 if reloads else state.at
            return []
        if "pg_conf_load_time" in query:
            return [(state.at,)]
        if query == postgres_config.OVERRIDES:
            return [(name,) for name in overrides]
        return list(errors) if "pg_file_settings" in query else [(name,) for name in pending]

    monkeypatch.setattr(postgres_config, "connect", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(postgres_config, "rows", reload_now)
    return state


def running(tmp_path, check_mode=False):
    def fail_json(**result):
        raise FailedError(result["msg"])

    (tmp_path / "postgresql.conf").write_text("x")
    warnings = []
    return SimpleNamespace(
        warn=warnings.append,
        warnings=warnings,
        params={"path": str(tmp_path), "socket": "/nowhere"},
        check_mode=check_mode,
        fail_json=fail_json,
    )


def test_a_newer_file_is_loaded(tmp_path, monkeypatch):
    fake = running(tmp_path)
    state = server(monkeypatch, loaded=postgres_config.newest(tmp_path) - 1)
    assert postgres_config.converge(fake) == {"changed": True, "reloaded": True, "pending_restart": []}
    assert state.reloaded == 1


def test_what_is_loaded_is_left_alone(tmp_path, monkeypatch):
    fake = running(tmp_path)
    state = server(monkeypatch, loaded=postgres_config.newest(tmp_path) + 1, pending=["shared_buffers"])
    assert postgres_config.converge(fake) == {
        "changed": False,
        "reloaded": False,
        "pending_restart": ["shared_buffers"],
    }
    assert state.reloaded == 0


def test_what_alter_system_has_set_is_told_each_time(tmp_path, monkeypatch):
    fake = running(tmp_path)
    server(monkeypatch, loaded=postgres_config.newest(tmp_path) + 1, overrides=["shared_buffers", "work_mem"])
    assert postgres_config.converge(fake)["changed"] is False
    (warning,) = fake.warnings
    assert "sets shared_buffers, work_mem over what is deployed" in warning


def test_nothing_is_told_where_there_is_none(tmp_path, monkeypatch):
    fake = running(tmp_path)
    server(monkeypatch, loaded=postgres_config.newest(tmp_path) + 1)
    postgres_config.converge(fake)
    assert fake.warnings == []


def test_a_renamed_file_counts_as_new_however_old_its_content(tmp_path):
    draft = tmp_path / "draft"
    draft.write_text("x")
    os.utime(draft, (1, 1))
    before = draft.stat().st_ctime
    draft.rename(tmp_path / "postgresql.conf")
    assert postgres_config.newest(tmp_path) >= before


def test_check_mode_tells_and_does_not_reload(tmp_path, monkeypatch):
    fake = running(tmp_path, check_mode=True)
    state = server(monkeypatch, loaded=0.0)
    assert postgres_config.converge(fake)["changed"]
    assert state.reloaded == 0


def test_an_error_in_a_file_is_told_with_its_line(tmp_path, monkeypatch):
    fake = running(tmp_path)
    server(monkeypatch, loaded=0.0, errors=[("pg_hba.conf", 7, "invalid authentication method")])
    with pytest.raises(FailedError, match=r"pg_hba\.conf:7: invalid authentication method"):
        postgres_config.converge(fake)


def test_a_server_that_never_loads_is_told(tmp_path, monkeypatch):
    fake = running(tmp_path)
    server(monkeypatch, loaded=0.0, reloads=False)
    monkeypatch.setattr(postgres_config, "WITHIN", 1.0)
    with pytest.raises(FailedError, match="nothing was loaded within 1 s"):
        postgres_config.converge(fake)
