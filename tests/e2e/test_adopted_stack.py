"""A stack that Compose runs: its file becomes an inventory, its volume is taken over in place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from stack import CALM, ROOT, Host, Run, Stack, until

NAME = "shop"
VOLUME = "shop_db_data"
OWNER = "app"
# On the test's Docker host, as Compose has it there.
FOLDER = "/root/shop"
FILE = f"""\
name: {NAME}
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_USER: {OWNER}
      POSTGRES_PASSWORD: of-the-old-stack
      POSTGRES_DB: shop
    volumes: [db_data:/var/lib/postgresql/data]
  backend:
    build: ./backend
    depends_on: [db]
    environment:
      DATABASE_URL: postgresql://{OWNER}@db/shop
      PGPASSWORD: of-the-old-stack
    ports: ["5300:5000"]
volumes:
  db_data:
"""
# As the official image does: POSTGRES_USER is the bootstrap superuser, no checksums, a locale of the library.
INITDB = f"""
echo of-the-old-stack >/tmp/password
initdb --username={OWNER} --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \\
    --encoding=UTF8 --locale=en_US.utf8 >/dev/null
echo "listen_addresses = '*'" >>postgresql.conf
echo 'host all all all scram-sha-256' >>pg_hba.conf
"""
# What an application's own superuser leaves behind, of each kind that has an owner; and a library that
# sorted otherwise.
LEFT = """
INSERT INTO medications (name, dosage) SELECT 'Ärger ' || n, n || ' mg' FROM generate_series(1, 500) n;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION hstore;
CREATE SCHEMA "odd ""schema";
CREATE TABLE "odd ""schema"."Parts" (id serial PRIMARY KEY, at date) PARTITION BY RANGE (id);
CREATE TABLE "odd ""schema".part PARTITION OF "odd ""schema"."Parts" FOR VALUES FROM (1) TO (1000);
CREATE SEQUENCE alone;
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE TYPE pair AS (a int, b int);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE VIEW names AS SELECT name FROM medications;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM medications;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE added(int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE STATISTICS related ON name, dosage FROM medications;
SELECT lo_from_bytea(0, 'large');
CREATE ROLE reader LOGIN PASSWORD 'of the old stack';
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
GRANT SELECT ON medications TO reader;
UPDATE pg_database SET datcollversion = '2.31' WHERE datname IN ('shop', 'template1');
"""
CONTENT = "SELECT count(*), md5(string_agg(m::text, ',' ORDER BY id)) FROM medications m"
# Whatever is left in the old superuser's hands, but for what belongs to an extension.
UNOWNED = """
SELECT pg_describe_object(c, o, 0) FROM (
  SELECT 'pg_class'::regclass, oid, relowner FROM pg_class WHERE relkind <> 't' AND relpersistence <> 't'
  UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
  UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace
  UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
) AS object (c, o, owner) WHERE owner = 10 AND o >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c AND d.objid = o AND d.deptype IN ('e', 'i'))
  AND pg_describe_object(c, o, 0) NOT LIKE '%stanchion%'
