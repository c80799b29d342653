"""What a host is asked for."""

from stanchion.checks import catalogue, request, without_secrets


def test_variables_that_somebody_may_have_added_are_asked_for_too(kept):
    asked = request(kept.declared, [], {})
    assert {"DB_POOL_SIZE", "GUNICORN_CMD_ARGS", "WEB_THREADS"} <= set(asked["environment"])


def test_sources_of_every_phase_are_asked_for(kept):
    asked = request(kept.declared, [catalogue()["pool.arithmetic"]], {})
    assert asked["sources"] == ["clock", "containers", "engine", "sql"]


def test_what_is_declared_is_kept_without_secrets(kept):
    declared = kept.declared
    kept.definition("backend-1")["env"] |= {"API_TOKEN": "t0psecret", "URL": "https://u:t0psecret@h"}
    shown = without_secrets(declared)
    assert "t0psecret" not in str(shown)
    assert "t0psecret" in str(declared), "the play goes on with what it had"
    envs = [definition["env"] for definition in shown["backend"]["containers"].values()]
    assert envs[0]["API_TOKEN"] == "***"
    assert envs[0]["WEB_CONCURRENCY"] == kept.definition("backend-1")["env"]["WEB_CONCURRENCY"]
