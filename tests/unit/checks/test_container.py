"""How containers are held: each check on what is declared, on what runs, and on a compose file."""

from datetime import datetime

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container, Mount, Probe

GB = 1024**3


def keys(finding):
    return {seen.key for seen in finding.evidence if seen.level == "bad"}


def test_no_memory_limit(kept):
    kept.container("backend-2")["limits"]["memory"] = None
    finding = kept.ask("container.memory_limit")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication-tracker-backend-2: has no memory limit"


def test_no_memory_limit_declared(kept):
    kept.definition("db")["memory"] = None
    assert kept.ask("container.memory_limit", Phase.PREFLIGHT).outcome is Outcome.WARN


@pytest.mark.parametrize(
    "both,says",
    [
        (2 * GB + GB, "may use 1024MB of swap"),
        (-1, "it is without limit"),
        (None, "Docker doubles the memory"),
    ],
)
def test_hidden_swap(kept, both, says):
    kept.container("db")["limits"]["memory_swap"] = both
    finding = kept.ask("container.swap")
    assert finding.outcome is Outcome.WARN
    assert says in finding.summary


def test_swap_of_a_database_without_a_limit_is_nothing_to_look_at(kept):
    kept.container("db")["limits"]["memory"] = None
    assert kept.ask("container.swap").outcome is Outcome.SKIP


@pytest.mark.parametrize(
    "limit,value,says", [("cpus", None, "processors"), ("pids", None, "processes"), ("pids", -1, "processes")]
)
def test_no_limit_of_processors_or_processes(kept, limit, value, says):
    kept.container("db")["limits"][limit] = value
    finding = kept.ask("container.cpu_pids")
    assert finding.outcome is Outcome.WARN
    assert f"db: has no limit of {says}" in finding.summary


class TestOutOfMemory:
    def test_one_that_ran_out_of_memory_and_runs_again_warns(self, kept):
        ago = kept.facts["collected_at"]
        at = datetime.fromisoformat(ago).timestamp() - 60
        kept.facts["logs"]["entries"]["medication-tracker-db"]["oom"] = at
        finding = kept.ask("container.oom")
        assert finding.outcome is Outcome.WARN
        assert "ran out of memory 60 s ago, and was started again" in finding.summary

    def test_a_process_was_killed(self, kept):
        kept.facts["cgroups"]["entries"]["medication-tracker-db"]["oom_kills"] = 1
        finding = kept.ask("container.oom")
        assert finding.outcome is Outcome.FAIL
        assert "db: the kernel has killed 1 process in it" in finding.summary

    def test_the_whole_container_was(self, kept):
        kept.container("backend-1").update(state="exited", oom_killed=True)
        del kept.facts["cgroups"]["entries"]["medication-tracker-backend-1"]
        finding = kept.ask("container.oom")
        assert finding.outcome is Outcome.FAIL
        assert "was killed for lack of memory" in finding.summary

    def test_a_kernel_that_does_not_count_is_not_well(self, kept):
        kept.facts["cgroups"]["entries"]["medication-tracker-db"]["oom_kills"] = None
        assert kept.ask("container.oom").outcome is Outcome.ERROR

    def test_one_that_ended_while_it_was_looked_at(self, kept):
        del kept.facts["cgroups"]["entries"]["medication-tracker-db"]
        finding = kept.ask("container.oom")
        assert finding.outcome is Outcome.ERROR
        assert "ended while" in finding.summary


class TestMemoryUsed:
    def test_little_is_left(self, kept):
        entry = kept.facts["cgroups"]["entries"]["medication-tracker-db"]
        entry["working_set"] = entry["memory_limit"] * 9 // 10
        finding = kept.ask("container.memory_used")
        assert finding.outcome is Outcome.WARN
        assert "uses 1,843 MB of 2,048 MB, 90%" in finding.summary

    def test_without_a_limit_there_is_no_share(self, kept):
        kept.facts["cgroups"]["entries"]["medication-tracker-db"]["memory_limit"] = None
        assert kept.ask("container.memory_used").outcome is Outcome.PASS

    def test_nothing_runs(self, kept):
        kept.facts["cgroups"]["entries"] = {}
        assert kept.ask("container.memory_used").outcome is Outcome.ERROR


class TestFlapping:
    def test_many_restarts_of_late(self, kept):
        kept.container("backend-1").update(restart_count=3, started_at="2026-11-25T14:28:00Z")
        finding = kept.ask("container.flapping")
        assert finding.outcome is Outcome.FAIL
        assert "was restarted 3 times, last 104 s ago" in finding.summary

    def test_many_restarts_long_ago(self, kept):
        kept.container("backend-1").update(restart_count=3, started_at="2026-11-20T14:28:00Z")
        assert kept.ask("container.flapping").outcome is Outcome.PASS

    def test_two_are_not_many(self, kept):
        kept.container("backend-1").update(restart_count=2, started_at="2026-11-25T14:28:00Z")
        assert kept.ask("container.flapping").outcome is Outcome.PASS

    def test_between_two_starts(self, kept):
        kept.container("backend-1").update(state="restarting", running=False, restart_count=1, exit_code=3)
        finding = kept.ask("container.flapping")
        assert finding.outcome is Outcome.FAIL
        assert "is being restarted, 1 time so far; it ends with 3" in finding.summary


