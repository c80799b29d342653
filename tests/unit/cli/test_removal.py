"""What destroy removes, in which order, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.modules import run_record, stack_removal
from samples import STARTED

from stanchion.cli import confirmation
from stanchion.errors import BY_NAME

SCHEDULED, WATCHED, FIGURED = _removal.scheduled, _removal.watched, _removal.figured
ROLES = Path(__file__).resolve().parents[3] / "roles"


class FakeDocker:
    """Answers as the docker command would, and remembers what it was told to do."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.done: list[tuple[str, ...]] = []
        self.within: dict[str, int] = {}

    def run(self, command: list[str]) -> tuple[int, str, str]:
        _, _, seconds, _, kind, verb, *rest = command
        self.within[verb] = int(seconds)
        if verb in ("ls", "inspect"):
            return self._read(kind, verb, rest)
        self.done.append((kind, verb, *rest))
        return 0, "", ""

    def _read(self, kind: str, verb: str, rest: list[str]) -> tuple[int, str, str]:
        if verb == "inspect":
            return 0, json.dumps(self.answers.get(f"{kind}s", [])), ""
        asked = rest[-1]
        if asked.startswith("volume="):
            return 0, "\n".join(self.answers.get("users", [])), ""
        if asked == "label=io.stanchion.role=backup":
            return 0, "\n".join(self.answers.get("backups", [])), ""
        if asked == "label=io.stanchion.one-shot":
            return 0, "\n".join(self.answers.get("jobs", [])), ""
        if kind == "volume":
            unlabelled = [] if asked.startswith("label=") else self.answers.get("unlabelled", [])
            return 0, "\n".join([*self.answers.get("volumes", []), *unlabelled]), ""
        return 0, "\n".join(item["Name"].lstrip("/") for item in self.answers.get(f"{kind}s", [])), ""

    @property
    def docker(self) -> _removal.Docker:
        return _removal.Docker(self.run, "docker")


def container(name: str, role: str, paused: bool = False, stop: int | None = None) -> dict[str, Any]:
    return {
        "Name": f"/{name}",
        "Config": {"Labels": {"io.stanchion.role": role}, "StopTimeout": stop},
        "State": {"Paused": paused},
    }


CONTAINERS = [
    container("demo-db", "postgres"),
    container("demo-exporter", "monitoring"),
    container("demo-backend-2", "backend", paused=True),
    container("demo-backend-1", "backend"),
]


def network(*attached: str) -> dict[str, Any]:
    return {"Name": "demo_app_network", "Containers": {name: {"Name": name} for name in attached}}


def test_backends_stop_first_and_the_database_last() -> None:
    fake = FakeDocker(containers=CONTAINERS, networks=[network("demo-db")], volumes=["demo-pgdata"])
    plan = _removal.plan(fake.docker, "demo", data=False)
    _removal.carry_out(fake.docker, plan)
    assert fake.done == [
        ("container", "unpause", "demo-backend-2"),
        ("container", "stop", "demo-backend-1", "demo-backend-2"),
        ("container", "rm", "demo-backend-1", "demo-backend-2"),
        ("container", "stop", "demo-exporter"),
        ("container", "rm", "demo-exporter"),
        ("container", "stop", "demo-db"),
        ("container", "rm", "demo-db"),
        ("network", "rm", "demo_app_network"),
    ]


def test_volumes_go_only_with_the_data() -> None:
    fake = FakeDocker(containers=CONTAINERS, volumes=["demo-pgdata"], users=["demo-db"])
    assert _removal.plan(fake.docker, "demo", data=False).volumes == []
    plan = _removal.plan(fake.docker, "demo", data=True)
    _removal.carry_out(fake.docker, plan)
    assert fake.done[-1] == ("volume", "rm", "demo-pgdata")


