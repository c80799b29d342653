"""What the contract's functions answer where something does not fit."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that does not fit; who reports it adds on which host."""

    slug: str
    what: str
    remedy: str
