"""Which full backups should still be there, by the records: retention and places of repositories change."""

import dataclasses
from pathlib import Path

import pytest
from stanchion_backup.host import jobs
from stanchion_backup.repository import retention
from stanchion_backup.settings import Repository, load
from test_backup_settings import raw, written


@pytest.fixture
def settings(tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    return load(written(tmp_path, raw(state_dir=str(tmp_path / "state"), config=str(config))))


def configure(settings, *lines):
    (Path(settings.config) / "pgbackrest.conf").write_text("\n".join(("[global]", *lines, "")))


def take(settings, at, kind="full", keep=2, by="count", expire=None):
    """Keep the record of a backup as it would have been made then."""
    configure(settings, f"repo1-retention-full-type={by}", f"repo1-retention-full={keep}")
    lets_go = kind == "full" if expire is None else expire
    made = {"repo1": {"label": f"{kind}{at}", "type": kind, "expire": lets_go}}
    asked = retention.asked(settings, settings.repositories)
    jobs.keep(
        settings,
        {"job": kind, "started": float(at), "pid": at, "asked": asked, "repositories": made},
    )


def test_a_higher_retention_brings_nothing_back(settings):
    for at in range(1, 5):
        take(settings, at)
    assert retention.taken(settings) == {"repo1": ["full3", "full4"]}
    raised = dataclasses.replace(settings, retention_full=5)
    assert retention.taken(raised) == {"repo1": ["full3", "full4"]}
    take(raised, 5, keep=5)
    assert retention.taken(raised) == {"repo1": ["full3", "full4", "full5"]}


def test_a_lower_one_lets_go_with_the_next_full_backup_that_expires(settings):
    for at in range(1, 4):
        take(settings, at, keep=3)
    take(settings, 4, "incr", keep=1)
    take(settings, 5, keep=1, expire=False)
    assert retention.taken(settings) == {"repo1": ["full1", "full2", "full3", "full5"]}
    take(settings, 6, keep=1)
    take(settings, 7, keep=3)
    assert retention.taken(settings) == {"repo1": ["full6", "full7"]}


def test_what_the_job_expire_let_go_is_not_missed(settings):
    take(settings, 1)
    take(settings, 2)
    jobs.keep(settings, {"job": "expire", "started": 3.0, "pid": 3, "expired": {"repo1": ["full1", "incr1"]}})
    assert retention.taken(settings) == {"repo1": ["full2"]}


def test_days_let_go_of_what_nobody_can_tell(settings):
    for at in range(1, 4):
        take(settings, at, keep=30, by="time")
    take(settings, 4)
    assert retention.taken(settings) == {"repo1": ["full3", "full4"]}


def test_a_new_place_misses_nothing_of_the_old(settings):
    take(settings, 1)
    moved = dataclasses.replace(settings, repositories=(Repository(1, "folder", "/srv/backup"),))
    assert retention.taken(moved) == {}
    take(moved, 2)
    assert retention.taken(moved) == {"repo1": ["full2"]}


def test_a_failed_backup_lets_nothing_go(settings):
    take(settings, 1)
    take(settings, 2)
    jobs.keep(settings, {"job": "full", "started": 3.0, "pid": 3, "asked": {"repo1": {"retention": 1}}})
    assert retention.taken(settings) == {"repo1": ["full1", "full2"]}


def test_a_configuration_without_retention_is_asked_all_the_same(settings):
    configure(settings)
    assert retention.asked(settings, settings.repositories) == {
        "repo1": {"where": "shop-backup", "retention": None}
    }
