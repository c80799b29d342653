"""docs/requirements.md points at files and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "requirements.md").read_text()
REFERENCES = sorted(set(re.findall(r"`([^`\s]+/[^`\s]+)`", TABLE)))


def test_there_are_references() -> None:
    assert len(REFERENCES) > 20


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_points_somewhere(reference: str) -> None:
    name, _, test = reference.partition("::")
    assert (ROOT / name).is_file()
    if test:
        assert f"def {test}(" in (ROOT / name).read_text()
