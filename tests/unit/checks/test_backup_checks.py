"""Archive, backups, schedule and proofs, on what the backups' command told of a healthy stack."""

import copy

import pytest

from stanchion.checks import Outcome, Phase, catalogue

SUBJECTS = ("archive", "backup", "schedule", "proof")
# The watch restarts containers, with backups and without.
CHECKS = [
    check for check in catalogue().values() if check.subject in SUBJECTS and check.slug != "schedule.watch"
]
FAIL, WARN, PASS, SKIP, ERROR = Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP, Outcome.ERROR
DAY = 86400


@pytest.fixture
def seen(kept):
    """What `observe` told, to be changed."""
    return kept.facts["backup"]["observed"]


@pytest.fixture
def repository(seen):
    return seen["repositories"][0]


@pytest.fixture
def now(kept):
    from stanchion.moments import moment

    return moment(kept.facts["collected_at"]).timestamp()


def ask(kept, slug, outcome, says=""):
    finding = kept.ask(slug)
    told = [finding.summary, *(f"{each.of}: {each.what}" for each in finding.evidence)]
    assert finding.outcome is outcome, told
    assert any(says in text for text in told), told
    return finding


class TestWithoutBackups:
    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.slug)
    def test_one_warning_and_no_more(self, kept, check):
        kept.declared["stack"]["backup"] = False
        kept.facts["backup"].update(installed=False, observed=None)
        ask(kept, check.slug, WARN if check.slug == "backup.declared" else SKIP, "stack_backup is false")

    def test_declared_but_the_command_is_gone(self, kept):
        kept.facts["backup"].update(installed=False, observed=None)
        ask(
            kept, "backup.age", ERROR, "there is no /usr/local/sbin/stanchion-medication-tracker on this host"
        )

    def test_before_the_first_deploy(self, kept):
        kept.facts["backup"].update(installed=False, observed=None)
        assert kept.ask("backup.before_replace", Phase.PREFLIGHT).outcome is SKIP

    def test_before_a_stopped_engine_is_started(self, kept):
        kept.facts["engine"].update(state="stopped")
        kept.facts["backup"] = {"ok": False, "error": "no engine"}
        assert kept.ask("backup.before_replace", Phase.PREFLIGHT).outcome is SKIP


@pytest.mark.parametrize(
    "part,slugs",
    [
        ("archive", ["archive.waiting", "archive.gap", "archive.fresh"]),
        ("canary", ["archive.fresh", "schedule.metrics", "proof.window"]),
        ("installed", ["schedule.installed", "schedule.cron", "backup.tool", "backup.retention"]),
        ("configuration", ["backup.configuration"]),
        ("abandoned", ["proof.coverage"]),
        (
            "drills",
            ["proof.age", "proof.complete", "proof.coverage", "proof.rto", "proof.rpo", "proof.amcheck"],
        ),
    ],
)
def test_a_part_that_was_not_read_is_an_error(kept, seen, part, slugs):
    for found in ({"error": "no answer"}, None):
        seen[part] = found
        for slug in slugs:
            ask(kept, slug, ERROR, "no answer" if found else f"does not tell of {part}")


