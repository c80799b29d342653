"""What the contract's functions answer where something does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that does not fit; who reports it adds on which host."""

    slug: str
    what: str
    remedy: str


def either(ways: Sequence[str]) -> str:
    """Return several ways out as one sentence."""
    text = "; or ".join(ways)
    return f"Either {text}." if len(ways) > 1 else f"{text[:1].upper()}{text[1:]}."
