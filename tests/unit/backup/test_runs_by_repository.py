"""Two repositories: what is well in one does not hide what failed, or was never made, in the other."""

import dataclasses

import pytest
from stanchion_backup import backups
from stanchion_backup.drills import proof
from stanchion_backup.errors import BackupError
from stanchion_backup.host import jobs, runs
from stanchion_backup.repository import pgbackrest
from stanchion_backup.settings import Repository, load
from test_backup_settings import raw, written


@pytest.fixture
def settings(tmp_path):
    known = load(written(tmp_path, raw(state_dir=str(tmp_path / "state"), config=str(tmp_path))))
    both = (*known.repositories, Repository(2, "sftp", "sftp://keeper@b/backups", "net"))
    return dataclasses.replace(known, repositories=both)


def keep(settings, job, at, outcome="ok", **more):
    error = "" if outcome == "ok" else f"no answer at {at}"
    times = {"started": at - 0.5, "ended": float(at), "seconds": 0.5, "pid": at}
    jobs.keep(settings, {"job": job, **times, "outcome": outcome, "error": error, **more})


def drilled(settings, at, repo, outcome="ok", rpo=1.0, rto=1.0, until="backend", **more):
    figures = {"rpo_seconds": rpo, "rto_seconds": rto, "rto_to": until}
    keep(settings, "drill", at, outcome, repo=repo, set={"label": "L"}, **figures, **more)


def test_a_failed_drill_is_not_hidden_by_a_later_one_of_the_other_repository(settings):
    drilled(settings, 1, "repo1")
    drilled(settings, 2, "repo1", "failed")
    drilled(settings, 3, "repo2")
    seen = proof.picture(settings, [])
    assert (seen["last"]["ended"], seen["last"]["outcome"], seen["last_success"]) == (2, "failed", 1)
    assert seen["success"] == {"ok": 2, "of": 3}
    each = seen["repositories"]
    assert (each["repo1"]["last"]["ended"], each["repo2"]["last"]["ended"]) == (2, 3)
    assert each["repo2"]["success"] == {"ok": 1, "of": 1}
    job = runs.of_job(settings, "drill")
    assert (job["last"]["error"], job["last_success"]) == ("no answer at 2", 1)
    assert job["repositories"]["repo2"]["last_success"] == 3


def test_one_that_was_refused_says_nothing_of_the_backups(settings):
    keep(settings, "full", 1)
    drilled(settings, 1, "repo1")
    for at, job in enumerate(("full", "drill"), 2):
        keep(settings, job, at, "skipped")
        keep(settings, job, at + 2, "refused")
    job = runs.of_job(settings, "full")
    assert (job["last"]["ended"], job["last"]["outcome"], job["skipped_in_a_row"]) == (1, "ok", 1)
    assert proof.picture(settings, [])["repositories"]["repo1"]["success"] == {"ok": 1, "of": 1}


def test_the_figures_of_all_are_those_of_the_worst(settings):
    drilled(settings, 1, "repo1", rpo=5.0, rto=90.0)
    drilled(settings, 2, "repo2", rpo=60.0, rto=10.0, until="database")
    seen = proof.picture(settings, [])
    assert (seen["rpo"]["p50"], seen["rto"]["p50"], seen["rto_to"]) == (60.0, 90.0, "database")
    assert (seen["last"]["ended"], seen["last_success"]) == (1, 1)


def test_a_repository_of_which_nothing_was_proved_leaves_the_stack_without_a_proof(settings):
    drilled(settings, 1, "repo1")
    seen = proof.picture(settings, [])
    assert (seen["last"]["ended"], seen["last_success"]) == (1, None)
    assert seen["repositories"]["repo2"]["last"] is None


