"""A program leaks sessions until the database takes no more of them."""

from __future__ import annotations

from fault import Fault, approved
from scene import Look, Scene


def leak(scene: Scene) -> None:
    """All but those that superusers have for themselves, less one."""
    query = (
        "SELECT current_setting('max_connections')::int - count(*)"
        " - current_setting('superuser_reserved_connections')::int"
        " FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    scene.hold(int(scene.stack.sql(query)) + 1)


def nobody_was_ended(scene: Scene, _: Look) -> None:
    """Whose sessions are ended is a person's to say."""
    leaked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leak'"
    assert int(scene.stack.sql(leaked)) > 10


FAULT = Fault(
    "F14",
    "every connection of the database is taken",
    leak,
    expect="database.connections_full",
    checks=("connection.usage",),
    says=r"\d+ of \d+ connections",
    repair=approved("end_session"),
    outcome="refused",
    undo=Scene.let_go,
    restraint=nobody_was_ended,
    recovered=15,
)
