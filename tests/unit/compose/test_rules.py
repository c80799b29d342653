"""The rules that only a compose file has: each branch."""

import pytest
from asking import ask

from stanchion.checks import Outcome

DB = "  db: {image: 'postgres:17.5-bookworm', healthcheck: {test: [CMD, a]}}\n"


class TestDependsOn:
    @pytest.mark.parametrize(
        "depends,outcome,says",
        [
            ("{db: {condition: service_healthy}}", "pass", "waits for db (service_healthy)"),
            ("{db: {condition: service_completed_successfully}}", "pass", ""),
            ("[db]", "warn", "waits until db has started"),
            ("{}", "warn", "does not wait for it"),
        ],
    )
    def test_who_uses_the_database(self, findings, depends, outcome, says):
        text = f"services:\n{DB}  web: {{image: a, environment: {{PGHOST: db}}, depends_on: {depends}}}\n"
        finding = findings("compose.depends_on", text)
        assert finding.outcome == outcome
        assert says in finding.summary

    def test_a_database_without_a_health_check_is_never_healthy(self, findings):
        text = (
            "services:\n  db: {image: 'postgres:17'}\n"
            "  web: {image: a, depends_on: {db: {condition: service_healthy}}}\n"
        )
        assert "which has no health check: it never starts" in findings("compose.depends_on", text).summary

    def test_nobody_uses_one(self, findings):
        assert findings("compose.depends_on", "services:\n  web: {image: a}\n").outcome == Outcome.SKIP


class TestSwap:
    @pytest.mark.parametrize(
        "swap,says",
        [
            ("", "Docker doubles the memory"),
            (", memswap_limit: -1", "it is without limit"),
            (", memswap_limit: 3g", "may use 1024MB of swap"),
        ],
    )
    def test_beside_the_databases_memory(self, findings, swap, says):
        text = f"services:\n  db: {{image: 'postgres:17', mem_limit: 2g{swap}}}\n"
        assert says in findings("container.swap", text).summary


class TestHealthTool:
    def finding(self, findings, image, test):
        return findings(
            "compose.health_tool", f"services:\n  web: {{image: '{image}', healthcheck: {{test: {test}}}}}\n"
        )

    @pytest.mark.parametrize(
        "image,test,outcome",
        [
            ("node:22-slim", "[CMD, curl, -f, http://localhost]", "fail"),
            ("node:22-slim", "'curl -f http://localhost || exit 1'", "fail"),
            ("node:22-slim", "[CMD, /usr/bin/curl, http://localhost]", "fail"),
            ("node:22-slim", "[CMD, sh, -c, 'wget -q http://localhost']", "fail"),
            ("node:22", "'curl -f http://localhost'", "pass"),
            ("node:22-alpine", "'wget -q http://localhost'", "pass"),
            ("nginx:1.27", "'curl -f http://localhost'", "pass"),
            ("node:22-slim", "[CMD, node, curl]", "skip"),
            ("gcr.io/distroless/nodejs22", "'node health.js'", "fail"),
            ("gcr.io/distroless/nodejs22", "[CMD, node, health.js]", "skip"),
        ],
    )
    def test_what_an_image_has(self, findings, image, test, outcome):
        assert self.finding(findings, image, test).outcome == outcome

    def test_one_that_the_dockerfile_installs(self, findings, write):
        write("Dockerfile", "FROM node:22-slim\nRUN apt-get update && apt-get install -y curl\n")
        text = "services:\n  web: {build: ., healthcheck: {test: [CMD, curl, x]}}\n"
        assert "installs" in findings("compose.health_tool", text).summary

    def test_one_that_the_dockerfile_calls_itself(self, findings, write):
        path = write("Dockerfile", "FROM node:22-slim\nHEALTHCHECK CMD curl -f http://localhost\n")
        finding = findings("compose.health_tool", "services:\n  web: {build: .}\n")
        assert finding.outcome == "fail"
        assert f"{path} does not install it" in finding.summary
        assert finding.evidence[0].line == 2

    def test_a_dockerfile_that_was_not_seen(self, findings):
        text = "services:\n  web: {build: ./none, healthcheck: {test: [CMD, curl, x]}}\n"
        finding = findings("compose.health_tool", text)
        assert finding.outcome == "warn"
        assert "was not seen" in finding.summary


@pytest.mark.parametrize(
    "image,arguments,outcome",
    [
        ("postgres:17", "", "warn"),
        ("postgres:17", "POSTGRES_INITDB_ARGS: --data-checksums", "pass"),
        ("postgres:16-alpine", "POSTGRES_INITDB_ARGS: -E UTF8 -k", "pass"),
        ("postgres:18", "", "pass"),
        ("postgres", "", "pass"),
        ("own/postgres:3ab", "", "pass"),
    ],
)
def test_checksums(findings, image, arguments, outcome):
    text = f"services:\n  db: {{image: '{image}', environment: {{{arguments}}}}}\n"
    assert findings("compose.checksums", text).outcome == outcome


