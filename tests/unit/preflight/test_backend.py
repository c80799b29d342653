"""The declared backend beside its database, its secrets and the ports of the host."""

import copy
from pathlib import Path

import pytest
import yaml
from ansible_collections.stanchion.stack.plugins.module_utils import _docker_api
from medication_tracker.config import Settings, SettingsError

from stanchion.preflight import DeclaredError, errors, values
from stanchion.preflight.ports import Address

ROLE_VARIABLES = Path(__file__).resolve().parents[3] / "roles" / "backend" / "vars" / "main.yml"
DECLARED = {
    "stack_name": "medication-tracker",
    "secret_files": [],
    "stack_database_alias": "db",
    "stack_database_port": 5432,
    "stack_database_name": "medication_tracker",
    "stack_database_user": "app",
    "stack_backend_replicas": 2,
    "stack_backend_workers": 2,
    "stack_db_pool_size": 5,
    "stack_db_max_overflow": 10,
    "backend_cpus": 1.0,
    "backend_database_url": "postgresql://app@db:5432/medication_tracker",
    "backend_endpoints": [],
    "backend_companions": [],
    "backend_environment": {},
    "backend_variable_names": {},
    "backend_volumes": [],
    "backend_health_path": "/health",
    "backend_memory": "512m",
    "backend_password_mode": "pgpass",
    "backend_pool_recycle": 1800,
    "backend_pool_timeout": 30,
    "backend_publish_address": "127.0.0.1",
    "backend_publish_port": 5000,
    "backend_health_interval": "5s",
    "backend_healthy_timeout": 60,
    "backend_health_timeout": "10s",
    "backend_health_start_period": "30s",
    "backend_log_max_size": "10m",
    "backend_log_max_file": 3,
    "backend_migration_lock_timeout": "5s",
    "backend_migration_statement_timeout": "0",
}
PLAIN = {"backend_password_mode": "environment"}
URL = "postgresql://app@db:5432/medication_tracker"


@pytest.fixture
def declared():
    return copy.deepcopy(DECLARED)


@pytest.fixture
def found(look, running, declared):
    """Change what is declared, look, and return the slugs."""

    def run(**changes):
        return [problem.slug for problem in look("backend", {**declared, **changes}, running)]

    return run


def test_the_defaults_fit(found):
    assert found() == []


def test_a_bare_host(look, declared, bare):
    assert look("backend", declared, bare) == []


def test_numbers_may_come_as_text(found):
    assert found(backend_publish_port="5000", stack_backend_replicas="2", backend_pool_timeout="30") == []


class TestDatabaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://app@db/medication_tracker",
            "postgresql+psycopg2://app@db:5432/medication_tracker",
            "postgresql://app@/medication_tracker?host=db&port=5432",
            "postgresql://app@DB:5432/medication_tracker?sslmode=prefer",
        ],
    )
    def test_ways_to_write_it(self, found, url):
        assert found(backend_database_url=url) == []

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "db.example.com", "database", "172.30.240.2"])
    def test_another_host(self, look, running, declared, host):
        declared["backend_database_url"] = f"postgresql://app@{host}:5432/medication_tracker"
        (problem,) = look("backend", declared, running)
        assert problem.slug == "backend.url_host"
        assert repr(host) in problem.what
        assert "'db'" in problem.what

    def test_no_host(self, found):
        assert found(backend_database_url="postgresql://app@/medication_tracker") == ["backend.url_host"]

    def test_port(self, found):
        assert found(backend_database_url="postgresql://app@db:6432/medication_tracker") == [
            "backend.url_port"
        ]

    def test_scheme(self, found):
        assert found(backend_database_url="postgres://app@db/medication_tracker") == ["backend.url_scheme"]

    def test_other_names(self, found):
        assert found(backend_database_url="postgresql://a@db/b") == [
            "backend.url_user",
            "backend.url_database",
        ]

    @pytest.mark.parametrize("text", ["postgresql://app@db:port/x", "postgresql://[::1/x"])
    def test_nonsense(self, found, text):
        assert found(backend_database_url=text) == ["backend.url"]

    def test_password(self, found):
        url = "postgresql://app:hunter2@db/medication_tracker"
        assert found(backend_database_url=url) == ["backend.url_password"]
        assert found(backend_database_url=url, **PLAIN) == ["backend.plain_environment"]

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://app:hunter2@elsewhere/other",
            "postgresql://app:hun/ter2@db/medication_tracker",
            "postgresql://app:5/hunter2@db/medication_tracker",
            "postgresql://app:hun#ter2@db/medication_tracker",
            "postgresql://app:hunter2@db:5x/medication_tracker",
        ],
    )
    def test_no_message_repeats_a_password(self, look, running, declared, url):
        declared["backend_database_url"] = url
        problems = look("backend", declared, running)
        assert errors(problems)
        assert "hun" not in " ".join(str(problem) for problem in problems)


