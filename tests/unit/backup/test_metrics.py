"""What Prometheus reads: valid text, moments instead of ages, and nothing for what is not known."""

import stat

import pytest
from prometheus_client.parser import text_string_to_metric_families
from stanchion_backup.looks import metrics
from stanchion_backup.settings import load
from test_backup_settings import raw, written

NOW = 1_800_000_000.0
HOUR = 3600
SET = {"label": "F", "type": "full", "stopped": NOW - 100, "size": 1000, "stored": 300}
DRILL = {
    "outcome": "ok",
    "ended": NOW - 50,
    "phases": {"restore": 0.8, "replay": 1.4},
    "rpo_seconds": 31.0,
    "rto_seconds": 5.5,
    "data_bytes": 1000,
    "rows_lost": 0,
    "backup_age_seconds": 3600.5,
}
PICTURE = {
    "stack": "shop",
    "observed": NOW - 60,
    "repositories": [{"key": 1, "kind": "volume", "code": 0, "sets": [SET]}],
    "canary": {"newest": NOW - 10, "restorable": {"repo1": NOW - 70, "repo2": None}},
    "jobs": {
        "full": {
            "last": {"outcome": "ok", "started": NOW - 110, "ended": NOW - 100, "seconds": 10.0},
            "last_success": NOW - 100,
            "skipped_in_a_row": 0,
        },
        "incr": {
            "last": {"outcome": "failed", "started": NOW - 2 * HOUR, "ended": NOW - 2 * HOUR, "seconds": 1.0},
            "last_success": None,
            "skipped_in_a_row": 3,
        },
        "verify": {"last": None, "last_success": None, "skipped_in_a_row": 0},
    },
    "schedule": {
        "full": {"cron": "15 1 * * 0", "period": 7 * 24 * HOUR},
        "incr": {"cron": "45 * * * *", "period": HOUR},
        "verify": {"cron": "15 3 * * 0", "period": 7 * 24 * HOUR},
    },
    "archive": {"last_archived_age": 5.0, "failed": 0, "ready_files": 2, "hours_left": None},
    "drills": {
        "last": DRILL,
        "last_success": NOW - 50,
        "success": {"ok": 4, "of": 5},
        "rpo": {"p50": 30.0, "p95": 60.0, "max": 61.0},
        "rto": {"p50": None, "p95": None, "max": None},
        "coverage": {"repo1": {"proved": 1, "kept": 2, "labels": []}},
    },
}


def read(text):
    """Return value by name and labels, by Prometheus' own parser."""
    return {
        (
            sample.name,
            *sorted(value for name, value in sample.labels.items() if name != "stack"),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_whole_picture():
    seen = read(metrics.render(PICTURE, NOW))
    assert seen["stanchion_backup_watch_timestamp_seconds",] == NOW
    assert seen["stanchion_backup_job_last_success_timestamp_seconds", "full"] == NOW - 100
    assert seen["stanchion_backup_job_last_success", "incr"] == 0
    assert seen["stanchion_backup_job_skipped", "incr"] == 3
    assert seen["stanchion_backup_job_missed", "incr"] == 1
    assert seen["stanchion_backup_job_missed", "full"] == 0
    assert seen["stanchion_backup_repository_up", "repo1", "volume"] == 1
    assert seen["stanchion_backup_last_bytes", "full", "repo1"] == 1000
    assert seen["stanchion_backup_archive_last_timestamp_seconds",] == NOW - 65
    assert seen["stanchion_backup_archive_ready_files",] == 2
    assert seen["stanchion_restore_rows_lost",] == 0
    assert seen["stanchion_restore_backup_age_seconds",] == 3600.5
    assert seen["stanchion_restore_last_success_timestamp",] == NOW - 50
    assert seen["stanchion_restore_duration_seconds", "restore"] == 0.8
    assert seen["stanchion_restore_rpo_seconds", "last"] == 31
    assert seen["stanchion_restore_rpo_seconds", "p95"] == 60
    assert seen["stanchion_restore_sets_proved", "repo1"] == 1
    assert seen["stanchion_restore_drills", "failed"] == 1


def test_what_is_not_known_is_left_out():
    seen = read(metrics.render(PICTURE, NOW))
    assert ("stanchion_backup_restorable_timestamp_seconds", "repo2") not in seen
    assert ("stanchion_backup_archive_hours_left",) not in seen
    assert ("stanchion_restore_rto_seconds", "p50") not in seen
    assert ("stanchion_backup_job_last_timestamp_seconds", "verify") not in seen
    assert set(read(metrics.render({"stack": "shop"}, NOW))) == {
        ("stanchion_backup_watch_timestamp_seconds",),
        ("stanchion_restore_under_way",),
    }


def test_each_name_has_its_help_and_type_once():
    lines = metrics.render(PICTURE, NOW).splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert names == [line.split()[2] for line in lines if line.startswith("# HELP")]
    for name, (kind, explains) in metrics.METRICS.items():
        assert kind in ("gauge", "counter")
        assert name.endswith("_total") == (kind == "counter")
        assert "\n" not in explains


def test_a_label_cannot_break_out():
    drills = {"last": {**DRILL, "phases": {'re"store\n\\': 1.0}}}
    seen = read(metrics.render({"stack": "shop", "drills": drills}, NOW))
    assert seen["stanchion_restore_duration_seconds", 're"store\n\\'] == 1


def test_a_repository_that_cannot_be_read_is_down_and_has_no_count():
    broken = {"key": 2, "kind": "sftp", "code": 99, "sets": []}
    seen = read(metrics.render({"stack": "shop", "repositories": [broken]}, NOW))
    assert seen["stanchion_backup_repository_up", "repo2", "sftp"] == 0
    assert ("stanchion_backup_repository_sets", "full", "repo2") not in seen


@pytest.mark.parametrize("jobs", [{}, {"incr": {"last": {"started": NOW - 1000 * HOUR}}}])
@pytest.mark.parametrize(("age", "late"), [(1.4, False), (1.6, True)])
def test_a_job_that_did_not_run_since_is_late_from_its_installation_on(age, late, jobs):
    picture = {
        "scheduled_since": NOW - age * HOUR,
        "jobs": jobs,
        "schedule": {"incr": {"cron": "45 * * * *", "period": HOUR}},
    }
    assert bool(metrics.missed_jobs(picture, NOW)) == late


def test_the_file_is_whole_and_for_everybody(tmp_path):
    settings = load(written(tmp_path, raw(state_dir=str(tmp_path / "state"))))
    for _ in range(2):
        metrics.write(settings, PICTURE, NOW)
    path = settings.folder / "metrics" / "stanchion_backup.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == metrics.render(PICTURE, NOW)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
