"""A service as the checks see it."""

import pytest

from stanchion.checks.container import ANYWHERE, Mount, Port, Probe
from stanchion.compose import images
from stanchion.compose.files import gather
from stanchion.compose.trouble import FileError


@pytest.fixture
def container(project):
    """Return the container of a service of one line."""

    def seen(text, more="", environment=None):
        found = gather(project(f"services:\n  web: {text}\n{more}", environment), [])
        return found.service("web").container()

    return seen


class TestRole:
    DB = "  db: {image: 'postgres:17'}\n"

    @pytest.mark.parametrize(
        "text,role",
        [
            ("{image: 'postgres:17'}", "postgres"),
            ("{image: 'registry.example.org:5000/team/postgis:17-3.5'}", "postgres"),
            ("{image: 'bitnami/postgresql:17'}", "postgres"),
            ("{image: 'timescale/timescaledb:2.17.2-pg17'}", "postgres"),
            ("{image: own, volumes: ['./data:/var/lib/postgresql/data']}", "postgres"),
            ("{image: backup, volumes: ['./data:/var/lib/postgresql/data:ro']}", None),
            ("{image: 'prometheuscommunity/postgres-exporter', depends_on: [db]}", None),
            ("{image: adminer, depends_on: [db]}", None),
            ("{image: app, environment: {DATABASE_URL: 'postgres://a@db/b'}}", "backend"),
            ("{image: app, environment: {SQLALCHEMY_URI: 'postgresql+psycopg2://a@db/b'}}", "backend"),
            ("{image: app, environment: {SPRING_DATASOURCE_URL: 'jdbc:postgresql://db/b'}}", "backend"),
            ("{image: app, environment: {PGHOST: elsewhere}}", "backend"),
            ("{image: app, depends_on: [db]}", "backend"),
            ("{image: app, environment: {DATABASE_URL: 'mysql://a@b/c'}}", None),
            ("{image: app}", None),
        ],
    )
    def test_role(self, container, text, role):
        assert container(text, self.DB).role == role

    def test_an_image_that_is_built_on_the_databases(self, write, project):
        write("db/Dockerfile", "FROM postgres:17.5-bookworm\n")
        found = gather(project("services:\n  db: {build: ./db, image: 'own:1'}\n"), [])
        assert found.service("db").role == "postgres"
        assert found.service("db").container().image == ""

    def test_which_database_it_uses(self, project):
        text = (
            "services:\n  db: {image: 'postgres:17', networks: {a: {aliases: [primary]}}}\n"
            "  other: {image: 'postgres:17', container_name: second}\n"
            "  web: {image: a, environment: {A_URL: 'postgres://u:p@primary:5432/x'}}\n"
            "  job: {image: a, environment: {PGHOST: second}}\n"
            "  far: {image: a, environment: {PGHOST: db.example.org}}\nnetworks: {a: }\n"
        )
        found = gather(project(text), [])
        used = {name: found.service(name).databases for name in ("web", "job", "far", "db")}
        assert used == {"web": ["db"], "job": ["other"], "far": [], "db": []}

    def test_a_database_that_is_only_built_is_found_by_its_clients(self, write, project):
        write("db/Dockerfile", "FROM postgres:17.5-bookworm\n")
        text = (
            "services:\n  db: {build: ./db}\n"
            "  web: {image: a, environment: {DATABASE_URL: 'postgres://u@db/x'}}\n"
            "  job: {image: a, depends_on: [db]}\n"
        )
        found = gather(project(text), [])
        assert [found.service(name).databases for name in ("web", "job")] == [["db"], ["db"]]
        assert found.service("job").role == "backend"