class TestPorts:
    def listen(self, running, address, port, container=None, stack=None, role=None):
        running["ports"]["entries"].append(
            {"address": address, "port": port, "container": container, "stack": stack, "role": role}
        )

    @pytest.mark.parametrize(
        ("wanted", "there", "clash"),
        [
            ("127.0.0.1", "127.0.0.1", True),
            ("127.0.0.1", "ANY", True),
            ("127.0.0.1", "::", True),
            ("127.0.0.1", "127.0.0.2", False),
            ("127.0.0.1", "192.0.2.1", False),
            ("127.0.0.1", "::1", False),
            ("ANY", "192.0.2.1", True),
            ("ANY", "::1", False),
            ("::", "127.0.0.1", True),
            ("::1", "ANY", False),
        ],
    )
    def test_which_sockets_meet(self, look, slugs, running, declared, wanted, there, clash):
        anywhere = str(Address.__args__[0](0))
        declared["backend_publish_address"] = wanted.replace("ANY", anywhere)
        self.listen(running, there.replace("ANY", anywhere), 5001)
        problems = errors(look("backend", declared, running))
        assert slugs(problems) == (["backend.port_taken"] if clash else [])

    def test_whoever_has_it_is_named(self, look, running, declared):
        self.listen(running, "127.0.0.1", 5000)
        self.listen(running, "127.0.0.1", 5001, container="other-web", stack=None)
        program, container = look("backend", declared, running)
        assert "Port 5000 is taken already on the host, by a program" in program.what
        assert "Port 5001" in container.what
        assert "the container other-web" in container.what
        assert "5002 would be free" in program.remedy

    def test_ones_own_replicas_keep_their_ports(self, look, running, declared):
        self.listen(
            running, "127.0.0.1", 5000, "medication-tracker-backend-1", "medication-tracker", "backend"
        )
        assert look("backend", declared, running) == []

    @pytest.mark.parametrize(("stack", "role"), [("medication-tracker", "monitoring"), ("other", "backend")])
    def test_other_roles_and_stacks_are_others(self, look, slugs, running, declared, stack, role):
        self.listen(running, "127.0.0.1", 5000, "x", stack, role)
        assert slugs(look("backend", declared, running)) == ["backend.port_taken"]

    def test_as_recorded(self, found):
        assert found(backend_publish_port=15660) == ["backend.port_taken"] * 2
        assert found(backend_publish_port=15051, stack_backend_replicas=1) == []
        assert found(backend_publish_port=15051) == ["backend.port_taken"]

    @pytest.mark.parametrize(
        ("port", "fits"), [(65534, True), (65535, False), (1, True), (0, False), (-5, False)]
    )
    def test_ports_that_exist(self, found, port, fits):
        assert found(backend_publish_port=port) == ([] if fits else ["backend.port_range"])

    def test_the_last_ports_leave_no_other_to_propose(self, look, running, declared):
        declared["backend_publish_port"] = 65534
        self.listen(running, "127.0.0.1", 65535)
        (problem,) = look("backend", declared, running)
        assert "would be free" not in problem.remedy

    @pytest.mark.parametrize("address", ["localhost", "127.0.0.1:5000", ""])
    def test_no_address(self, found, address):
        assert found(backend_publish_address=address) == ["backend.address"]

    def test_a_public_address_is_a_risk_and_no_error(self, look, running, declared):
        declared["backend_publish_address"] = "192.0.2.2"
        (problem,) = look("backend", declared, running)
        assert (problem.slug, problem.level) == ("backend.public", "warning")
        assert "DOCKER-USER" in problem.remedy

    def test_containers_that_could_not_be_asked(self, look, running, declared, bare):
        running["ports"]["containers_error"] = "no answer"
        (problem,) = look("backend", declared, running)
        assert (problem.slug, problem.exit) == ("host.unreadable", "unreachable")
        # Without an engine there are none.
        assert bare["ports"]["containers_error"]
        assert look("backend", declared, bare) == []


