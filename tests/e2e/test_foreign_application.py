"""An application that was not written for the contract: from its inventory to its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from stack import CALM, ROOT, Host, Run, Stack

EXAMPLE = ROOT / "examples" / "miniflux"
NAME = "miniflux"
READY = (200, "OK")


@pytest.fixture(scope="module")
def application(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The example's own variables on the test's host."""
    folder: Path = tmp_path_factory.mktemp("foreign") / NAME
    folder.mkdir()
    variables = yaml.safe_load((EXAMPLE / "inventory" / "group_vars" / "all" / "main.yml").read_text())
    # Beside the first stack, which has the networks of the defaults.
    subnets = {"stack_app_subnet": "172.30.234.0/24", "stack_edge_subnet": "172.30.235.0/24"}
    return Stack(host, folder, NAME, {**variables, **CALM, **subnets, "backend_context": str(EXAMPLE)})


@pytest.fixture(scope="module")
def deployed(application: Stack) -> Run:
    """Its first deploy."""
    return application.deploy()


@pytest.fixture
def miniflux(application: Stack, deployed: Run) -> Stack:
    """The application, deployed; brought back where an earlier test has taken it away."""
    application.bring_back()
    return application


def test_it_is_deployed_backed_up_proved_and_validated_by_an_inventory_alone(
    deployed: Run, miniflux: Stack
) -> None:
    """The first deploy takes a backup and proves it with a Miniflux beside the copy, by its own read path."""
    result = deployed.result
    backups = {each["verb"]: each["result"] for each in result["backups"]}
    assert backups["first-full"]["done"]
    (drill,) = backups["first-drill"]["drills"]
    assert drill["verdict"] == "proved"
    assert {each["name"]: each["ok"] for each in drill["assertions"]}["backend"] is True
    assert not [each for each in result["validations"][-1]["findings"] if each["outcome"] == "fail"]
    assert set(miniflux.host.containers(NAME)) == {
        f"{NAME}-{name}" for name in ("db", "backend-1", "backend-2", "backend-scheduler")
    }
    assert [miniflux.curl("/healthcheck", replica=replica) for replica in (1, 2)] == [READY] * 2
    assert miniflux.sql("SELECT username FROM users WHERE is_admin", NAME) == "admin"
    asking = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'miniflux' ORDER BY 1"
    assert miniflux.sql(asking, NAME).split() == ["backend-1", "backend-2", "backend-scheduler"]


def test_only_the_companion_does_the_background_work(miniflux: Stack) -> None:
    """The replicas are told not to, the companion is published nowhere."""
    settings = {}
    for name in ("1", "scheduler"):
        found = miniflux.host.inspect(f"{NAME}-backend-{name}")
        environment = dict(each.split("=", 1) for each in found["Config"]["Env"])
        settings[name] = environment["DISABLE_SCHEDULER_SERVICE"], bool(found["HostConfig"]["PortBindings"])
        assert environment["DATABASE_MAX_CONNS"] == "10"
        assert not {"DB_POOL_SIZE", "DB_MAX_OVERFLOW", "WEB_CONCURRENCY"} & set(environment)
    assert settings == {"1": ("1", True), "scheduler": ("0", False)}


def test_the_checks_read_its_pool_by_its_own_names(miniflux: Stack) -> None:
    """Three containers of one process with ten connections."""
    run = miniflux.runner("validate", "--only", "pool.arithmetic", "--format", "json")
    assert run.code == 0, run.text
    (finding,) = run.result["validations"][0]["findings"]
    assert finding["outcome"] == "pass", finding
    assert "30 connections" in json.dumps(finding)


def test_a_deploy_changes_nothing_and_can_leave_the_checks_out(miniflux: Stack) -> None:
    """The checks at the end are left out, and that is said; those before it stay."""
    again = miniflux.deploy("--no-validate").result
    assert again["changed"] == 0, again["changes"]
    assert [validation["phase"] for validation in again["validations"]] == ["preflight"]
    assert "not validated" in again["headline"]


def volumes(stack: Stack) -> list[str]:
    mine = f"label=io.stanchion.stack={NAME}"
    return stack.host.run("docker", "volume", "ls", "-q", "--filter", mine).split()


def test_backups_outlive_the_data_until_they_are_named_too(miniflux: Stack) -> None:
    """No new database begins over them; with both named, nothing of the stack is left on the host."""
    state = f"/var/lib/stanchion/{NAME}"
    opens = f"{state}/secrets/backup_passphrase"
    passphrase = miniflux.host.run("cat", opens)
    gone = miniflux.runner("destroy", "--no-input", "--delete-data", NAME)
    assert gone.code == 0, gone.text
    for word in (f"The backups of {NAME} stay: {NAME}-backup", opens, f"--delete-backups {NAME}"):
        assert word in gone.text
    assert volumes(miniflux) == [f"{NAME}-backup"]
    assert miniflux.host.run("cat", opens) == passphrase
    tables = (f"/etc/cron.d/stanchion-{NAME}", f"/etc/cron.d/stanchion-{NAME}-recovery")
    for path in (*tables, f"/usr/local/sbin/stanchion-{NAME}"):
        miniflux.host.run("test", "!", "-e", path)

    anew = miniflux.runner("deploy")
    assert anew.code == 2, anew.text
    words = (
        "holds backups of this stack",
        "--restore-from",
        "stack_backup_repository",
        "nothing was changed",
    )
    assert [word for word in words if word not in anew.text] == []
    assert miniflux.host.containers(NAME) == {}

    alone = miniflux.runner("destroy", "--no-input", "--delete-backups", NAME)
    assert alone.code == 2
    assert "goes with --delete-data" in alone.text
    all_of_it = miniflux.runner("destroy", "--no-input", "--delete-data", NAME, "--delete-backups", NAME)
    assert all_of_it.code == 0, all_of_it.text
    assert volumes(miniflux) == []
    miniflux.host.run("test", "!", "-e", state)