"""


class Old:
    """The stack as Compose runs it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        # What its table held when it was last asked.
        self.content = ""

    def fill(self) -> None:
        """Make a cluster with rows in the volume, and leave the stack running."""
        # No registry answers here: images of the same content under the names that the file has.
        for own, theirs in (
            ("stanchion/postgres", "postgres:17"),
            ("medication-tracker/backend", "shop-backend"),
        ):
            self.host.run("docker", "tag", self.host.image(own), theirs)
        self.compose("create", "--no-build")
        self.shell(INITDB)
        self.compose("up", "--detach", "db")
        ready = "until pg_isready -q; do sleep 0.1; done"
        self.host.run("docker", "exec", "shop-db-1", "sh", "-c", ready)
        self.sql("CREATE DATABASE shop", "postgres")
        self.compose("run", "--rm", "backend", "python3", "-m", "alembic", "upgrade", "head")
        self.sql(LEFT)
        self.compose("up", "--detach", "--no-build")

    @property
    def is_there(self) -> bool:
        """Whether its volume is."""
        return VOLUME in self.host.run("docker", "volume", "ls", "-q").split()

    def compose(self, *argv: str) -> str:
        """Run docker compose on its file."""
        return self.host.compose(FOLDER, *argv)

    def down(self) -> None:
        """Stop and remove it; the volume stays."""
        self.compose("down")

    def sql(self, script: str, database: str = "shop") -> str:
        """Say something to it as its superuser."""
        psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", OWNER, "-d", database]
        return self.host.run("docker", "exec", "-i", "shop-db-1", *psql, stdin=script).strip()

    def shell(self, script: str) -> str:
        """Run something on the volume, with no server there."""
        mount = ["--volume", f"{VOLUME}:/var/lib/postgresql/data"]
        image = self.host.image("stanchion/postgres")
        there = ["--workdir", "/var/lib/postgresql/data"]
        return self.host.run("docker", "run", "--rm", *mount, *there, image, "sh", "-c", script).strip()

    def files(self) -> str:
        """Return what the volume holds, byte for byte."""
        return self.shell("find . -type f -exec sha256sum {} + | sort -k2 | sha256sum; cat PG_VERSION")