class TestEnvironment:
    @pytest.mark.parametrize(
        "name",
        ["PGAPPNAME", "PGPASSFILE", *yaml.safe_load(ROLE_VARIABLES.read_text())["__backend_contract"]],
    )
    def test_what_the_role_sets_itself(self, found, name):
        assert found(backend_environment={name: "x"}) == ["backend.environment_owned"]

    def test_what_the_role_sets_under_a_name_of_the_images(self, found):
        names = {"DB_POOL_SIZE": "MAX_CONNS", "DB_MAX_OVERFLOW": ""}
        given = {"MAX_CONNS": "3"}
        assert found(backend_variable_names=names, backend_environment=given) == ["backend.environment_owned"]
        given = {"DB_POOL_SIZE": "3", "DB_MAX_OVERFLOW": "3"}
        assert found(backend_variable_names=names, backend_environment=given) == []

    def test_a_companions_variables_are_looked_at_too(self, look, running, declared):
        environment = {"PORT": "1", "API_TOKEN": "hunter2"}
        declared["backend_companions"] = [{"name": "worker", "environment": environment}]
        owned, secret = look("backend", declared, running)
        assert (owned.slug, secret.slug) == ("backend.environment_owned", "backend.environment_secret")
        assert "environment of worker" in secret.what
        assert "hunter2" not in str(secret)

    @pytest.mark.parametrize("name", ["SECRET_KEY", "API_TOKEN", "SMTP_PASSWORD"])
    def test_secret_by_name(self, look, running, declared, name):
        declared["backend_environment"] = {name: "hunter2"}
        (problem,) = look("backend", declared, running)
        assert problem.slug == "backend.environment_secret"
        assert "hunter2" not in str(problem)

    def test_secret_by_value(self, look, running, declared):
        declared["backend_environment"] = {"CACHE": "redis://:hunter2@cache:6379/0"}
        (problem,) = look("backend", declared, running)
        assert problem.slug == "backend.environment_secret"
        assert "hunter2" not in str(problem)

    def test_ordinary_variables(self, found):
        plain = {
            "LOG_LEVEL": "info",
            "SECRET_KEY_FILE": "/run/secrets/key",
            "URL": "https://a.b/c?d=e@f",
            "N": 3,
        }
        assert found(backend_environment=plain) == []

    def test_plain_password_is_a_risk_and_no_error(self, look, running, declared):
        declared.update(PLAIN)
        (problem,) = look("backend", declared, running)
        assert (problem.slug, problem.level) == ("backend.plain_environment", "warning")


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        ({"DB_POOL_SIZE": "MAX_CONNS", "WEB_CONCURRENCY": "", "PORT": ""}, True),
        ({"PGPASSFILE": "PASSWORD_FILE"}, False),
        ({"DB_POOL_SIZE": "MAX-CONNS"}, False),
        ({"DB_POOL_SIZE": "CONNS", "DB_MAX_OVERFLOW": "CONNS"}, False),
    ],
    ids=["own names", "none of the contract", "no name", "twice"],
)
def test_names_of_the_image(found, names, fits):
    assert found(backend_variable_names=names) == ([] if fits else ["backend.variable_names"])


@pytest.mark.parametrize("variable", ["backend_companions", "backend_volumes"])
@pytest.mark.parametrize("name", ["", "1", "Worker", "a_b", "-a", "a-", "w" * 31, "x-previous"])
def test_names_that_no_container_or_volume_can_have(found, variable, name):
    given = {"name": name, "target": "/srv/x", "environment": {}}
    assert found(**{variable: [given]}) == [f"backend.{variable[8:-1]}_name"]
    assert found(**{variable: [{**given, "name": "worker-2"}]}) == []
    assert found(**{variable: [{**given, "name": "worker"}] * 2}) == [f"backend.{variable[8:-1]}_name"]


@pytest.mark.parametrize(
    ("variable", "name"), [("backend_companions", "candidate"), ("backend_volumes", "pgdata")]
)
def test_names_that_the_roles_have_for_themselves(found, variable, name):
    (slug,) = found(**{variable: [{"name": name, "target": "/srv/x"}]})
    assert slug == f"backend.{variable[8:-1]}_name"


@pytest.mark.parametrize("target", ["srv", "/run/secrets", "/run/secrets/x", "/a:b", "/a b", ""])
def test_a_volume_is_mounted_at_a_path_of_its_own(found, target):
    assert found(backend_volumes=[{"name": "files", "target": target}]) == ["backend.volume_target"]


@pytest.mark.parametrize(
    ("path", "fits"), [("/health", True), ("/a/b?c=d", True), ("health", False), ("/a b", False), ("", False)]
)
def test_health_path(found, path, fits):
    assert found(backend_health_path=path) == ([] if fits else ["backend.health_path"])


@pytest.mark.parametrize(
    ("endpoint", "fits"),
    [
        ("api.example.com:443", True),
        ("192.0.2.1:80", True),
        ("[2001:db8::1]:80", True),
        ("api.example.com", False),
        ("https://api.example.com:443", False),
        ("api.example.com:70000", False),
        ("api.example.com:0", False),
        (443, False),
    ],
)
def test_endpoints(found, endpoint, fits):
    assert found(backend_endpoints=[endpoint]) == ([] if fits else ["backend.endpoint"])


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"stack_db_pool_size": 0}, "backend.pool_range"),
        ({"stack_db_max_overflow": -1}, "backend.pool_range"),
        ({"stack_backend_workers": "two"}, "backend.pool_unreadable"),
        ({"backend_pool_timeout": 0}, "backend.pool_timeout"),
        ({"backend_pool_recycle": 0}, "backend.pool_recycle"),
        ({"backend_memory": "64g"}, "backend.host_memory"),
        ({"backend_cpus": 2.5}, "backend.host_cpus"),
    ],
)
def test_numbers(found, change, slug):
    assert found(**change) == [slug]


