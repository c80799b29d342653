"""Pools: whether they fit, whether they can wait for ever, and who holds what."""

import re

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container

B1, B2 = "medication-tracker-backend-1", "medication-tracker-backend-2"


def say(kept, name, line):
    """Replace a line of what a backend tells; a line without a value takes it away."""
    metric = line.partition(" ")[0]
    entry = kept.facts["metrics"]["entries"][name]
    entry["lines"] = [old for old in entry["lines"] if old.partition(" ")[0] != metric]
    entry["lines"] += [line] if " " in line else []


def environment(kept, name, **values):
    kept.container(name)["environment"]["values"].update(values)


def session(kept, **changed):
    row = {**kept.rows("activity")[0], **changed}
    kept.rows("activity").append(row)
    return row


def texts(finding):
    return [f"{seen.of}: {seen.what}" for seen in finding.evidence]


class TestArithmetic:
    def test_the_figures_of_a_pass(self, kept):
        finding = kept.ask("pool.arithmetic")
        assert "2 x 60 connections" in finding.summary
        assert "are 139, and max_connections is 139" in finding.summary
        assert f"{B1}: 2 x (5 + 10) = 30 connections" in texts(finding)

    def test_a_container_that_asks_for_more_than_is_declared(self, kept):
        environment(kept, "backend-1", WEB_CONCURRENCY="3")
        finding = kept.ask("pool.arithmetic")
        assert finding.outcome is Outcome.FAIL
        assert "2 x 75 connections" in finding.summary
        assert "are 169, and max_connections is 139" in finding.summary

    def test_a_figure_that_an_image_is_not_told_counts_as_declared(self, kept):
        """And not as the ten that SQLAlchemy would take."""
        kept.declared["backend"].update(variable_names={"DB_MAX_OVERFLOW": ""}, max_overflow=0)
        for name in ("backend-1", "backend-2"):
            del kept.container(name)["environment"]["values"]["DB_MAX_OVERFLOW"]
        assert f"{B1}: 2 x (5 + 0) = 10 connections" in texts(kept.ask("pool.arithmetic"))

    def test_a_server_that_takes_fewer_than_is_declared(self, kept):
        kept.setting("max_connections")["setting"] = "100"
        assert kept.ask("pool.arithmetic", Phase.DEPLOY).outcome is Outcome.FAIL

    def test_what_is_declared_does_not_fit(self, kept):
        kept.declared["postgres"]["pool"]["max_connections"] = 100
        finding = kept.ask("pool.arithmetic", Phase.PREFLIGHT)
        assert finding.outcome is Outcome.FAIL
        assert "max_connections is 100" in finding.summary

    def test_backends_on_other_hosts_count_as_declared(self, kept):
        kept.declared["postgres"]["declared"]["pool"]["hosts"] = 2
        kept.declared["postgres"]["pool"]["demand"] = 120
        assert "2 x 120 connections" in kept.ask("pool.arithmetic").summary
        del kept.declared["backend"]
        assert "2 x 120 connections" in kept.ask("pool.arithmetic").summary

    def test_a_pool_without_an_end_fits_nowhere(self, kept):
        environment(kept, "backend-2", DB_MAX_OVERFLOW="-1")
        finding = kept.ask("pool.arithmetic")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary.endswith("and no end")

    def test_a_figure_that_is_none_is_not_guessed(self, kept):
        environment(kept, "backend-2", DB_POOL_SIZE="many")
        finding = kept.ask("pool.arithmetic")
        assert finding.outcome is Outcome.ERROR
        assert "'many'" in finding.summary

    @pytest.mark.parametrize(
        "command,size,outcome,says",
        [
            ((), "5", Outcome.PASS, "max_connections 100 leaves 97"),
            (
                ("postgres", "-c", "max_connections=20"),
                "5",
                Outcome.FAIL,
                "30 connections, and .* 20 leaves 17",
            ),
            (("postgres", "-cmax_connections=20"), "5", Outcome.FAIL, "20 leaves 17"),
            (("postgres", "--max_connections=40"), "5", Outcome.WARN, "fewer than 10"),
            (("postgres", "-c", "config_file=/x"), "5", Outcome.SKIP, "file of its own"),
            ((), None, Outcome.SKIP, "WEB_CONCURRENCY"),
        ],
    )
    def test_a_file(self, kept, command, size, outcome, says):
        values = {} if size is None else {"DB_POOL_SIZE": size, "WEB_CONCURRENCY": "2"}
        finding = kept.ask_file(
            "pool.arithmetic",
            Container("db", "postgres", command=command),
            Container("web", "backend", values=values),
        )
        assert finding.outcome is outcome
        assert re.search(says, finding.summary)


