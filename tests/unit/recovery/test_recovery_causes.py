"""Each cause is found where its thing is broken, and named before what follows from it."""

from collections.abc import Callable

import pytest
from sick_stack import BACKEND, DATABASE, Sick

from stanchion.recovery import Layer, Risk, every_cause

NETWORK = "medication-tracker_app_network"
BREAKS: dict[str, Callable[[Sick], None]] = {}
SESSION = {
    "address": "172.30.240.9",
    "application": "report",
    "began": 1.5,
    "transaction_began": 2.5,
    "blocked_by": [],
    "command": "SELECT",
    "connected_seconds": 300.0,
    "database": "medication_tracker",
    "pid": 700,
    "port": 4711,
    "query_seconds": 200.0,
    "role": "analyst",
    "state": "idle in transaction",
    "state_seconds": 200.0,
    "transaction_seconds": 200.0,
    "wait_event": "ClientRead",
    "wait_event_type": "Client",
}


def breaks(slug: str) -> Callable[[Callable[[Sick], None]], Callable[[Sick], None]]:
    def register(function: Callable[[Sick], None]) -> Callable[[Sick], None]:
        BREAKS[slug] = function
        return function

    return register


def without_engine(sick: Sick, **engine: object) -> None:
    sick.facts["engine"] = {"ok": True, **engine}
    for source in ("containers", "images", "networks", "volumes", "inside", "outside", "logs", "ready"):
        sick.facts[source] = {"ok": False, "error": "no engine answers"}
    sick.silent_database()


@breaks("engine.stopped")
def engine_stopped(sick: Sick) -> None:
    without_engine(sick, state="stopped", reason="connection refused")


@breaks("engine.silent")
def engine_silent(sick: Sick) -> None:
    without_engine(sick, state="unreachable", reason="no answer within 5 s")


@breaks("host.cut_short")
def cut_short(sick: Sick) -> None:
    lock = sick.facts["lock"]
    lock.update(state="dead", holder=lock["last"], reason="its process is gone")


@breaks("network.missing")
def network_missing(sick: Sick) -> None:
    networks = sick.facts["networks"]
    networks["entries"] = [each for each in networks["entries"] if each["name"] != NETWORK]
    sick.nameless_database()


@breaks("network.cut")
def network_cut(sick: Sick) -> None:
    sick.container(DATABASE)["networks"] = {}
    sick.nameless_database()


@breaks("dns.broken")
def dns_broken(sick: Sick) -> None:
    sick.nameless_database()


@breaks("volume.read_only")
def read_only(sick: Sick) -> None:
    sick.facts["disk"]["data_volume"]["read_only"] = True


@breaks("volume.full")
def volume_full(sick: Sick) -> None:
    disk = sick.facts["disk"]["data_volume"]
    disk.update(free=0, device=1)
    sick.container(DATABASE).update(state="restarting", running=False, exit_code=1, restart_count=9)
    sick.silent_database()


@breaks("volume.repository_full")
def repository_full(sick: Sick) -> None:
    sick.facts["disk"]["repository"].update(free=0, device=2)


@breaks("volume.foreign")
def volume_empty(sick: Sick) -> None:
    sick.facts["volumes"]["entries"][0]["content"].update(empty=True, pg_version=None)
    sick.container(DATABASE).update(state="restarting", running=False, exit_code=1, restart_count=9)
    sick.silent_database()


@breaks("volume.two_writers")
def two_writers(sick: Sick) -> None:
    sick.facts["volumes"]["entries"][0]["written_by"].append("somebody-elses")


@breaks("volume.damaged")
def damaged(sick: Sick) -> None:
    sick.rows("database_stats")[0]["checksum_failures"] = 3


@breaks("database.clock")
def database_clock(sick: Sick) -> None:
    sick.rows("server")[0]["clock"] -= 2 * 86400
    observed = sick.observed()["canary"]
    observed["newest"] -= 2 * 86400


@breaks("database.paused")
def database_paused(sick: Sick) -> None:
    sick.container(DATABASE).update(state="paused", running=False)
    sick.silent_database()


@breaks("database.recovering")
def database_recovering(sick: Sick) -> None:
    said = "starting or recovering: TCP is answered, connections are not taken yet"
    sick.container(DATABASE).update(health="unhealthy", health_output=said)
    sick.silent_database()


@breaks("database.stopped")
def database_stopped(sick: Sick) -> None:
    sick.container(DATABASE).update(state="exited", running=False, exit_code=0)
    sick.silent_database()
    sick.nameless_database()


