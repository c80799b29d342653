"""adopt compose: what it carries over, hardens, leaves and refuses, and the inventory that it writes."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from jinja2 import Environment

from stanchion import variables
from stanchion.cli import run
from stanchion.contract import database
from stanchion.image.request import read_request
from stanchion.preflight import SUBJECTS, Declared

ROOT = Path(__file__).resolve().parents[3]
FILES = Path(__file__).parent / "files"
FACTS = ROOT / "tests/unit/preflight/recorded/running_engine.json"
CANARY = "canary-7f3a"

SHOP = """\
name: shop
services:
  db:
    image: postgres:17.5
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: ${DB_PASSWORD}
      POSTGRES_HOST_AUTH_METHOD: md5
    command: [postgres, -c, work_mem=8MB]
    ports: ["5432:5432"]
    mem_limit: 1g
    volumes:
      - data:/var/lib/postgresql/data
      - ./init:/docker-entrypoint-initdb.d
  migrate:
    build: ./web
    command: python manage.py migrate
    depends_on: [db]
  web:
    build: ./web
    command: gunicorn -w 3 shop.wsgi
    user: "1000:1000"
    depends_on: [db, redis]
    environment:
      SQLALCHEMY_DATABASE_URI: postgres://shop:${DB_PASSWORD}@db:5432/shop?sslmode=disable
      SQLALCHEMY_POOL_SIZE: 7
      DB_MAX_OVERFLOW: 3
      REDIS_URL: redis://redis:6379/0
      SECRET_KEY: ${SECRET_KEY}
      GREETING: "hello {{ world }}"
    ports: ["8000:8000", "127.0.0.1:9100:9100"]
    healthcheck:
      test: curl -f http://localhost:8000/up || exit 1
      interval: 30s
      start_period: 90s
    volumes: ["uploads:/srv/uploads", "./web:/srv"]
    stop_grace_period: 40s
    mem_limit: 300m
    cpus: 0.5
    restart: always
    cap_add: [NET_ADMIN]
  worker:
    build: ./web
    command: celery -A shop worker
    restart: always
    depends_on: [db]
    environment:
      SQLALCHEMY_DATABASE_URI: postgres://shop:${DB_PASSWORD}@db:5432/shop?sslmode=disable
      QUEUE: mails
    healthcheck:
      test: [CMD, celery, status]
  redis:
    image: redis:7
volumes:
  data:
  uploads:
"""
ENV = f"DB_PASSWORD={CANARY}-db\nSECRET_KEY={CANARY}-key\n"
# The least that can be adopted; parts are put in its places.
LEAST = """\
name: least
services:
  db:
    image: {image}
    environment: {{POSTGRES_USER: least, POSTGRES_PASSWORD: $P{more}}}
    volumes: ["{volume}"]
  web:
    image: app@sha256:{digest}
    environment: {{{environment}}}
    healthcheck: {{test: [CMD, wget, "http://127.0.0.1:5000/ready?deep=1"]}}
    {service}
    depends_on: [db]
volumes: {{data: {top}}}
"""


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads; text that is marked as no template stays as it is."""


class Unsafe(str):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


def least(**parts):
    return LEAST.format(
        **{
            "image": "postgres:17",
            "more": "",
            "volume": "data:/var/lib/postgresql/data",
            "digest": "0" * 64,
            "environment": "DATABASE_URL: 'postgresql://least:$P@db/least'",
            "service": "init: true",
            "top": "",
            **parts,
        }
    )


class Adopted:
    """What a run came to."""

    def __init__(self, code, said, folder):
        self.code = code
        self.result = json.loads(said.out)
        self.folder = folder
        self.said = said.out + said.err

    @property
    def variables(self):
        return yaml.load((self.folder / "group_vars/stack/stack.yml").read_text(), _Loader)

    @property
    def vault(self):
        path = self.folder / "group_vars/stack/vault.yml"
        return yaml.safe_load(path.read_text()) if path.exists() else {}

    def told(self, kind):
        return [
            f"{Path(each['file']).name}:{each['line']} {each['what']}"
            for each in self.result["findings"]
            if each["kind"] == kind
        ]

    def remedy(self, words):
        return next(each["remedy"] for each in self.result["findings"] if words in each["what"])


