"""What a host is asked for."""

from stanchion.checks import catalogue, request


def test_variables_that_somebody_may_have_added_are_asked_for_too(kept):
    asked = request(kept.declared, [], {})
    assert {"DB_POOL_SIZE", "GUNICORN_CMD_ARGS", "WEB_THREADS"} <= set(asked["environment"])


def test_sources_of_every_phase_are_asked_for(kept):
    asked = request(kept.declared, [catalogue()["pool.arithmetic"]], {})
    assert asked["sources"] == ["clock", "containers", "engine", "sql"]