class TestArchive:
    @pytest.mark.parametrize(
        "name,value,says",
        [
            ("archive_mode", "off", "is off, and has to be on"),
            ("archive_mode", "always", "is always"),
            ("archive_command", "", "is empty"),
            ("archive_command", "/bin/true", "is '/bin/true'"),
            ("wal_level", "minimal", "replica at least"),
        ],
    )
    def test_mode(self, kept, name, value, says):
        kept.setting(name)["setting"] = value
        ask(kept, "archive.mode", FAIL, says)

    def test_a_repository_is_behind(self, kept, seen, now):
        seen["canary"]["pending"]["repo1"] = now - 300
        ask(kept, "archive.fresh", FAIL, "does not hold what was written 5 min ago, allowed are 2 min")

    def test_all_has_arrived(self, kept, seen):
        seen["canary"]["pending"]["repo1"] = None
        ask(kept, "archive.fresh", PASS, "holds all")

    def test_no_row_tells_anything(self, kept, seen):
        seen["canary"].update(newest=None, restorable={}, pending={})
        ask(kept, "archive.fresh", FAIL, "no row was ever written")

    def test_the_last_try_failed(self, kept, seen):
        seen["archive"].update(failing=True, last_failed_wal="000000010000000000000009")
        ask(kept, "archive.fresh", WARN, "of 000000010000000000000009")

    @pytest.mark.parametrize(
        "files,age,left,outcome",
        [
            (0, None, 1.0, PASS),
            (1, 5.0, 1.0, PASS),
            (3, 130.0, 100.0, WARN),
            (11, 5.0, None, WARN),
            (11, 5.0, 3.0, WARN),
            (11, 130.0, 23.0, FAIL),
            (2, 200.0, 3.0, FAIL),
        ],
    )
    def test_waiting(self, kept, seen, files, age, left, outcome):
        seen["archive"].update(ready_files=files, oldest_ready_age=age, hours_left=left)
        ask(kept, "archive.waiting", outcome, "nothing waits" if not files else f"{files} segment")

    def test_waiting_names_the_repository(self, kept, seen, repository):
        seen["archive"].update(ready_files=20, oldest_ready_age=900.0, hours_left=7.4)
        repository.update(code=99, message="connection refused")
        finding = ask(kept, "archive.waiting", FAIL, "the disk is full in 7 h")
        assert any("is not reached: connection refused" in each.what for each in finding.evidence)

    def test_gap(self, kept, seen):
        seen["archive"]["missing"]["repo1"] = {"gaps": ["WAL segment 000000010000000000000009 is missing"]}
        ask(kept, "archive.gap", FAIL, "repo1 (medication-tracker-backup): WAL segment 0000000100")

    @pytest.mark.parametrize(
        ("needs", "first", "words", "outcome"),
        [
            ([], "00000001000000000000000C", "", WARN),
            ([], "00000001000000000000000B", "", FAIL),
            (["F"], "00000001000000000000000C", "", FAIL),
            ([], "00000001000000000000000C", ", without which F can't be restored at all", FAIL),
        ],
        ids=["a later full", "none later", "a later incremental", "one that is spoilt"],
    )
    def test_a_gap_that_a_later_full_backup_does_not_need(
        self, kept, seen, repository, needs, first, words, outcome
    ):
        hole = "WAL segments 00000001000000000000000A to 00000001000000000000000B are missing"
        seen["archive"]["missing"]["repo1"] = {"gaps": [hole + words]}
        for each in repository["sets"]:
            each.update(wal_first="000000010000000000000004", needs=[])
        repository["sets"][-1].update(wal_first=first, needs=needs)
        ask(kept, "archive.gap", outcome, "later full backup" if outcome is WARN else "are missing")

    def test_gap_could_not_be_listed(self, kept, seen):
        seen["archive"]["missing"]["repo1"] = {"error": "no answer within 2 s"}
        ask(kept, "archive.gap", ERROR, "repo1: no answer")

    def test_another_server_writes(self, kept, seen, now):
        found = seen["archive"]["missing"]["repo1"]
        found["foreign"] = {"segment": "000000010000000000000009", "came": now - 600}
        ask(
            kept,
            "archive.one_writer",
            FAIL,
            "000000010000000000000009 came 10 min ago, and is not of the live",
        )
        found["foreign"]["came"] = now - 2 * DAY
        ask(kept, "archive.one_writer", PASS, "came 2 d ago")
        del found["foreign"]
        ask(kept, "archive.one_writer", ERROR, "deploy the stack")
        found["error"] = "no answer within 2 s"
        ask(kept, "archive.one_writer", ERROR, "no answer within 2 s")

    @pytest.mark.parametrize(
        "size", ["1gb", "1Gb", "1GIB", "1GiB", "1g", "1048576kB", "1073741824", "1073741824b"]
    )
    def test_a_size_as_pgbackrest_takes_it(self, kept, seen, size):
        seen["installed"]["configured"]["options"]["archive-push-queue-max"] = size
        seen["archive"]["wal_bytes_per_hour"] = 1024**3
        ask(kept, "archive.queue_max", WARN, f"past {size} WAL is dropped: 1.0 h")

    def test_queue_max(self, kept, seen):
        seen["installed"]["configured"]["options"]["archive-push-queue-max"] = "1GB"
        seen["archive"]["wal_bytes_per_hour"] = 1e9
        ask(kept, "archive.queue_max", WARN, "past 1GB WAL is dropped: 1.1 h")
        seen["archive"]["wal_bytes_per_hour"] = 1e6
        ask(kept, "archive.queue_max", PASS, "past 1GB")

    @pytest.mark.parametrize(
        "seconds,rpo,outcome",
        [("0", 120, WARN), ("60", 120, PASS), ("180", 120, WARN), ("400", 9000, WARN), ("300", 9000, PASS)],
    )
    def test_timeout(self, kept, seen, seconds, rpo, outcome):
        kept.setting("archive_timeout")["setting"] = seconds
        seen["objectives"]["rpo"] = rpo
        ask(kept, "archive.timeout", outcome)