@pytest.fixture
def adopt(write, tmp_path, monkeypatch, capsys):
    """Adopt a compose file by the command line."""
    monkeypatch.chdir(tmp_path)
    for name in ("DB_PASSWORD", "SECRET_KEY", "P", "POSTGRES_PASSWORD", "COMPOSE_PROJECT_NAME"):
        monkeypatch.delenv(name, raising=False)

    def adopted(text, *arguments, env=None):
        if text is not None:
            write("compose.yml", text)
        if env:
            write(".env", env)
        command = ["adopt", "compose", "compose.yml", "-o", "inventory/new", "--format", "json", *arguments]
        code = run(command)
        return Adopted(code, capsys.readouterr(), tmp_path / "inventory/new")

    return adopted


@pytest.fixture
def shop(adopt, write):
    write("web/Dockerfile", "ARG BASE=debian:trixie-slim\nFROM ${BASE}\nCMD [gunicorn]\n")
    return adopt(SHOP, env=ENV)


def guarded(found):
    """Ask the project's own guards of an inventory: known names, types, preflights."""
    declared = {
        **{
            name: value
            for role in ("stack", "backend", "postgres")
            for name, value in _defaults(role).items()
        },
        **found.variables,
        **found.vault,
    }
    assert variables.unknown(found.variables, variables.known(ROOT / "roles")) == []
    for role in ("backend", "postgres", "backup"):
        options = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())
        options = options["argument_specs"]["main"]["options"]
        given = {name: value for name, value in found.variables.items() if name in options}
        # Defaults are templates, which only Ansible renders.
        options = {name: {k: v for k, v in options[name].items() if k != "default"} for name in given}
        assert ArgumentSpecValidator(options).validate(given).error_messages == []
    rendered = _rendered(declared)
    rendered |= {"secret_files": [], "given_secrets": {}}
    problems = SUBJECTS["backend"].look(Declared(rendered), json.loads(FACTS.read_text()))
    assert problems == []
    pool = {
        name: rendered[f"stack_{variable}"]
        for name, variable in {
            "replicas": "backend_replicas",
            "workers": "backend_workers",
            "pool_size": "db_pool_size",
            "max_overflow": "db_max_overflow",
        }.items()
    }
    settings = {"stack_name": "x", "memory": rendered["postgres_memory"], "cpus": 2, "settings": {}}
    assert database.problems({**settings, "pool": {**pool, "other": 10}, "temp_file_limit": ""}) == []


def _defaults(role):
    return yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())


# Their defaults call filters of Ansible's; neither preflight reads them.
_OF_ANSIBLE = ("backend_context", "backend_pids_limit")


def _rendered(declared):
    environment = Environment(autoescape=False)

    def one(value):
        if isinstance(value, dict):
            return {key: one(each) for key, each in value.items()}
        if isinstance(value, list):
            return [one(each) for each in value]
        if not isinstance(value, str) or isinstance(value, Unsafe) or "{{" not in value:
            return value
        text = environment.from_string(value).render(**declared, inventory_dir="/i", role_path="/r/r")
        return one(text) if text != value else text

    return {name: one(value) for name, value in declared.items() if name not in _OF_ANSIBLE}


class TestOfTheRequirements:
    @pytest.fixture
    def found(self, adopt, write):
        write("backend/Dockerfile", (FILES / "requirements/given/backend/Dockerfile").read_text())
        text = (FILES / "requirements/docker-compose.yml").read_text()
        return adopt(text, "-p", "clinic", env=f"DB_PASSWORD={CANARY}\n")

    def test_it_is_written(self, found):
        assert (found.code, found.result["status"]) == (0, "written")
        guarded(found)
        assert found.variables["stack_name"] == "clinic"
        assert found.variables["postgres_volume"] == "clinic_postgres_data"
        assert found.variables["postgres_adopt_superuser"] == "postgres"
        assert found.variables["stack_database_name"] == "medication_tracker"
        assert found.vault == {"postgres_application_password": CANARY}

    def test_the_application_is_no_superuser(self, found):
        assert found.variables["stack_database_user"] == "medication_tracker"
        line = "compose.yml:24 the application connects as medication_tracker, and did as postgres"
        assert any(each.startswith(line) for each in found.told("hardened"))

    def test_a_tag_that_says_no_version_is_left_to_the_deploy(self, found):
        assert any(each.startswith("compose.yml:3 the tag of postgres:latest") for each in found.told("left"))

    def test_what_the_roles_do_not_build_comes_from_an_archive(self, found):
        assert found.variables["backend_image_source"] == "archive"
        assert "docker save -o" in found.remedy("the build: its Dockerfile does not begin with")
        assert found.remedy("the build: its").endswith("/inventory/clinic-backend.tar clinic-backend")

    def test_health(self, found):
        assert found.variables["backend_health_path"] == "/health"
        assert found.variables["backup_read_path"] == "/health"
        assert found.variables["backend_health_command"] == ["curl", "-f", "http://localhost:5000/health"]
        assert found.variables["backend_health_timeout"] == "10s"

    def test_the_reference_backend_does_not_come_in_its_place(self, found):
        assert found.variables["backend_migration_command"] == []
        assert any("which command migrates" in each for each in found.told("left"))