def test_a_recorded_volume_goes_without_a_label_too() -> None:
    fake = FakeDocker(containers=CONTAINERS, unlabelled=["fast-disk", "of-nobody"], users=["demo-db"])
    plan = _removal.plan(fake.docker, "demo", data=True, recorded="fast-disk")
    assert plan.volumes == ["fast-disk"]
    assert _removal.plan(fake.docker, "demo", data=False, recorded="fast-disk").volumes == []


@pytest.mark.parametrize("volumes", [[], ["demo-pgdata"]])
def test_a_recorded_volume_is_named_once_and_may_be_gone(volumes: list[str]) -> None:
    fake = FakeDocker(volumes=volumes)
    assert _removal.plan(fake.docker, "demo", data=True, recorded="demo-pgdata").volumes == volumes


def test_a_stop_may_take_as_long_as_the_slowest_container_and_all_else_has_an_end() -> None:
    fake = FakeDocker(containers=[container("demo-db", "postgres", stop=120)], volumes=["demo-pgdata"])
    _removal.carry_out(fake.docker, _removal.plan(fake.docker, "demo", data=True))
    assert fake.within == {"ls": 60, "inspect": 60, "stop": 180, "rm": 600}


def test_nothing_there_is_nothing_to_do() -> None:
    fake = FakeDocker()
    _removal.carry_out(fake.docker, _removal.plan(fake.docker, "demo", data=True))
    assert fake.done == []


@pytest.mark.parametrize(
    "answers",
    [
        {"containers": CONTAINERS, "networks": [network("demo-db", "stranger")]},
        {"containers": CONTAINERS, "volumes": ["demo-pgdata"], "users": ["demo-db", "stranger"]},
        {"containers": CONTAINERS, "unlabelled": ["fast-disk"], "users": ["demo-db", "stranger"]},
    ],
)
def test_what_a_stranger_uses_is_refused_before_anything(answers: dict[str, Any]) -> None:
    fake = FakeDocker(**answers)
    with pytest.raises(_removal.RefusedError, match=r"stranger.*Nothing was removed") as caught:
        _removal.plan(fake.docker, "demo", data=True, recorded="fast-disk")
    assert fake.done == []
    assert caught.value.exit in BY_NAME


def test_a_silent_engine() -> None:
    docker = _removal.Docker(lambda _: (1, "", "Cannot connect to the Docker daemon at unix:///x."), "docker")
    with pytest.raises(_removal.RefusedError, match="does not answer") as caught:
        _removal.plan(docker, "demo", data=False)
    assert caught.value.exit == "unreachable"


@pytest.mark.parametrize("code", [124, 137])
def test_a_hanging_engine(code: int) -> None:
    docker = _removal.Docker(lambda _: (code, "", ""), "docker")
    with pytest.raises(_removal.RefusedError, match="docker container ls was not done after 60 s") as caught:
        _removal.plan(docker, "demo", data=False)
    assert caught.value.exit == "unreachable"


def test_any_other_failure_says_what_failed() -> None:
    docker = _removal.Docker(lambda _: (1, "", "device is busy\n"), "docker")
    with pytest.raises(_removal.RefusedError, match="docker container ls failed: device is busy") as caught:
        _removal.plan(docker, "demo", data=False)
    assert caught.value.exit is None


def test_the_schedule_is_known_by_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "stanchion-demo").write_text("# Written by Ansible (role backup of stack demo).\n")
    (tmp_path / "stanchion-dockerd").write_text("# The Docker engine\n")
    assert SCHEDULED("demo", tmp_path, tmp_path / "none") == [tmp_path / "stanchion-demo"]
    assert SCHEDULED("dockerd", tmp_path, tmp_path / "none") == []


