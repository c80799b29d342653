"""An application that was not written for the contract: from its inventory to its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from stack import ROOT, Host, Stack

EXAMPLE = ROOT / "examples" / "miniflux"
NAME = "miniflux"
READY = (200, "OK")


@pytest.fixture(scope="module")
def miniflux(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The example's own variables on the test's host."""
    folder: Path = tmp_path_factory.mktemp("foreign") / NAME
    folder.mkdir()
    variables = yaml.safe_load((EXAMPLE / "inventory" / "group_vars" / "all" / "main.yml").read_text())
    return Stack(host, folder, NAME, {**variables, "backend_context": str(EXAMPLE)})


def test_it_is_deployed_proved_and_validated_by_an_inventory_alone(miniflux: Stack) -> None:
    """The first deploy takes a backup and proves it with a Miniflux beside the copy."""
    result = miniflux.deploy().result
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
    """Three containers of one process with ten connections; one that is changed by hand is seen."""
    run = miniflux.runner("validate", "--only", "pool.arithmetic", "--format", "json")
    assert run.code == 0, run.text
    (finding,) = run.result["validations"][0]["findings"]
    assert (finding["outcome"], "30" in json.dumps(finding)) == ("pass", True), finding


def test_it_is_backed_up_restored_in_a_drill_and_unchanged_by_a_deploy(miniflux: Stack) -> None:
    """The read path of the drill is the application's own."""
    assert miniflux.runner("backup", "--type", "incr").code == 0
    drill = miniflux.runner("drill", "--target", "latest", "--format", "json")
    assert drill.code == 0, drill.text
    assert miniflux.deploy().result["changed"] == 0


def test_it_goes_with_its_data_when_both_are_named(miniflux: Stack) -> None:
    """Nothing of it is left on the host."""
    gone = miniflux.runner("destroy", "--yes", "--delete-data", NAME, "--delete-backups", NAME)
    assert gone.code == 0, gone.text
    assert miniflux.host.containers(NAME) == {}
    assert NAME not in miniflux.host.run("docker", "volume", "ls", "--format", "{{.Name}}")
