"""The monitoring: each way in which it sees nothing, or tells nobody."""

import re
from datetime import datetime

import pytest

from stanchion.checks import Outcome, Phase, catalogue

PASS, WARN, FAIL, ERROR, SKIP = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP
CRON = "/etc/cron.d/stanchion-medication-tracker-monitoring"
EVERY = [check for check in catalogue().values() if check.subject == "monitoring"]
# Those that ask the programs; all others read what is declared, or the database.
ASKING = [check.slug for check in EVERY if "monitoring" in check.reads]


@pytest.fixture
def prometheus(kept):
    return kept.facts["monitoring"]["prometheus"]


@pytest.fixture
def manager(kept):
    return kept.facts["monitoring"]["alertmanager"]


@pytest.fixture
def figures(kept):
    return kept.facts["monitoring"]["figures"]


@pytest.fixture
def declared(kept):
    return kept.declared["monitoring"]


def ask(kept, slug, outcome, text="", phase=None):
    finding = kept.ask(f"monitoring.{slug}", phase)
    told = "\n".join([finding.summary, *(f"{each.of}: {each.what}" for each in finding.evidence)])
    assert (finding.outcome, bool(re.search(text, told))) == (outcome, True), told


def rule(prometheus, name):
    return next(each for each in prometheus["rules"] if each["alert"] == name)


def delivery(prometheus, receiver):
    return next(each for each in prometheus["deliveries"] if each["receiver"] == receiver)


def fresh(kept, told, seconds=60):
    """Have a program begin so many seconds before the look."""
    looked = datetime.fromisoformat(kept.facts["collected_at"]).timestamp()
    told["started"] = told["loaded"] = looked - seconds


def mended(kept, seconds):
    """Have something be mended so many seconds before the look."""
    looked = datetime.fromisoformat(kept.facts["collected_at"]).timestamp()
    kept.facts["recovery"]["records"] = [{"at": looked - seconds - 9, "seconds": 9.0}]


def test_all_rows_are_covered():
    assert {row for check in EVERY for row in check.rows if row != "ours"} == {
        f"MON-0{number}" for number in range(1, 8)
    }


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.slug)
def test_without_a_monitoring_all_is_skipped_but_that(kept, check):
    del kept.declared["monitoring"]
    ask(kept, check.slug.partition(".")[2], SKIP, "nothing is declared of a monitoring")
    kept.declared["monitoring"] = {"enabled": False, "containers": {}}
    told = (
        (WARN, "nobody is told")
        if check.slug == "monitoring.declared"
        else (SKIP, "stack_monitoring is false")
    )
    ask(kept, check.slug.partition(".")[2], *told)


@pytest.mark.parametrize("slug", ASKING)
@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "figures"])
def test_one_that_could_not_be_asked_is_an_error_of_who_needs_it(kept, slug, name):
    kept.facts["monitoring"][name] = {"ok": False, "error": "connection refused"}
    needed = {
        "monitoring.figures": {"figures"},
        "monitoring.targets": {"prometheus"},
        "monitoring.metrics": {"prometheus"},
    }.get(slug, {"prometheus", "alertmanager"})
    outcome, text = (ERROR, "could not be asked: connection refused") if name in needed else (PASS, "")
    ask(kept, slug.partition(".")[2], outcome, text)
    del kept.facts["monitoring"][name]
    ask(kept, slug.partition(".")[2], outcome, "was not asked" if name in needed else "")


class TestDeclared:
    def test_by_what(self, kept):
        ask(kept, "declared", PASS, "by 5 containers", Phase.PREFLIGHT)

    def test_nobody_is_told(self, kept, declared):
        ask(kept, "receiver", PASS, "alerts go to team", Phase.PREFLIGHT)
        declared["receivers"] = []
        ask(kept, "receiver", WARN, "monitoring_webhooks and monitoring_mail are empty")

    def test_nobody_outside_hears(self, kept, declared):
        declared["heartbeat"] = False
        ask(kept, "receiver", WARN, "monitoring_heartbeat_url is empty")