class TestOverflowBounded:
    @pytest.mark.parametrize("name,value", [("DB_MAX_OVERFLOW", "-1"), ("DB_POOL_SIZE", "0")])
    def test_no_end(self, kept, name, value):
        environment(kept, "backend-2", **{name: value})
        finding = kept.ask("pool.overflow_bounded")
        assert finding.outcome is Outcome.WARN
        assert finding.summary == f"{B2}: {name} is {value}: a pool without an end"

    def test_a_file_names_the_key(self, kept):
        container = Container("web", "backend", values={"DB_MAX_OVERFLOW": "-1"})
        finding = kept.ask_file("pool.overflow_bounded", container)
        assert finding.evidence[0].key == "environment.DB_MAX_OVERFLOW"


class TestEdges:
    @pytest.mark.parametrize(
        ("most", "outcome"),
        [("32", Outcome.FAIL), ("33", Outcome.WARN), ("42", Outcome.WARN), ("43", Outcome.PASS)],
    )
    def test_a_file(self, kept, most, outcome):
        """30 connections, 3 that are reserved, 10 for everybody else."""
        finding = kept.ask_file(
            "pool.arithmetic",
            Container("db", "postgres", command=("postgres", "-c", f"max_connections={most}")),
            Container("web", "backend", values={"DB_POOL_SIZE": "5", "WEB_CONCURRENCY": "2"}),
        )
        assert finding.outcome is outcome
        (told,) = [seen for seen in finding.evidence if "max_connections" in seen.what]
        assert (told.of, told.key) == ("db", "" if outcome is Outcome.PASS else "command")

    def test_a_pool_without_an_end_in_a_file(self, kept):
        finding = kept.ask_file(
            "pool.arithmetic",
            Container("db", "postgres", command=("postgres", "-c", "max_connections=500")),
            Container("web", "backend", values={"DB_MAX_OVERFLOW": "-1", "WEB_CONCURRENCY": "2"}),
        )
        (told,) = [seen for seen in finding.evidence if "no end" in seen.what]
        assert (told.of, told.key) == ("web", "environment.DB_MAX_OVERFLOW")

    @pytest.mark.parametrize(("used", "outcome"), [("26", Outcome.PASS), ("27", Outcome.WARN)])
    def test_nine_tenths_of_a_pool_in_use(self, kept, used, outcome):
        say(kept, B1, f"db_pool_in_use {used}")
        finding = kept.ask("pool.attribution")
        assert finding.outcome is outcome
        (told,) = [seen for seen in finding.evidence if f"{used} of 30" in seen.what]
        assert told.of == B1

    @pytest.mark.parametrize(("admitted", "outcome"), [("135", Outcome.PASS), ("136", Outcome.WARN)])
    def test_as_many_threads_as_may_wait(self, kept, admitted, outcome):
        say(kept, B1, f"db_pool_admitted {admitted}")
        finding = kept.ask("pool.threads")
        assert finding.outcome is outcome
        assert {seen.of for seen in finding.evidence} == {B1, B2}

    @pytest.mark.parametrize(
        ("values", "key"),
        [
            ({"WEB_THREADS": "40"}, "environment.WEB_THREADS"),
            ({"GUNICORN_CMD_ARGS": "--threads 40"}, "environment.GUNICORN_CMD_ARGS"),
        ],
    )
    def test_threads_of_a_file_have_their_key(self, kept, values, key):
        service = Container("web", "backend", values={"DB_POOL_SIZE": "5", **values})
        assert kept.ask_file("pool.threads", service).evidence[0].key == key

    @pytest.mark.parametrize(("killed", "outcome"), [("31", Outcome.PASS), ("30", Outcome.WARN)])
    def test_sqlalchemy_waits_thirty_seconds_where_nothing_is_said(self, kept, killed, outcome):
        service = Container("web", "backend", values={"GUNICORN_CMD_ARGS": f"--timeout {killed}"})
        finding = kept.ask_file("pool.timeout_order", service)
        assert (finding.outcome, finding.evidence[0].of) == (outcome, "web")
        assert "waits 30 s" in finding.summary

    def test_what_the_application_tells_counts_where_nothing_is_declared(self, kept):
        del kept.container("backend-1")["environment"]["values"]["DB_POOL_TIMEOUT"]
        say(kept, B1, "db_pool_timeout_seconds 75")
        finding = kept.ask("pool.timeout_order")
        assert finding.outcome is Outcome.WARN
        assert "waits 75 s for a connection" in finding.summary


