"""What the routes of every kind of row have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ..fields import Page

Row = TypeVar("Row")

# FOR NO KEY UPDATE: two changes of one row take turns, and nobody who only refers to the row waits.
LOCK = {"key_share": True}


def list_page(
    session: Session, query: Select[tuple[Row]], page: Page, view: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """The query's rows of this page (the query has to order them), and how many there are in all."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    rows = session.scalars(query.offset(page.offset).limit(page.size))
    return {"items": [view(row) for row in rows], "page": page.number, "per_page": page.size, "total": total}
