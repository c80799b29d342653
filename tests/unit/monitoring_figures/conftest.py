"""Makes the figures' program importable, and gives it a host with an engine of the tests' own."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[3]

sys.path.insert(0, str(ROOT / "roles/monitoring/files/figures"))


import pytest  # noqa: E402
from figured_containers import BACKEND, DATABASE, DECLARED, figured  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402
from stanchion_figures import figures, kernel, memory, settings  # noqa: E402


@pytest.fixture
def host(tmp_path, monkeypatch, fake_engine):
    """A host with a clock, two containers that run, and what the kernel tells of their processes."""
    state = tmp_path / "demo"
    (state / "monitoring").mkdir(parents=True)
    (state / "recovery").mkdir()
    path = state / "monitoring" / "settings.json"
    seen = SimpleNamespace(now=100_000.0, state=state, path=path, uses={})

    def declare(**changed):
        path.write_text(json.dumps({**DECLARED, "state_dir": str(state), **changed}))
        seen.settings = settings.load(path)

    def happens(*kills):
        """Let the engine tell of these kills, a name and a moment each."""
        lines = [{"timeNano": round(at * 1e9), "Actor": {"Attributes": {"name": name}}} for name, at in kills]
        seen.engine.answers["/events"] = "\n".join(map(json.dumps, lines)).encode()

    def look():
        """Look once; return each value by the name and the labels, but for the stack's and the role's."""
        figures.take(seen.settings)
        families = text_string_to_metric_families(seen.settings.figures.read_text())
        return {
            (each.name, *(value for name, value in each.labels.items() if name not in ("stack", "role"))): (
                each.value
            )
            for family in families
            for each in family.samples
        }

    seen.declare, seen.happens, seen.look = declare, happens, look
    seen.remembered = lambda: memory.recall(seen.settings.folder)
    seen.engine = fake_engine(
        {
            f"/containers/{DATABASE}/json": figured(DATABASE),
            f"/containers/{BACKEND}/json": figured(BACKEND),
            "/volumes/demo-pgdata": {"Mountpoint": str(tmp_path)},
            "/info": {"DockerRootDir": str(tmp_path)},
        }
    )
    happens()
    declare()
    monkeypatch.setenv("DOCKER_HOST", seen.engine.host)
    monkeypatch.setattr(figures, "time", SimpleNamespace(time=lambda: seen.now))
    monkeypatch.setattr(kernel, "look", lambda found: found and seen.uses.get(found["Name"].lstrip("/")))
    return seen