class TestThreads:
    def test_more_than_connections_but_admitted_are_fewer(self, kept):
        finding = kept.ask("pool.threads")
        assert "136 threads share 30 connections; 120 of them may hold or await one" in finding.summary

    def test_nothing_bounds_who_waits(self, kept):
        say(kept, B1, "db_pool_admitted")
        finding = kept.ask("pool.threads")
        assert finding.outcome is Outcome.WARN
        assert "nothing bounds how many wait" in finding.summary

    @pytest.mark.parametrize(
        "values,outcome",
        [
            ({"WEB_THREADS": "15"}, Outcome.PASS),
            ({"WEB_THREADS": "16"}, Outcome.WARN),
            ({"GUNICORN_CMD_ARGS": "--threads 8 --timeout 40"}, Outcome.PASS),
            ({"GUNICORN_CMD_ARGS": "--threads=40"}, Outcome.WARN),
        ],
    )
    def test_an_application_that_tells_nothing_but_its_environment_does(self, kept, values, outcome):
        for name in (B1, B2):
            say(kept, name, "db_pool_threads")
            say(kept, name, "db_pool_admitted")
        environment(kept, "backend-1", **values)
        assert kept.ask("pool.threads").outcome is outcome

    def test_nothing_says_it(self, kept):
        for name in (B1, B2):
            say(kept, name, "db_pool_threads")
        assert kept.ask("pool.threads").outcome is Outcome.SKIP

    def test_no_answer_is_not_nothing(self, kept):
        kept.facts["metrics"]["entries"][B1] = {"ok": False, "error": "timed out"}
        for slug in ("pool.threads", "pool.timeout_order", "pool.pre_ping"):
            finding = kept.ask(slug)
            assert finding.outcome is Outcome.ERROR
            assert finding.summary == f"{B1}: timed out"

    def test_a_file(self, kept):
        values = {"DB_POOL_SIZE": "5", "GUNICORN_CMD_ARGS": "--threads 40"}
        finding = kept.ask_file("pool.threads", Container("web", "backend", values=values))
        assert finding.outcome is Outcome.WARN
        assert finding.evidence[0].key == "environment.GUNICORN_CMD_ARGS"


class TestPrePing:
    def test_off(self, kept):
        say(kept, B2, "db_pool_pre_ping 0.0")
        finding = kept.ask("pool.pre_ping")
        assert finding.outcome is Outcome.WARN
        assert finding.summary == f"{B2}: uses pooled connections untried"

    def test_an_application_without_metrics(self, kept):
        for entry in kept.facts["metrics"]["entries"].values():
            entry.update(lines=[], reason="/metrics answers 404")
        finding = kept.ask("pool.pre_ping")
        assert finding.outcome is Outcome.SKIP
        assert "/metrics answers 404" in finding.summary

    def test_metrics_that_say_nothing_of_it(self, kept):
        for name in (B1, B2):
            say(kept, name, "db_pool_pre_ping")
        assert kept.ask("pool.pre_ping").outcome is Outcome.SKIP

    def test_nobody_runs(self, kept):
        kept.facts["metrics"]["entries"] = {}
        assert "no backend runs" in kept.ask("pool.pre_ping").summary

    def test_a_line_that_is_none(self, kept):
        say(kept, B1, "db_pool_pre_ping yes")
        assert kept.ask("pool.pre_ping").outcome is Outcome.ERROR


class TestTimeoutOrder:
    @pytest.mark.parametrize(
        "wait,outcome", [("59", Outcome.PASS), ("60", Outcome.WARN), ("90", Outcome.WARN)]
    )
    def test_the_wait_has_to_be_shorter(self, kept, wait, outcome):
        environment(kept, "backend-1", DB_POOL_TIMEOUT=wait)
        finding = kept.ask("pool.timeout_order")
        assert finding.outcome is outcome
        assert f"waits {wait} s for a connection, and a worker is killed after 60 s" in finding.summary

    def test_never_killed(self, kept):
        say(kept, B1, "db_pool_worker_timeout_seconds 0")
        assert kept.ask("pool.timeout_order").outcome is Outcome.PASS

    def test_nothing_says_it(self, kept):
        for name in (B1, B2):
            say(kept, name, "db_pool_worker_timeout_seconds")
        assert kept.ask("pool.timeout_order").outcome is Outcome.SKIP

    def test_a_file(self, kept):
        values = {"DB_POOL_TIMEOUT": "30", "GUNICORN_CMD_ARGS": "--timeout 30"}
        finding = kept.ask_file("pool.timeout_order", Container("web", "backend", values=values))
        assert finding.outcome is Outcome.WARN
        assert finding.evidence[0].key == "environment.DB_POOL_TIMEOUT"


def test_a_connection_in_two_processes(kept):
    entry = kept.facts["sockets"]["entries"][B1]
    entry["shared"] = [{"socket": "2132817", "pids": [23776, 23777]}]
    finding = kept.ask("pool.forked_sockets")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == f"{B1}: the connection from port 41532 is held by the processes 23776 and 23777"