@pytest.mark.parametrize(
    "policy,outcome",
    [("no", Outcome.WARN), ("on-failure", Outcome.WARN), ("always", Outcome.PASS)],
)
def test_restart_policies(kept, policy, outcome):
    kept.container("db")["restart_policy"] = policy
    assert kept.ask("container.restart_policy").outcome is outcome


def test_restart_policies_of_a_file(kept):
    services = [
        Container("db", "postgres", restart_policy="on-failure:5"),
        Container("web", "backend", restart_policy="unless-stopped"),
        Container("migrate", restart_policy="no"),
    ]
    finding = kept.ask_file("container.restart_policy", *services)
    assert [(seen.of, seen.key) for seen in finding.evidence if seen.level == "bad"] == [("db", "restart")]
    assert kept.ask_file("container.restart_policy", services[2]).outcome is Outcome.SKIP


def test_the_database_is_process_1(kept):
    kept.container("db")["init"] = False
    assert kept.ask("container.init").outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "key,value,says",
    [
        ("stop_signal", "SIGTERM", "stopped by SIGTERM"),
        ("stop_signal", "15", "stopped by SIGTERM"),
        ("stop_signal", None, "stopped by SIGTERM"),
        ("stop_signal", "quit", "stopped by SIGQUIT"),
        ("stop_timeout", 10, "10 s to stop"),
        ("stop_timeout", 0, "0 s to stop"),
        ("stop_timeout", None, "10 s"),
    ],
)
def test_the_database_is_stopped_too_hard(kept, key, value, says):
    kept.container("db")[key] = value
    finding = kept.ask("container.stop")
    assert finding.outcome is Outcome.FAIL
    assert says in finding.summary


@pytest.mark.parametrize("signal", ["2", "INT", "SIGINT", None])
def test_a_file_leaves_the_signal_to_the_official_image_or_names_it(kept, signal):
    service = Container("db", "postgres", stop_signal=signal, stop_timeout=120)
    assert kept.ask_file("container.stop", service).outcome is Outcome.PASS


class TestHealth:
    def test_unhealthy(self, kept):
        kept.container("db").update(health="unhealthy", health_output="TCP:  no\nresponse")
        finding = kept.ask("container.health")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == "medication-tracker-db: is unhealthy: TCP: no response"

    def test_starting(self, kept):
        kept.container("db").update(health="starting", health_output=None)
        finding = kept.ask("container.health")
        assert finding.outcome is Outcome.WARN
        assert "has been starting for 16 min: its probe says nothing" in finding.summary

    def test_the_last_health_of_a_paused_one_says_nothing(self, kept):
        kept.container("db").update(state="paused", health="unhealthy")
        assert kept.ask("container.health").outcome is Outcome.PASS

    def test_nothing_runs(self, kept):
        for entry in kept.facts["containers"]["entries"]:
            entry["state"] = "exited"
        assert kept.ask("container.health").outcome is Outcome.ERROR


SOCKET_ONLY = [
    ("CMD-SHELL", "pg_isready -U app -d app"),
    ("CMD", "pg_isready"),
    ("CMD", "sh", "-c", "/usr/bin/pg_isready -U app || exit 1"),
    ("CMD-SHELL", "pg_isready -h /var/run/postgresql"),
    ("CMD-SHELL", "psql -U app -c 'SELECT 1'"),
    ("CMD", "pg_isready", "-h"),
    ("CMD", "pg_isready", "--host", "/run/postgresql"),
    ("CMD-SHELL", "pg_isready --host=/run/postgresql"),
    ("CMD-SHELL", "pg_isready -h/run/postgresql"),
]
OVER_TCP = [
    ("CMD", "pg_isready", "-h", "127.0.0.1"),
    ("CMD-SHELL", "pg_isready --host=localhost -U app"),
    ("CMD-SHELL", "pg_isready -hlocalhost"),
    ("CMD", "pg_isready", "-hd"),
    ("CMD", "pg_isready", "--host", "db"),
    ("CMD-SHELL", "psql 'host=db user=app' -c 'SELECT 1'"),
    ("CMD-SHELL", "psql postgresql://app@localhost/app -c 'SELECT 1'"),
    ("CMD", "healthcheck"),
]


