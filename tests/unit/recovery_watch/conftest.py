"""Makes the watch that runs on hosts importable, and gives it a host without an engine."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[3]

sys.path.insert(0, str(ROOT / "roles/recovery/files/watch"))


import pytest  # noqa: E402
from stanchion_watch import asking, docker, files, giving_way, settings, watch  # noqa: E402
from watched_containers import DATABASE, DECLARED, PORTS, inspected  # noqa: E402


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with a clock, containers, and what they answer; `did` is what was asked of the engine."""
    state = tmp_path / "demo"
    (state / "recovery").mkdir(parents=True)
    (state / "postgres").mkdir()
    (state / "postgres" / "volume.json").write_text('{"volume": "demo-pgdata"}')
    path = state / "recovery" / "settings.json"
    path.write_text(json.dumps({**DECLARED, "state_dir": str(state), "on_failure": True}))
    seen = SimpleNamespace(
        settings=settings.load(path),
        now=100_000.0,
        containers={name: inspected(name) for name in (DATABASE, *PORTS.values())},
        silent=set(),
        did=[],
        fails="",
        killed=False,
        users=[DATABASE],
        told=tmp_path / "told",
        lock=tmp_path / "lock.json",
    )
    seen.settings.failure_script.write_text(f"cat >> {seen.told}; echo >> {seen.told}")

    def inspect(names, _stack):
        if seen.fails == "engine":
            raise docker.DockerError("The engine does not answer: it hangs")
        return [seen.containers[name] for name in names if name in seen.containers]

    def act(*what):
        seen.did.append(what)
        if seen.killed:
            raise KeyboardInterrupt
        if seen.fails:
            raise docker.DockerError(seen.fails)
        name = what[1]
        seen.containers[name] = inspected(name, started=seen.now)

    def look():
        """Let the next minute come, and the watch look."""
        seen.now += 60
        return watch.watch(seen.settings)

    def looks(minutes):
        for _ in range(minutes):
            look()

    def hold(**changed):
        holder = {
            "verb": "deploy",
            "user": "root",
            "hostname": "control",
            "lease_until": 1e12,
            "host_boot_id": None,
            "boot_id": "another host's",
            "pid_namespace": None,
        }
        seen.lock.write_text(json.dumps({"holder": {**holder, **changed}}))

    def answers(_settings, address):
        """Both replicas have an address of their own, and one that never answers."""
        name = DATABASE if isinstance(address, str) else PORTS.get(address[1])
        return name is not None and name not in seen.silent

    seen.look, seen.looks, seen.hold = look, looks, hold
    seen.records = lambda: files.records(seen.settings.folder)
    seen.outcomes = lambda: [(each["remedy"], each["of"], each["outcome"]) for each in seen.records()]
    seen.state = lambda: files.state(seen.settings.folder)
    monkeypatch.setattr(giving_way, "LOCK", seen.lock)
    monkeypatch.setattr(watch, "time", SimpleNamespace(time=lambda: seen.now))
    monkeypatch.setattr(docker, "inspect", inspect)
    monkeypatch.setattr(docker, "restart", lambda *what: act("restart", *what))
    monkeypatch.setattr(docker, "start", lambda *what: act("start", *what))
    monkeypatch.setattr(docker, "writers", lambda _volume: seen.users)
    monkeypatch.setattr(asking, "_answers", answers)
    return seen