class TestShop:
    def test_the_guards_accept_it(self, shop):
        assert shop.code == 0
        guarded(shop)

    def test_ansible_reads_it(self, shop):
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-inventory")),
                "-i",
                shop.folder,
                "--host",
                "localhost",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        seen = json.loads(done.stdout)
        assert seen["stack_name"] == "shop"
        assert seen["backend_environment"]["GREETING"] in (
            "hello {{ world }}",
            {"__ansible_unsafe": "hello {{ world }}"},
        )

    def test_the_hosts_are_those_of_the_default(self, shop):
        written = yaml.safe_load((shop.folder / "hosts.yml").read_text())
        assert written == yaml.safe_load((ROOT / "inventory/local/hosts.yml").read_text())

    def test_no_secret_is_shown(self, shop):
        assert CANARY not in shop.said
        for path in shop.folder.rglob("*.yml"):
            assert (CANARY in path.read_text()) == (path.name == "vault.yml"), path

    def test_the_vault(self, shop):
        path = shop.folder / "group_vars/stack/vault.yml"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        encrypt = "ansible-vault encrypt inventory/new/group_vars/stack/vault.yml"
        assert path.read_text().splitlines()[0].endswith(encrypt)
        assert encrypt in shop.result["next_steps"]
        assert shop.vault == {
            "postgres_application_password": f"{CANARY}-db",
            "vault_secret_key": f"{CANARY}-key",
        }

    def test_the_database(self, shop):
        assert shop.variables["postgres_volume"] == "shop_data"
        assert shop.variables["postgres_adopt_superuser"] == "shop"
        assert shop.variables["stack_database_user"] == "shop"
        assert shop.variables["postgres_memory"] == "1g"
        assert any("compose.yml:10 port 5432 is published no more" in each for each in shop.told("hardened"))
        assert any("compose.yml:14 scripts of initdb" in each for each in shop.told("left"))
        assert "work_mem: 8MB" in shop.remedy("the command of the server")

    def test_the_address(self, shop):
        assert shop.variables["backend_variable_names"] == {
            "DATABASE_URL": "SQLALCHEMY_DATABASE_URI",
            "DB_POOL_SIZE": "SQLALCHEMY_POOL_SIZE",
        }
        assert shop.variables["backend_database_url"] == (
            "postgresql://{{ stack_database_user }}@{{ stack_database_alias }}:{{ stack_database_port }}"
            "/{{ stack_database_name }}?sslmode=disable"
        )

    def test_the_pool(self, shop):
        names = ("stack_backend_workers", "stack_db_pool_size", "stack_db_max_overflow")
        assert [shop.variables[name] for name in names] == [3, 7, 3]

    def test_the_rest_of_the_environment(self, shop):
        assert shop.variables["backend_environment"] == {
            "REDIS_URL": "redis://redis:6379/0",
            "SECRET_KEY_FILE": "/run/secrets/secret_key",
            "GREETING": "hello {{ world }}",
        }
        # Else Ansible would look for a variable of that name.
        assert isinstance(shop.variables["backend_environment"]["GREETING"], Unsafe)
        assert not isinstance(shop.variables["backend_context"], Unsafe)
        assert shop.variables["backend_secrets"] == [
            {"name": "secret_key", "value": "{{ vault_secret_key }}"}
        ]
        assert "SECRET_KEY_FILE" in shop.remedy("SECRET_KEY is a file in the container")

    def test_the_image_is_built_from_beside_the_inventory(self, shop):
        assert shop.variables["backend_context"] == "{{ inventory_dir }}/../../web"
        assert shop.variables["backend_image_packages"] == []
        context = shop.variables["backend_context"].replace("{{ inventory_dir }}", str(shop.folder))
        declared = {
            "name": "x",
            "source": "build",
            "context": context,
            "dockerfile": "Dockerfile",
            "base": "",
        }
        assert read_request(declared).packages == ()
        assert "backend_image_source" not in shop.variables

    def test_ports(self, shop):
        assert shop.variables["backend_publish_address"] == "127.0.0.1"
        assert (shop.variables["backend_port"], shop.variables["backend_publish_port"]) == (8000, 8000)
        assert any("port 8000 is published on 127.0.0.1" in each for each in shop.told("hardened"))
        assert any("port 9100" in each for each in shop.told("left"))

    def test_health(self, shop):
        assert shop.variables["backend_health_command"] == [
            "/bin/sh",
            "-c",
            "curl -f http://localhost:8000/up || exit 1",
        ]
        assert shop.variables["backend_health_path"] == "/up"
        assert shop.variables["backend_health_start_period"] == "90s"
        assert shop.variables["backend_healthy_timeout"] == 120

    def test_limits_and_the_end(self, shop):
        names = ("backend_memory", "backend_cpus", "backend_stop_timeout", "backend_user")
        assert [shop.variables[name] for name in names] == ["300m", 0.5, 40, "1000:1000"]
        assert any("restart policy of web" in each for each in shop.told("hardened"))
        assert any("`cap_add`" in each for each in shop.told("left"))

    def test_volumes(self, shop):
        assert shop.variables["backend_volumes"] == [{"name": "uploads", "target": "/srv/uploads"}]
        assert "-v shop_uploads:/old:ro -v shop-uploads:/new" in shop.remedy("what is in the volume")
        assert any("./web of the host" in each for each in shop.told("left"))

    def test_who_runs_beside_it(self, shop):
        assert shop.variables["backend_migration_command"] == ["python", "manage.py", "migrate"]
        assert shop.variables["backend_companions"] == [
            {
                "name": "worker",
                "health_command": ["celery", "status"],
                "command": ["celery", "-A", "shop", "worker"],
                "environment": {"QUEUE": "mails"},
            }
        ]
        assert shop.variables["backend_endpoints"] == ["redis:6379"]
        assert "shop_edge_network" in shop.remedy("redis, which the backend uses")

    def test_every_line_is_of_the_file(self, shop):
        lines = SHOP.splitlines()
        for each in shop.result["findings"]:
            assert 1 <= each["line"] <= len(lines)
            assert Path(each["file"]).name in ("compose.yml", "Dockerfile")

    def test_what_comes_next(self, shop):
        assert shop.result["next_steps"][-2:] == [
            "docker compose -f compose.yml down   (the volumes stay; never with -v)",
            "python runner.py deploy -i inventory/new",
        ]