@pytest.mark.parametrize(("role", "found"), [("recovery", WATCHED), ("monitoring", FIGURED)])
def test_the_table_of_a_job_of_each_minute_is_known_by_what_it_says(
    tmp_path: Path, role: str, found: Callable[[str, Path], list[Path]]
) -> None:
    table = tmp_path / f"stanchion-demo-{role}"
    assert found("demo", tmp_path) == []
    table.write_text(f"# Written by Ansible (role {role} of stack demo). Change …\n")
    assert found("demo", tmp_path) == [table]
    # What backups leave does not take it along, nor does the job of another stack.
    assert SCHEDULED("demo", tmp_path, tmp_path) == []
    table.write_text(f"# Written by Ansible (role backup of stack demo-{role}).\n")
    assert found("demo", tmp_path) == []


@pytest.fixture(autouse=True)
def schedule(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The schedule and its program; none, unless a test says otherwise."""
    there: list[Path] = []
    monkeypatch.setattr(_removal, "scheduled", lambda _: there)
    monkeypatch.setattr(_removal, "watched", lambda _: [])
    monkeypatch.setattr(_removal, "figured", lambda _: [])
    return there


def really(command: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def job_that_runs(folder: Path, name: str, script: str) -> Iterator[None]:
    """A job of the backups that holds its lock until its script has ended."""
    lock = folder / name
    job = subprocess.Popen(
        ["flock", str(lock), "sh", "-c", f"echo begun; {script}"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert job.stdout is not None
    job.stdout.readline()
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.communicate()


def remove(
    folder: Path,
    fake: FakeDocker | None = None,
    secrets: Path | None = None,
    check: bool = False,
    data: str | None = "demo",
    backups: str | None = None,
) -> tuple[dict[str, list[str]], list[str]]:
    """Run the module with the data; return what was removed, and the warnings."""

    def run(command: list[str]) -> tuple[int, str, str]:
        return fake.run(command) if fake and command[0] != "flock" else really(command)

    module = SimpleNamespace(
        params={
            "stack": "demo",
            "delete_data": data,
            "delete_backups": backups,
            "state_dir": str(folder),
            "repository": None,
            "secrets_dir": None if secrets is None else str(secrets),
        },
        check_mode=check,
        get_bin_path=lambda _: "docker" if fake else None,
        run_command=run,
    )
    removed, _, warnings = stack_removal._run(module)
    return removed, warnings


@pytest.mark.parametrize("text", ["{", "{}"])
def test_nothing_goes_while_the_record_of_the_volume_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "volume.json").write_text(text)
    fake = FakeDocker(containers=CONTAINERS, volumes=["demo-pgdata"])
    with pytest.raises(_removal.RefusedError, match=r"volume\.json .*Nothing was removed"):
        remove(tmp_path, fake)
    assert fake.done == []
    assert (tmp_path / "postgres" / "volume.json").exists()


def test_the_question_names_the_recorded_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = {"ok": True, "entries": [{"name": "fast-disk", "role": None, "used_by": []}]}
    seen = SimpleNamespace(looks={"one": {"stack": "demo", "volumes": volumes}}, declared={})
    monkeypatch.setattr(confirmation, "look", lambda *_: seen)
    first = "one: containers none, their networks and the schedule of backups go."
    assert confirmation.losses(None, data=True, backups=False) == [
        first,
        "one: for good go volumes fast-disk, with all data, secrets and records.",
    ]
    repository = {"name": "demo-backup", "role": "backup", "used_by": [], "labels": {}}
    scratch = {**repository, "name": "demo-drill-1", "labels": {"io.stanchion.one-shot": "drill"}}
    volumes["entries"] += [repository, scratch]
    assert confirmation.losses(None, data=True, backups=False) == [
        first,
        "one: for good go volumes fast-disk, demo-drill-1, with all data, secrets and records.",
        "one: the backups in demo-backup stay, with what opens them.",
    ]
    assert confirmation.losses(None, data=True, backups=True) == [
        first,
        "one: for good go volumes fast-disk, demo-backup, demo-drill-1, with all data, secrets and records.",
        "one: for good go the backups on this host, with what opens them.",
    ]


WITH_BACKUPS = {
    "containers": CONTAINERS,
    "volumes": ["demo-backup", "demo-drill-1", "demo-pgdata"],
    "backups": ["demo-backup", "demo-drill-1"],
    "jobs": ["demo-drill-1"],
    "users": ["demo-db"],
}


def test_backups_outlive_the_data_with_what_opens_them(tmp_path: Path) -> None:
    folder = put(tmp_path / "demo", *WRITTEN, "secrets/backup_passphrase", "backup/stanchion-demo.pyz")
    fake = FakeDocker(**WITH_BACKUPS)
    removed, (warning,) = remove(folder, fake)
    assert removed["volumes"] == ["demo-drill-1", "demo-pgdata"]
    assert ("volume", "rm", "demo-drill-1", "demo-pgdata") in fake.done
    assert there(folder) == ["secrets/backup_passphrase"]
    for word in ("demo-backup", "secrets/backup_passphrase", "--restore-from", "--delete-backups demo"):
        assert word in warning


def test_backups_go_when_the_stack_is_named_for_them_too(tmp_path: Path) -> None:
    folder = put(tmp_path / "demo", *WRITTEN, "secrets/backup_passphrase")
    fake = FakeDocker(**WITH_BACKUPS)
    removed, warnings = remove(folder, fake, backups="demo")
    assert removed["volumes"] == ["demo-backup", "demo-drill-1", "demo-pgdata"]
    assert warnings == []
    assert not folder.exists()


def test_the_repository_is_the_one_on_record_without_a_label_too() -> None:
    fake = FakeDocker(containers=CONTAINERS, volumes=["demo-pgdata"], unlabelled=["slow-disk", "of-nobody"])
    plan = _removal.plan(fake.docker, "demo", data=True, repository="slow-disk")
    assert (plan.volumes, plan.kept) == (["demo-pgdata"], ["slow-disk"])
    plan = _removal.plan(fake.docker, "demo", data=True, repository="slow-disk", backups=True)
    assert (plan.volumes, plan.kept) == (["demo-pgdata", "slow-disk"], [])


def test_of_a_repository_in_a_folder_only_the_stacks_own_goes(tmp_path: Path) -> None:
    disk = put(tmp_path / "disk", "archive/demo/a", "backup/demo/b", "backup/other/c")
    folder = put(tmp_path / "demo", "runs.jsonl", "secrets/backup_passphrase")
    settings = folder / "backup" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"repository": str(disk)}))
    removed, (warning,) = remove(folder)
    assert removed["backups"] == []
    assert str(disk / "archive" / "demo") in warning
    assert "settings.json" not in warning
    # Without the second, nobody would find them later, and the passphrase would go alone.
    assert there(folder) == ["backup/settings.json", "secrets/backup_passphrase"]
    removed, _ = remove(folder, backups="demo")
    assert removed["backups"] == [str(disk / "archive" / "demo"), str(disk / "backup" / "demo")]
    assert there(disk) == ["backup/other/c"]
    assert not folder.exists()


def test_nothing_goes_while_it_is_not_known_where_the_backups_are(tmp_path: Path) -> None:
    folder = put(tmp_path / "demo", *WRITTEN, "backup/settings.json")
    fake = FakeDocker(**WITH_BACKUPS)
    with pytest.raises(_removal.RefusedError, match=r"settings\.json .*Nothing was removed"):
        remove(folder, fake)
    assert fake.done == []


@pytest.mark.parametrize("named", [{"data": "other"}, {"backups": "other"}])
def test_another_stacks_name_is_refused(tmp_path: Path, named: dict[str, str]) -> None:
    folder = put(tmp_path / "demo", *WRITTEN)
    with pytest.raises(_removal.RefusedError, match=r"of other .*Nothing was removed"):
        remove(folder, **named)
    assert there(folder) == sorted(WRITTEN)


def test_what_runs_each_minute_goes_with_the_schedule(
    tmp_path: Path, schedule: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "program", "watch", "figures")
    schedule += [tmp_path / "program"]
    monkeypatch.setattr(_removal, "watched", lambda _: [tmp_path / "watch"])
    monkeypatch.setattr(_removal, "figured", lambda _: [tmp_path / "figures"])
    removed, _ = remove(tmp_path / "demo", data=None)
    assert removed["schedule"] == [str(tmp_path / name) for name in ("program", "watch", "figures")]
    assert there(tmp_path) == []


def test_the_schedule_goes_first_and_without_the_data(tmp_path: Path, schedule: list[Path]) -> None:
    folder = put(tmp_path / "demo", *WRITTEN)
    put(tmp_path, "cron", "program")
    schedule += [tmp_path / "cron", tmp_path / "program"]
    removed, warnings = remove(folder, data=None)
    assert removed["schedule"] == [str(path) for path in schedule]
    assert warnings == []
    assert not schedule[0].exists()
    assert there(folder) == sorted(WRITTEN)


WRITTEN = (
    "runs.jsonl",
    "monitoring/figures.json",
    "monitoring/metrics/stanchion_figures.prom",
    "monitoring/prometheus/rules/DatabaseDown.yml",
    "monitoring/settings.json",
    "postgres/volume.json",
    "postgres/.volume.json.k2j3",
    "postgres/config/postgresql.conf",
    "postgres/config.next/pg_hba.conf",
    "postgres/socket/.s.PGSQL.5432.lock",
    "recovery/recovery.jsonl",
    "secrets/app_password",
    "secrets/postgres_password",
    "secrets/fingerprint_key",
    "secrets/backend/pgpass",
)


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"volume": "demo-pgdata"}')
    return folder


def there(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_the_folder_of_a_stack_goes_as_a_whole(tmp_path: Path) -> None:
    folder = put(tmp_path / "demo", *WRITTEN)
    planned, _ = remove(folder, check=True)
    assert there(folder) == sorted(WRITTEN)
    assert remove(folder) == ({**planned, "folders": [str(folder)]}, [])
    assert not folder.exists()
    assert remove(folder) == ({**planned, "folders": []}, [])


def test_what_a_job_writes_before_it_ends_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron began it a moment before its table went: it writes while the containers stop, and after."""
    folder = put(tmp_path / "demo", *WRITTEN, "backup/watch.lock")
    fake = FakeDocker(containers=CONTAINERS)
    answer = fake.run

    def meanwhile(command: list[str]) -> tuple[int, str, str]:
        if "stop" in command:
            put(folder, "backup/watch.json")
        return answer(command)

    monkeypatch.setattr(fake, "run", meanwhile)
    with job_that_runs(
        folder, "backup/watch.lock", f"cd {folder}/backup; sleep 0.5; mkdir metrics; touch metrics/x"
    ):
        assert remove(folder, fake)[0]["folders"] == [str(folder)]
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    [
        "backup/watch.lock",
        "backup/job.lock",
        "recovery/watch.lock",
        "monitoring/figures.lock",
    ],
)
def test_a_job_that_does_not_end_is_told(tmp_path: Path, name: str) -> None:
    folder = put(tmp_path / "demo", *WRITTEN, name)
    with (
        job_that_runs(folder, name, "exec sleep 30"),
        pytest.raises(_removal.RefusedError, match=f"still runs after 0 s.*{name}.*when it has ended"),
    ):
        _removal.wait_for_jobs(really, folder, within=0)
    assert there(folder) == sorted([*WRITTEN, name])


