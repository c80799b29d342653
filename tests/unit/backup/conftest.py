"""Makes the command that runs on hosts importable: it is no part of the package on the controller."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

sys.path.insert(0, str(ROOT / "roles/backup/files/command"))
