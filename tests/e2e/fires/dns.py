"""The database's name."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    Fire("dns.alias", "bad containers", None, r"backend-1: db has no address"),
    Fire("dns.single_answer", "in place", None, r"backend-1: db is .*\(stranger\)"),
]