class TestTargets:
    def test_down(self, kept, prometheus):
        prometheus["targets"][1].update(health="down", error="connection refused", up_lately=False)
        ask(kept, "targets", FAIL, "backend medication-tracker-backend-1:5000: gives no figures: connection")

    def test_down_without_a_word(self, kept, prometheus):
        prometheus["targets"][1].update(health="down", up_lately=False)
        ask(kept, "targets", FAIL, "gives no figures: it does not say why")

    def test_down_for_a_moment(self, kept, prometheus):
        prometheus["targets"][1].update(health="down", error="no route to host")
        ask(kept, "targets", WARN, "gives no figures: no route to host")

    def test_down_until_a_moment_ago(self, kept, prometheus):
        prometheus["targets"][1].update(health="down", error="no route to host", up_lately=False)
        prometheus["exporter"].update(up=0.0, up_lately=False)
        mended(kept, 20)
        ask(kept, "targets", WARN, "gives no figures: no route to host")
        mended(kept, 400)
        ask(kept, "targets", FAIL)

    def test_not_read_yet(self, kept, prometheus):
        prometheus["targets"][1].update(health="unknown", scraped=None)
        ask(kept, "targets", FAIL, "has not been read yet")
        fresh(kept, prometheus)
        ask(kept, "targets", PASS, "has not been read yet")

    def test_not_read_for_long(self, kept, prometheus):
        prometheus["targets"][1]["scraped"] -= 600
        ask(kept, "targets", FAIL, "was last read 10 min ago")

    def test_none(self, kept, prometheus):
        prometheus["targets"].clear()
        ask(kept, "targets", FAIL, "Prometheus: it has nothing to read")

    def test_the_exporter_does_not_get_in(self, kept, prometheus):
        prometheus["exporter"]["up"] = 0.0
        ask(kept, "targets", WARN, "postgres exporter: gets no connection to the database")
        prometheus["exporter"]["up_lately"] = False
        ask(kept, "targets", FAIL, "postgres exporter: gets no connection to the database")

    def test_the_exporter_asks_in_vain(self, kept, prometheus):
        prometheus["exporter"]["scrape_error"] = 1.0
        ask(kept, "targets", WARN, "postgres exporter: could not ask the database all")

    def test_an_exporter_that_says_nothing_is_told_by_its_target(self, kept, prometheus):
        prometheus["exporter"] = {"up": None, "scrape_error": None, "up_lately": False}
        ask(kept, "targets", PASS)


class TestMetrics:
    def test_well(self, kept):
        ask(kept, "metrics", PASS, r"\d+ metrics in \d+ alerts")

    def test_missing(self, kept, prometheus):
        prometheus["metrics"].remove("pg_stat_database_deadlocks")
        ask(kept, "metrics", WARN, "pg_stat_database_deadlocks: has no value, so Deadlocks cannot fire")

    def test_missing_to_several(self, kept, prometheus):
        prometheus["metrics"].remove("pg_settings_max_connections")
        ask(kept, "metrics", WARN, "so ConnectionsExhausted and ConnectionsNearLimit cannot fire")

    def test_missing_when_all_has_just_begun(self, kept, prometheus):
        prometheus["metrics"].clear()
        fresh(kept, prometheus)
        ask(kept, "metrics", PASS, "pg_up: has no value yet")

    def test_what_need_not_be_there(self, kept):
        ask(kept, "metrics", PASS, "retained_bytes: has no value: there is no replication slot")

    def test_of_backups(self, kept, prometheus):
        prometheus["metrics"].remove("stanchion_backup_repository_up")
        ask(kept, "metrics", WARN, "so RepositoryDown cannot fire")
        kept.declared["stack"]["backup"] = False
        ask(kept, "metrics", PASS, "has no value: the stack has no backups")

    def test_what_is_meant_to_be_absent(self, kept, prometheus):
        prometheus["rules"] = [{**rule(prometheus, "DatabaseDown"), "expr": "absent(gone) or pg_up == 0"}]
        ask(kept, "metrics", PASS, "1 metric in 1 alert")

    def test_no_rule(self, kept, prometheus):
        prometheus["rules"] = [rule(prometheus, "DeadMansSwitch")]
        ask(kept, "metrics", WARN, "Prometheus: has no rule that reads a metric")