class TestRepository:
    def test_the_only_one_cannot_be_read(self, kept, repository):
        repository.update(code=99, message="unable to load info file", sets=[])
        ask(kept, "backup.repository", FAIL, "unable to load info file")
        ask(kept, "backup.age", ERROR, "no repository could be read")

    def test_one_of_two(self, kept, seen, repository):
        seen["repositories"].append(
            {**repository, "key": 2, "where": "sftp", "code": 99, "message": "refused"}
        )
        ask(kept, "backup.repository", WARN, "repo2 (sftp): refused")

    def test_of_another_cluster(self, kept, repository):
        repository["system_identifier"] = "1"
        ask(kept, "backup.repository", FAIL, "is of cluster 1, and this is")


class TestAges:
    def test_no_backup_at_all(self, kept, repository):
        repository.update(code=2, message="no valid backups", sets=[])
        ask(kept, "backup.age", FAIL, "holds no backup")
        ask(kept, "backup.full_age", FAIL, "holds no full backup")
        ask(kept, "backup.repository", FAIL, "no valid backups")

    def test_no_hourly_one(self, kept, repository, now):
        repository["sets"][-1]["stopped"] = repository["sets"][0]["stopped"] = now - 3 * 3600
        ask(kept, "backup.age", FAIL, "is 3 h old, allowed are 90 min")
        ask(kept, "backup.full_age", PASS)

    @pytest.mark.parametrize(
        "days,period,outcome", [(9, 7, FAIL), (9, 30, PASS), (32, 30, FAIL), (7, 7, PASS)]
    )
    def test_full(self, kept, seen, repository, now, days, period, outcome):
        seen["schedule"]["full"]["period"] = period * DAY
        for each in repository["sets"]:
            each["stopped"] = now - days * DAY
        ask(kept, "backup.full_age", outcome)

    def test_nothing_is_scheduled(self, kept, seen):
        seen["schedule"] = {}
        ask(kept, "backup.age", FAIL, "no full, diff or incr")
        ask(kept, "schedule.jobs", FAIL, "backup_schedule is empty")

    def test_before_a_deploy(self, kept, repository, now):
        for each in repository["sets"]:
            each["stopped"] = now - 2 * DAY
        ask(kept, "backup.before_replace", WARN, "is 2 d old, and 24 h are allowed")
        repository["sets"] = []
        ask(kept, "backup.before_replace", WARN, "no backup yet")


