"""Who reaches the database."""

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container, Port

APP = "medication-tracker_app_network"
EDGE = "medication-tracker_edge_network"


def network(kept, name):
    return next(entry for entry in kept.facts["networks"]["entries"] if entry["name"] == name)


class TestUnpublished:
    @pytest.mark.parametrize(
        "address,outcome",
        [
            ("192.0.2.1", Outcome.FAIL),
            ("::", Outcome.FAIL),
            ("127.0.0.1", Outcome.WARN),
            ("::1", Outcome.WARN),
        ],
    )
    def test_a_port(self, kept, address, outcome):
        port = {"container_port": 5432, "protocol": "tcp", "address": address, "port": 15432}
        kept.container("db")["ports"].append(port)
        finding = kept.ask("network.database_unpublished")
        assert finding.outcome is outcome
        assert f"publishes 5432 at {address}:15432" in finding.summary

    def test_the_hosts_network(self, kept):
        finding = kept.ask_file(
            "network.database_unpublished", Container("db", "postgres", network_mode="host")
        )
        assert finding.outcome is Outcome.FAIL
        assert finding.evidence[0].key == "network_mode"

    def test_a_port_of_a_file(self, kept):
        service = Container("db", "postgres", ports=(Port(5432, "192.0.2.1", None),))
        finding = kept.ask_file("network.database_unpublished", service)
        assert (finding.evidence[0].key, "a free port" in finding.summary) == ("ports", True)


class TestIsolation:
    def target(self, kept, what):
        return next(t for t in kept.facts["outside"]["targets"] if t["what"] == what)

    def test_the_database_is_reached(self, kept):
        self.target(kept, "database")["reached"] = True
        finding = kept.ask("network.isolation")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == "the database at 172.30.240.2:5432 is reached from the edge network"

    def test_by_the_host_too(self, kept):
        self.target(kept, "host")["reached"] = True
        kept.facts["ports"]["entries"].append(
            {"port": 5432, "address": "192.0.2.1", "stack": "medication-tracker", "role": "postgres"}
        )
        assert kept.ask("network.isolation").outcome is Outcome.FAIL

    def test_another_server_on_the_host(self, kept):
        self.target(kept, "host")["reached"] = True
        finding = kept.ask("network.isolation")
        assert finding.outcome is Outcome.WARN
        assert "something else of the host answers" in finding.summary

    def test_an_attempt_that_reached_nothing_is_none(self, kept):
        for target in kept.facts["outside"]["targets"]:
            target["reached"] = False
        finding = kept.ask("network.isolation")
        assert finding.outcome is Outcome.ERROR
        assert "reached none of 2 backends" in finding.summary

    def test_nor_is_one_with_no_backend_to_reach(self, kept):
        targets = kept.facts["outside"]["targets"]
        targets[:] = [target for target in targets if target["what"] != "backend"]
        assert "no running backend" in kept.ask("network.isolation").summary
        del kept.declared["backend"]
        assert kept.ask("network.isolation").outcome is Outcome.SKIP

    def test_a_leak_needs_no_proof(self, kept):
        for target in kept.facts["outside"]["targets"]:
            target["reached"] = target["what"] == "database"
        assert kept.ask("network.isolation").outcome is Outcome.FAIL

    def test_the_host_does_not_reach_a_published_backend(self, kept):
        kept.facts["outside"]["published"][1]["reached"] = False
        finding = kept.ask("network.isolation")
        assert finding.outcome is Outcome.FAIL
        assert "the backend at 127.0.0.1:5001 is not reached from the host" in finding.summary


class TestUserDefined:
    def test_nothing_shared(self, kept):
        kept.container("backend-2")["networks"] = {
            "bridge": {"id": "1", "ip": None, "ipv6": None, "aliases": []}
        }
        kept.container("db")["networks"]["bridge"] = {"id": "1", "ip": None, "ipv6": None, "aliases": []}
        finding = kept.ask("network.user_defined")
        assert finding.outcome is Outcome.FAIL
        assert "backend-2: shares no network of its own with medication-tracker-db" in finding.summary

    @pytest.mark.parametrize(
        "database,backend,outcome",
        [
            ({"networks": {"app": {}}}, {"networks": {"app": {}, "edge": {}}}, Outcome.PASS),
            ({"networks": {"app": {}}}, {"networks": {"edge": {}}}, Outcome.FAIL),
            ({"networks": {"app": {}}}, {}, Outcome.FAIL),
            ({}, {}, Outcome.WARN),
            ({"networks": {"default": {}}}, {"networks": {"default": {}}}, Outcome.WARN),
            ({"network_mode": "bridge"}, {"network_mode": "bridge"}, Outcome.FAIL),
        ],
    )
    def test_of_a_file(self, kept, database, backend, outcome):
        services = [Container("db", "postgres", **database), Container("web", "backend", **backend)]
        assert kept.ask_file("network.user_defined", *services).outcome is outcome

    def test_a_file_with_one_of_them_only(self, kept):
        assert kept.ask_file("network.user_defined", Container("db", "postgres")).outcome is Outcome.SKIP


class TestInternal:
    def test_a_way_out(self, kept):
        network(kept, APP)["internal"] = False
        finding = kept.ask("network.internal")
        assert finding.outcome is Outcome.WARN
        assert f"is on {APP}, which is not internal" in finding.summary

    def test_one_network_too_many(self, kept):
        kept.container("db")["networks"][EDGE] = {"id": "1", "ip": None, "ipv6": None, "aliases": []}
        assert f"is on {EDGE}, which is not internal" in kept.ask("network.internal").summary

    def test_the_way_to_the_second_repository_is_declared(self, kept):
        kept.container("db")["networks"][EDGE] = {"id": "1", "ip": None, "ipv6": None, "aliases": []}
        kept.declared["stack"]["backup_network"] = EDGE
        assert kept.ask("network.internal").outcome is Outcome.PASS

    def test_a_deploy_makes_the_way_to_the_second_repository(self, kept):
        kept.container("db")["networks"]["new"] = {"id": "1", "ip": None, "ipv6": None, "aliases": []}
        kept.declared["stack"]["backup_network"] = "new"
        assert kept.ask("network.internal", Phase.PREFLIGHT).outcome is Outcome.PASS
        assert kept.ask("network.internal").outcome is Outcome.WARN

    def test_before_the_first_deploy(self, kept):
        kept.facts["networks"]["entries"] = []
        assert kept.ask("network.internal", Phase.PREFLIGHT).outcome is Outcome.SKIP
        assert kept.ask("network.internal", Phase.RUNTIME).outcome is Outcome.WARN


class TestStrangers:
    def test_a_stranger(self, kept):
        stranger = {"name": "tool", "stack": None, "state": "running", "ip": "172.30.240.9"}
        network(kept, APP)["containers"].append(stranger)
        finding = kept.ask("network.strangers")
        assert finding.outcome is Outcome.WARN
        assert finding.summary == f"tool: is on {APP} (running, 172.30.240.9)"

    def test_the_stacks_own_are_none(self, kept):
        own = {
            "name": "medication-tracker-backend-candidate",
            "stack": "medication-tracker",
            "state": "running",
        }
        network(kept, APP)["containers"].append({**own, "ip": None})
        assert kept.ask("network.strangers").outcome is Outcome.PASS

    def test_no_network(self, kept):
        kept.facts["networks"]["entries"] = []
        assert kept.ask("network.strangers").outcome is Outcome.ERROR
