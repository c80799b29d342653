"""The declared database beside its pool, its memory, the host and the disk."""

import copy

import pytest

GB = 1024**3
MB = 1024**2
PATH = "/var/lib/stanchion/medication-tracker/secrets/app_password"
DECLARED = {
    "stack_name": "medication-tracker",
    "state_dir": "/var/lib/stanchion/medication-tracker",
    "memory": "2g",
    "cpus": 2,
    "pool": {"replicas": 2, "workers": 2, "pool_size": 5, "max_overflow": 10},
    "settings": {},
    "stack_database_alias": "db",
    "stack_database_name": "medication_tracker",
    "stack_database_user": "medication_tracker",
    "postgres_data_space": "1g",
    "postgres_volume": "medication-tracker-pgdata",
    "postgres_adopt_superuser": "",
    "archive": True,
    "postgres_memory": "2g",
    "postgres_temp_file_limit": "",
    "postgres_health_interval": "5s",
    "postgres_start_timeout": 180,
    "postgres_log_max_size": "20m",
    "postgres_log_max_file": 5,
    "postgres_statement_timeout": "30s",
    "postgres_lock_timeout": "10s",
    "postgres_idle_in_transaction_session_timeout": "60s",
    "secret_files": [PATH],
}


@pytest.fixture
def declared():
    return copy.deepcopy(DECLARED)


@pytest.fixture
def facts(running, secret_file):
    running["files"]["entries"][PATH] = secret_file
    return running


def test_the_defaults_fit(look, declared, facts):
    assert look("postgres", declared, facts) == []


@pytest.mark.parametrize(
    ("changed", "record", "found"),
    [
        ({}, None, ["postgres.adopt_backup"]),
        ({}, {"adopting": "backup"}, ["postgres.adopt_backup"]),
        ({}, {"state": "active"}, []),
        ({"archive": True}, None, []),
        ({"postgres_adopt_superuser": ""}, None, []),
    ],
)
def test_nothing_is_taken_over_without_a_backup(look, slugs, declared, facts, changed, record, found):
    facts["volume_record"]["record"] = record
    declared |= {"archive": False, "postgres_adopt_superuser": "app"} | changed
    assert slugs(look("postgres", declared, facts)) == found


def test_a_paused_database_is_not_waited_for(look, declared, facts, bare):
    database = {**facts["containers"]["entries"][0], "name": "medication-tracker-db", "state": "paused"}
    facts["containers"]["entries"].append(database)
    (problem,) = look("postgres", declared, facts)
    assert problem.slug == "postgres.paused"
    assert "docker unpause medication-tracker-db" in problem.remedy
    database["state"] = "running"
    assert look("postgres", declared, facts) == []


def test_nothing_is_started_in_the_middle_of_a_restore_but_by_the_restore(look, declared, facts):
    """The record of the volume says so."""
    record = {"volume": "x", "restore": {"to": "latest", "began": 1.0}}
    facts["volume_record"] = {"ok": True, "path": "/p/volume.json", "exists": True, "record": record}
    (problem,) = look("postgres", declared, facts)
    assert problem.slug == "postgres.restore"
    assert "restore --resume" in problem.remedy
    assert "restore --rollback" in problem.remedy
    assert look("postgres", {**declared, "restoring": True}, facts) == []
    del record["restore"]
    assert look("postgres", declared, facts) == []


def test_containers_that_could_not_be_looked_at(look, slugs, declared, facts):
    facts["containers"] = {"ok": False, "error": "no answer"}
    assert slugs(look("postgres", declared, facts)) == ["host.unreadable"]


def test_a_bare_host(look, declared, bare):
    assert look("postgres", declared, bare) == []


def test_pool_that_does_not_fit(look, declared, facts):
    declared["settings"]["max_connections"] = 100
    (problem,) = look("postgres", declared, facts)
    assert problem.slug == "postgres.pool_contract"
    assert "2 replicas x 2 workers" in problem.what
    assert "would fit" in problem.remedy


def test_memory_limit_too_small_for_the_settings(look, declared, facts):
    declared["memory"] = 256 * MB
    (problem,) = look("postgres", declared, facts)
    assert problem.slug == "postgres.memory_limit"
    assert "raise postgres_memory to at least" in problem.remedy.lower()