class TestRefused:
    @pytest.mark.parametrize(
        "parts,says",
        [
            ({"image": "postgres:16"}, "compose.yml:4 the database is Postgres 16, and the roles' is 17"),
            ({"image": "postgres:18"}, "compose.yml:4 the database is Postgres 18"),
            ({"image": "postgres:17-alpine"}, "C library (musl)"),
            ({"image": "pgvector/pgvector:pg17"}, "not the official one"),
            ({"more": ", PGDATA: /var/lib/postgresql/data/pg"}, "compose.yml:5 PGDATA is"),
            ({"volume": "data:/var/lib/postgresql"}, "compose.yml:6 no named volume is mounted"),
            ({"volume": "/var/lib/postgresql/data"}, "the data is in an anonymous one"),
        ],
    )
    def test_the_volume_with_the_way_out(self, adopt, parts, says):
        found = adopt(least(**parts))
        assert (found.code, found.result["status"], found.result["inventory"]) == (2, "refused", None)
        assert not found.folder.parent.exists()
        (told,) = found.told("refused")
        assert says in told
        way = next(each["remedy"] for each in found.result["findings"] if each["kind"] == "refused")
        for step in (
            "docker compose -f compose.yml exec -T db pg_dump -U least --no-owner --no-acl least > least.sql",
            "python runner.py adopt compose -f compose.yml -o inventory/new --without-data",
            "psql -U postgres -d least -v ON_ERROR_STOP=1",
        ):
            assert step in way

    def test_without_data_it_is_written(self, adopt):
        found = adopt(least(image="postgres:16"), "--without-data")
        assert found.code == 0
        guarded(found)
        assert not {"postgres_volume", "postgres_adopt_superuser"} & set(found.variables)
        assert "pg_dump" in found.remedy("a new, empty volume")
        assert "adopt compose" not in found.remedy("a new, empty volume")

    def test_a_folder(self, adopt):
        found = adopt(least(volume="./data:/var/lib/postgresql/data"))
        assert found.code == 2
        assert "docker volume create -o type=none" in found.remedy("the data is in the folder ./data")

    @pytest.mark.parametrize("name,why", [("postgres", "for themselves"), ("Least-1", "lower-case letters")])
    def test_a_name_that_the_roles_do_not_take(self, adopt, name, why):
        found = adopt(least(environment=f"DATABASE_URL: 'postgresql://least:$P@db/{name}'"))
        (told,) = found.told("refused")
        assert why in told
        assert f'ALTER DATABASE "{name}" RENAME TO least' in found.remedy(why)

    def test_no_database(self, adopt):
        found = adopt("services:\n  web: {image: app}\n")
        assert found.told("refused") == ["compose.yml:2 no service of the file is a Postgres server"]

    def test_no_backend(self, adopt):
        found = adopt("services:\n  db: {image: 'postgres:17'}\n  web: {image: app}\n")
        assert found.told("refused")[0].startswith("compose.yml:2 no service uses the database db")

    def test_a_folder_that_is_there(self, adopt, tmp_path):
        (tmp_path / "inventory/new").mkdir(parents=True)
        found = adopt(least())
        assert (found.code, found.result["error"]["kind"]) == (2, "Configuration")
        assert list(found.folder.iterdir()) == []

    def test_a_file_that_cannot_be_read(self, adopt):
        found = adopt("services: [\n")
        assert (found.code, found.result["error"]["kind"]) == (2, "File")
        assert not found.folder.parent.exists()