def test_what_the_stack_did_not_write_stays_and_is_named(tmp_path: Path) -> None:
    strange = ["lib.so", "python3/os.py", "secrets/of_somebody", "postgres/notes"]
    folder = put(tmp_path / "shared", *WRITTEN, *strange)
    (removed, (warning,)) = remove(folder)
    assert there(folder) == sorted(strange)
    assert str(folder / "postgres" / "volume.json") in removed["folders"]
    assert str(folder) not in removed["folders"]
    for name in ("lib.so", "python3", "secrets/of_somebody", "postgres/notes"):
        assert str(folder / name) in warning


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = put(tmp_path / "shared", *(f"file{number}" for number in range(7)))
    (removed, (warning,)) = remove(folder)
    assert removed["folders"] == []
    assert len(there(folder)) == 7
    assert warning.endswith("and 2 more.")


def test_a_link_to_another_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere", "volume.json", "config/kept")
    folder = put(tmp_path / "demo", "runs.jsonl")
    (folder / "postgres").symlink_to(elsewhere)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "backend").symlink_to(elsewhere)
    _, (warning,) = remove(folder)
    assert there(elsewhere) == ["config/kept", "volume.json"]
    assert [path.name for path in folder.iterdir()] == ["postgres"]
    assert str(folder / "postgres") in warning