def test_unknown_setting(look, slugs, declared, facts):
    declared["settings"]["work_mme"] = "4MB"
    assert slugs(look("postgres", declared, facts)) == ["postgres.settings_unknown"]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"postgres_statement_timeout": "30 secs"}, "postgres.duration"),
        ({"postgres_lock_timeout": "-1"}, "postgres.duration"),
        ({"postgres_idle_in_transaction_session_timeout": "abc"}, "postgres.duration"),
        ({"postgres_memory": "2 gigs"}, "postgres.size"),
        ({"postgres_memory": "5m"}, "postgres.size"),
        ({"postgres_health_interval": "5 s"}, "postgres.interval"),
        ({"postgres_log_max_size": "20mib"}, "postgres.size"),
        ({"postgres_log_max_size": 0}, "postgres.size"),
        ({"postgres_log_max_file": 0}, "postgres.count"),
        ({"postgres_data_space": "much"}, "postgres.size"),
        ({"postgres_temp_file_limit": "20 gigs"}, "postgres.size"),
        ({"postgres_temp_file_limit": "-2"}, "postgres.size"),
        ({"postgres_temp_file_limit": "2TB"}, "postgres.size"),
        ({"postgres_volume": "a volume"}, "postgres.name"),
        ({"stack_database_name": 'a"b'}, "postgres.name"),
        ({"stack_database_name": "Shop"}, "postgres.name"),
        ({"stack_database_name": "x" * 64}, "postgres.name"),
        ({"stack_database_name": "template1"}, "postgres.name"),
        ({"stack_database_user": "app\nlocal all all trust"}, "postgres.name"),
        ({"stack_database_user": "pg_app"}, "postgres.name"),
        ({"stack_database_user": "postgres"}, "postgres.name"),
        ({"stack_database_alias": "d b"}, "postgres.name"),
        ({"state_dir": f"/var/lib/stanchion/{'x' * 59}"}, "postgres.state_dir"),
        ({"state_dir": "stanchion"}, "postgres.state_dir"),
    ],
)
def test_values_that_cannot_be_meant(look, declared, facts, changes, slug):
    (problem,) = look("postgres", {**declared, **changes}, facts)
    assert problem.slug == slug
    assert problem.exit == "configuration"
    assert problem.where.startswith("the variable ")
    assert "\n" not in str(problem)


def test_all_such_values_are_told_at_once(look, slugs, declared, facts):
    declared.update(postgres_lock_timeout="soon", stack_database_user="App", postgres_memory="lots")
    # What the figures are computed from cannot be read either.
    declared["memory"] = "lots"
    assert slugs(look("postgres", declared, facts)) == ["postgres.name", "postgres.size", "postgres.duration"]


@pytest.mark.parametrize("duration", [0, "0", 30000, "30s", "1.5h", "250ms", "24d"])
def test_durations_as_postgres_takes_them(look, declared, facts, duration):
    declared["postgres_statement_timeout"] = duration
    assert look("postgres", declared, facts) == []


@pytest.mark.parametrize("size", ["", "-1", -1, "20GB", "1500MB", 0])
def test_temporary_files_as_postgres_takes_them(look, declared, facts, size):
    declared["postgres_temp_file_limit"] = size
    assert look("postgres", declared, facts) == []


def test_the_longest_path_of_a_socket(look, declared, facts):
    declared["state_dir"] = f"/var/lib/stanchion/{'x' * 58}"
    assert look("postgres", declared, facts) == []


@pytest.mark.parametrize(("total", "found"), [(2 * GB - 1, True), (2 * GB, False)])
def test_memory_limit_beside_the_host(look, slugs, declared, facts, total, found):
    facts["memory"]["total"] = total
    assert slugs(look("postgres", declared, facts)) == (["postgres.host_memory"] if found else [])


@pytest.mark.parametrize(("cpus", "found"), [(2, False), ("2", False), (0.5, False), (2.5, True)])
def test_processors_beside_the_host(look, slugs, declared, facts, cpus, found):
    declared["cpus"] = cpus
    problems = look("postgres", declared, facts)
    assert slugs(problems) == (["postgres.host_cpus"] if found else [])
    # The role gives it what there is.
    assert {problem.level for problem in problems} <= {"warning"}