class TestSecrets:
    def test_what_is_one_and_what_the_checks_are_told(self, container):
        text = (
            "{image: a, environment: {DB_PASSWORD: $P, URL: 'postgres://u:$P@db/x', TOKEN_SECONDS: 30, "
            "PASSWORD_FILE: /run/p, API_TOKEN: abcdef, USE_TOKEN: 'true', PLAIN: $P}}"
        )
        seen = container(text)
        assert set(seen.secrets_in_environment) == {"DB_PASSWORD", "URL", "API_TOKEN"}
        assert seen.values["URL"] == "postgres://u@db/x"
        assert seen.values["PLAIN"] == "«P»"
        assert "DB_PASSWORD" not in seen.values


class TestForms:
    @pytest.mark.parametrize(
        "text,ports",
        [
            ("'5000'", [Port(5000, ANYWHERE, None)]),
            ("'80:5000'", [Port(5000, ANYWHERE, 80)]),
            ("'127.0.0.1:80:5000/udp'", [Port(5000, "127.0.0.1", 80, "udp")]),
            ("'[::1]:80:5000'", [Port(5000, "::1", 80)]),
            ("'127.0.0.1::5000'", [Port(5000, "127.0.0.1", None)]),
            ("'8000-8001:80-81'", [Port(80, ANYWHERE, 8000), Port(81, ANYWHERE, 8001)]),
            ("'8000-8005:80'", [Port(80, ANYWHERE, None)]),
            ("{target: 80, published: '8080', host_ip: 127.0.0.1}", [Port(80, "127.0.0.1", 8080)]),
        ],
    )
    def test_ports(self, container, text, ports):
        assert list(container(f"{{image: a, ports: [{text}]}}").ports) == ports

    @pytest.mark.parametrize(
        "text,mount",
        [
            ("'v:/data'", Mount("volume", "v", "/data")),
            ("'./v:/data:ro,z'", Mount("bind", "./v", "/data", True)),
            ("'/data'", Mount("volume", "", "/data")),
            ("{type: bind, source: /a, target: /b, read_only: true}", Mount("bind", "/a", "/b", True)),
            ("{type: tmpfs, target: /b}", Mount("tmpfs", "", "/b")),
        ],
    )
    def test_mounts(self, container, text, mount):
        assert container(f"{{image: a, volumes: [{text}]}}", "volumes: {v: }").mounts == (mount,)

    def test_limits_of_both_forms(self, container):
        old = container("{image: a, mem_limit: 512MB, cpus: 1.5, pids_limit: 100, shm_size: 1gb}")
        assert (old.memory, old.cpus, old.pids, old.shm_size) == (512 * 2**20, 1.5, 100, 2**30)
        new = container("{image: a, deploy: {resources: {limits: {memory: 1G, cpus: '2', pids: 50}}}}")
        assert (new.memory, new.cpus, new.pids) == (2**30, 2, 50)

    @pytest.mark.parametrize(
        "text,networks",
        [
            ("{image: a}", {"default"}),
            ("{image: a, networks: [back]}", {"back"}),
            ("{image: a, network_mode: host}", set()),
            ("{image: a, network_mode: 'service:vpn'}", {"back"}),
        ],
    )
    def test_networks(self, container, text, networks):
        more = "  vpn: {image: b, networks: [back]}\nnetworks: {back: }"
        assert set(container(text, more).networks) == networks

    @pytest.mark.parametrize(
        "text,policy",
        [
            ("restart: always", "always"),
            ("deploy: {restart_policy: {condition: on-failure}}", "on-failure"),
            ("deploy: {restart_policy: {delay: 5s}}", "always"),
            ("deploy: {restart_policy: {condition: none}}", "no"),
            ("user: a", "no"),
        ],
    )
    def test_restart(self, container, text, policy):
        assert container(f"{{image: a, {text}}}").restart_policy == policy

    @pytest.mark.parametrize(
        "text,probe",
        [
            ("{test: [CMD, a, b], timeout: 1m30s}", Probe(("CMD", "a", "b"), timeout=90)),
            ("{test: [CMD, a], interval: 1s500ms}", Probe(("CMD", "a"), interval=1.5)),
            ("{test: [CMD, a], interval: 500us}", Probe(("CMD", "a"), interval=0.0005)),
            ("{test: a | b, retries: 5}", Probe(("CMD-SHELL", "a | b"), retries=5)),
            ("{test: [NONE]}", None),
            ("{disable: true}", None),
            ("{test: [], retries: 2}", None),
        ],
    )
    def test_health(self, container, text, probe):
        assert container(f"{{image: a, healthcheck: {text}}}").probe == probe

    @pytest.mark.parametrize("text,test", [("CMD a b", ("CMD-SHELL", "a b")), ('CMD ["a"]', ("CMD", "a"))])
    def test_health_of_the_dockerfile(self, write, container, text, test):
        write("Dockerfile", f"FROM a:1\nHEALTHCHECK --interval=7s --start-period=1m {text}\n")
        assert container("{build: .}").probe == Probe(test, interval=7, start_period=60)
        assert container("{build: ., healthcheck: {disable: true}}").probe is None

    @pytest.mark.parametrize("option", ["--interval=soon", "--retries=many"])
    def test_a_health_check_of_the_dockerfile_that_cannot_be_meant(self, write, container, option):
        write("Dockerfile", f"FROM a:1\nHEALTHCHECK {option} CMD a\n")
        with pytest.raises(FileError, match="Dockerfile:2: an option of HEALTHCHECK is no number"):
            container("{build: .}")

    def test_the_dockerfile_says_the_rest(self, write, container):
        write("Dockerfile", "FROM a:1 AS one\nUSER app\nSTOPSIGNAL SIGQUIT\nCMD [a, b]\nFROM one\n")
        seen = container("{build: .}")
        assert (seen.user, seen.stop_signal) == ("app", "SIGQUIT")
        assert container("{build: ., user: root}").user == "root"

    @pytest.mark.parametrize(
        "text,says",
        [
            ("mem_limit: lots", "'lots' is no size"),
            ("cpus: many", "'many' is no number"),
            ("stop_grace_period: soon", "'soon' is no duration"),
            ("healthcheck: {test: [curl, x]}", "begins with 'curl'"),
            ("ports: ['http:80']", "'http' is no port"),
            ("ports: ['80-82:80-81']", "of different lengths"),
            ("ports: [{published: 80}]", "no target"),
            ("volumes: [{type: bind}]", "no target"),
            ("healthcheck: {test: [CMD, x], interval: 5d}", "'5d' is no duration"),
        ],
    )
    def test_what_cannot_be_meant(self, container, text, says):
        with pytest.raises(FileError, match=f"compose.yml:2: .*{says}"):
            container(f"{{image: a, {text}}}")


@pytest.mark.parametrize(
    "image,major",
    [
        ("postgres:17", 17),
        ("docker.io/library/postgres:16.4-bookworm", 16),
        ("timescale/timescaledb:2.17.2-pg17", 17),
        ("pgvector/pgvector:pg16", 16),
        ("postgres", None),
        ("postgres:latest", None),
        ("stanchion/postgres:17ab", None),
        ("postgres:17ab", None),
    ],
)
def test_versions(image, major):
    assert images.major(image) == major


@pytest.mark.parametrize(
    "image,program,lacks",
    [
        ("python:3.13-slim", "curl", True),
        ("python:3.13", "curl", False),
        ("python:3.13-alpine", "wget", False),
        ("python:3.13-alpine", "bash", True),
        ("postgres:17", "wget", True),
        ("postgres:17-alpine", "bash", False),
        ("gcr.io/distroless/static", "sh", True),
        ("nginx:alpine", "curl", None),
        ("python:3.13-slim", "psql", None),
        ("localhost:5000/python:3.13-slim", "curl", None),
    ],
)
def test_what_images_lack(image, program, lacks):
    assert images.lacks(image, program) is lacks