@pytest.mark.parametrize("inside", [".", "keys", "deep/er"])
def test_secrets_elsewhere_in_the_folder_go_too(tmp_path: Path, inside: str) -> None:
    folder = put(tmp_path / "demo", "runs.jsonl", f"{inside}/app_password", f"{inside}/backend/pgpass")
    assert remove(folder, secrets=folder / inside)[1] == []
    assert not folder.exists()


@pytest.mark.parametrize("outside", ["elsewhere", "demo/../elsewhere"])
def test_secrets_outside_of_the_folder_stay(tmp_path: Path, outside: str) -> None:
    put(tmp_path / "demo", "runs.jsonl")
    put(tmp_path / "elsewhere", "app_password")
    _, (warning,) = remove(tmp_path / "demo", secrets=tmp_path / outside)
    assert "remove them by hand" in warning
    assert (tmp_path / "elsewhere" / "app_password").exists()


def test_all_that_the_roles_write_is_known() -> None:
    text = "\n".join(
        path.read_text() for part in ("vars", "tasks", "defaults") for path in ROLES.glob(f"*/{part}/*.yml")
    )
    written = {
        variable: set(re.findall(rf"\{{\{{ {variable} \}}\}}/([\w.]+)", text))
        for variable in ("stack_state_dir", "__postgres_folder", "stack_secrets_dir")
    }
    assert written["stack_state_dir"] == {"backup", "monitoring", "postgres", "recovery", "secrets"}
    assert written["__postgres_folder"] < _removal._OWN["postgres"]
    assert written["stack_secrets_dir"] == _removal._SECRETS