class TestSets:
    def test_one_that_was_taken_is_gone(self, kept, seen):
        seen["taken"] = {"repo1": ["20261101-000000F", *seen["taken"]["repo1"]]}
        ask(kept, "backup.retention", WARN, "20261101-000000F was taken and is gone")

    def test_what_retention_let_go_is_not_missed(self, kept, seen, repository):
        full = next(each for each in repository["sets"] if each["type"] == "full")
        repository["sets"].append({**full, "label": "20991231-000000F"})
        seen["taken"] = {"repo1": ["20261101-000000F", full["label"], "20991231-000000F"]}
        ask(kept, "backup.retention", PASS, "2 full backups, 2 wanted")

    def test_no_retention(self, kept, seen):
        del seen["installed"]["configured"]["options"]["repo1-retention-full"]
        ask(kept, "backup.retention", WARN, "has no retention")

    def test_bad_pages(self, kept, seen, repository):
        repository["sets"][0]["error"] = True
        ask(kept, "backup.page_errors", FAIL, "has pages whose checksum is wrong")

    def test_pages_are_not_looked_at(self, kept, seen):
        seen["installed"]["configured"]["options"]["checksum-page"] = "n"
        ask(kept, "backup.page_errors", FAIL, "checksum-page is off")

    @pytest.mark.parametrize("cipher", ["", "none"])
    def test_not_encrypted(self, kept, repository, cipher):
        repository["cipher"] = cipher
        ask(kept, "backup.encrypted", WARN, "is not encrypted")

    def test_the_passphrase(self, kept, seen):
        seen["installed"]["configured"]["secrets"]["mode"] = "0644"
        ask(kept, "backup.encrypted", WARN, "has the mode 0644")
        seen["installed"]["configured"]["secrets"] = None
        ask(kept, "backup.encrypted", WARN, "no file with the passphrase")

    def test_no_tool(self, kept, seen):
        seen["installed"].update(tool="", tool_error="executable file not found")
        ask(kept, "backup.tool", FAIL, "executable file not found")

    @pytest.mark.parametrize("version,outcome", [("2.55.1", PASS), ("2.9", PASS), ("2.56.0", FAIL)])
    def test_an_older_tool(self, kept, repository, version, outcome):
        repository["sets"][0]["version"] = version
        ask(kept, "backup.tool", outcome)

    def test_verified(self, kept, seen, now):
        verify = seen["jobs"]["verify"]
        verify.update(
            last={"outcome": "failed", "ended": now - 60, "error": "checksum invalid: 1"}, last_success=None
        )
        ask(kept, "backup.verified", FAIL, "checksum invalid: 1")
        verify.update(last={"outcome": "ok", "ended": now - 60}, last_success=now - 60)
        ask(kept, "backup.verified", PASS, "verified 60 s ago")
        verify["repositories"] = {"repo1": {"last_success": None}, "repo2": {"last_success": now - 60}}
        ask(kept, "backup.verified", PASS, "repo1: is new, and not yet verified")
        verify["last_success"] = seen["installed"]["cron_since"] = now - 11 * DAY
        ask(kept, "backup.verified", FAIL, "for 11 d nobody")
        del seen["schedule"]["verify"]
        ask(kept, "backup.verified", WARN, "nobody reads")

    def test_the_configuration(self, kept, seen, now):
        seen["configuration"].update(differs=["/etc/x"])
        ask(kept, "backup.configuration", PASS)
        seen["jobs"]["incr"]["last_success"] = seen["installed"]["cron_since"] = now - DAY
        ask(kept, "backup.configuration", WARN, "has changed since it was saved: /etc/x")
        seen["configuration"].update(saved=None)
        ask(kept, "backup.configuration", WARN, "was never saved")


class TestRestore:
    @pytest.mark.parametrize(
        "touched,minutes,outcome", [(True, 61, FAIL), (True, 5, WARN), (False, 61, PASS)]
    )
    def test_under_way(self, kept, seen, now, touched, minutes, outcome):
        says = "the copy is being restored"
        seen["restore"] = {"touched": touched, "began": now - minutes * 60, "says": says}
        ask(kept, "backup.restore", outcome, says if touched else "none is under way")

    def test_its_journal_cannot_be_read(self, kept, seen):
        seen["restore"] = {"error": "The journal of a restore can't be read: no JSON."}
        ask(kept, "backup.restore", FAIL, "The journal of a restore can't be read: no JSON")

    def test_none(self, kept, seen):
        seen["restore"] = None
        ask(kept, "backup.restore", PASS, "none is under way")