@breaks("database.missing")
def database_missing(sick: Sick) -> None:
    entries = sick.facts["containers"]["entries"]
    entries.remove(sick.container(DATABASE))
    sick.silent_database()
    sick.nameless_database()


@breaks("database.looping")
def database_looping(sick: Sick) -> None:
    sick.container(DATABASE).update(state="restarting", running=False, exit_code=1, restart_count=9)
    sick.silent_database()


@breaks("database.hung")
def database_hung(sick: Sick) -> None:
    sick.container(DATABASE).update(health="unhealthy", health_output="TCP: 127.0.0.1:5432 - no response")
    sick.silent_database()


@breaks("database.out_of_memory")
def out_of_memory(sick: Sick) -> None:
    sick.facts["cgroups"]["entries"][DATABASE]["oom_kills"] = 1


@breaks("database.lock_pileup")
def lock_pileup(sick: Sick) -> None:
    blocked = {**SESSION, "pid": 701, "application": "backend-1", "state": "active", "blocked_by": [700]}
    sick.rows("activity").extend([dict(SESSION), blocked])
    sick.rows("waits").append({"pid": 701, "seconds": 180.0})


@breaks("database.idle_transaction")
def idle_transaction(sick: Sick) -> None:
    sick.rows("activity").append(dict(SESSION))


@breaks("database.connections_full")
def connections_full(sick: Sick) -> None:
    sick.rows("activity").extend({**SESSION, "pid": 800 + n, "state": "idle"} for n in range(200))


@breaks("database.configuration")
def configuration(sick: Sick) -> None:
    for row in sick.rows("roles"):
        if row["name"] == "medication_tracker":
            row["connection_limit"] = -1


@breaks("database.pending_restart")
def pending_restart(sick: Sick) -> None:
    sick.rows("settings")[0]["pending_restart"] = True


@breaks("database.slot")
def slot(sick: Sick) -> None:
    sick.rows("slots").append(
        {
            "name": "left",
            "type": "physical",
            "active": False,
            "wal_status": "reserved",
            "retained": 0,
            "inactive_seconds": 600.0,
        }
    )


@breaks("database.invalid_index")
def invalid_index(sick: Sick) -> None:
    sick.rows("invalid_indexes").append({"name": "doses_taken_at", "on_table": "doses"})


@breaks("database.dead_rows")
def dead_rows(sick: Sick) -> None:
    sick.rows("dead_tuples").append(
        {"name": 'public."odd', "dead": 90_000, "live": 10_000, "vacuum_seconds": None}
    )


@breaks("database.archive_behind")
def archive_behind(sick: Sick) -> None:
    sick.observed()["archive"].update(ready_files=40, oldest_ready_age=900.0)


@breaks("backend.definition")
def definition(sick: Sick) -> None:
    sick.container(DATABASE)["restart_policy"] = "no"


@breaks("backend.paused")
def backend_paused(sick: Sick) -> None:
    sick.container(BACKEND).update(state="paused", running=False)


@breaks("backend.stopped")
def backend_stopped(sick: Sick) -> None:
    sick.container(BACKEND).update(state="exited", running=False, exit_code=137)


@breaks("backend.missing")
def backend_missing(sick: Sick) -> None:
    entries = sick.facts["containers"]["entries"]
    entries.remove(sick.container(BACKEND))


@breaks("backend.looping")
def backend_looping(sick: Sick) -> None:
    sick.container(BACKEND).update(state="restarting", running=False, exit_code=3, restart_count=9)


@breaks("backend.dead")
def backend_dead(sick: Sick) -> None:
    sick.container(BACKEND).update(health="unhealthy", health_output="/health did not answer within 8 s")
    sick.facts["metrics"]["entries"][BACKEND] = {
        "ok": False,
        "error": "http://127.0.0.1:5000/metrics: timed out",
    }


@breaks("backend.pool_used_up")
def pool_used_up(sick: Sick) -> None:
    entry = sick.facts["metrics"]["entries"][BACKEND]
    entry["lines"] = [
        line.replace("in_use 0.0", "in_use 30.0").replace("waiting 0.0", "waiting 9.0")
        for line in entry["lines"]
    ]


@breaks("schedule.removed")
def schedule_removed(sick: Sick) -> None:
    sick.observed()["installed"].update(cron_file="differs", cron_difference="added: # by hand")


@breaks("schedule.cron_stopped")
def cron_stopped(sick: Sick) -> None:
    sick.observed()["installed"]["cron_running"] = False


