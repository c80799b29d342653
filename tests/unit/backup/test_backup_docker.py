"""Running commands: how they end, in time or not; the confinement of every job's container."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from stanchion_backup.errors import BackupError
from stanchion_backup.host import database, docker
from stanchion_backup.host.database import _reason


def test_what_a_command_says_and_how_it_ended():
    done = docker.run(["sh", "-c", "cat; echo wrong >&2; exit 3"], stdin="given\n")
    assert (done.code, done.out, done.err) == (3, "given\n", "wrong\n")
    assert done.text == "given\nwrong"


def test_a_command_that_does_not_end_in_time_is_given_up():
    began = time.monotonic()
    done = docker.run(["sh", "-c", "echo begun; exec sleep 30"], within=0.3)
    assert time.monotonic() - began < 5
    assert done.code == docker.TIMED_OUT
    assert done.out == "begun\n"
    assert done.err == "no answer within 0.3 s"


def test_bytes_that_are_no_text_do_not_hurt():
    assert "\ufffd" in docker.run(["printf", r"\377"]).out


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(BackupError, match="There is no command no-such-engine on this host"):
        docker.run(["no-such-engine", "ps"])


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A docker command that says what it is told to."""

    def make(script):
        path = tmp_path / "docker"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


@pytest.mark.parametrize(
    "said", ["Error: No such container: x", "Error response from daemon: network x not found"]
)
def test_what_is_not_there_is_no_error(engine, said):
    engine(f"echo '{said}' >&2; exit 1")
    assert docker.inspect("container", "x") is None
    docker.remove("container", ["x"])


def test_an_engine_that_cannot_be_asked_is_an_error_everywhere(engine):
    engine("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    for ask in (
        lambda: docker.inspect("volume", "x"),
        lambda: docker.remove("volume", ["x"]),
        lambda: docker.names("volume"),
        lambda: docker.docker("volume", "create", "x"),
    ):
        with pytest.raises(BackupError, match=r"docker volume .* failed: Cannot connect"):
            ask()


def test_a_failure_without_a_word_has_its_code(engine):
    engine("exit 125")
    with pytest.raises(BackupError, match="docker run --rm failed: it ended with 125"):
        docker.docker("run", "--rm", "x")


def test_a_jobs_container_is_nobody_and_has_a_limit():
    options = docker.confined("300m")
    for wanted in ("--read-only", "--init"):
        assert wanted in options
    pairs = dict(pairwise(options))
    assert pairs["--user"] == "999:999"
    assert pairs["--cap-drop"] == "ALL"
    assert pairs["--security-opt"] == "no-new-privileges"
    assert pairs["--memory"] == pairs["--memory-swap"] == "300m"


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("", ""),
        (
            'psql:<stdin>:1: ERROR:  relation "x" does not exist\nLINE 1: SELECT * FROM x',
            'relation "x" does not exist',
        ),
        (
            'psql: error: connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: '
            "FATAL:  the database system is starting up",
            "the database system is starting up",
        ),
        (
            'psql: error: connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: '
            "No such file or directory\n\tIs the server running locally?",
            'connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: '
            "No such file or directory",
        ),
        ("NOTICE:  not this\nERROR:  canceling statement", "canceling statement"),
        (
            "Error response from daemon: No such container: x",
            "Error response from daemon: No such container: x",
        ),
    ],
)
def test_the_reason_is_the_servers(errors, reason):
    assert _reason(errors) == reason


NOT_STARTED = "OCI runtime exec failed: exec failed: unable to start container process: connection reset"


def test_what_the_engine_could_not_start_is_tried_once_more(engine, tmp_path):
    """Its first try in vain: the reason is on its output, and nothing of the script has run."""
    tried = tmp_path / "tried"
    engine(f"[ -e {tried} ] && exec cat; touch {tried}; echo '{NOT_STARTED}'; exit 126")
    assert database.Database("db").execute("given") == ["given"]


def test_an_engine_that_starts_nothing_has_the_reason_told(engine, tmp_path):
    tries = tmp_path / "tries"
    engine(f"echo x >> {tries}; echo '{NOT_STARTED}'; exit 126")
    with pytest.raises(database.QueryError, match=r"db, database shop: OCI runtime exec failed: .* reset"):
        database.Database("db", "shop").execute("given")
    assert tries.read_text().split() == ["x", "x"]


def test_a_script_that_failed_is_not_run_again(engine, tmp_path):
    tries = tmp_path / "tries"
    engine(f"echo x >> {tries}; echo 'ERROR:  no' >&2; exit 3")
    with pytest.raises(database.QueryError, match="no"):
        database.Database("db").execute("given")
    assert tries.read_text().split() == ["x"]


def test_a_switch_of_wal_names_the_segment_in_which_something_was_written(monkeypatch):
    """Postgres 17 names the next one, which does not come, where there was nothing to switch."""
    said = []
    monkeypatch.setattr(
        database.Database,
        "execute",
        lambda self, script: said.append(script) or ["000000010000000000000005", "f"],
    )
    assert database.Database("db").switch_wal() == "000000010000000000000005"
    assert said[0].index("pg_logical_emit_message") < said[0].index("pg_switch_wal")