class TestSchedule:
    def test_the_table(self, kept, seen):
        seen["installed"].update(cron_file="differs", cron_difference="missing: 15 1 * * 0")
        ask(kept, "schedule.installed", FAIL, "is not as it was written, missing: 15 1 * * 0")
        seen["installed"].update(cron_file="missing")
        ask(kept, "schedule.installed", FAIL, "/etc/cron.d/stanchion-medication-tracker: is not there")

    def test_a_second_table(self, kept, seen):
        seen["installed"]["cron_others"] = ["/etc/cron.d/mine"]
        ask(kept, "schedule.installed", FAIL, "/etc/cron.d/mine: starts the same command too")

    def test_no_cron(self, kept, seen):
        seen["installed"]["cron_running"] = False
        ask(kept, "schedule.cron", FAIL, "no cron runs")

    def test_a_job_that_failed_may_be_well_next_time(self, kept, seen, now):
        seen["jobs"]["incr"].update(last={"outcome": "failed", "ended": now - 60, "error": "no space left"})
        ask(kept, "schedule.jobs", WARN, "incr: failed 60 s ago: no space left")
        seen["jobs"]["incr"]["last_success"] = seen["installed"]["cron_since"] = now - DAY
        ask(kept, "schedule.jobs", FAIL, "incr: failed 60 s ago: no space left")

    def test_a_job_that_is_not_done(self, kept, seen, now):
        seen["installed"]["cron_since"] = now - 4 * DAY
        ask(kept, "schedule.jobs", FAIL, "diff: has not been done for 4 d, and is due every 2 d")

    def test_a_job_that_failed_in_one_repository_only(self, kept, seen, now):
        well = {"last": {"outcome": "ok", "ended": now - 60, "error": ""}, "last_success": now - 60}
        failed = {"last": {"outcome": "failed", "ended": now - 90, "error": "no answer"}}
        seen["jobs"]["incr"]["repositories"] = {"repo1": well, "repo2": {**failed, "last_success": now - 900}}
        finding = ask(kept, "schedule.jobs", WARN, "incr of repo2: failed 90 s ago: no answer")
        assert "incr of repo1: well 60 s ago" in [f"{each.of}: {each.what}" for each in finding.evidence]
        seen["installed"]["cron_since"] = now - 2 * DAY
        late = {**well, "last_success": now - 2 * DAY}
        seen["jobs"]["incr"]["repositories"] = {"repo1": well, "repo2": late}
        ask(kept, "schedule.jobs", FAIL, "incr of repo2: has not been done for 2 d")
        seen["jobs"]["incr"]["repositories"] = {"repo1": well, "repo2": {"last": None, "last_success": None}}
        seen["jobs"]["incr"]["last_success"] = now - 60
        ask(kept, "schedule.jobs", PASS)

    def test_since_a_new_schedule(self, kept, seen, now):
        seen["jobs"]["incr"].update(last=None, last_success=None)
        seen["installed"]["cron_since"] = now - 1800
        ask(kept, "schedule.jobs", PASS, "incr: not yet due")

    def test_skipped(self, kept, seen):
        seen["jobs"]["incr"]["skipped_in_a_row"] = 2
        ask(kept, "schedule.skipped", PASS)
        seen["jobs"]["incr"]["skipped_in_a_row"] = 3
        ask(kept, "schedule.skipped", WARN, "incr: skipped 3 times in a row")

    def test_the_writer_is_dead(self, kept, seen, now):
        seen["canary"]["newest"] = now - 600
        ask(kept, "schedule.metrics", WARN, "the canary row is 10 min old")
        seen["canary"]["newest"] = None
        ask(kept, "schedule.metrics", WARN, "no canary row was ever written")

    def test_the_metrics_stand_still(self, kept, seen, now):
        seen["installed"]["metrics_written"] = now - 600
        ask(kept, "schedule.metrics", WARN, "the metrics file is 10 min old")
        seen["installed"]["metrics_written"] = None
        ask(kept, "schedule.metrics", WARN, "no metrics file was ever written")


