"""Settings against limits, against what is declared, and those of the log; before a deploy and after."""

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.units import length, number, same, seconds, shown

MB = 1024**2


@pytest.mark.parametrize(
    "limit,outcome,share", [(2048, "pass", "25%"), (1200, "warn", "43%"), (4096, "warn", "12%")]
)
def test_shared_buffers(kept, limit, outcome, share):
    kept.container("db")["limits"]["memory"] = limit * MB
    finding = kept.ask("setting.shared_buffers")
    assert finding.outcome == outcome
    assert finding.summary.endswith(share)


def test_shared_buffers_that_are_declared(kept):
    kept.declared["postgres"]["settings"]["shared_buffers"] = "1500MB"
    finding = kept.ask("setting.shared_buffers", Phase.PREFLIGHT)
    assert finding.summary == "shared_buffers: 1500MB of 2048MB, 73%"
    assert kept.ask("setting.shared_buffers", Phase.RUNTIME).outcome is Outcome.PASS


@pytest.mark.parametrize("slug", ["shared_buffers", "worst_case_memory", "effective_cache_size"])
def test_no_limit_to_compare_with(kept, slug):
    kept.container("db")["limits"]["memory"] = None
    finding = kept.ask(f"setting.{slug}")
    assert finding.outcome is Outcome.SKIP
    assert "no memory limit" in finding.summary


def test_no_container_to_compare_with_is_an_error(kept):
    kept.facts["containers"]["entries"] = []
    finding = kept.ask("setting.shared_buffers")
    assert finding.outcome is Outcome.ERROR
    assert finding.summary == "there is no container medication-tracker-db"


@pytest.mark.parametrize(
    "name,value", [("work_mem", "8192"), ("max_connections", "400"), ("autovacuum_work_mem", "1048576")]
)
def test_the_worst_case_is_too_much(kept, name, value):
    kept.setting(name)["setting"] = value
    finding = kept.ask("setting.worst_case_memory")
    assert finding.outcome is Outcome.WARN
    assert "MB at worst of 2,048 MB" in finding.summary


@pytest.mark.parametrize("name,value", [("work_mem", "8MB"), ("autovacuum_work_mem", "1GB")])
def test_the_declared_worst_case_is_too_much(kept, name, value):
    kept.declared["postgres"]["settings"][name] = value
    assert kept.ask("setting.worst_case_memory", Phase.PREFLIGHT).outcome is Outcome.WARN
    assert kept.ask("setting.worst_case_memory", Phase.RUNTIME).outcome is Outcome.PASS


def test_vacuum_without_memory_of_its_own(kept):
    kept.declared["postgres"]["settings"]["autovacuum_work_mem"] = "-1"
    assert kept.ask("setting.worst_case_memory", Phase.PREFLIGHT).outcome is Outcome.PASS


def test_a_planner_that_counts_on_too_much(kept):
    kept.setting("effective_cache_size")["setting"] = str(3 * 1024 * 128)
    finding = kept.ask("setting.effective_cache_size")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "effective_cache_size: 3072MB, and the container has 2048MB"


@pytest.mark.parametrize("size,says", [(64 * MB, "64MB"), (None, "64MB"), (255 * MB, "255MB")])
def test_little_shared_memory(kept, size, says):
    kept.container("db")["limits"]["shm_size"] = size
    finding = kept.ask("setting.shm")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == f"medication-tracker-db: has {says} of /dev/shm, and 256MB are wanted"
    assert finding.evidence[0].key == "shm_size"


def test_a_setting_that_waits_for_a_restart(kept):
    kept.setting("shared_buffers")["pending_restart"] = True
    finding = kept.ask("setting.pending_restart")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "shared_buffers: is 512MB until the server is restarted"


LINE = {
    "file": "/etc/postgresql/postgresql.conf",
    "line": 9,
    "name": "work_mem",
    "setting": "x",
    "applied": False,
    "at_start_only": False,
    "error": "setting could not be applied",
}


def test_a_line_that_cannot_be_read(kept):
    kept.rows("file_settings").append(LINE)
    finding = kept.ask("setting.file")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == "/etc/postgresql/postgresql.conf:9: work_mem: setting could not be applied"


def test_a_file_that_cannot_be_parsed(kept):
    kept.rows("file_settings").append({**LINE, "name": None, "setting": None, "error": "syntax error"})
    assert kept.ask("setting.file").summary.endswith(":9: the line: syntax error")


def test_a_line_that_needs_a_restart_only_warns(kept):
    kept.rows("file_settings").append({**LINE, "name": "shared_buffers", "at_start_only": True})
    finding = kept.ask("setting.file")
    assert finding.outcome is Outcome.WARN
    assert "it needs a restart" in finding.summary


def test_a_value_changed_by_hand(kept):
    kept.setting("random_page_cost")["setting"] = "4"
    finding = kept.ask("setting.drift")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "random_page_cost: is 4 (from: configuration file), and declared is 1.1"


def test_a_value_of_one_database(kept):
    kept.setting("work_mem").update(setting="65536", source="database")
    assert kept.ask("setting.drift").summary == "work_mem: is 64MB (from: database), and declared is 3392kB"


