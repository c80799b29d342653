"""The address of a database."""

import pytest

from stanchion.checks.address import Address, address


@pytest.mark.parametrize(
    "text,parts",
    [
        ("postgresql://app@db:5432/main", Address("postgresql", "app", "db", "main")),
        ("postgresql+psycopg2://app@db/main", Address("postgresql+psycopg2", "app", "db", "main")),
        ("postgresql://a%40b@[::1]:5432/main?sslmode=require", Address("postgresql", "a@b", "::1", "main")),
        ("postgresql://db", Address("postgresql", "", "db", "")),
    ],
)
def test_its_parts(text, parts):
    assert address(text) == parts


@pytest.mark.parametrize("text", ["", "db", "postgresql://", "postgresql://db:port/x", "postgresql://[db/x"])
def test_none(text):
    assert address(text) is None
