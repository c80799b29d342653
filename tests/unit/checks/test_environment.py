"""What containers get by their environment and their secret files."""

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container

B1 = "medication-tracker-backend-1"
SECRETS = "/var/lib/stanchion/medication-tracker/secrets"


class TestContract:
    def test_a_declared_variable_is_missing(self, kept):
        kept.container("backend-1")["environment_names"].remove("DB_POOL_TIMEOUT")
        finding = kept.ask("environment.contract")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == f"{B1}: has no DB_POOL_TIMEOUT"

    @pytest.mark.parametrize(
        "name,value",
        [
            ("DB_POOL_SIZE", "five"),
            ("DB_POOL_SIZE", "-1"),
            ("DB_MAX_OVERFLOW", ""),
            ("DB_POOL_TIMEOUT", "30s"),
            ("WEB_CONCURRENCY", "2.5"),
            ("PORT", "http"),
        ],
    )
    def test_no_number(self, kept, name, value):
        kept.definition("backend-1")["env"][name] = value
        finding = kept.ask("environment.contract", Phase.PREFLIGHT)
        assert finding.outcome is Outcome.FAIL
        assert f"{name} is {value!r}" in finding.summary

    @pytest.mark.parametrize("name,value", [("DB_MAX_OVERFLOW", "-1"), ("DB_POOL_TIMEOUT", "1.5")])
    def test_a_number(self, kept, name, value):
        kept.container("backend-1")["environment"]["values"][name] = value
        assert kept.ask("environment.contract").outcome is Outcome.PASS

    @pytest.mark.parametrize(
        "url,says",
        [
            ("postgresql://app@postgres:5432/app", "names the host postgres, and the database is db"),
            ("postgresql://app@db:port/app", "no address of the form"),
            ("mysql://app@db/app", "no address of the form"),
            ("db", "no address of the form"),
        ],
    )
    def test_an_address_that_leads_elsewhere(self, kept, url, says):
        kept.container("backend-1")["environment"]["values"]["DATABASE_URL"] = url
        finding = kept.ask("environment.contract")
        assert finding.outcome is Outcome.FAIL
        assert says in finding.summary

    def test_an_address_that_holds_a_password_is_not_told(self, kept):
        del kept.container("backend-1")["environment"]["values"]["DATABASE_URL"]
        assert kept.ask("environment.contract").outcome is Outcome.PASS

    @pytest.mark.parametrize("host,outcome", [("db", "pass"), ("database", "pass"), ("localhost", "fail")])
    def test_a_file(self, kept, host, outcome):
        networks = {"default": {"aliases": ["database"]}}
        finding = kept.ask_file(
            "environment.contract",
            Container("db", "postgres", networks=networks),
            Container("web", "backend", values={"DATABASE_URL": f"postgresql://app@{host}/app"}),
        )
        assert finding.outcome == outcome


def test_a_file_without_a_database_says_nothing_of_its_address(kept):
    values = {"DATABASE_URL": "postgresql://app@db.example.org/app"}
    container = Container("web", "backend", values=values)
    assert kept.ask_file("environment.contract", container).outcome is Outcome.PASS


def test_a_secret_in_the_environment(kept):
    kept.container("db")["environment"]["secrets"] = ["POSTGRES_PASSWORD"]
    finding = kept.ask("environment.secrets")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication-tracker-db: POSTGRES_PASSWORD holds a secret"
    assert finding.evidence[0].key == "environment.POSTGRES_PASSWORD"


def test_a_secret_that_would_be_in_the_environment(kept):
    kept.declared["backend"]["password_mode"] = "environment"
    finding = kept.ask("environment.secrets", Phase.PREFLIGHT)
    assert finding.outcome is Outcome.WARN
    assert "backend_password_mode" in finding.summary


def test_both_forms(kept):
    kept.container("db")["environment_names"] += ["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"]
    finding = kept.ask("environment.both_forms")
    assert finding.outcome is Outcome.FAIL
    assert (
        finding.summary == "medication-tracker-db: both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set"
    )


