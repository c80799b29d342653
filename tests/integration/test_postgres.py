"""The database after what the scenario did to it: its data, its confinement, who gets in, and how it falls
and rises."""

from __future__ import annotations

import json
import time

import pytest
from testinfra.host import Host

STACK = "postgres-scenario"
DATABASE = f"{STACK}-db"
STATE = f"/var/lib/stanchion/{STACK}"
SOCKET = f"{STATE}/postgres/socket"
MB = 1 << 20


def inspect(host: Host, name: str = DATABASE) -> dict:
    return json.loads(host.check_output("docker inspect %s", name))[0]


def operator(host: Host, query: str, database: str = "postgres") -> list[list]:
    """Ask as root on the host does: over the socket, without a password."""
    script = (
        "import json, psycopg2, sys\n"
        "c = psycopg2.connect(host=sys.argv[1], user='postgres', dbname=sys.argv[2])\n"
        "c.autocommit = True\n"
        "k = c.cursor()\n"
        "k.execute(sys.argv[3])\n"
        "print(json.dumps(k.fetchall() if k.description else [], default=str))\n"
    )
    return json.loads(host.check_output("python3 -c %s %s %s %s", script, SOCKET, database, query))


def value(host: Host, query: str) -> object:
    return operator(host, query)[0][0]


def client(host: Host, network: str, user: str, database: str, address: str = "db", query: str = "SELECT 1"):
    """Connect as a container of a network does, with the application's password."""
    return host.run(
        "docker run --rm --network %s --user 0 --env PGCONNECT_TIMEOUT=3"
        " --volume %s:/run/secrets/password:ro %s sh -c %s",
        network,
        f"{STATE}/secrets/app_password",
        inspect(host)["Config"]["Image"],
        "PGPASSWORD=$(cat /run/secrets/password)"
        f' psql -XAtqw -h {address} -U {user} -d {database} -c "{query}"',
    )


def health(host: Host) -> str:
    return host.check_output("docker inspect --format '{{.State.Health.Status}}' %s", DATABASE)


def wait(host: Host, within: float, done) -> float:
    """Return the seconds after which `done` was true; fail after `within`."""
    start = time.monotonic()
    while not done():
        assert time.monotonic() - start < within, f"not within {within} s; {inspect(host)['State']}"
        time.sleep(0.2)
    return time.monotonic() - start


def test_the_row_of_the_first_day_is_still_there(host: Host) -> None:
    assert operator(host, "SELECT word FROM kept", "medication_tracker") == [["of the first day"]]


def test_the_container_is_healthy_by_tcp_and_query(host: Host) -> None:
    found = inspect(host)
    assert found["State"]["Health"]["Status"] == "healthy"
    assert found["State"]["Health"]["Log"][-1]["Output"].strip() == "ready"
    check = found["Config"]["Healthcheck"]
    assert check["Test"] == ["CMD", "healthcheck"]
    assert check["Interval"] == 5 * 10**9
    assert check["StartInterval"] == 10**9


def test_the_container_is_confined(host: Host) -> None:
    found = inspect(host)
    config, limits = found["Config"], found["HostConfig"]
    assert config["User"] == "999:999"
    assert limits["Init"] is True
    assert limits["ReadonlyRootfs"] is True
    assert limits["CapDrop"] == ["ALL"]
    assert not limits["CapAdd"]
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert limits["Privileged"] is False
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    assert config["StopSignal"] == "SIGINT"
    assert config["StopTimeout"] >= 120
    assert config["Labels"]["io.stanchion.stack"] == STACK
    assert config["Labels"]["io.stanchion.role"] == "postgres"


