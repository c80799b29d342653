"""Recoveries on recorded facts: a healthy stack as a real host showed it, broken by each test."""

import json
from pathlib import Path

import pytest
from sick_stack import Sick

RECORDED = Path(__file__).parents[1] / "checks" / "recorded" / "healthy.json"


@pytest.fixture(scope="session")
def recorded() -> str:
    return RECORDED.read_text()


@pytest.fixture
def sick(recorded: str) -> Sick:
    kept = json.loads(recorded)
    return Sick(kept["facts"], kept["declared"])
