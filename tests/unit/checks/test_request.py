"""What a host is asked for."""

import yaml
from ansible_collections.stanchion.stack.plugins.modules.stack_facts import DOCUMENTATION

from stanchion.checks import catalogue, request, without_secrets


def test_variables_that_somebody_may_have_added_are_asked_for_too(kept):
    asked = request(kept.declared, [], {})
    assert {"DB_POOL_SIZE", "GUNICORN_CMD_ARGS", "WEB_THREADS"} <= set(asked["environment"])


def test_sources_of_every_phase_are_asked_for(kept):
    asked = request(kept.declared, [catalogue()["pool.arithmetic"]], {})
    assert asked["sources"] == ["clock", "containers", "engine", "sql"]


def test_what_is_declared_reaches_the_option_of_its_name(kept):
    """What the module does not have would be refused; what is not handed over is not looked at."""
    documented = yaml.safe_load(DOCUMENTATION)["options"]
    asked = request(kept.declared, [], {"validation_log_window": 60})
    assert set(asked) <= set(documented)
    stack, named = kept.declared["stack"], ("state_dir", "secrets_dir", "app_network", "edge_network")
    assert {name: asked[name] for name in named} == {name: stack[name] for name in named}
    assert (asked["stack"], asked["database"]) == (stack["name"], stack["database_name"])
    assert (asked["database_port"], asked["names"]) == (stack["database_port"], [stack["database_alias"]])
    assert asked["socket"] == kept.declared["postgres"]["socket"]
    assert asked["repository"] == stack["backup_repository"]
    assert (asked["log_window"], asked["address_variable"]) == (60.0, "DATABASE_URL")
    assert asked["monitoring"] == {
        "prometheus": "http://127.0.0.1:9090",
        "alertmanager": "http://127.0.0.1:9093",
    }
    kept.declared["backend"]["variable_names"] = {"DATABASE_URL": "DSN"}
    del kept.declared["postgres"]
    stack["backup"] = False
    without = request(kept.declared, [], {})
    assert (without["socket"], without["repository"]) == (None, None)
    assert (without["log_window"], without["address_variable"]) == (3600.0, "DSN")


def test_nobody_is_asked_of_a_monitoring_that_is_not_there(kept):
    kept.declared["monitoring"] |= {"auth_file": "/login", "ca_file": ""}
    assert request(kept.declared, [], {})["monitoring"] == {
        "prometheus": "http://127.0.0.1:9090",
        "alertmanager": "http://127.0.0.1:9093",
        "auth_file": "/login",
    }
    kept.declared["monitoring"]["enabled"] = False
    assert request(kept.declared, [], {})["monitoring"] is None
    del kept.declared["monitoring"]
    assert request(kept.declared, [], {})["monitoring"] is None


def test_what_is_declared_is_kept_without_secrets(kept):
    declared = kept.declared
    exporter = declared["monitoring"]["containers"]["medication-tracker-postgres-exporter"]
    exporter["env"]["DATA_SOURCE_NAME"] = "postgresql://stanchion_monitor:t0psecret@db/app"
    kept.definition("backend-1")["env"] |= {"API_TOKEN": "t0psecret", "URL": "https://u:t0psecret@h"}
    shown = without_secrets(declared)
    assert "t0psecret" not in str(shown)
    assert "t0psecret" in str(declared), "the play goes on with what it had"
    assert "t0psecret" not in str(shown["monitoring"])
    envs = [definition["env"] for definition in shown["backend"]["containers"].values()]
    assert envs[0]["API_TOKEN"] == "***"
    assert envs[0]["WEB_CONCURRENCY"] == kept.definition("backend-1")["env"]["WEB_CONCURRENCY"]
