"""Makes the command that runs on hosts importable: it is no part of the package on the controller."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

sys.path.insert(0, str(ROOT / "roles/backup/files/command"))


import pytest  # noqa: E402
from stanchion_backup.host import giving_way  # noqa: E402


@pytest.fixture(autouse=True)
def deploy_lock(tmp_path, monkeypatch):
    """The lock of a host, which nobody holds: this machine may have one of its own."""
    monkeypatch.setattr(giving_way, "LOCK", tmp_path / "lock.json")
    return tmp_path / "lock.json"