class TestNames:
    @pytest.mark.parametrize(
        "top,volume",
        [
            ("", "least_data"),
            ("{name: kept}", "kept"),
            ("{external: true}", "data"),
            ("{external: {name: old}}", "old"),
        ],
    )
    def test_the_volumes_real_name(self, adopt, top, volume):
        assert adopt(least(top=top)).variables["postgres_volume"] == volume

    def test_the_projects(self, adopt):
        text = least().replace("name: least\n", "")
        found = adopt(text, env="COMPOSE_PROJECT_NAME=my_shop\n")
        assert (found.variables["stack_name"], found.variables["postgres_volume"]) == (
            "my-shop",
            "my_shop_data",
        )
        assert any("the stack is called my-shop" in each for each in found.told("hardened"))

    def test_of_the_folder(self, write, adopt, tmp_path):
        write("The Shop/compose.yml", least().replace("name: least\n", ""))
        run(
            [
                "adopt",
                "compose",
                str(tmp_path / "The Shop/compose.yml"),
                "-o",
                str(tmp_path / "inventory/new"),
            ]
        )
        found = yaml.safe_load((tmp_path / "inventory/new/group_vars/stack/stack.yml").read_text())
        assert (found["stack_name"], found["postgres_volume"]) == ("theshop", "theshop_data")