@breaks("schedule.silent")
def schedule_silent(sick: Sick) -> None:
    sick.observed()["canary"]["newest"] -= 3600


@breaks("backup.tool_missing")
def tool_missing(sick: Sick) -> None:
    sick.observed()["installed"].update(tool="", tool_error="not found")


@breaks("backup.overdue")
def backup_overdue(sick: Sick) -> None:
    for repository in sick.observed()["repositories"]:
        for each in repository["sets"]:
            each["stopped"] -= 30 * 86400


@breaks("backup.unverified")
def unverified(sick: Sick) -> None:
    sick.observed()["jobs"]["verify"]["last"] = {
        "outcome": "failed",
        "ended": sick.observed()["canary"]["newest"],
        "error": "a file is broken",
        "exit": 1,
    }


@breaks("backup.unproved")
def unproved(sick: Sick) -> None:
    sick.observed()["drills"]["last"].update(outcome="failed", error="marker b is not there")
    sick.observed()["drills"]["last_proved"] = None


PROMETHEUS = "medication-tracker-prometheus"


def silent_prometheus(sick: Sick) -> None:
    sick.facts["monitoring"]["prometheus"] = {"ok": False, "error": "connection refused"}


@breaks("monitoring.paused")
def monitoring_paused(sick: Sick) -> None:
    sick.container(PROMETHEUS).update(state="paused", running=False)
    silent_prometheus(sick)


@breaks("monitoring.stopped")
def monitoring_stopped(sick: Sick) -> None:
    sick.container(PROMETHEUS).update(state="exited", running=False, exit_code=2)
    silent_prometheus(sick)


@breaks("monitoring.looping")
def monitoring_looping(sick: Sick) -> None:
    sick.container(PROMETHEUS).update(state="restarting", running=False, exit_code=2, restart_count=9)
    silent_prometheus(sick)


@breaks("monitoring.figures")
def monitoring_figures(sick: Sick) -> None:
    sick.facts["monitoring"]["figures"].update(cron_file="missing", cron_since=None)


def test_a_healthy_stack_has_nothing_to_mend(sick):
    plan = sick.plan()
    assert plan.causes == ()
    assert plan.todo == ()
    assert not plan.critical


def test_each_cause_is_broken_here():
    assert set(BREAKS) == {cause.slug for cause in every_cause()} - {"watch.removed"}


@pytest.mark.parametrize("slug", BREAKS)
def test_it_is_found_and_says_where_and_what(sick, slug):
    BREAKS[slug](sick)
    found = sick.causes()
    assert slug in found, list(found)
    cause = found[slug]
    assert cause.of
    assert cause.what
    assert cause.because
    assert not set(cause.because) & set(cause.explains)
    if cause.risk is not Risk.MANUAL:
        assert cause.commands or cause.remedy in ("wait_for_recovery", "take_over_lock")


# What is broken by itself has no second name: whoever reads the plan reads one cause.
ALONE = [
    "engine.stopped",
    "engine.silent",
    "network.cut",
    "network.missing",
    "dns.broken",
    "volume.full",
    "volume.foreign",
    "database.paused",
    "database.recovering",
    "database.stopped",
    "database.missing",
    "database.looping",
    "database.hung",
    "database.lock_pileup",
    "database.connections_full",
    "backend.paused",
    "backend.stopped",
    "backend.missing",
    "backend.dead",
    "schedule.removed",
    "schedule.cron_stopped",
    "monitoring.paused",
    "monitoring.stopped",
    "monitoring.looping",
    "monitoring.figures",
]


@pytest.mark.parametrize("slug", ALONE)
def test_its_symptoms_are_not_called_causes(sick, slug):
    BREAKS[slug](sick)
    assert {cause.cause for cause in sick.plan().causes} == {slug}


def test_what_is_cut_off_gets_its_names_back(sick):
    network_cut(sick)
    (cause,) = sick.plan().todo
    assert cause.commands == (f"docker network connect --alias db {NETWORK} {DATABASE}",)
    assert cause.of == f"{DATABASE} on {NETWORK}"
    assert cause.arguments == {"container": DATABASE, "network": NETWORK, "aliases": ["db"]}


def test_one_that_has_lost_its_name_is_taken_off_first(sick):
    sick.container(DATABASE)["networks"][NETWORK]["aliases"] = ["abc"]
    sick.nameless_database()
    (cause,) = sick.plan().causes
    assert cause.what.startswith(f"{DATABASE} has lost its name db on")
    # It loses what it has open there.
    assert (cause.risk, cause.outcome) == ("approve", "refused")
    assert [each.of for each in sick.plan(approved=["attach_network"]).todo] == [cause.of]
    assert cause.commands[0] == f"docker network disconnect --force {NETWORK} {DATABASE}"