def test_the_container_has_limits(host: Host) -> None:
    limits = inspect(host)["HostConfig"]
    assert limits["Memory"] == limits["MemorySwap"] == 512 * MB
    assert limits["ShmSize"] >= 256 * MB
    assert limits["NanoCpus"] > 0
    assert limits["PidsLimit"] > int(value(host, "SHOW max_connections"))
    assert limits["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "5", "max-size": "20m"}}


def test_nothing_is_published_and_the_database_is_on_the_internal_network_alone(host: Host) -> None:
    found = inspect(host)
    assert not found["HostConfig"]["PortBindings"]
    networks = found["NetworkSettings"]["Networks"]
    assert list(networks) == [f"{STACK}_app_network"]
    assert "db" in networks[f"{STACK}_app_network"]["Aliases"]


def test_no_secret_is_in_sight(host: Host) -> None:
    seen = host.check_output("docker inspect %s", DATABASE)
    log = host.check_output("docker logs %s 2>&1", DATABASE)
    for name in ("app_password", "postgres_password"):
        secret = host.check_output("cat %s", f"{STATE}/secrets/{name}")
        assert len(secret) >= 16
        assert secret not in seen
        assert secret not in log


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [
        (STATE, 0, 0o700),
        (f"{STATE}/secrets", 0, 0o700),
        (f"{STATE}/secrets/app_password", 0, 0o400),
        (f"{STATE}/secrets/postgres_password", 999, 0o400),
        (f"{STATE}/postgres", 0, 0o700),
        (f"{STATE}/postgres/config", 0, 0o755),
        (f"{STATE}/postgres/socket", 999, 0o750),
        (f"{STATE}/postgres/volume.json", 0, 0o600),
    ],
)
def test_files_on_the_host_are_closed(host: Host, path: str, owner: int, mode: int) -> None:
    found = host.file(path)
    assert (found.uid, found.mode) == (owner, mode)


def test_the_record_is_what_the_server_says(host: Host) -> None:
    record = json.loads(host.file(f"{STATE}/postgres/volume.json").content_string)
    ((identifier, timeline),) = operator(
        host,
        "SELECT system_identifier::text, timeline_id FROM pg_control_system(), pg_control_checkpoint()",
    )
    assert record["state"] == "active"
    assert record["volume"] == f"{STACK}-pgdata"
    assert (record["system_identifier"], record["timeline"], record["major"]) == (identifier, timeline, "17")
    assert (record["encoding"], record["provider"], record["collation"]) == ("UTF8", "builtin", "C.UTF-8")


@pytest.fixture(scope="module")
def settings(host: Host) -> dict[str, str]:
    """What SHOW tells of each setting."""
    return dict(operator(host, "SELECT name, current_setting(name) FROM pg_settings"))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("data_checksums", "on"),
        ("server_version_num", "17"),
        ("shared_buffers", "128MB"),
        ("max_connections", "99"),
        ("password_encryption", "scram-sha-256"),
        ("log_min_duration_statement", "300ms"),
        ("max_worker_processes", "9"),
        # The scenario had it changed, and then declared no more.
        ("max_locks_per_transaction", "64"),
        ("log_lock_waits", "on"),
        ("allow_alter_system", "off"),
        # The application has one; an operator's index or restore may need more.
        ("temp_file_limit", "-1"),
    ],
)
def test_settings_are_as_computed_or_as_changed(settings: dict[str, str], name: str, wanted: str) -> None:
    assert settings[name].startswith(wanted)


def test_nothing_waits_for_a_restart_and_no_file_has_an_error(host: Host) -> None:
    assert operator(host, "SELECT name FROM pg_settings WHERE pending_restart") == []
    assert operator(host, "SELECT name FROM pg_file_settings WHERE error IS NOT NULL OR NOT applied") == []


def test_the_worst_case_fits_the_limit(host: Host) -> None:
    used = value(
        host,
        """SELECT (SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers')
           + current_setting('max_connections')::bigint * pg_size_bytes(current_setting('work_mem'))
             * current_setting('hash_mem_multiplier')::float
           + current_setting('autovacuum_max_workers')::int
             * pg_size_bytes(current_setting('maintenance_work_mem'))""",
    )
    assert float(str(used)) <= 0.8 * 512 * MB


def test_the_locale_does_not_follow_the_c_library(host: Host) -> None:
    query = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'medication_tracker'"
    found = operator(host, query)
    assert found == [["b", "C.UTF-8"]]


def test_the_application_has_its_database_and_nothing_else(host: Host) -> None:
    role = operator(
        host,
        """SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit, rolconfig
           FROM pg_roles WHERE rolname = 'medication_tracker'""",
    )
    assert role == [
        [
            *[False] * 5,
            2 * 2 * 2 * (5 + 5) + 1,
            [
                "idle_in_transaction_session_timeout=60s",
                "lock_timeout=10s",
                "statement_timeout=30s",
                "temp_file_limit=1024MB",
            ],
        ]
    ]
    owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = 'medication_tracker'"
    assert operator(host, owned) == [["medication_tracker"]]
    public = """SELECT privilege_type FROM pg_database, aclexplode(datacl)
                WHERE datname = 'medication_tracker' AND grantee = 0"""
    assert operator(host, public) == []