class TestPassword:
    PARTS = "{0}HOST: db, {0}USER: least, {0}NAME: least, {0}PASSWORD: $P, {0}PORT: 5432"

    def test_in_parts(self, adopt):
        found = adopt(least(environment=self.PARTS.format("APP_DB_")), env=f"P={CANARY}\n")
        guarded(found)
        assert found.variables["backend_password_mode"] == "secret_file"
        assert found.variables["backend_password_file_variable"] == "APP_DB_PASSWORD_FILE"
        assert found.variables["backend_variable_names"] == {"DATABASE_URL": ""}
        assert found.variables["backend_environment"] == {
            "APP_DB_HOST": "{{ stack_database_alias }}",
            "APP_DB_USER": "{{ stack_database_user }}",
            "APP_DB_NAME": "{{ stack_database_name }}",
            "APP_DB_PORT": "{{ stack_database_port }}",
        }
        assert found.vault == {"postgres_application_password": CANARY}

    def test_of_libpq(self, adopt):
        found = adopt(least(environment="PGHOST: db, PGUSER: least, PGPASSWORD: $P"), env=f"P={CANARY}\n")
        assert "backend_password_mode" not in found.variables
        assert set(found.variables["backend_environment"]) == {"PGHOST", "PGUSER"}
        assert found.vault == {"postgres_application_password": CANARY}

    def test_of_libpq_beside_an_address_without_one(self, adopt):
        url = "DATABASE_URL: 'postgresql://least@db/least', PGPASSWORD: $P"
        found = adopt(least(environment=url), env=f"P={CANARY}\n")
        assert found.vault == {"postgres_application_password": CANARY}
        assert found.variables.get("backend_environment", {}) == {}
        assert "backend_secrets" not in found.variables

    def test_that_stands_in_the_file(self, adopt):
        found = adopt(least(environment="DATABASE_URL: 'postgresql://least:open-to-all@db/least'"))
        assert found.vault == {}
        assert any("stands in the file for all to read" in each for each in found.told("hardened"))
        assert "open-to-all" not in found.said

    def test_that_is_not_known(self, adopt):
        found = adopt(least())
        assert found.vault == {}
        assert not (found.folder / "group_vars/stack/vault.yml").exists()
        assert any("password has no value here" in each for each in found.told("left"))

    def test_in_a_file(self, adopt, write):
        write("password", f"{CANARY}\n")
        text = least(
            environment="DB_HOST: db, DB_PASSWORD_FILE: /run/secrets/db_password",
            service="secrets: [db_password]",
        )
        text = text.replace("POSTGRES_PASSWORD: $P", "POSTGRES_PASSWORD_FILE: /run/secrets/db_password")
        text = text.replace("    volumes: [", "    secrets: [db_password]\n    volumes: [", 1)
        found = adopt(f"{text}secrets: {{db_password: {{file: ./password}}}}\n")
        assert found.vault == {"postgres_application_password": CANARY}
        assert found.variables["backend_password_file_variable"] == "DB_PASSWORD_FILE"
        assert "backend_secrets" not in found.variables
        assert CANARY not in found.said

    def test_of_java(self, adopt):
        environment = "SPRING_DATASOURCE_URL: 'jdbc:postgresql://db:5432/least?user=least&password=$P'"
        found = adopt(least(environment=environment), env=f"P={CANARY}\n")
        guarded(found)
        assert found.variables["backend_environment"]["SPRING_DATASOURCE_URL"] == (
            "jdbc:postgresql://{{ stack_database_alias }}:{{ stack_database_port }}/{{ stack_database_name }}"
        )
        assert CANARY not in (found.folder / "group_vars/stack/stack.yml").read_text()


class TestSecrets:
    URL = "DATABASE_URL: 'postgresql://least:$P@db/least'"

    def test_one_without_a_value_is_not_made_up(self, adopt):
        found = adopt(least(environment=f"{self.URL}, SECRET_KEY: $S"))
        assert "backend_secrets" not in found.variables
        assert any("the secret SECRET_KEY has no value here" in each for each in found.told("left"))

    def test_of_composes_own_kind(self, adopt, write):
        write("key", f"{CANARY}-key\n")
        environment = f"{self.URL}, SECRET_KEY_FILE: /run/secrets/key"
        text = least(environment=environment, service="secrets: [key]")
        found = adopt(f"{text}secrets: {{key: {{file: ./key}}}}\n")
        guarded(found)
        assert found.variables["backend_secrets"] == [{"name": "key", "value": "{{ vault_key }}"}]
        assert found.variables["backend_environment"] == {"SECRET_KEY_FILE": "/run/secrets/key"}
        assert found.vault == {"vault_key": f"{CANARY}-key"}

    @pytest.mark.parametrize(
        "environment",
        [
            "BROKER_URL: 'amqp://app:$S@queue:5672/'",
            "MAIL_URL: 'smtp://mail?password=$S'",
            "SESSION_SECRET: $S",
            "APP_ENCRYPTION_KEY: $S",
            "SENTRY_DSN: 'https://$S@sentry.example.org/1'",
        ],
    )
    def test_whatever_holds_one(self, adopt, environment):
        found = adopt(least(environment=f"{self.URL}, {environment}"), env=f"S={CANARY}\n")
        name = environment.partition(":")[0]
        assert found.variables["backend_environment"] == {f"{name}_FILE": f"/run/secrets/{name.lower()}"}
        assert CANARY in found.vault[f"vault_{name.lower()}"]

    @pytest.mark.parametrize(
        "service",
        [
            "command: app --key $S",
            "healthcheck: {test: [CMD, ask, $S]}",
            "build: {context: ., args: {KEY: $S}}",
        ],
    )
    def test_one_that_is_used_elsewhere(self, adopt, write, service):
        write("Dockerfile", "ARG BASE\nFROM ${BASE}\n")
        text = least(environment=f"{self.URL}, SECRET_KEY: $S", service=service)
        if service.startswith("healthcheck"):
            text = "".join(line for line in text.splitlines(True) if "wget" not in line)
        found = adopt(text, env=f"S={CANARY}\n")
        assert found.code == 0
        assert CANARY not in (found.folder / "group_vars/stack/stack.yml").read_text()
        assert CANARY not in found.said


