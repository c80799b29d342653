"""Who may log in, from where, how, and with which rights."""

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container

B1, B2 = "medication-tracker-backend-1", "medication-tracker-backend-2"


def rule(kept, **changed):
    """Add a rule to pg_hba.conf."""
    row = {**kept.rows("hba")[1], "line": 12, **changed}
    kept.rows("hba").append(row)


def test_a_line_that_cannot_be_read(kept):
    rule(kept, error="end-of-line before IP address specification", method=None, address=None)
    finding = kept.ask("auth.hba_errors")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == "pg_hba.conf line 12: end-of-line before IP address specification"
    for slug in ("auth.weak_methods", "auth.addresses", "auth.all_all"):
        assert kept.ask(slug).outcome is Outcome.PASS


class TestWeakMethods:
    @pytest.mark.parametrize("method", ["trust", "password", "md5", "ident"])
    def test_by_the_network(self, kept, method):
        rule(kept, method=method)
        finding = kept.ask("auth.weak_methods")
        assert finding.outcome is Outcome.FAIL
        text = f"pg_hba.conf line 12: {method} for medication_tracker from 172.30.240.0"
        assert finding.summary == text

    def test_by_the_socket(self, kept):
        rule(kept, type="local", method="trust", address=None, netmask=None, users=["all"])
        finding = kept.ask("auth.weak_methods")
        assert finding.summary == "pg_hba.conf line 12: trust for all from the socket"

    def test_declared(self, kept):
        kept.definition("db")["env"]["POSTGRES_HOST_AUTH_METHOD"] = "trust"
        assert kept.ask("auth.weak_methods", Phase.PREFLIGHT).outcome is Outcome.FAIL

    def test_a_file(self, kept):
        values = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
        finding = kept.ask_file("auth.weak_methods", Container("db", "postgres", values=values))
        assert finding.outcome is Outcome.FAIL
        assert finding.evidence[0].key == "environment.POSTGRES_HOST_AUTH_METHOD"


@pytest.mark.parametrize(
    "address,netmask,outcome",
    [
        ("172.30.240.128", "255.255.255.128", Outcome.PASS),
        ("127.0.0.1", "255.255.255.255", Outcome.PASS),
        ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Outcome.PASS),
        ("samehost", None, Outcome.PASS),
        ("172.30.0.0", "255.255.0.0", Outcome.WARN),
        ("::", "::", Outcome.WARN),
        ("all", None, Outcome.WARN),
        ("samenet", None, Outcome.WARN),
        ("app.example.org", None, Outcome.WARN),
    ],
)
def test_addresses(kept, address, netmask, outcome):
    rule(kept, address=address, netmask=netmask)
    finding = kept.ask("auth.addresses")
    assert finding.outcome is outcome
    if outcome is Outcome.WARN:
        assert finding.summary.startswith(f"pg_hba.conf line 12: {address}")


@pytest.mark.parametrize(
    "database,users,outcome",
    [(["all"], ["all"], Outcome.WARN), (["all"], ["app"], Outcome.PASS), (["app"], ["all"], Outcome.PASS)],
)
def test_all_and_all(kept, database, users, outcome):
    rule(kept, database=database, users=users)
    assert kept.ask("auth.all_all").outcome is outcome