def test_the_application_gets_in_by_its_alias_and_its_new_password(host: Host) -> None:
    assert host.check_output("cat %s", f"{STATE}/secrets/app_password") == "changed-by-the-scenario"
    done = client(
        host,
        f"{STACK}_app_network",
        "medication_tracker",
        "medication_tracker",
        query="CREATE TABLE own (x int); DROP TABLE own; SHOW statement_timeout",
    )
    assert (done.rc, done.stdout.strip()) == (0, "30s"), done.stderr


@pytest.mark.parametrize(
    ("user", "database"),
    [
        ("postgres", "postgres"),
        ("postgres", "medication_tracker"),
        ("medication_tracker", "postgres"),
        ("healthcheck", "healthcheck"),
    ],
)
def test_nobody_else_gets_in_from_the_network(host: Host, user: str, database: str) -> None:
    done = client(host, f"{STACK}_app_network", user, database)
    assert done.rc == 2
    assert "pg_hba.conf rejects connection" in done.stderr


def test_nobody_gets_in_by_tcp_inside_the_container(host: Host) -> None:
    for user in ("postgres", "medication_tracker"):
        done = host.run(
            "docker exec %s psql -XAtqw -h 127.0.0.1 -U %s -d postgres -c 'SELECT 1'", DATABASE, user
        )
        assert done.rc == 2
        assert "pg_hba.conf rejects connection" in done.stderr


def test_the_edge_network_does_not_reach_the_database(host: Host) -> None:
    address = inspect(host)["NetworkSettings"]["Networks"][f"{STACK}_app_network"]["IPAddress"]
    done = client(host, f"{STACK}_edge_network", "medication_tracker", "medication_tracker", address)
    assert done.rc == 2
    assert "rejects" not in done.stderr


def test_health_checks_leave_the_log_alone(host: Host) -> None:
    """Neither their names nor the address that they come from stand in it."""
    log = host.check_output("docker logs %s 2>&1", DATABASE)
    probes = [line for line in log.splitlines() if "healthcheck@healthcheck [unknown] 127.0.0.1" in line]
    assert [line for line in probes if "too many clients" not in line] == []


def test_a_full_server_is_saturated_and_not_dead(host: Host) -> None:
    """Every connection that a superuser could have is taken; the health check says so and stays well."""
    hold = (
        "import psycopg2, sys, time\n"
        "taken = []\n"
        "try:\n"
        "    while True:\n"
        "        taken.append(psycopg2.connect(host=sys.argv[1], user='postgres', dbname='postgres'))\n"
        "except psycopg2.OperationalError:\n"
        "    print(len(taken), flush=True)\n"
        "time.sleep(float(sys.argv[2]))\n"
    )
    run = "nohup python3 -c {} {} 4 >/tmp/taken 2>&1 &"
    host.check_output("sh -c %s", run.format(f"'{hold.replace(chr(39), chr(34))}'", SOCKET))
    wait(host, 10, lambda: host.run("test -s /tmp/taken").rc == 0)
    done = host.run("docker exec %s healthcheck", DATABASE)
    assert (done.rc, done.stdout.strip()) == (0, "saturated")
    assert health(host) == "healthy"
    wait(host, 15, lambda: host.run("docker exec %s healthcheck", DATABASE).stdout.strip() == "ready")