def test_a_network_made_anew_does_not_hold_who_was_on_the_old_one(sick):
    sick.container(DATABASE)["networks"][NETWORK]["id"] = "another"
    sick.nameless_database()
    (cause,) = sick.plan().todo
    assert cause.what.startswith(f"{DATABASE} is on an earlier network of the name")


def test_a_database_that_has_just_been_started_again_may_have_no_name_yet(sick):
    BREAKS["dns.broken"](sick)
    sick.container(DATABASE).update(health="starting")
    assert "dns.broken" not in sick.causes()


def test_a_database_that_is_saturated_is_neither_hung_nor_recovering(sick):
    database_hung(sick)
    sick.container(DATABASE)["health_output"] = "saturated"
    assert not {"database.hung", "database.recovering"} & set(sick.causes())


def test_a_volume_that_is_gone(sick):
    database_stopped(sick)
    sick.facts["volumes"]["entries"] = []
    assert sick.causes()["volume.foreign"].what.startswith("is gone; it is on record with the cluster 77")
    assert "database.stopped" not in sick.causes()


def test_the_root_of_a_pile_up_is_named_and_not_who_waits(sick):
    lock_pileup(sick)
    cause = sick.causes()["database.lock_pileup"]
    assert cause.of == "report (role analyst)"
    assert cause.what == "pid 700, idle in transaction, last SELECT: 1 wait behind it, 3 min at most"
    assert cause.arguments == {"sessions": [{"pid": 700, "began": 1.5, "transaction_began": 2.5}]}


def test_a_prepared_transaction_at_the_root_is_not_ours_to_end(sick):
    sick.rows("activity").append({**SESSION, "pid": 701, "state": "active", "blocked_by": [0]})
    sick.rows("waits").append({"pid": 701, "seconds": 180.0})
    cause = sick.causes(approved=["end_session"])["database.lock_pileup"]
    assert cause.of == "a prepared transaction"
    assert cause.outcome == "refused"
    assert cause.why.startswith("only its owner knows")


def test_who_holds_most_connections_is_named(sick):
    connections_full(sick)
    cause = sick.causes()["database.connections_full"]
    assert cause.of == "report (role analyst)"
    assert len(cause.arguments["sessions"]) == 200
    assert cause.what.endswith("200 of them by these, 200 of those idle")


def test_who_is_at_work_is_not_ended_for_the_number_of_them(sick):
    connections_full(sick)
    for row in sick.rows("activity"):
        row["state"] = "active"
    cause = sick.causes(approved=["end_session"])["database.connections_full"]
    assert (cause.outcome, cause.why) == ("refused", "all of them are at work")


def test_the_applications_own_sessions_are_not_ended_for_the_number_of_them(sick):
    connections_full(sick)
    for row in sick.rows("activity"):
        row["role"] = "medication_tracker"
    cause = sick.causes(approved=["end_session"])["database.connections_full"]
    assert cause.outcome == "refused"
    assert cause.why.startswith("they are the application's")


def test_a_container_off_two_networks_is_connected_to_both(sick):
    sick.container(BACKEND)["networks"] = {}
    sick.nameless_database()
    assert [each.of for each in sick.plan().todo] == [
        f"{BACKEND} on {NETWORK}",
        f"{BACKEND} on medication-tracker_edge_network",
    ]


def test_little_of_much_is_not_full(sick):
    database_stopped(sick)
    sick.facts["disk"]["data_volume"].update(free=410 * 1024**3, total=10 * 1024**4, device=1)
    found = sick.causes()
    assert "volume.full" not in found
    assert found["disk.space"].outcome == "manual"
    assert found["database.stopped"].outcome == "planned"


def test_nothing_is_started_on_a_volume_that_nobody_could_see(sick):
    database_stopped(sick)
    sick.facts["volumes"] = {"ok": False, "error": "no answer"}
    cause = sick.causes()["database.stopped"]
    assert cause.outcome == "refused"
    assert cause.why.startswith("its volume could not be looked at")


def test_a_database_that_is_on_no_record_is_made_by_a_deploy_alone(sick):
    database_missing(sick)
    sick.facts["volume_record"]["record"] = None
    cause = sick.causes(approved=["make_database"])["database.missing"]
    assert cause.outcome == "refused"
    assert cause.why.startswith("no volume is on record")