@pytest.fixture(scope="module")
def shop(host: Host, first_deploy: Run, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """What `adopt compose` has written of the old stack's file, completed as it asks for."""
    root: Path = tmp_path_factory.mktemp("adopted")
    shutil.copytree(ROOT / "backend", root / "backend", ignore=shutil.ignore_patterns("tests", "testkit"))
    file, written = root / "docker-compose.yml", root / "inventory"
    file.write_text(FILE)
    host.run("mkdir", "-p", FOLDER)
    host.run("sh", "-c", f"cat >{FOLDER}/docker-compose.yml", stdin=FILE)
    adopt = [sys.executable, "runner.py", "adopt", "compose", str(file), "-o", str(written)]
    done = subprocess.run(adopt, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    variables = yaml.safe_load((written / "group_vars" / "stack" / "stack.yml").read_text())
    # What it says that it could not know.
    for left in ("backend_migration_command", "backup_read_path", "backend_image_packages"):
        del variables[left]
    subnets = {"stack_app_subnet": "172.30.244.0/24", "stack_edge_subnet": "172.30.245.0/24"}
    folder = root / NAME
    folder.mkdir()
    return Stack(host, folder, NAME, {**variables, **CALM, **subnets})


@pytest.fixture(scope="module")
def old(host: Host) -> Iterator[Old]:
    yield Old(host)
    host.run("docker", "image", "rm", "postgres:17", "shop-backend")
    host.run("rm", "-r", FOLDER)


@pytest.fixture
def filled(shop: Stack, old: Old) -> Old:
    """The old stack with rows that its backend wrote; made anew where an earlier test has ended with it."""
    if not old.is_there:
        old.fill()
        until(lambda: shop.curl("/health")[0] == 200, "the old backend does not serve")
        body = json.dumps({"name": "by the old backend", "dosage": "1 mg"})
        shop.curl("/medications", "-H", "Content-Type: application/json", "-d", body)
        old.content = old.sql(CONTENT)
    return old


def refused(shop: Stack, *words: str) -> None:
    """Deploy, and see it refused in these words, with nothing begun."""
    run = shop.runner("deploy")
    assert run.code != 0, run.text
    for word in words:
        assert word in run.text, (word, run.text)
    assert f"{NAME}-db" not in shop.host.containers(NAME)
    shop.host.run("test", "!", "-e", f"/var/lib/stanchion/{NAME}/postgres/volume.json")


def test_what_cannot_be_taken_over_is_refused_and_stays_as_it_is(shop: Stack, filled: Old) -> None:
    """Compose still runs it; another major version has written it."""
    refused(shop, "Port 5300 is taken already on the host, by the container shop-backend-1")
    filled.compose("rm", "--force", "--stop", "backend")
    refused(shop, "mounted by shop-db-1 (running)", "docker compose down", "never with -v")
    filled.down()
    filled.shell("echo 16 >PG_VERSION")
    files = filled.files()
    refused(shop, "written by Postgres 16", "pg_dump -Fc -U app shop", "pg_restore -U postgres", "--role=app")
    assert filled.files() == files
    filled.shell("echo 17 >PG_VERSION")


def test_it_is_taken_over_has_a_way_back_and_goes_when_it_is_named(shop: Stack, filled: Old) -> None:
    """From the old stack's volume to its end."""
    filled.down()
    taken_over_also_after_a_kill(shop, filled)
    the_backup_of_before_brings_the_old_stack_back(shop, filled)
    it_goes_with_the_volume_that_was_taken_over(shop)
    assert not filled.is_there


def taken_over_also_after_a_kill(shop: Stack, old: Old) -> None:
    """Killed while the cluster is handed over, run again: deployed, validated, backed up, drilled."""
    shop.kill_at_task("stanchion.stack.postgres : adopt | Hand the cluster over")
    result = shop.deploy().result
    assert not [each for each in result["validations"][-1]["findings"] if each["outcome"] == "fail"]

    assert shop.sql(CONTENT, "shop") == old.content
    assert shop.sql("SELECT count(*) FROM medications WHERE name = 'by the old backend'", "shop") == "1"
    assert shop.sql(UNOWNED, "shop") == ""
    roles = "SELECT rolname, rolsuper, oid = 10 FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
    assert shop.sql(roles, "shop").split() == ["app|f|f", "postgres|t|t", "reader|f|f"]
    assert shop.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'", "shop") == OWNER
    grants = "SELECT has_table_privilege('reader', 'medications', 'SELECT')"
    assert shop.sql(grants, "shop") == "t"
    # What the application makes from now on is shared as before, and large objects are its own.
    own = f"SET ROLE {OWNER}; CREATE TABLE later (); SELECT has_table_privilege('reader', 'later', 'SELECT')"
    assert shop.sql(f"BEGIN; {own}; ROLLBACK", "shop") == "t"
    # The indexes were sorted anew before the backend came.
    differs = "datcollversion <> pg_database_collation_actual_version(oid)"
    assert shop.sql(f"SELECT count(*) FROM pg_database WHERE {differs}", "shop") == "0"
    assert shop.curl("/medications")[0] == 200
    shop.add_medication("after the adoption")
    assert shop.deploy("--no-validate").result["changed"] == 0


def the_backup_of_before_brings_the_old_stack_back(shop: Stack, old: Old) -> None:
    """As its runbook says, into a volume of its own."""
    records = f"cat $(ls -t /var/lib/stanchion/{NAME}/backup/records/before-adoption-*.json | head -n 1)"
    taken = json.loads(shop.host.run("sh", "-c", records))
    label = taken["labels"]["repo1"]
    told = shop.host.run("docker", "exec", f"{NAME}-db", "pgbackrest", "info", f"--set={label}")
    assert "before-adoption" in told
    state = f"/var/lib/stanchion/{NAME}/backup"
    mounts = [
        *("--volume", f"{NAME}-before:/var/lib/postgresql/data"),
        *("--volume", f"{NAME}-backup:/var/lib/pgbackrest:ro"),
        *("--volume", f"{state}/config:/etc/pgbackrest:ro"),
    ]
    shop.host.run(
        *("docker", "run", "--rm", "--network", "none", *mounts, old.host.image("stanchion/postgres")),
        *("pgbackrest", f"--stanza={NAME}", f"--set={label}", "--type=none", "--archive-mode=off", "restore"),
    )
    roles = "echo 'SELECT rolname FROM pg_authid WHERE oid = 10' | postgres --single -D $PGDATA shop"
    image = old.host.image("stanchion/postgres")
    volume = f"{NAME}-before:/var/lib/postgresql/data"
    said = shop.host.run("docker", "run", "--rm", "--volume", volume, image, "sh", "-c", roles)
    assert f'rolname = "{OWNER}"' in said


def it_goes_with_the_volume_that_was_taken_over(shop: Stack) -> None:
    """The record makes it the stack's own, though it has no label."""
    shop.host.run("docker", "volume", "rm", f"{NAME}-before")
    gone = shop.runner("destroy", "--yes", "--delete-data", NAME, "--delete-backups", NAME)
    assert gone.code == 0, gone.text
