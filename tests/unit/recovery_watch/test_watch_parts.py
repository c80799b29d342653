"""What the watch reads and writes, asks, and tells the engine."""

import json
import os
import socket
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from stanchion_watch import __main__, asking, docker, files, settings, watch
from watched_containers import DECLARED, inspected

SOON = 0.3


@contextmanager
def answering(answer: bytes, unix: Path | None = None, accepts: bool = True):
    """A server that says this to whoever connects and has asked; with `accepts` false, nothing at all."""
    server = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    server.bind(str(unix) if unix else ("127.0.0.1", 0))
    server.listen()
    heard: list[bytes] = []

    def serve():
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(1000))
            connection.sendall(answer)
            heard.append(connection.recv(1000) if answer else b"")

    thread = threading.Thread(target=serve, daemon=True)
    if accepts:
        thread.start()
    try:
        yield server.getsockname(), heard
        if accepts:
            thread.join(5)
    finally:
        server.close()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 NOT FOUND\r\n\r\n", b"HTTP/1.0 503\r\n", b"\x15\x03"])
def test_any_answer_of_a_backend_counts(answer):
    with answering(answer) as (address, heard):
        assert asking.http(address, "/livez")
    assert heard[0].startswith(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n")


def test_silence_does_not():
    with answering(b"", accepts=False) as (address, _):
        assert not asking.http(address, "/livez", SOON)
    # Closed without a word, as docker's proxy does; and nobody there.
    with answering(b"") as (address, _):
        assert not asking.http(address, "/livez", SOON)
    assert not asking.http(address, "/livez", SOON)


def test_any_answer_of_a_server_counts(tmp_path):
    path = tmp_path / ".s.PGSQL.5432"
    with answering(b"E\0\0\0too many clients", path) as (_, heard):
        assert asking.postgres(str(path))
    packet = heard[0]
    assert int.from_bytes(packet[:4], "big") == len(packet)
    assert packet[4:8] == b"\0\3\0\0"
    assert b"user\0postgres\0" in packet
    assert heard[1] == b"X\0\0\0\4"


def test_a_server_that_hangs_does_not_answer(tmp_path):
    path = tmp_path / ".s.PGSQL.5432"
    with answering(b"", path, accepts=False):
        assert not asking.postgres(str(path), SOON)
    assert not asking.postgres(str(tmp_path / "nowhere"), SOON)


class TestRecord:
    def test_lines(self, tmp_path):
        assert files.records(tmp_path) == []
        line = {"at": 1.0, "by": "recover", "remedy": "restart_backend", "of": "b", "outcome": "done"}
        files.append(tmp_path, line)
        path = tmp_path / files.RECORD
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with path.open("a") as file:
            file.write('not a line\n[]\n{"at": "1"}\n{"at": 2\n')
        files.append(tmp_path, {**line, "at": 3.0})
        assert [each["at"] for each in files.records(tmp_path)] == [1.0, 3.0]

    def test_it_stays_bounded(self, tmp_path):
        line = {"by": "watch", "remedy": "restart_backend", "of": "b", "outcome": "done"}
        now = 100 * 86400.0
        every = [0.0, now - files.KEPT_SECONDS + 1, *[now - 9] * files.KEPT_LINES]
        (tmp_path / files.RECORD).write_text("".join(json.dumps({"at": at, **line}) + "\n" for at in every))
        files.trim(tmp_path, now)
        assert [each["at"] for each in files.records(tmp_path)] == [now - 9] * files.KEPT_LINES
        before = (tmp_path / files.RECORD).stat().st_ino
        files.trim(tmp_path, now)
        assert (tmp_path / files.RECORD).stat().st_ino == before
        assert [path.name for path in tmp_path.iterdir()] == [files.RECORD]

    @pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
    def test_a_state_that_cannot_be_read_is_none(self, tmp_path, text):
        (tmp_path / files.STATE).write_text(text)
        assert files.state(tmp_path) == {"at": 0.0, "trouble": "", "dead": {}, "begun": {}, "said": {}}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A docker command that says what a test has it say."""
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n. {tmp_path}/answer\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def says(text):
        (tmp_path / "answer").write_text(text)

    says("")
    says.asked = lambda: (tmp_path / "asked").read_text().splitlines()
    return says


class TestEngine:
    def test_what_is_not_there_or_not_ours_is_nothing(self, engine, tmp_path):
        foreign = {**inspected("demo-backend-2"), "Config": {"Labels": None}}
        (tmp_path / "told").write_text(json.dumps([inspected(), foreign]))
        engine(f"cat {tmp_path}/told; echo 'Error: No such container: demo-db' >&2; exit 1")
        found = docker.inspect(["demo-db", "demo-backend-1", "demo-backend-2"], "demo")
        assert [each["Name"] for each in found] == ["/demo-backend-1"]

    @pytest.mark.parametrize(
        "answer",
        [
            "echo '[]'; echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            "echo '[]'; exit 1",
            "echo hm",
            "exec sleep 9",
        ],
    )
    def test_an_engine_that_does_not_answer_is_not_an_empty_one(self, engine, monkeypatch, answer):
        monkeypatch.setattr(docker, "ANSWERS_WITHIN", SOON)
        engine(answer)
        with pytest.raises(docker.DockerError, match="engine"):
            docker.inspect(["demo-db"], "demo")

    def test_without_a_docker_command(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(docker.DockerError, match="there is no command docker"):
            docker.inspect(["demo-db"], "demo")

    def test_who_writes_to_a_volume(self, engine, tmp_path):
        read_only = inspected("job")
        read_only["Mounts"] = [{**read_only["Mounts"][0], "RW": False}]
        (tmp_path / "told").write_text(json.dumps([inspected("demo-db"), read_only]))
        engine(f"case $1 in ps) echo a b ;; *) cat {tmp_path}/told ;; esac")
        assert docker.writers("demo-pgdata") == ["demo-db"]
        engine("")
        assert docker.writers("demo-pgdata") == []
        engine("exit 1")
        with pytest.raises(docker.DockerError, match="who uses demo-pgdata"):
            docker.writers("demo-pgdata")

    def test_restart_and_start(self, engine):
        docker.restart("demo-db", 300)
        docker.start("demo-db")
        assert engine.asked() == ["restart -t 300 demo-db", "start demo-db"]
        engine("echo 'no such network' >&2; exit 1")
        with pytest.raises(docker.DockerError, match="no such network"):
            docker.start("demo-db")


class TestSettings:
    def test_patience(self, host):
        names = ("restart_database", "restart_backend", "start_database", "start_backend")
        assert [host.settings.patience(name) for name in names] == [600, 120, 60, 60]

    def test_the_database_comes_first(self, host):
        assert list(host.settings.names()) == ["demo-db", "demo-backend-1", "demo-backend-2"]

    @pytest.mark.parametrize("text", [None, "{", '{"backends": []}'])
    def test_settings_that_cannot_be_read(self, tmp_path, capsys, text):
        path = tmp_path / "settings.json"
        if text is not None:
            path.write_text(text)
        assert __main__.main(["--settings", str(path)]) == 1
        assert "Deploy the stack" in capsys.readouterr().err

    def test_what_another_version_has_written_beside_is_passed_over(self, tmp_path):
        path = tmp_path / "settings.json"
        path.write_text(json.dumps({**DECLARED, "state_dir": "/x", "cron_text": "a table"}))
        assert settings.load(path).socket == "/x/postgres/socket/.s.PGSQL.5432"


def test_the_command_looks_and_watches(host, capsys):
    argv = ["--settings", str(host.settings.path)]
    assert __main__.main([*argv, "--look"]) == 0
    assert json.loads(capsys.readouterr().out)["containers"]["demo-db"]["state"] == "alive"
    assert __main__.main(argv) == 0
    assert capsys.readouterr() == ("", "")


def test_a_full_disk_is_an_error(host, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watch.files, "replace", full)
    assert __main__.main(["--settings", str(host.settings.path)]) == 1
    assert "No space left" in capsys.readouterr().err