class TestSuperuser:
    @pytest.mark.parametrize("right", ["superuser", "createrole", "createdb", "replication", "bypassrls"])
    def test_the_application_has_rights(self, kept, right):
        kept.rows("roles")[1][right] = True
        finding = kept.ask("auth.superuser")
        assert finding.outcome is Outcome.FAIL
        assert f"medication_tracker: has the rights {right}" in {
            f"{e.of}: {e.what}" for e in finding.evidence
        }

    def test_it_has_several(self, kept):
        kept.rows("roles")[1].update(superuser=True, createdb=True)
        (told,) = [each for each in kept.ask("auth.superuser").evidence if "rights" in each.what]
        assert (told.of, told.what) == ("medication_tracker", "has the rights superuser, createdb")

    @pytest.mark.parametrize("users", [["postgres"], ["all"], ["/^post"]])
    def test_a_superuser_comes_by_the_network(self, kept, users):
        rule(kept, users=users)
        finding = kept.ask("auth.superuser")
        assert finding.outcome is Outcome.FAIL
        text = "pg_hba.conf line 12: lets the superuser postgres in from 172.30.240.0"
        assert finding.summary == text

    @pytest.mark.parametrize(
        ("users", "outcome"),
        [(["+admins"], Outcome.WARN), (["/^med"], Outcome.PASS), (["medication_tracker"], Outcome.PASS)],
    )
    def test_rules_for_groups_and_patterns(self, kept, users, outcome):
        rule(kept, users=users)
        finding = kept.ask("auth.superuser")
        assert finding.outcome is outcome
        if outcome is Outcome.WARN:
            assert "the members of admins" in finding.summary

    def test_declared(self, kept):
        kept.declared["stack"]["database_user"] = "postgres"
        finding = kept.ask("auth.superuser", Phase.PREFLIGHT)
        assert finding.outcome is Outcome.FAIL

    @pytest.mark.parametrize(
        "values,url,outcome",
        [
            ({}, "postgresql://postgres@db/app", Outcome.FAIL),
            ({"POSTGRES_USER": "owner"}, "postgresql+psycopg2://owner@db:5432/app", Outcome.FAIL),
            ({"POSTGRES_USER": "owner"}, "postgresql://postgres@db/app", Outcome.FAIL),
            ({"POSTGRES_USER": "owner"}, "postgresql://app@db/app", Outcome.PASS),
            ({}, "nonsense", Outcome.SKIP),
        ],
    )
    def test_a_file(self, kept, values, url, outcome):
        finding = kept.ask_file(
            "auth.superuser",
            Container("db", "postgres", values=values),
            Container("web", "backend", values={"DATABASE_URL": url}),
        )
        assert finding.outcome is outcome
        if outcome is Outcome.SKIP:
            assert finding.summary == "no container's environment has an address of the database"
            return
        (told,) = finding.evidence
        assert (told.of, told.key) == ("web", "environment.DATABASE_URL")
        of_the_image = ", the superuser that the image makes" if outcome is Outcome.FAIL else ""
        assert told.what == f"connects as {url.partition('://')[2].partition('@')[0]}{of_the_image}"


def test_a_password_that_is_kept_as_md5(kept):
    kept.rows("roles")[1]["password"] = "md5"
    finding = kept.ask("auth.scram")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication_tracker: its password is kept as md5"


def test_the_next_password_would_be_kept_as_md5(kept):
    kept.setting("password_encryption")["setting"] = "md5"
    assert kept.ask("auth.scram").summary == "password_encryption is md5"


@pytest.mark.parametrize(
    "days,outcome,says",
    [
        (20, Outcome.PASS, "runs out in 20.0 d"),
        (13, Outcome.WARN, "runs out in 13.0 d"),
        (-2, Outcome.WARN, "ran out 2.0 d ago"),
    ],
)
def test_a_password_that_runs_out(kept, days, outcome, says):
    kept.rows("roles")[1]["valid_seconds"] = days * 86400.0
    finding = kept.ask("auth.expiry")
    assert finding.outcome is outcome
    assert says in finding.summary


def test_a_role_that_nobody_logs_in_by_may_run_out(kept):
    kept.rows("roles")[1].update(valid_seconds=1.0, login=False)
    assert kept.ask("auth.expiry").outcome is Outcome.PASS


def test_everybody_creates(kept):
    kept.rows("public_schema")[0]["everybody_creates"] = True
    assert kept.ask("auth.public_create").outcome is Outcome.WARN


class TestConfiguredPassword:
    @staticmethod
    def answer(kept, name, error):
        kept.facts["inside"]["entries"][name]["query"].update(ok=False, error=error)

    @pytest.mark.parametrize(
        "error",
        [
            'FATAL: password authentication failed for user "medication_tracker"',
            "fe_sendauth: no password supplied",
            'FATAL: no pg_hba.conf entry for host "172.30.240.3"',
            'FATAL: pg_hba.conf rejects connection for host "172.30.240.3"',
            'FATAL: role "medication_tracker" is not permitted to log in',
        ],
    )
    def test_it_is_refused(self, kept, error):
        self.answer(kept, B1, error)
        finding = kept.ask("auth.configured_password")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == f"{B1}: {error}"

    def test_nobody_got_as_far(self, kept):
        for name in (B1, B2):
            self.answer(kept, name, "timeout expired")
        finding = kept.ask("auth.configured_password")
        assert finding.outcome is Outcome.ERROR
        assert finding.summary == "nobody got as far as the password: timeout expired"

    def test_one_got_as_far(self, kept):
        self.answer(kept, B1, "timeout expired")
        assert kept.ask("auth.configured_password").outcome is Outcome.PASS