class TestConfiguration:
    @pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
    def test_refused(self, kept, name):
        kept.facts["monitoring"][name]["reload_ok"] = False
        text = f"{name.title()}: has refused its last configuration; it goes on with the one of 15 min ago"
        ask(kept, "configuration", FAIL, text)
        kept.facts["monitoring"][name]["loaded"] = None
        ask(kept, "configuration", FAIL, "it had none before")

    def test_a_rule_that_ends_with_an_error(self, kept, prometheus):
        rule(prometheus, "DatabaseDown").update(health="err", error="many-to-many matching")
        ask(kept, "configuration", FAIL, "DatabaseDown: could not be evaluated: many-to-many")

    def test_a_rule_that_is_not_evaluated(self, kept, prometheus):
        rule(prometheus, "DatabaseDown")["evaluated"] -= 600
        ask(kept, "configuration", FAIL, "DatabaseDown: was last evaluated 10 min ago")
        rule(prometheus, "DatabaseDown")["interval"] = 300.0
        ask(kept, "configuration", PASS)

    def test_a_rule_that_never_was(self, kept, prometheus):
        rule(prometheus, "DatabaseDown").update(health="unknown", evaluated=None)
        ask(kept, "configuration", FAIL, "DatabaseDown: was never evaluated")
        fresh(kept, prometheus)
        ask(kept, "configuration", PASS, phase=Phase.DEPLOY)

    def test_no_alert(self, kept, prometheus):
        prometheus["rules"].clear()
        ask(kept, "configuration", FAIL, "Prometheus: has no alert")

    def test_how_long_figures_are_kept(self, kept):
        ask(kept, "configuration", PASS, r"\d+ alerts, figures are kept for 30d or 2GiB")


class TestDelivery:
    def test_no_alertmanager(self, kept, prometheus):
        prometheus["alertmanagers"] = 0
        ask(kept, "delivery", FAIL, "Prometheus: knows no Alertmanager")

    def test_dropped(self, kept, prometheus):
        prometheus["dropped"] = 3.2
        ask(kept, "delivery", FAIL, "could hand 3 alerts to nobody")
        mended(kept, 20)
        ask(kept, "delivery", WARN, "could hand 3 alerts to nobody")

    def test_failing(self, kept, prometheus):
        at = delivery(prometheus, "heartbeat")["delivered"]
        delivery(prometheus, "team").update(tried=4, failed=3, refused=at, delivered=at - 60)
        text = r"team \(webhook\): the last message failed 38 s ago; 3 of 4 messages failed within the hour"
        ask(kept, "delivery", FAIL, text)
        delivery(prometheus, "team")["delivered"] = None
        ask(kept, "delivery", FAIL, text)

    def test_failed_and_over(self, kept, prometheus):
        delivery(prometheus, "heartbeat").update(failed=1, refused=1795616000.0)
        ask(
            kept,
            "delivery",
            WARN,
            "heartbeat .*: 1 of 14 messages failed within the hour; the last one arrived",
        )

    def test_failed_before_it_was_set_up_anew(self, kept, prometheus, manager):
        # One that failed just then is seen at the next look.
        for seen in (-60, 40):
            delivery(prometheus, "team").update(
                tried=4, failed=4, refused=manager["loaded"] + seen, delivered=None
            )
            says = "4 of 4 messages failed within the hour; none since it was set up anew"
            ask(kept, "delivery", WARN, says)

    def test_nothing_to_deliver(self, kept, prometheus):
        ask(kept, "delivery", PASS, "team .*: nothing was to be delivered within the hour")
        prometheus["deliveries"].clear()
        ask(kept, "delivery", PASS, "nothing was to be delivered")

    def test_receivers_that_are_not_told_apart(self, kept, prometheus):
        delivery(prometheus, "heartbeat")["receiver"] = ""
        ask(kept, "delivery", PASS, "^webhook: the last message arrived 38 s ago|\nwebhook: the last")