class TestSecretFiles:
    @pytest.mark.parametrize(
        "file,changed,says",
        [
            ("backend/pgpass", {"mode": "0444"}, "mode 0444 opens it to others"),
            ("backend/pgpass", {"uid": 0}, "belongs to uid 0, and the container that reads it runs as 10001"),
            ("app_password", {"content": "empty", "size": 1}, "is empty"),
            ("app_password", {"size": 19}, "has 19 characters, and 20 are wanted"),
            ("app_password", {"content": "other"}, "is not one line of text"),
        ],
    )
    def test_what_is_wrong_with_one(self, kept, file, changed, says):
        kept.facts["secrets"]["entries"][f"{SECRETS}/{file}"].update(changed)
        finding = kept.ask("environment.secret_files")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary.startswith(f"{SECRETS}/{file}: {says}")

    def test_what_a_deploy_puts_right_does_not_stop_it(self, kept):
        entry = kept.facts["secrets"]["entries"][f"{SECRETS}/backend/pgpass"]
        entry.update(mode="0444", uid=0, content="empty")
        assert kept.ask("environment.secret_files", Phase.DEPLOY).outcome is Outcome.FAIL
        assert kept.ask("environment.secret_files", Phase.PREFLIGHT).outcome is Outcome.WARN

    def test_the_password_of_another_service_may_be_short(self, kept):
        entries = kept.facts["secrets"]["entries"]
        entries[f"{SECRETS}/backend/smtp_password"] = {**entries[f"{SECRETS}/backend/pgpass"], "size": 8}
        assert kept.ask("environment.secret_files").outcome is Outcome.WARN

    def test_what_a_deploy_would_refuse_fails_behind_a_folder_of_root_too(self, kept):
        kept.facts["secrets"]["entries"][f"{SECRETS}/app_password"]["mode"] = "0444"
        finding = kept.ask("environment.secret_files")
        assert finding.outcome is Outcome.FAIL
        assert "mode 0444 opens it to others" in finding.summary

    def test_before_the_first_deploy_there_is_none(self, kept):
        kept.facts["secrets"]["entries"] = {}
        assert kept.ask("environment.secret_files", Phase.PREFLIGHT).outcome is Outcome.SKIP


class TestInitialOnly:
    def test_a_variable_without_effect(self, kept):
        kept.container("db")["environment_names"].append("POSTGRES_PASSWORD_FILE")
        finding = kept.ask("environment.initial_only")
        assert finding.outcome is Outcome.WARN
        assert "POSTGRES_PASSWORD_FILE is set, and has no effect" in finding.summary

    def test_without_a_cluster_it_has_one(self, kept):
        kept.definition("db")["env"]["POSTGRES_DB"] = "app"
        assert kept.ask("environment.initial_only", Phase.PREFLIGHT).outcome is Outcome.WARN
        kept.facts["volumes"]["entries"][0]["content"]["pg_version"] = None
        assert kept.ask("environment.initial_only", Phase.PREFLIGHT).outcome is Outcome.PASS

    def test_before_there_is_an_engine(self, kept):
        kept.facts["engine"]["state"] = "absent"
        kept.facts["volumes"] = {"ok": False, "error": "no engine"}
        assert kept.ask("environment.initial_only", Phase.PREFLIGHT).outcome is Outcome.SKIP

    def test_a_volume_that_cannot_be_looked_at(self, kept):
        kept.facts["volumes"] = {"ok": False, "error": "the engine is silent"}
        assert kept.ask("environment.initial_only", Phase.PREFLIGHT).outcome is Outcome.ERROR


@pytest.mark.parametrize("name,value", [("API_TOKEN", "***"), ("BROKER", "***"), ("API_TOKEN", "x")])
def test_a_declared_secret_is_named_though_its_value_is_hidden(name, value, kept):
    kept.definition("backend-1")["env"][name] = value
    finding = kept.ask("environment.secrets", Phase.PREFLIGHT)
    assert finding.outcome is Outcome.WARN
    assert f"{name} holds a secret" in finding.summary
