"""TLS is asked for where several hosts are declared, and is skipped for a reason on one."""

import pytest

from stanchion.checks import Outcome

SLUGS = ("tls.server", "tls.client")


@pytest.fixture
def on_two_hosts(kept):
    kept.declared["postgres"]["declared"]["pool"]["hosts"] = 2
    return kept


@pytest.mark.parametrize("slug", SLUGS)
def test_one_host_needs_none(slug, kept):
    finding = kept.ask(slug)
    assert finding.outcome is Outcome.SKIP
    assert "share one host" in finding.summary


def test_a_server_without_tls(on_two_hosts):
    finding = on_two_hosts.ask("tls.server")
    assert (finding.outcome, finding.summary) == (Outcome.WARN, "ssl is off")


def test_a_server_with_tls(on_two_hosts):
    on_two_hosts.setting("ssl")["setting"] = "on"
    assert on_two_hosts.ask("tls.server").outcome is Outcome.PASS


def test_a_client_that_takes_any_certificate(on_two_hosts):
    finding = on_two_hosts.ask("tls.client")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication-tracker-backend-1: sslmode is prefer (and 1 more)"


@pytest.mark.parametrize("variable", ["DATABASE_URL", "PGSSLMODE"])
def test_a_client_that_makes_sure(variable, on_two_hosts):
    address = "postgresql://m@db/m?sslmode=verify-full"
    for name in ("backend-1", "backend-2"):
        values = on_two_hosts.container(name)["environment"]["values"]
        values[variable] = address if variable == "DATABASE_URL" else "verify-full"
    assert on_two_hosts.ask("tls.client").outcome is Outcome.PASS