class TestHealthCheck:
    @pytest.mark.parametrize("test", SOCKET_ONLY)
    def test_the_socket_only(self, kept, test):
        finding = kept.ask_file("container.health_check", Container("db", "postgres", probe=Probe(test)))
        assert finding.outcome is Outcome.FAIL
        assert keys(finding) == {"healthcheck.test"}
        assert finding.summary == f"db: its probe asks the socket only: {' '.join(Probe(test).words)}"

    @pytest.mark.parametrize("test", OVER_TCP)
    def test_over_tcp(self, kept, test):
        finding = kept.ask_file("container.health_check", Container("db", "postgres", probe=Probe(test)))
        assert finding.outcome is Outcome.PASS

    def test_the_host_may_stand_in_the_environment(self, kept):
        service = Container("db", "postgres", probe=Probe(SOCKET_ONLY[0]), values={"PGHOST": "localhost"})
        assert kept.ask_file("container.health_check", service).outcome is Outcome.PASS

    @pytest.mark.parametrize(
        "role,outcome", [("postgres", Outcome.FAIL), ("backend", Outcome.FAIL), (None, Outcome.WARN)]
    )
    def test_none(self, kept, role, outcome):
        for probe in (None, Probe(("NONE",))):
            finding = kept.ask_file("container.health_check", Container("x", role, probe=probe))
            assert finding.outcome is outcome
            assert finding.evidence[0].key == "healthcheck"

    def test_killed_before_pg_isready_has_its_answer(self, kept):
        kept.container("db")["probe"]["timeout"] = 3.0
        finding = kept.ask("container.health_check")
        assert finding.outcome is Outcome.WARN
        assert "is killed after 3 s" in finding.summary
        (late,) = [seen for seen in finding.evidence if "killed" in seen.what]
        assert (late.of, late.key) == ("medication-tracker-db", "healthcheck.timeout")
        others = {(seen.of, seen.key) for seen in finding.evidence if "asked every" in seen.what}
        assert {of for of, key in others if key == "healthcheck.test" and "-backend-" in of} == {
            f"medication-tracker-backend-{n}" for n in (1, 2)
        }


class TestRecovery:
    def test_too_little_time(self, kept):
        kept.container("db")["probe"]["start_period"] = 30.0
        finding = kept.ask("container.recovery")
        assert finding.outcome is Outcome.WARN
        assert "30 s after its start, and 300 s are wanted" in finding.summary

    def test_restarted_for_it(self, kept):
        kept.container("db")["probe"]["start_period"] = 30.0
        kept.container("db")["labels"]["autoheal"] = "true"
        assert kept.ask("container.recovery").outcome is Outcome.FAIL

    def test_killed_by_its_own_probe(self, kept):
        kept.container("db")["probe"]["test"] = ["CMD-SHELL", "pg_isready -h localhost || (kill 1)"]
        finding = kept.ask("container.recovery")
        assert finding.outcome is Outcome.FAIL
        assert "kills the server" in finding.summary

    def test_the_images_own_is_left_to_the_look_at_the_real_container(self, kept):
        """What `backend_health_command: []` declares."""
        declared = kept.declared["backend"]["containers"]
        for container in declared.values():
            container["healthcheck"]["test"] = None
        assert kept.ask("container.health_check", Phase.PREFLIGHT).outcome is Outcome.PASS
        next(iter(declared.values())).pop("healthcheck")
        assert kept.ask("container.health_check", Phase.PREFLIGHT).outcome is Outcome.FAIL
        kept.container("backend-1")["probe"] = None
        assert kept.ask("container.health_check", Phase.RUNTIME).outcome is Outcome.FAIL

    def test_without_a_probe_nothing_is_in_its_way(self, kept):
        kept.container("db")["probe"] = None
        assert kept.ask("container.recovery").outcome is Outcome.PASS


class TestCapabilities:
    def test_one_too_many(self, kept):
        kept.container("backend-1")["security"]["cap_add"] = ["CAP_SYS_ADMIN", "NET_BIND_SERVICE"]
        finding = kept.ask("container.capabilities")
        assert finding.outcome is Outcome.WARN
        assert "is given SYS_ADMIN" in finding.summary

    def test_those_of_docker(self, kept):
        kept.container("backend-1")["security"]["cap_drop"] = ["NET_RAW"]
        assert "keeps Docker's default" in kept.ask("container.capabilities").summary

    def test_the_entrypoint_of_the_official_image_needs_some(self, kept):
        needed = ("CHOWN", "dac_override", "FOWNER", "SETGID", "SETUID")
        root = Container("db", "postgres", cap_drop=("all",), cap_add=needed)
        user = Container("db", "postgres", cap_drop=("ALL",), cap_add=needed, user="999")
        assert kept.ask_file("container.capabilities", root).outcome is Outcome.PASS
        assert keys(kept.ask_file("container.capabilities", user)) == {"cap_add"}