class TestCompanion:
    URL = "DATABASE_URL: 'postgresql://least:$P@db/least'"

    @pytest.fixture
    def beside(self, adopt):
        """Adopt a backend and a worker of its image."""

        def adopted(environment, more="command: work", **parts):
            worker = (
                f"  worker:\n    image: app@sha256:{'0' * 64}\n    environment: {{{environment}}}\n  "
                f"  {more}\n"
            )
            text = least(environment=f"{self.URL}, SECRET_KEY: $S", **parts)
            found = adopt(
                text.replace("volumes: {data", f"{worker}volumes: {{data"),
                env=f"S={CANARY}-1\nT={CANARY}-2\n",
            )
            guarded(found)
            return found, found.variables["backend_companions"][0]

        return adopted

    def test_a_secret_of_its_own(self, beside):
        found, worker = beside(f"{self.URL}, QUEUE_TOKEN: $T")
        assert worker["environment"] == {"QUEUE_TOKEN_FILE": "/run/secrets/queue_token"}
        assert [each["name"] for each in found.variables["backend_secrets"]] == ["secret_key", "queue_token"]
        assert found.vault["vault_queue_token"] == f"{CANARY}-2"

    def test_another_value_of_the_same_secret(self, beside):
        found, _ = beside(f"{self.URL}, SECRET_KEY: $T")
        assert found.vault["vault_secret_key"] == f"{CANARY}-1"
        assert any("is another than the backend's" in each for each in found.told("left"))

    def test_the_address_by_another_name(self, beside):
        _, worker = beside("WORK_DATABASE_URL: 'postgresql://least:$P@db/least'")
        assert worker["environment"] == {
            "WORK_DATABASE_URL": "postgresql://{{ stack_database_user }}@{{ stack_database_alias }}"
            ":{{ stack_database_port }}/{{ stack_database_name }}"
        }

    def test_the_images_command_is_not_the_backends(self, beside):
        found, worker = beside(self.URL, "init: true", service="command: serve")
        assert "command" not in worker
        assert any("as it is, it would run the backend's" in each for each in found.told("left"))

    def test_no_health_check_is_told(self, beside):
        found, worker = beside(self.URL)
        assert worker["health_command"] == ["/bin/true"]
        assert any("worker has no health check of its own" in each for each in found.told("left"))