@pytest.mark.parametrize(
    "network,outcome",
    [
        ("{internal: true}", "pass"),
        ("{driver: bridge}", "warn"),
        ("", "warn"),
        ("{external: true}", "pass"),
        ("{external: {name: other}}", "pass"),
    ],
)
def test_internal_network(findings, network, outcome):
    text = f"services:\n  db: {{image: 'postgres:17', networks: [back]}}\nnetworks:\n  back: {network}\n"
    finding = findings("compose.internal_network", text)
    assert finding.outcome == outcome
    if outcome == "warn":
        assert finding.evidence[0].line == 4


def test_the_default_network_is_no_internal_one(findings):
    finding = findings("compose.internal_network", "services:\n  db: {image: 'postgres:17'}\n")
    assert finding.outcome == "skip"
    assert "network.user_defined" in finding.summary


@pytest.mark.parametrize(
    "ports,outcome",
    [
        ("'8000:8000'", "warn"),
        ("'8000'", "warn"),
        ("'[::]:8000:8000'", "warn"),
        ("'127.0.0.1:8000:8000'", "pass"),
        ("'443:8443'", "pass"),
    ],
)
def test_port_address(findings, ports, outcome):
    text = f"services:\n  web: {{image: a, ports: [{ports}]}}\n"
    assert findings("compose.port_address", text).outcome == outcome


@pytest.mark.parametrize(
    "text,outcome",
    [
        ("scale: 2, ports: ['80:80']", "warn"),
        ("deploy: {replicas: 2}, container_name: web", "warn"),
        ("deploy: {replicas: 2}, ports: ['80']", "pass"),
        ("ports: ['80:80'], container_name: web", "skip"),
    ],
)
def test_replicas(findings, text, outcome):
    assert findings("compose.replicas", f"services:\n  web: {{image: a, {text}}}\n").outcome == outcome


@pytest.mark.parametrize(
    "value,outcome",
    [
        ("DB_PASSWORD: abc", "fail"),
        ("DB_PASSWORD: '${DB_PASSWORD:-postgres}'", "fail"),
        ("DB_PASSWORD: $DB_PASSWORD", "pass"),
        ("DB_PASSWORD: '${DB_PASSWORD:-}'", "pass"),
        ("DB_PASSWORD_FILE: /run/secrets/db", "pass"),
        ("URL: 'postgres://u:p@h/d'", "fail"),
        ("URL: 'postgres://u:${P:-p}@h/d'", "fail"),
        ("URL: 'postgres://u:$P@h/d'", "pass"),
        ("URL_TOKEN: 'https://h/$P'", "pass"),
        ("TOKEN_SECONDS: 3600", "pass"),
    ],
)
def test_literal_secret(findings, value, outcome):
    text = f"services:\n  web:\n    image: a\n    environment:\n      {value}\n"
    finding = findings("compose.literal_secret", text)
    assert finding.outcome == outcome
    if outcome == "fail":
        assert finding.evidence[0].line == 5


def test_literal_secret_of_a_build(findings):
    text = "services:\n  web:\n    build:\n      context: .\n      args:\n        - NPM_TOKEN=abc\n"
    assert findings("compose.literal_secret", text).evidence[0].line == 6


def test_a_secret_is_never_in_the_result(write):
    path = write(
        "compose.yml",
        "services:\n  web: {image: a, environment: {A_PASSWORD: hush, U: 'postgres://u:hush@h/d'}}\n",
    )
    assert "hush" not in ask(path).model_dump_json()


def test_version(findings):
    assert findings("compose.version", "version: '3'\nservices:\n  web: {image: a}\n").outcome == "warn"
    assert findings("compose.version", "services:\n  web: {image: a}\n").outcome == "pass"


class TestPlaces:
    """Where evidence of the rest of the catalogue is found in a file."""

    TEXT = (
        "services:\n  web:\n    image: a\n    ports:\n      - '80:80'\n      - '81:81'\n"
        "    deploy:\n      resources:\n        limits:\n          memory: 1g\n"
        "    volumes:\n      - a.b:/x.y/z\nvolumes:\n  a.b:\n"
    )

    @pytest.mark.parametrize(
        "of,key,line",
        [
            ("web", "image", 3),
            ("web", "healthcheck.test", 2),
            ("web", "ports.81", 6),
            ("web", "ports.9", 4),
            ("web", "mem_limit", 10),
            ("web", "cpus", 9),
            ("web", "restart", 2),
            ("web", "volumes./x.y/z", 12),
            ("web", "", 2),
            ("", "volumes.a.b", 14),
            ("", "networks.none", None),
            ("other", "", None),
        ],
    )
    def test_the_line(self, project, of, key, line):
        from stanchion.checks.model import Evidence
        from stanchion.compose.files import gather

        located = gather(project(self.TEXT), []).locate(Evidence("", of=of, key=key))
        assert located.line == line
