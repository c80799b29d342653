"""What a real engine and database have told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def recorded() -> Callable[[str], dict]:
    folder = Path(__file__).parent / "recorded"
    return lambda name: json.loads((folder / f"{name}.json").read_text())