def test_recycling_may_be_switched_off(found):
    assert found(backend_pool_recycle=-1) == []


# Beside each variable, what its image is given.
SETTINGS = {
    "stack_backend_workers": "WEB_CONCURRENCY",
    "stack_db_pool_size": "DB_POOL_SIZE",
    "stack_db_max_overflow": "DB_MAX_OVERFLOW",
    "backend_pool_timeout": "DB_POOL_TIMEOUT",
    "backend_pool_recycle": "DB_POOL_RECYCLE",
}


@pytest.mark.parametrize("variable", SETTINGS)
@pytest.mark.parametrize("value", [-2, -1, 0, 1, 64, 65, 200, 201, 600, 601, 86400, 86401])
def test_what_passes_the_reference_backend_takes(found, variable, value):
    """One value at a time, everything else as small as it can be: only the bounds are compared."""
    small = {"stack_backend_replicas": 1, "stack_backend_workers": 1, "stack_db_max_overflow": 0}
    refused = found(**{**small, "stack_db_pool_size": 1, variable: value}) != []
    environment = {"DATABASE_URL": URL, SETTINGS[variable]: str(value)}
    try:
        Settings.from_environment(environment)
    except SettingsError:
        assert refused
    else:
        assert not refused


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"backend_memory": "much"}, "backend.size"),
        ({"backend_memory": "512mb"}, "backend.size"),
        ({"backend_memory": "4m"}, "backend.size"),
        ({"backend_log_max_size": "-1"}, "backend.size"),
        ({"backend_log_max_file": 0}, "backend.count"),
        ({"backend_health_interval": 5}, "backend.interval"),
        ({"backend_health_interval": "1.5s"}, "backend.interval"),
        ({"backend_health_timeout": "10 s"}, "backend.interval"),
        ({"backend_health_timeout": "999us"}, "backend.interval"),
        ({"backend_health_start_period": ""}, "backend.interval"),
        ({"backend_migration_lock_timeout": "5 s"}, "backend.duration"),
        ({"backend_migration_statement_timeout": "25d"}, "backend.duration"),
    ],
)
def test_values_that_cannot_be_meant(look, running, declared, change, slug):
    (problem,) = look("backend", {**declared, **change}, running)
    assert (problem.slug, problem.exit) == (slug, "configuration")
    assert problem.where == f"the variable {next(iter(change))}"


@pytest.mark.parametrize("interval", ["5s", "1m30s", "500ms", "1h", "0s"])
def test_intervals_as_docker_takes_them(found, interval):
    assert found(backend_health_interval=interval, backend_healthy_timeout=3601) == []


@pytest.mark.parametrize(("api", "slugs"), [("1.41", ["backend.interval"]), ("1.44", [])])
def test_an_interval_that_an_older_engine_sees_the_end_of_too_late(look, running, declared, api, slugs):
    running["engine"]["api_version"] = api
    changed = {**declared, "backend_health_interval": "1m"}
    assert [problem.slug for problem in look("backend", changed, running)] == slugs
    changed["backend_healthy_timeout"] = 61
    assert look("backend", changed, running) == []


def test_the_roles_and_the_preflight_mean_the_same_engines():
    assert values.START_INTERVAL_API == _docker_api.START_INTERVAL_API


@pytest.mark.parametrize("change", [{"backend_publish_port": "http"}, {"backend_cpus": None}])
def test_what_cannot_be_read_names_its_variable(found, change):
    with pytest.raises(DeclaredError, match=next(iter(change))):
        found(**change)


@pytest.mark.parametrize(
    ("kind", "found"), [("ascii", False), ("text", False), ("empty", True), ("other", True)]
)
def test_secrets_of_a_vault(look, slugs, running, declared, kind, found):
    declared["given_secrets"] = {"api_key": kind}
    problems = look("backend", declared, running)
    assert slugs(problems) == (["secret.given"] if found else [])
    assert all("api_key in backend_secrets" in problem.what for problem in problems)


@pytest.mark.parametrize("source", ["ports", "memory", "cpus", "files"])
def test_what_could_not_be_looked_at(look, slugs, declared, running, source):
    running[source] = {"ok": False, "error": "no answer"}
    assert slugs(look("backend", declared, running)) == ["host.unreadable"]