def test_an_orphans_bad_exit_does_not_restart_the_server(host: Host) -> None:
    before = value(host, "SELECT pg_postmaster_start_time()::text")
    host.check_output("docker exec %s sh -c '(sleep 1; exit 2) & exit 0'", DATABASE)
    time.sleep(2.5)
    assert value(host, "SELECT pg_postmaster_start_time()::text") == before
    assert value(host, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'checkpointer'") == 1
    log = host.check_output("docker logs --since 5s %s 2>&1", DATABASE)
    assert "terminating any other active server processes" not in log


def answers(host: Host) -> bool:
    done = host.run("docker exec %s psql -XAtqw -U postgres -d postgres -c 'SELECT 1'", DATABASE)
    return done.stdout.strip() == "1"


def test_a_killed_server_is_back_within_ten_seconds_with_every_row(host: Host) -> None:
    operator(host, "CREATE TABLE IF NOT EXISTS acknowledged AS SELECT 1 AS n", "medication_tracker")
    before = inspect(host)
    # The first process is init; the server is its child. Killed from the host: `docker kill` would
    # switch the restart policy off.
    host.check_output("sh -c %s", f"kill -KILL $(pgrep --parent {before['State']['Pid']} postgres)")
    wait(host, 10, lambda: inspect(host)["RestartCount"] == before["RestartCount"] + 1 and answers(host))
    # Engines of this age probe for the first time after one interval; on a busy machine, after the second.
    wait(host, 20, lambda: health(host) == "healthy")
    assert operator(host, "SELECT n FROM acknowledged", "medication_tracker") == [[1]]


def test_the_long_running_container_never_makes_a_database(host: Host) -> None:
    image = inspect(host)["Config"]["Image"]
    done = host.run("docker run --rm --network none --env POSTGRES_REQUIRE_CLUSTER=1 %s", image)
    assert done.rc == 1
    assert "must not make one" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--user 0 --env POSTGRES_PASSWORD=x", "refuses to run as root"),
        ("--env POSTGRES_PASSWORD=x --env POSTGRES_PASSWORD_FILE=/etc/hostname", "set one of them"),
        ("--env POSTGRES_USER=x", "no superuser password"),
        ("--env POSTGRES_PASSWORD_FILE=/nowhere", "can't read"),
    ],
)
def test_the_image_keeps_the_official_environment_contract(host: Host, options: str, words: str) -> None:
    image = inspect(host)["Config"]["Image"]
    done = host.run(f"docker run --rm --network none {options} %s", image)
    assert done.rc == 1
    assert words in done.stderr


def test_a_killed_initialisation_is_done_again_and_somebodys_files_are_left_alone(host: Host) -> None:
    image = inspect(host)["Config"]["Image"]
    make = f"--network none --volume half:/var/lib/postgresql/data --env POSTGRES_PASSWORD=x {image}"
    host.check_output("docker volume create half")
    try:
        begun = host.check_output(
            "docker volume inspect --format '{{.Mountpoint}}/.initialising/cluster' half"
        )
        host.check_output(
            "timeout 30 sh -c %s",
            f"docker run --rm --name half {make} initialise &"
            f" until [ -e {begun} ]; do sleep 0.02; done; docker kill half; wait",
        )
        assert "content=unfinished" in host.check_output(f"docker run --rm {make} identify")
        host.check_output(f"docker run --rm {make} initialise")
        assert "content=cluster" in host.check_output(f"docker run --rm {make} identify")
        # Without its PG_VERSION this is a damaged cluster; a new one is not made over it.
        host.check_output(f"docker run --rm {make} rm /var/lib/postgresql/data/PG_VERSION")
        done = host.run(f"docker run --rm {make} initialise")
        assert done.rc == 1
        assert "damaged database" in done.stderr
    finally:
        host.check_output("docker volume rm half")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        # Of an image with musl: what its user alone may read is never taken for an empty volume.
        ("echo 17 >PG_VERSION; chmod 0700 .; chown -R 70:70 .", "owner=70\ncontent=unreadable"),
        (
            "mkdir -p 18/docker; echo 18 >18/docker/PG_VERSION; chmod 0755 .; chown -R 0:0 .",
            "owner=0\ncontent=other\nnested=18/docker\nmajor=18",
        ),
    ],
)
def test_what_another_image_has_filled_is_told(host: Host, made: str, told: str) -> None:
    mount = "--volume foreign:/var/lib/postgresql/data"
    image = inspect(host)["Config"]["Image"]
    try:
        host.check_output(
            f"docker run --rm --user 0 {mount} --workdir /var/lib/postgresql/data {image} sh -c %s", made
        )
        assert host.check_output(f"docker run --rm --cap-drop ALL {mount}:ro {image} identify") == told
    finally:
        host.check_output("docker volume rm foreign")