def test_a_warning_explains_nothing_that_fails(sick):
    idle_transaction(sick)
    line = {"at": "2026-11-25T14:00:00Z", "text": "PANIC:  could not fsync"}
    sick.facts["logs"]["entries"][DATABASE]["trouble"]["panic"] = {"count": 1, "last": [line]}
    found = sick.causes()
    assert {"database.idle_transaction", "log.trouble"} <= set(found)


def test_what_is_wrong_elsewhere_is_mended_beside_a_cause_that_is_a_persons(sick):
    volume_full(sick)
    backend_stopped(sick)
    plan = sick.plan()
    assert {cause.cause for cause in plan.todo} == {"backend.stopped"}
    assert "volume.full" in {cause.cause for cause in plan.causes}


def test_one_that_nobody_can_ask_is_not_dead(sick):
    backend_dead(sick)
    said = "it publishes no port, and its environment names no PORT"
    sick.facts["metrics"]["entries"][BACKEND] = {"ok": False, "error": said}
    assert "backend.dead" not in sick.causes()


def test_names_in_statements_are_quoted(sick):
    dead_rows(sick)
    assert sick.causes()["database.dead_rows"].commands == ('VACUUM (ANALYZE) "public"."""odd"',)


def test_a_definition_that_a_deploy_would_not_mend_is_none(sick):
    definition(sick)
    for container in sick.declared["postgres"]["containers"].values():
        container["restart_policy"] = "no"
    assert "backend.definition" not in sick.causes()


def test_layers_come_in_order(sick):
    network_cut(sick)
    schedule_removed(sick)
    backend_stopped(sick)
    layers = [cause.layer for cause in sick.plan().causes]
    assert layers == [Layer.NETWORK, Layer.BACKEND, Layer.SCHEDULE]


def test_a_server_that_recovers_in_a_container_that_counts_as_healthy_still(sick):
    sick.silent_database()
    sick.facts["sql"] = {"ok": False, "error": "the server is recovering or starting, which is not dead"}
    assert [cause.cause for cause in sick.plan().causes] == ["database.recovering"]


def test_one_that_serves_is_not_recovering_whatever_its_probe_said_last(sick):
    sick.container(DATABASE)["health_output"] = "recovering"
    assert sick.plan().causes == ()


def test_containers_of_the_monitoring_are_made_again_all_at_once(sick):
    entries = sick.facts["containers"]["entries"]
    for name in ("alertmanager", "node-exporter"):
        entries.remove(sick.container(f"medication-tracker-{name}"))
    plan = sick.plan()
    assert [each.of.removeprefix("medication-tracker-") for each in plan.causes] == [
        "alertmanager",
        "node-exporter",
    ]
    assert {each.remedy for each in plan.causes} == {"start_monitoring"}
    assert len(plan.todo) == 1


def test_what_prometheus_cannot_tell_follows_from_its_container(sick):
    monitoring_stopped(sick)
    (cause,) = sick.plan().causes
    assert {"monitoring.targets", "monitoring.switch", "monitoring.configuration"} <= set(cause.explains)


def test_who_is_told_of_alerts_has_nothing_to_do_with_it(sick):
    monitoring_stopped(sick)
    sick.declared["monitoring"]["receivers"] = []
    (cause,) = sick.plan().causes
    assert "monitoring.receiver" not in cause.explains


def test_figures_of_a_database_that_is_stopped_are_missing_because_of_it(sick):
    database_stopped(sick)
    prometheus = sick.facts["monitoring"]["prometheus"]
    prometheus["exporter"]["up"] = 0.0
    prometheus["metrics"].remove("pg_stat_database_deadlocks")
    (cause,) = sick.plan().causes
    assert {"monitoring.targets", "monitoring.metrics", "monitoring.exporter_role"} <= set(cause.explains)


def test_figures_of_a_backend_that_is_stopped_are_missing_because_of_it(sick):
    backend_stopped(sick)
    target = sick.facts["monitoring"]["prometheus"]["targets"][1]
    target.update(health="down", error="no route to host")
    (cause,) = sick.plan().causes
    assert "monitoring.targets" in cause.explains


def test_old_figures_where_no_cron_runs_want_cron(sick):
    cron_stopped(sick)
    sick.facts["monitoring"]["figures"]["written"] -= 3600
    (cause,) = sick.plan().causes
    assert cause.cause == "schedule.cron_stopped"
    assert "monitoring.figures" in cause.explains
