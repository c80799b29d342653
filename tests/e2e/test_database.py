"""The database under a running stack. What concerns the database alone is in molecule/postgres."""

from __future__ import annotations

from pathlib import Path

import pytest
from stack import Run, Stack


def login(stack: Stack, password: str) -> str:
    """Try to log in as the application does, from its network; return the answer or the error."""
    image = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    script = (
        f"PGPASSWORD={password} docker run --rm --network {stack.name}_app_network --env PGPASSWORD {image}"
        " psql -XAtqw -h db -U medication_tracker -d medication_tracker -c 'SELECT 1' 2>&1"
    )
    return stack.host.run("sh", "-c", script, check=False).strip()


def test_another_password_reaches_database_and_backend(first_stack: Stack, first_deploy: Run) -> None:
    """The file is changed, one deploy follows: the old password is refused, the replicas have the new one.

    It brings back what an earlier test has taken away as well. A second deploy has nothing to do.
    """
    stack = first_stack
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    old = stack.host.run("cat", path).strip()
    stack.host.run("sh", "-c", f"printf another-password-of-an-operator > {path}")
    stack.deploy()
    assert login(stack, "another-password-of-an-operator") == "1"
    assert "password authentication failed" in login(stack, old)
    for replica in (1, 2):
        stack.add_medication(f"after the change, by {replica}", replica=replica)
    assert stack.deploy("--no-validate").result["changed"] == 0


@pytest.mark.faults
def test_another_password_reaches_a_backend_whose_next_version_cannot_be_built(
    stack: Stack, tmp_path: Path
) -> None:
    """The deploy fails after the database has the new password; what serves on can still log in anew."""
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    stack.host.run("sh", "-c", f"printf a-third-password-of-an-operator > {path}")
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN exit 3\n")
    broken = stack.with_variables(backend_context=str(tmp_path), backend_image_packages=[])
    assert broken.runner("deploy").code == 4
    assert login(stack, "a-third-password-of-an-operator") == "1"
    # Every pooled connection is gone with it.
    database = f"{stack.name}-db"
    stack.host.run("docker", "restart", database)
    stack.host.run("sh", "-c", f"until docker exec {database} healthcheck; do sleep 0.3; done")
    for replica in (1, 2):
        stack.add_medication(f"by a new connection, {replica}", replica=replica)