class TestBackend:
    URL = "DATABASE_URL: 'postgresql://least:$P@db/least'"

    def test_an_image_by_its_digest(self, adopt):
        found = adopt(least())
        guarded(found)
        assert found.variables["backend_image_source"] == "pull"
        assert found.variables["backend_image_reference"] == f"app@sha256:{'0' * 64}"
        assert found.variables["backend_health_path"] == "/ready?deep=1"

    def test_a_tag_is_left_for_the_deploy_to_refuse(self, adopt):
        found = adopt(least().replace(f"app@sha256:{'0' * 64}", "app:1.2"))
        assert found.variables["backend_image_reference"] == "app:1.2"
        assert "{{index .RepoDigests 0}}" in found.remedy("the image app:1.2 has no digest")

    def test_no_health_check(self, adopt):
        text = "".join(line for line in least().splitlines(True) if "wget" not in line)
        found = adopt(text)
        assert found.variables["backend_health_command"] == []
        assert found.variables["backup_read_path"] == ""
        assert any("there is no health check" in each for each in found.told("left"))

    def test_figures_that_the_contract_does_not_take(self, adopt):
        found = adopt(least(environment=f"{self.URL}, DB_MAX_OVERFLOW: -1, DB_POOL_RECYCLE: -1"))
        guarded(found)
        assert found.variables["stack_db_max_overflow"] == 10
        assert found.variables["backend_pool_recycle"] == -1
        assert any("DB_MAX_OVERFLOW is '-1'" in each for each in found.told("hardened"))

    def test_root_is_given_up(self, adopt):
        found = adopt(least(service='user: "0:0"'))
        assert found.variables["backend_user"] == "10001:10001"
        assert any("ran as root" in each for each in found.told("hardened"))

    def test_a_named_user_has_to_be_looked_up(self, adopt):
        found = adopt(least(service="user: node"))
        assert "id -u" in found.remedy("the user node is a name")

    @pytest.mark.parametrize(
        "ports,address,port",
        [
            ('["127.0.0.1:80:5000"]', "127.0.0.1", 80),
            ('["192.0.2.7:80:5000"]', "192.0.2.7", 80),
            ('["80:5000"]', "127.0.0.1", 80),
            ('["5000"]', "127.0.0.1", 5000),
        ],
    )
    def test_where_it_is_published(self, adopt, ports, address, port):
        found = adopt(least(service=f"ports: {ports}"))
        names = ("backend_publish_address", "backend_publish_port", "backend_port")
        assert [found.variables[name] for name in names] == [address, port, 5000]

    def test_a_port_is_read_from_the_health_check(self, adopt):
        found = adopt(least())
        assert found.variables["backend_publish_port"] == 5000
        assert any("web publishes no port" in each for each in found.told("hardened"))

    def test_of_several_servers_the_one_whose_address_it_has(self, adopt):
        text = least(service="init: true").replace("depends_on: [db]", "depends_on: [archive, db]")
        more = "  archive:\n    image: postgres:16\nvolumes: {data"
        found = adopt(text.replace("volumes: {data", more))
        assert found.variables["postgres_volume"] == "least_data"
        assert any("archive is another Postgres server" in each for each in found.told("left"))

    def test_one_that_migrates_at_its_start_is_the_backend_all_the_same(self, adopt):
        text = least(service="command: sh -c 'alembic upgrade head && gunicorn app'")
        found = adopt("".join(line for line in text.splitlines(True) if "wget" not in line))
        assert found.variables["backend_command"] == ["sh", "-c", "alembic upgrade head && gunicorn app"]
        assert "backend_migration_command" in found.remedy("the command migrates the database at each start")

    def test_an_application_role_of_its_own(self, adopt):
        found = adopt(least(environment="DATABASE_URL: 'postgresql://web:$P@db/least'"), env=f"P={CANARY}\n")
        assert found.variables["stack_database_user"] == "web"
        assert found.variables["postgres_adopt_superuser"] == "least"

    def test_the_first_that_publishes_is_the_backend(self, adopt):
        text = least().replace(
            "volumes: {data",
            "  front:\n    image: front@sha256:1\n    ports: ['80:80']\n    depends_on: [db]\nvolumes: {data",
        )
        found = adopt(text)
        assert found.variables["backend_image_reference"] == "front@sha256:1"
        assert any(
            "web uses the database, and is not of the backend's image" in e for e in found.told("left")
        )


def test_text(adopt, write, tmp_path, capsys):
    write("compose.yml", least())
    assert run(["adopt", "compose", "compose.yml", "-o", "inventory/new"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("written: inventory/new from compose.yml; ")
    assert [line.partition(":")[0] for line in lines if line[:1].isalpha()][1:4] == [
        "left",
        "hardened",
        "carried",
    ]
    assert any(line.startswith("  compose.yml:4") for line in lines)


def test_json_is_of_its_schema(shop):
    schema = json.loads((ROOT / "schemas/adopted.json").read_text())
    assert set(shop.result) == set(schema["properties"])
    assert (shop.result["verb"], shop.result["exit_code"]) == ("adopt", 0)