POWERS = [
    ({"privileged": True}, "privileged", "is privileged"),
    ({"namespaces": {"pid": "host"}}, "pid", "host's pid namespace"),
    ({"namespaces": {"ipc": "host"}}, "ipc", "host's ipc namespace"),
    ({"namespaces": {"uts": "host"}}, "uts", "host's uts namespace"),
    ({"network_mode": "host"}, "network_mode", "host's network"),
    ({"mounts": (Mount("bind", "/run/docker.sock", "/s"),)}, "volumes", "engine's socket"),
    ({"mounts": (Mount("bind", "/", "/host", True),)}, "volumes", "may read the host's /"),
    ({"mounts": (Mount("bind", "/etc/", "/e"),)}, "volumes", "may write the host's /etc"),
    ({"mounts": (Mount("bind", "/sys/kernel", "/k"),)}, "volumes", "/sys/kernel"),
]


class TestPrivileged:
    @pytest.mark.parametrize("power,key,says", POWERS)
    def test_a_power(self, kept, power, key, says):
        finding = kept.ask_file("container.privileged", Container("x", **power))
        assert finding.outcome is Outcome.FAIL
        assert keys(finding) == {key}
        assert says in finding.summary

    def test_of_a_real_one(self, kept):
        kept.container("backend-1")["security"]["namespaces"]["pid"] = "host"
        assert kept.ask("container.privileged").outcome is Outcome.FAIL

    def test_a_file_of_etc_and_a_volume_are_none(self, kept):
        mounts = (Mount("bind", "/etc/localtime", "/etc/localtime", True), Mount("volume", "data", "/data"))
        service = Container("x", namespaces={"ipc": "private"}, mounts=mounts)
        assert kept.ask_file("container.privileged", service).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "options,says",
    [
        ([], "may gain privileges"),
        (["no-new-privileges:false"], "may gain privileges"),
        (["no-new-privileges:true", "seccomp=unconfined"], "runs with seccomp:unconfined"),
        (["no-new-privileges", "label:disable"], "runs with label:disable"),
    ],
)
def test_loose_security_options(kept, options, says):
    kept.container("db")["security"]["options"] = options
    finding = kept.ask("container.no_new_privileges")
    assert finding.outcome is Outcome.WARN
    assert says in finding.summary


class TestReadOnly:
    def test_writable(self, kept):
        kept.container("db")["security"]["read_only"] = False
        assert kept.ask("container.read_only").outcome is Outcome.WARN

    def test_read_only_without_a_place_for_temporary_files(self, kept):
        kept.container("db")["tmpfs"] = []
        finding = kept.ask("container.read_only")
        assert finding.outcome is Outcome.WARN
        assert "nowhere to write" in finding.summary

    def test_a_volume_there_will_do(self, kept):
        service = Container("x", read_only=True, mounts=(Mount("volume", "scratch", "/tmp/"),))
        assert kept.ask_file("container.read_only", service).outcome is Outcome.PASS


class TestUser:
    @pytest.mark.parametrize("user", ["0", "root", "0:0", None])
    def test_the_application_is_root(self, kept, user):
        kept.container("backend-1")["security"]["user"] = user
        finding = kept.ask("container.user")
        assert finding.outcome is Outcome.WARN
        assert "root" in finding.summary

    def test_a_file_that_names_no_user_leaves_it_to_the_image(self, kept):
        finding = kept.ask_file("container.user", Container("web", "backend"))
        assert finding.outcome is Outcome.WARN
        assert "its image decides" in finding.summary

    def test_the_official_image_begins_as_root(self, kept):
        assert kept.ask_file("container.user", Container("db", "postgres")).outcome is Outcome.PASS

    def test_root_by_name_is_wrong_for_anybody(self, kept):
        finding = kept.ask_file("container.user", Container("cache", user="root"))
        assert keys(finding) == {"user"}


class TestState:
    def test_missing(self, kept):
        kept.facts["containers"]["entries"].remove(kept.container("backend-2"))
        finding = kept.ask("container.state")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == "medication-tracker-backend-2: is declared and not there"

    def test_ended(self, kept):
        kept.container("db").update(state="exited", exit_code=137, finished_at="2026-11-25T13:29:00Z")
        finding = kept.ask("container.state")
        assert finding.outcome is Outcome.FAIL
        assert "is exited: it ended with code 137, 61 min ago" in finding.summary

    @pytest.mark.parametrize("state", ["paused", "created", "restarting"])
    def test_anything_else_that_does_not_run(self, kept, state):
        kept.container("db")["state"] = state
        assert f"db: is {state}" in kept.ask("container.state").summary


def test_a_check_of_no_container_is_not_green(kept):
    kept.facts["containers"]["entries"].remove(kept.container("db"))
    finding = kept.ask("container.init")
    assert finding.outcome is Outcome.ERROR
    assert finding.summary == "there is no container of the role postgres"
