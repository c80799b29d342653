"""checks, explain: the catalogue, and one check of it."""

from __future__ import annotations

from collections.abc import Sequence


def known(phase: str, only: Sequence[str]) -> None:
    """Refuse names that are no checks, before anything starts."""
    from stanchion.checks import Phase, UnknownCheckError, select
    from stanchion.errors import UsageError

    try:
        select(Phase(phase), only)
    except UnknownCheckError as error:
        raise UsageError(str(error), "") from error