def test_a_backup_of_one_repository_says_nothing_of_the_other(settings):
    asked = {"repo1": {}, "repo2": {}}
    keep(settings, "incr", 1, asked=asked, repositories={"repo1": {"label": "a"}, "repo2": {"label": "b"}})
    keep(settings, "incr", 2, "failed", asked=asked, repositories={"repo1": {"label": "c"}})
    keep(settings, "incr", 3, asked={"repo1": {}}, repositories={"repo1": {"label": "d"}})
    keep(settings, "incr", 4, "skipped")
    job = runs.of_job(settings, "incr")
    assert (job["last"]["ended"], job["last"]["outcome"], job["last_success"]) == (2, "failed", 1)
    assert job["skipped_in_a_row"] == 1
    first, second = job["repositories"]["repo1"], job["repositories"]["repo2"]
    assert (first["last"]["outcome"], first["last_success"]) == ("ok", 3)
    assert (second["last"]["error"], second["last_success"]) == ("no answer at 2", 1)


def test_a_run_that_ended_before_it_knew_its_repositories_is_of_all(settings):
    keep(settings, "verify", 1, asked={"repo1": {}}, repositories={"repo1": "ok"})
    keep(settings, "verify", 2, "failed")
    seen = runs.of_job(settings, "verify")["repositories"]
    assert [each["last"]["outcome"] for each in seen.values()] == ["failed", "failed"]
    assert (seen["repo1"]["last_success"], seen["repo2"]["last_success"]) == (1, None)


def test_what_was_done_at_an_old_place_is_not_of_the_new_one_of_that_name(settings):
    drilled(settings, 1, "repo1")
    drilled(settings, 1, "repo2", where="sftp://keeper@old/backups")
    keep(settings, "verify", 1, asked={"repo2": {"where": "sftp://keeper@old/backups"}})
    seen = proof.picture(settings, [])
    assert (seen["last_success"], seen["repositories"]["repo2"]["last"]) == (None, None)
    assert proof.proved(settings, settings.repositories[1]) == set()
    assert runs.of_job(settings, "verify")["repositories"]["repo2"]["last"] is None
    drilled(settings, 2, "repo2", where="sftp://keeper@b/backups")
    assert proof.proved(settings, settings.repositories[1]) == {"L"}
    assert proof.picture(settings, [])["repositories"]["repo2"]["last_success"] == 2


def test_a_stack_whose_backups_go_to_a_new_place_has_missed_no_job(settings):
    keep(settings, "incr", 1, asked={"repo1": {"where": "/mnt/old"}, "repo2": {"where": "sftp://old/b"}})
    seen = runs.of_job(settings, "incr")
    assert (seen["last"]["ended"], seen["last_success"]) == (1, 1)
    assert [each["last_success"] for each in seen["repositories"].values()] == [None, None]


def test_a_job_that_a_new_repository_has_not_had_yet_is_not_late_for_it(settings):
    keep(settings, "full", 1, asked={"repo1": {}}, repositories={"repo1": {"label": "a"}})
    job = runs.of_job(settings, "full")
    assert (job["last"]["ended"], job["last_success"]) == (1, 1)


def test_a_backup_and_a_verification_say_which_repositories_they_were_asked_for(settings, monkeypatch):
    monkeypatch.setattr(pgbackrest, "sweep", lambda _: None)
    monkeypatch.setattr(pgbackrest, "verify", lambda *_: None)
    monkeypatch.setattr(backups, "_archived", lambda _: "")
    monkeypatch.setattr(backups, "_save_configuration", lambda _: "saved")

    def fails(*_, **__):
        raise BackupError("no answer")

    monkeypatch.setattr(pgbackrest, "backup", fails)
    assert set(backups.verify(settings, settings.repositories[1:])["asked"]) == {"repo2"}
    with pytest.raises(BackupError):
        backups.take(settings, "full", settings.repositories[1:])
    seen = runs.of_job(settings, "full")["repositories"]
    assert seen["repo1"]["last"] is None
    assert seen["repo2"]["last"]["outcome"] == "failed"