class TestProof:
    @pytest.fixture
    def drills(self, seen):
        return seen["drills"]

    @pytest.mark.parametrize("days,outcome", [(9, PASS), (11, WARN), (31, FAIL)])
    def test_age(self, kept, drills, now, days, outcome):
        drills["last_success"] = now - days * DAY
        ask(kept, "proof.age", outcome, f"is {days} d old")

    def test_the_last_one_failed(self, kept, drills, now):
        drills["last"].update(outcome="failed", ended=now - 60, error="marker b is there")
        ask(kept, "proof.age", FAIL, "proved nothing: marker b is there")

    def test_none_yet(self, kept, seen, drills, now):
        drills.update(last=None, last_success=None)
        seen["installed"]["cron_since"] = now - DAY
        ask(kept, "proof.age", WARN, "was ever proved")
        for slug in ("proof.complete", "proof.amcheck", "proof.rto", "proof.rpo"):
            ask(kept, slug, SKIP, "no drill has been made yet")
        seen["installed"]["cron_since"] = now - 31 * DAY
        ask(kept, "proof.age", FAIL, "was ever proved")

    @pytest.fixture
    def second(self, drills):
        """A second repository, whose last drill went as the first one's; to be changed."""
        of_one = {name: value for name, value in drills.items() if name != "coverage"}
        drills["repositories"] = {"repo1": of_one, "repo2": copy.deepcopy(of_one)}
        return drills["repositories"]["repo2"]

    def test_each_repository_is_asked_for_itself(self, kept, seen, second, now):
        for slug in ("age", "complete", "amcheck", "rto", "rpo"):
            ask(kept, f"proof.{slug}", PASS, "repo2")
        second["last"].update(outcome="failed", error="marker b is there", ended=now - 3600, rto_seconds=9e4)
        second["last"].update(rpo_seconds=9e3)
        for each in second["last"]["assertions"]:
            each.update(ok=False, reason="it is bad")
        second["last_success"] = None
        ask(kept, "proof.age", FAIL, "repo2: the last drill, 60 min ago, proved nothing: marker b is there")
        ask(kept, "proof.age", FAIL, "repo2: no restore of it was ever proved")
        ask(kept, "proof.complete", FAIL, "repo2, backend: it is bad")
        ask(kept, "proof.amcheck", FAIL, "repo2, amcheck: it is bad")
        ask(kept, "proof.rto", WARN, "repo2: 25 h measured, backup_rto is")
        ask(kept, "proof.rpo", WARN, "repo2: 2 h measured, backup_rpo is")
        second["last"] = None
        ask(kept, "proof.age", WARN, "repo2: no restore of it was ever proved")
        ask(kept, "proof.complete", PASS, "repo1")

    def test_not_one_row_of_the_application_was_compared(self, kept, drills):
        tables = [each for each in drills["last"]["assertions"] if each["name"].startswith("table ")]
        rows = [each for each in tables if "alembic" not in each["name"]]
        for each in rows[1:]:
            each.update(ok=None, reason="it changed in the live database meanwhile")
        ask(kept, "proof.complete", PASS, "not asked: it changed")
        rows[0].update(ok=None, reason="7 bytes are too many for backup_sentinel_size")
        ask(kept, "proof.complete", WARN, "no row of the application was compared")
        drills["last"]["assertions"].append({"name": "sql stock", "ok": True, "reason": ""})
        ask(kept, "proof.complete", PASS)

    def test_coverage(self, kept, drills, repository, now):
        drills["coverage"]["repo1"].update(proved=0, labels=[])
        ask(kept, "proof.coverage", PASS, "0 of")
        full = next(each for each in repository["sets"] if each["type"] == "full")
        full["stopped"] = now - 9 * DAY
        ask(kept, "proof.coverage", WARN, f"not proved: {full['label']}")
        leans = next(each for each in repository["sets"] if full["label"] in each["needs"])
        drills["coverage"]["repo1"].update(proved=1, labels=[leans["label"]])
        ask(
            kept,
            "proof.coverage",
            PASS,
            f"1 of 2 backups proved; of {full['label']} only what did not change",
        )

    def test_what_no_drill_can_prove_is_only_noted(self, kept, seen, drills, repository, now):
        drills["coverage"]["repo1"].update(proved=0, labels=[])
        full = next(each for each in repository["sets"] if each["type"] == "full")
        full["stopped"] = now - 9 * DAY
        seen["abandoned"]["repo1"] = [full["label"]]
        ask(kept, "proof.coverage", PASS, f"a restore has left, and not drilled: {full['label']}")

    def test_an_assertion_that_did_not_hold(self, kept, drills):
        drills["last"]["assertions"][0].update(ok=False, expected=1, seen=0, reason="")
        ask(kept, "proof.complete", FAIL, "expected 1, seen 0")

    def test_what_could_not_be_asked_is_told(self, kept, drills):
        drills["last"]["assertions"][0].update(ok=None, reason="no backend on this host")
        ask(kept, "proof.complete", PASS, "not asked: no backend on this host")

    @pytest.mark.parametrize(
        "name,reason,backend,outcome",
        [
            ("backend", "no backend of the stack runs on this host", True, WARN),
            ("backend", "no backend of the stack runs on this host", False, PASS),
            ("backend", "backup_read_path is empty", True, PASS),
            ("page checksums", "this cluster was made without data checksums", True, WARN),
            ("table public.doses", "it changed in the live database meanwhile", True, PASS),
        ],
    )
    def test_a_hole_in_the_proof_that_nobody_chose(self, kept, drills, name, reason, backend, outcome):
        if not backend:
            del kept.declared["backend"]
        found = next(each for each in drills["last"]["assertions"] if each["name"] == name)
        found.update(ok=None, reason=reason)
        ask(kept, "proof.complete", outcome, f"{name}: not asked: {reason}")

    def test_a_restore_without_a_backend_is_not_the_applications(self, kept, drills):
        drills["last"].update(rto_to="database")
        ask(kept, "proof.rto", PASS, "18 s measured until the database served; no backend was asked")

    def test_it_ended_early(self, kept, drills):
        drills["last"].update(outcome="failed", error="wrong passphrase", assertions=[])
        ask(kept, "proof.complete", FAIL, "it ended before its assertions: wrong passphrase")
        ask(kept, "proof.amcheck", FAIL, "did not get as far")

    def test_amcheck(self, kept, drills):
        found = next(each for each in drills["last"]["assertions"] if "amcheck" in each["name"])
        found.update(ok=False, reason="index x lacks a row")
        ask(kept, "proof.amcheck", FAIL, "index x lacks a row")

    @pytest.mark.parametrize("name,objective", [("rto", 900), ("rpo", 120)])
    def test_objectives(self, kept, seen, drills, name, objective):
        assert seen["objectives"][name] == objective
        drills["last"][f"{name}_seconds"] = objective
        ask(kept, f"proof.{name}", PASS)
        drills["last"][f"{name}_seconds"] = objective + 100
        ask(kept, f"proof.{name}", WARN, f"backup_{name} is")
        drills["last"][f"{name}_seconds"] = None
        ask(kept, f"proof.{name}", WARN, "before it was measured")

    def test_the_window_has_ended(self, kept, seen, now):
        canary = seen["canary"]
        canary["restorable"]["repo1"] = now - 900
        canary["pending"]["repo1"] = now - 840
        ask(kept, "proof.window", FAIL, "the last restorable moment is 15 min ago, 3 min are allowed")
        canary["pending"]["repo1"] = None
        ask(kept, "proof.window", FAIL, "the last restorable moment is 15 min ago, 3 min are allowed")

    def test_of_a_while_without_rows_nothing_is_missing(self, kept, seen, now):
        """The database was away for a quarter of an hour; what it has written since is not archived yet."""
        seen["canary"]["restorable"]["repo1"] = now - 900
        seen["canary"]["pending"]["repo1"] = now - 20
        ask(kept, "proof.window", PASS, "the last restorable moment is 80 s ago")

    def test_a_window_that_holds_no_row(self, kept, seen, now):
        seen["canary"]["restorable"]["repo1"] = None
        ask(kept, "proof.window", FAIL, "holds no row")
