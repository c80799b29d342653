"""The database under a running stack: another password, a restart for settings, a volume in other hands."""

from __future__ import annotations

from stack import Stack


def login(stack: Stack, password: str) -> str:
    """Try to log in as the application does, from its network; return the answer or the error."""
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    return stack.host.run(
        "sh", "-c",
        f"PGPASSWORD={password} docker run --rm --network {stack.name}_app_network --env PGPASSWORD {image}"
        " psql -XAtqw -h db -U medication_tracker -d medication_tracker -c 'SELECT 1' 2>&1",
        check=False,
    ).strip()  # fmt: skip


def test_another_password_reaches_database_and_backend(stack: Stack) -> None:
    """The file is changed, one deploy follows: the old password is refused, the replicas have the new one."""
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    old = stack.host.run("cat", path).strip()
    stack.host.run("sh", "-c", f"printf another-password-of-an-operator > {path}")
    stack.deploy()
    assert login(stack, "another-password-of-an-operator") == "1"
    assert "password authentication failed" in login(stack, old)
    for replica in (1, 2):
        stack.add_medication(f"after the change, by {replica}", replica=replica)
    assert stack.deploy().result["changed"] == 0


def test_a_setting_that_needs_a_restart_gets_it_and_the_backend_comes_back(stack: Stack) -> None:
    """Restarted once, in peace; a second deploy has nothing to do; the old value comes back the same way."""
    container = f"{stack.name}-db"
    changed = stack.with_variables(postgres_settings={"max_locks_per_transaction": 96})
    before = stack.host.inspect(container)
    changed.deploy()
    after = stack.host.inspect(container)
    assert stack.sql("SHOW max_locks_per_transaction") == "96"
    assert after["Id"] == before["Id"]
    assert after["State"]["StartedAt"] != before["State"]["StartedAt"]
    log = stack.host.run("sh", "-c", f"docker logs --since {before['State']['StartedAt']} {container} 2>&1")
    assert "received fast shutdown request" in log
    assert "was not properly shut down" not in log.rpartition("received fast shutdown request")[2]
    stack.add_medication("after the restart")
    assert changed.deploy().result["changed"] == 0
    stack.deploy()
    assert stack.sql("SHOW max_locks_per_transaction") == "64"


def test_a_second_container_on_the_volume_is_refused(stack: Stack) -> None:
    """Even a stopped one; the database serves on, and without it the deploy goes through."""
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    stack.host.run("docker", "create", "--name", "second", "-v", f"{stack.name}-pgdata:/data", image, "true")
    try:
        run = stack.runner("deploy")
        assert run.code != 0
        assert "second (created)" in run.text
        assert stack.curl("/health")[0] == 200
    finally:
        stack.host.run("docker", "rm", "second")
    stack.deploy()
