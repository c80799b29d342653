"""The archive of the collection carries what runs, and nothing that is somebody's own."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKSHOP = (".", "Makefile", "backend/tests", "bench", "docs/generate", "inventory", "molecule", "tests")
PRIVATE = (
    ".env",
    ".vault_pass",
    # What `make site` makes.
    "build/site/inventory/mine/hosts.yml",
    "site/index.html",
    ".stanchion/runs/1/result.json",
    "inventory/example/group_vars/stack/vault.yml",
    "inventory/local/host_vars/mine.yml",
    "inventory/mine/hosts.yml",
    "inventory/mine/group_vars/stack/vault.yml",
    "mine.vault_pass",
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names in an archive that is built from a clone in use."""
    clone, built = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("built")
    made = shutil.ignore_patterns(".git", ".venv", ".ansible", ".stanchion", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, clone, ignore=made, dirs_exist_ok=True)
    for name in PRIVATE:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("canary")
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(built)]
    subprocess.run(build, cwd=clone, check=True, capture_output=True)
    (archive,) = built.iterdir()
    with tarfile.open(archive) as opened:
        return opened.getnames()


def test_nothing_private_is_in_it(names: list[str]) -> None:
    assert set(names) & set(PRIVATE) == set()


def test_nothing_of_the_workshop_is_in_it(names: list[str]) -> None:
    assert [name for name in names if name.startswith(WORKSHOP)] == []


@pytest.mark.parametrize(
    "folder",
    ["backend/medication_tracker", "backend/migrations", "playbooks", "plugins", "roles", "stanchion"],
)
def test_all_that_runs_is_in_it(names: list[str], folder: str) -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
    ours = {
        str(path)
        for path in files
        if not any(part.endswith(("_cache", "__pycache__")) for part in path.parts)
    }
    assert ours
    assert ours - set(names) == set()