def test_a_value_that_nobody_declared(kept):
    kept.setting("enable_seqscan").update(setting="off", source="configuration file")
    assert kept.ask("setting.drift").summary == (
        "enable_seqscan: is off (from: configuration file), and nothing is declared"
    )


def test_what_is_left_of_a_restore(kept):
    kept.rows("file_settings").append(
        {
            **LINE,
            "file": "/var/lib/postgresql/data/postgresql.auto.conf",
            "name": "recovery_target_time",
            "setting": "2026-11-25",
            "error": None,
        }
    )
    finding = kept.ask("setting.drift")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "recovery_target_time: is left in postgresql.auto.conf: 2026-11-25"


def test_a_declared_setting_that_the_server_lacks(kept):
    kept.declared["postgres"]["settings"].update({"pgaudit.log": "all", "io_method": "worker"})
    finding = kept.ask("setting.drift")
    assert finding.summary == "io_method: is declared, and the server does not know it"


@pytest.mark.parametrize("changed", [{"source": "client"}, {"pending_restart": True}])
def test_what_the_look_has_itself_and_what_waits_is_no_drift(kept, changed):
    kept.setting("work_mem").update(setting="1", **changed)
    assert kept.ask("setting.drift").outcome is Outcome.PASS


def test_open_to_more_than_its_network(kept):
    kept.container("db")["ports"] = [
        {"container_port": 5432, "protocol": "tcp", "address": "0.0.0.0", "port": 5432}
    ]
    finding = kept.ask("setting.listen")
    assert finding.outcome is Outcome.WARN
    assert finding.summary.endswith("is open to port 5432 of 0.0.0.0")


def test_open_to_the_hosts_networks(kept):
    kept.container("db")["network_mode"] = "host"
    assert kept.ask("setting.listen").summary.endswith("is open to every network of the host")
    kept.setting("listen_addresses")["setting"] = "localhost"
    assert kept.ask("setting.listen").outcome is Outcome.PASS


def test_a_published_port_that_is_declared(kept):
    kept.definition("db")["published_ports"] = ["127.0.0.1:5432:5432"]
    assert kept.ask("setting.listen", Phase.PREFLIGHT).outcome is Outcome.WARN


@pytest.mark.parametrize(
    "name,value,says",
    [
        ("log_lock_waits", "off", "log_lock_waits: is off"),
        ("log_checkpoints", "off", "log_checkpoints: is off"),
        ("log_line_prefix", "%m [%p] ", "log_line_prefix: lacks %a"),
        ("log_line_prefix", "", "log_line_prefix: lacks the time (%m), %p, %a"),
        ("log_min_duration_statement", "-1", "log_min_duration_statement: is off"),
    ],
)
@pytest.mark.parametrize("phase", [Phase.PREFLIGHT, Phase.RUNTIME])
def test_a_log_that_says_too_little(kept, phase, name, value, says):
    kept.setting(name)["setting"] = value
    kept.declared["postgres"]["settings"][name] = f"'{value}'"
    finding = kept.ask("setting.log", phase)
    assert finding.outcome is Outcome.WARN
    assert finding.summary.startswith(says)


@pytest.mark.parametrize(
    "one,other,unit,equal",
    [
        ("512MB", "65536", "8kB", True),
        ("512MB", "65535", "8kB", False),
        ("5min", "300", "s", True),
        ("1s", "1000", "ms", True),
        ("'*'", "*", None, True),
        ("ON", "on", None, True),
        ("true", "on", None, True),
        ("0", "on", None, False),
        ("1.10", "1.1", None, True),
        ("-1", "-1", "kB", True),
        ("'it''s'", "it's", None, True),
        ("UTC", "GMT", None, False),
        ("5parsecs", "5", "s", False),
    ],
)
def test_what_means_the_same_to_postgres(one, other, unit, equal):
    assert same(one, other, unit) is equal


@pytest.mark.parametrize(
    "text,value", [("10s", 10), ("5000", 5), ("2min", 120), ("0", 0), ("-1", 0), ("1h", 3600)]
)
def test_times(text, value):
    assert seconds(text) == value


def test_no_time():
    with pytest.raises(ValueError, match="is no time"):
        seconds("soon")
    with pytest.raises(ValueError, match="no unit of Postgres"):
        number("5 parsecs", None)


def test_figures_for_people():
    assert [shown("65536", "8kB"), shown("300", "s"), shown("-1", "kB"), shown("on", None)] == [
        "512MB",
        "5 min",
        "-1",
        "on",
    ]
    assert [length(each) for each in (0.44, 12.3, 119, 121, 7200, 172800)] == [
        "0.4 s",
        "12 s",
        "119 s",
        "2 min",
        "2 h",
        "2 days",
    ]


def test_a_value_that_the_host_does_not_tell_is_not_compared(kept):
    kept.declared["postgres"]["settings"]["primary_conninfo"] = "host=h password=p"
    kept.setting("primary_conninfo").update(setting="host=h password=***", source="configuration file")
    finding = kept.ask("setting.drift")
    assert finding.outcome is Outcome.PASS