class TestDisk:
    def test_a_first_deploy_needs_room_for_the_data(self, look, declared, facts):
        facts["disk"]["docker_root"]["free"] = 1 * GB - 1
        (problem,) = look("postgres", declared, facts)
        assert problem.slug == "disk.data"
        assert "1.0 GB" in problem.what

    def test_data_that_is_there_needs_less(self, look, declared, facts):
        facts["volume_record"]["exists"] = True
        facts["disk"]["docker_root"]["free"] = 256 * MB
        assert look("postgres", declared, facts) == []

    def test_but_not_nothing(self, look, slugs, declared, facts):
        facts["volume_record"]["exists"] = True
        facts["disk"]["docker_root"]["free"] = 256 * MB - 1
        assert slugs(look("postgres", declared, facts)) == ["disk.data"]


class TestSecretFile:
    @pytest.mark.parametrize("mode", ["0400", "0600"])
    def test_closed(self, look, declared, facts, mode):
        facts["files"]["entries"][PATH]["mode"] = mode
        assert look("postgres", declared, facts) == []

    @pytest.mark.parametrize("mode", ["0640", "0404", "0700", "0402", "0777", "2440"])
    def test_open(self, look, declared, facts, mode):
        facts["files"]["entries"][PATH]["mode"] = mode
        (problem,) = look("postgres", declared, facts)
        assert problem.slug == "secret.mode"
        assert mode in problem.what
        assert f"chmod 0400 {PATH}" in problem.remedy

    def test_empty(self, look, declared, facts):
        facts["files"]["entries"][PATH]["content"] = "empty"
        (problem,) = look("postgres", declared, facts)
        assert problem.slug == "secret.empty"
        assert problem.where == f"{PATH} on the host"

    @pytest.mark.parametrize("content", ["other", "text"])
    def test_no_password(self, look, slugs, declared, facts, content):
        facts["files"]["entries"][PATH]["content"] = content
        assert slugs(look("postgres", declared, facts)) == ["secret.content"]

    @pytest.mark.parametrize(
        ("kind", "found"), [("ascii", False), ("empty", True), ("other", True), ("text", True)]
    )
    def test_password_of_a_vault(self, look, slugs, declared, facts, kind, found):
        declared["given_secrets"] = {"postgres_application_password": kind}
        problems = look("postgres", declared, facts)
        assert slugs(problems) == (["secret.given"] if found else [])
        assert all("postgres_application_password" in problem.what for problem in problems)

    @pytest.mark.parametrize("kind", ["directory", "link", "other"])
    def test_no_file(self, look, slugs, declared, facts, kind):
        facts["files"]["entries"][PATH]["kind"] = kind
        assert slugs(look("postgres", declared, facts)) == ["secret.kind"]

    @pytest.mark.parametrize(("mode", "found"), [("0755", False), ("0775", True), ("1777", True)])
    def test_folder_in_which_others_may_replace_it(self, look, slugs, declared, facts, mode, found):
        facts["files"]["entries"][PATH]["parent"]["mode"] = mode
        assert slugs(look("postgres", declared, facts)) == (["secret.folder"] if found else [])

    def test_missing_one_is_made_by_the_role(self, look, declared, facts):
        facts["files"]["entries"][PATH] = {"exists": False, "parent": {"exists": False, "mode": None}}
        assert look("postgres", declared, facts) == []


@pytest.mark.parametrize("source", ["memory", "cpus", "disk", "files", "volume_record"])
def test_what_could_not_be_looked_at(look, slugs, declared, facts, source):
    facts[source] = {"ok": False, "error": "no answer"}
    assert slugs(look("postgres", declared, facts)) == ["host.unreadable"]


def test_an_interval_that_an_older_engine_sees_the_end_of_too_late(look, declared, facts):
    facts["engine"]["api_version"] = "1.41"
    declared["postgres_health_interval"] = "3m"
    (problem,) = look("postgres", declared, facts)
    assert (problem.slug, "postgres_start_timeout" in problem.what) == ("postgres.interval", True)
    facts["engine"]["api_version"] = "1.44"
    assert look("postgres", declared, facts) == []