class TestSwitch:
    def test_well(self, kept):
        ask(kept, "switch", PASS, "Alertmanager: got it 52 s ago")
        ask(kept, "switch", PASS, "heartbeat: it arrived 38 s ago")

    @pytest.mark.parametrize("alerts", [[], [{"alert": "DeadMansSwitch", "state": "pending"}]])
    def test_it_does_not_fire(self, kept, prometheus, alerts):
        prometheus["alerts"] = alerts
        ask(kept, "switch", FAIL, "Prometheus: does not fire")
        fresh(kept, prometheus)
        ask(kept, "switch", PASS, "Prometheus: does not fire")

    def test_alertmanager_has_not_got_it(self, kept, manager):
        manager["switch"] = None
        ask(kept, "switch", FAIL, "Alertmanager: has never got it")
        fresh(kept, manager)
        ask(kept, "switch", PASS, "Alertmanager: has never got it")

    def test_alertmanager_gets_it_no_more(self, kept, manager):
        manager["switch"]["came"] -= 700
        ask(kept, "switch", FAIL, "Alertmanager: got it 13 min ago, allowed are 10 min")
        kept.thresholds["validation_monitoring_switch_seconds"] = 1000
        ask(kept, "switch", PASS)

    def test_silenced(self, kept, manager):
        manager["switch"]["silenced"] = True
        ask(kept, "switch", FAIL, "Alertmanager: is told to keep silent about it")

    def test_it_arrives_no_more(self, kept, prometheus, manager):
        delivery(prometheus, "heartbeat")["delivered"] -= 700
        ask(kept, "switch", FAIL, "heartbeat: it arrived 12 min ago, allowed are 10 min")
        delivery(prometheus, "heartbeat")["delivered"] = None
        ask(kept, "switch", FAIL, "heartbeat: it has not arrived for an hour at least")
        mended(kept, 20)
        ask(kept, "switch", PASS, "heartbeat: it has not arrived for an hour at least")
        mended(kept, 1000)
        fresh(kept, manager)
        ask(kept, "switch", PASS, "heartbeat: it has not arrived for an hour at least")

    def test_receivers_that_are_not_told_apart(self, kept, prometheus):
        delivery(prometheus, "heartbeat")["receiver"] = ""
        ask(kept, "switch", ERROR, "has to run with the feature receiver-name-in-metrics")

    def test_nobody_outside(self, kept, declared, prometheus, manager):
        declared["heartbeat"] = False
        manager["switch"]["receivers"] = ["nobody"]
        prometheus["deliveries"].clear()
        ask(kept, "switch", PASS, "goes to nobody outside")


class TestExporterRole:
    @pytest.fixture
    def role(self, kept):
        return next(row for row in kept.rows("roles") if row["name"] == "stanchion_monitor")

    def test_well(self, kept):
        ask(kept, "exporter_role", PASS, "stanchion_monitor: 3 connections of the 10 that are kept away")

    def test_not_there(self, kept, role):
        kept.rows("roles").remove(role)
        ask(kept, "exporter_role", WARN, "stanchion_monitor: does not exist")

    def test_a_superuser(self, kept, role):
        role.update(superuser=True, createdb=True)
        ask(kept, "exporter_role", WARN, "has the rights superuser, createdb")

    def test_no_member(self, kept):
        kept.rows("memberships").clear()
        ask(kept, "exporter_role", WARN, "is no member of pg_monitor")

    def test_a_member_of_more(self, kept):
        kept.rows("memberships").append({"member": "stanchion_monitor", "role": "pg_write_all_data"})
        ask(kept, "exporter_role", WARN, "is a member of pg_write_all_data too")

    @pytest.mark.parametrize(
        ("limit", "wanted", "text"),
        [
            (-1, 3, "has no limit of connections"),
            (5, 3, "may have 5 connections, declared are 3"),
            (12, 12, "may have 12 connections, and postgres_other_connections leaves 10 to all others"),
        ],
    )
    def test_connections(self, kept, role, declared, limit, wanted, text):
        role["connection_limit"], declared["connection_limit"] = limit, wanted
        ask(kept, "exporter_role", WARN, text)


class TestFigures:
    def test_well(self, kept):
        ask(kept, "figures", PASS, "stanchion_figures.prom: written 43 s ago")

    @pytest.mark.parametrize("changed", [{"installed": False}, {"cron_file": "missing"}])
    def test_not_installed(self, kept, figures, changed):
        figures.update(changed)
        ask(kept, "figures", WARN, f"{CRON}: is not there")

    def test_changed_by_hand(self, kept, figures):
        figures.update(cron_file="differs", cron_difference="added: # by hand")
        ask(kept, "figures", WARN, f"{CRON}: is not as it was written, added: # by hand")

    def test_old(self, kept, figures):
        figures["written"] -= 600
        ask(kept, "figures", WARN, "was written 11 min ago, allowed are 5 min")
        figures["written"] = None
        ask(kept, "figures", WARN, "was never written")

    def test_just_installed(self, kept, figures):
        figures.update(written=None, cron_since=figures["cron_since"] + 880)
        ask(
            kept,
            "figures",
            PASS,
            "the job was installed 10 s ago, and has to write within 5 min",
            Phase.DEPLOY,
        )


def test_its_containers_are_asked_as_all_others(kept):
    container = kept.container("prometheus")
    container.update(state="exited", running=False, exit_code=2)
    assert kept.ask("container.state").outcome is FAIL
    container.update(state="running", running=True, restart_policy="no")
    assert kept.ask("container.restart_policy").outcome is WARN
    container["probe"] = None
    assert kept.ask("container.health_check").outcome is FAIL