def test_a_connection_without_a_name(kept):
    session(kept, application="")
    session(kept, application="", role="postgres")
    finding = kept.ask("pool.application_name")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication_tracker: 1 connection from 172.30.240.4 without application_name"


class TestAttribution:
    def test_who_holds_what(self, kept):
        told = texts(kept.ask("pool.attribution"))
        assert f"{B1}: worker 8: 1 connection (1 idle), the oldest 923 s" in told
        assert f"{B2}: worker 9: 1 connection (1 idle), the oldest 927 s" in told
        assert f"{B1}: 0 of 30 connections of the pool in use, 0 requests wait" in told
        assert kept.ask("pool.attribution").summary.startswith(
            "4 connections of the application, no bottleneck"
        )

    def test_what_they_do(self, kept):
        row = kept.rows("activity")[1]
        row.update(state="active", command="UPDATE", wait_event_type="Lock", transaction_seconds=7.0)
        told = texts(kept.ask("pool.attribution"))
        assert (
            f"{B1}: worker 8: 1 connection (1 UPDATE waiting for a lock), the oldest 923 s, "
            "the longest transaction 7 s" in told
        )

    def test_nobody_known(self, kept):
        session(kept, address="172.30.240.9", port=40000, application="psql", state="idle in transaction")
        finding = kept.ask("pool.attribution")
        assert finding.outcome is Outcome.WARN
        assert finding.summary.startswith(
            "unknown holder: 172.30.240.9, which calls itself psql: 1 connection"
        )
        assert finding.summary.endswith("belongs to no container of the stack")

    def test_other_hosts_have_containers_that_are_not_seen(self, kept):
        kept.declared["postgres"]["declared"]["pool"]["hosts"] = 2
        session(kept, address="172.30.240.9", port=40000)
        assert kept.ask("pool.attribution").outcome is Outcome.PASS

    def test_a_session_of_the_look_itself_is_nobodys(self, kept):
        session(kept, address="172.30.240.9", application="stanchion-inside")
        session(kept, address="172.30.240.9", role="postgres")
        assert kept.ask("pool.attribution").outcome is Outcome.PASS

    def test_opened_since_the_sockets_were_looked_at(self, kept):
        session(kept, port=1)
        session(kept, address=None, port=-1, application="psql")
        told = texts(kept.ask("pool.attribution"))
        assert any(text.startswith(f"{B2}: a process that is not known: 1 connection") for text in told)
        assert any(text.startswith("medication-tracker-db: by the operators' socket") for text in told)

    @pytest.mark.parametrize(
        "lines", [["db_pool_in_use 27.0"], ["db_pool_in_use 15.0", "db_pool_waiting 1.0"]]
    )
    def test_used_up(self, kept, lines):
        for line in lines:
            say(kept, B1, line)
        finding = kept.ask("pool.attribution")
        assert finding.outcome is Outcome.WARN
        assert "the bottleneck is the pool" in finding.summary

    def test_a_request_that_is_just_being_given_a_free_connection(self, kept):
        say(kept, B1, "db_pool_waiting 1.0")
        finding = kept.ask("pool.attribution")
        assert finding.outcome is Outcome.PASS
        assert f"{B1}: 0 of 30 connections of the pool in use, 1 requests wait" in texts(finding)

    @pytest.mark.parametrize(
        "changed,says",
        [
            ({"state": "active", "wait_event_type": "IO"}, "the database: statements are slow or many"),
            ({"state": "active", "wait_event_type": "Lock"}, "the database, by locks"),
            ({"state": "idle in transaction"}, "the application, which holds transactions open"),
            ({"state": "idle"}, "the pool: connections are held and hardly used"),
            ({"role": "postgres"}, "the database: the pools have no session in it"),
        ],
    )
    def test_which_is_the_bottleneck(self, kept, changed, says):
        say(kept, B1, "db_pool_in_use 30.0")
        for row in kept.rows("activity"):
            row.update(changed)
        assert f"the bottleneck is {says}" in kept.ask("pool.attribution").summary

    def test_an_application_without_metrics_is_attributed_all_the_same(self, kept):
        entries = kept.facts["metrics"]["entries"]
        entries[B1].update(lines=[], reason="/metrics answers 404")
        entries[B2] = {"ok": False, "error": "timed out"}
        finding = kept.ask("pool.attribution")
        assert finding.outcome is Outcome.PASS
        assert f"{B1}: does not tell how full its pool is: /metrics answers 404" in texts(finding)
        assert f"{B2}: does not tell how full its pool is: timed out" in texts(finding)