@pytest.mark.parametrize(
    "folder", ["/", "/var", "/var/lib", "relative/to/some/where", "/var/lib/stanchion/../../somebody"]
)
def test_folders_that_cannot_be_one_stacks_own(folder: str) -> None:
    with pytest.raises(_removal.RefusedError, match="is not the folder of one stack"):
        _removal.check_folder(Path(folder))


def test_the_hosts_own_folder_and_links_are_refused(tmp_path: Path) -> None:
    _removal.check_folder(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "lock.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(_removal.RefusedError, match="Nothing was removed"):
            _removal.check_folder(folder)


def test_a_record_on_the_host(tmp_path: Path) -> None:
    assert run_record.append(tmp_path / "runs.jsonl", {"verb": "deploy"}, STARTED)
    assert run_record.append(tmp_path / "runs.jsonl", {"verb": "destroy"}, STARTED)
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [line["verb"] for line in lines] == ["deploy", "destroy"]
    assert lines[0]["recorded"] == "2026-11-24T17:40:00+00:00"
    assert (tmp_path / "runs.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_host_without_a_stack_gets_no_record(tmp_path: Path) -> None:
    assert not run_record.append(tmp_path / "none" / "runs.jsonl", {"verb": "deploy"}, STARTED)
    assert not (tmp_path / "none").exists()
