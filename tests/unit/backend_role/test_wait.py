"""When waiting for a container is over, and what its last words may show."""

import pytest
from ansible_collections.stanchion.stack.plugins.modules.backend_wait import (
    earlier_state,
    masked,
    read_secrets,
    verdict,
)


def found(status="running", health=None, code=0, **state):
    seen = {"Status": status, "ExitCode": code, **state}
    if health:
        seen["Health"] = {"Status": health}
    return {"State": seen}


@pytest.mark.parametrize(
    ("container", "there", "words"),
    [
        (found(health="healthy"), True, "healthy"),
        (found(health="starting"), None, "starting"),
        (found(health="unhealthy"), None, "unhealthy"),
        (found("created"), None, "created"),
        (found("restarting", health="starting", code=1), None, "starting"),
        (found("exited", health="unhealthy", code=3), False, "exited with code 3"),
        (found("exited", code=137, OOMKilled=True), False, "exited with code 137 (out of memory)"),
        (found("paused", health="healthy"), False, "is paused; `docker unpause` lets it go on"),
        (found(), False, "runs, but has no health check: set backend_health_command"),
        (found(health="none"), False, "runs, but has no health check: set backend_health_command"),
        (None, False, "does not exist"),
    ],
)
def test_healthy(container, there, words):
    assert verdict(container, "healthy") == (there, words)


def test_a_healthy_container_that_is_being_started_again_is_not_there():
    assert verdict(found("restarting", health="healthy", code=1), "healthy")[0] is None


def test_one_that_is_started_again_and_again_is_given_up():
    restarting = found("restarting", health="starting", code=1)
    assert verdict(restarting, "healthy", restarts=2)[0] is None
    assert verdict(restarting, "healthy", restarts=3) == (
        False,
        "restarting with code 1, started anew 3 times",
    )


@pytest.mark.parametrize(
    ("container", "there"),
    [
        (found("exited", code=0), True),
        (found("exited", code=1), False),
        (found("dead", code=0), True),
        (found("running"), None),
        (found("created"), None),
        (found("paused"), None),
        (None, False),
    ],
)
def test_finished(container, there):
    assert verdict(container, "finished")[0] is there


def test_secrets_are_masked_in_every_form(tmp_path):
    pgpass, password, absent = tmp_path / "pgpass", tmp_path / "password", tmp_path / "absent"
    pgpass.write_text("db:5432:shop:shop:s3/cr:et\n")
    password.write_text("s3/cr:et\n")
    secrets = read_secrets([str(path) for path in (pgpass, password, absent)])
    text = masked(
        "url postgresql://shop:s3%2Fcr%3Aet@db, plain s3/cr:et, line db:5432:shop:shop:s3/cr:et", secrets
    )
    assert text == "url postgresql://shop:***@db, plain ***, line ***"


def test_an_empty_secret_masks_nothing(tmp_path):
    (tmp_path / "empty").write_text("\n")
    assert masked("as it is", read_secrets([str(tmp_path / "empty")])) == "as it is"


def test_what_served_before_is_told():
    assert earlier_state(["a", "b"], {}) == "The earlier replicas serve on."
    assert earlier_state([], {}) == "There are no earlier replicas, so nothing serves now."
    ill = "Of the earlier replicas, these do not serve: a unhealthy."
    assert earlier_state(["a", "b"], {"a": "unhealthy"}) == ill
