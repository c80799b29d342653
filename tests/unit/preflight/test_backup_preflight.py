"""The declared backups beside the host and what the repository holds."""

import copy
from pathlib import Path

import pytest
import yaml

DEFAULTS = Path(__file__).resolve().parents[3] / "roles/backup/defaults/main.yml"
GB = 1024**3
PASSPHRASE = "/var/lib/stanchion/medication-tracker/secrets/backup_passphrase"
DECLARED = {
    "stack_name": "medication-tracker",
    "state_dir": "/var/lib/stanchion/medication-tracker",
    "secret_files": [PASSPHRASE],
    "given_secrets": {},
    "passphrase_replaced": False,
    "stack_backup_repository": "medication-tracker-backup",
    "stack_archive_timeout": 60,
    "stack_backup_before_replace": 24,
    # Only one: of each, every test would reckon hundreds of moments.
    "backup_schedule": {"full": "45 * * * *"},
    "backup_mailto": "",
    "backup_retention_full": 2,
    "backup_retention_diff": "",
    "backup_compress_level": 3,
    "backup_processes": 2,
    "backup_archive_queue_max": "",
    "backup_memory": "512m",
    "backup_scratch_memory": "512m",
    "backup_rpo": 120,
    "backup_rto": 900,
    "backup_assertions": [],
    "backup_sentinels": [],
    "backup_sentinel_size": "64m",
    "backup_read_path": "/medications",
}


@pytest.fixture
def declared():
    return copy.deepcopy(DECLARED)


@pytest.fixture
def facts(running, secret_file):
    """A host whose database is there, and whose repository holds its backups."""
    running["files"]["entries"][PASSPHRASE] = secret_file
    running["volume_record"] = {"ok": True, "exists": True, "record": {"system_identifier": "7"}}
    running["repository"] = {
        "ok": True,
        "name": "medication-tracker-backup",
        "path": "/var/lib/docker/volumes/medication-tracker-backup/_data",
        "exists": True,
        "parent_exists": True,
        "held": True,
        "foreign": "",
        "disk": {"free": 10 * GB, "read_only": False, "measured_at": "/var/lib/docker"},
    }
    return running


def test_the_defaults_fit(look, declared, facts):
    declared["backup_schedule"] = yaml.safe_load(DEFAULTS.read_text())["backup_schedule"]
    assert len(declared["backup_schedule"]) == 5
    assert look("backup", declared, facts) == []


def test_a_first_deploy(look, declared, facts, secret_file):
    facts["repository"].update(exists=False, held=False)
    facts["volume_record"].update(exists=False, record=None)
    facts["files"]["entries"][PASSPHRASE] = {"exists": False, "parent": secret_file["parent"]}
    assert look("backup", declared, facts) == []


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"stack_name": "shop.v2"}, "backup.stack_name"),
        ({"stack_name": "dockerd"}, "backup.stack_name"),
        ({"backup_schedule": {"full": "0 1 * * 0", "weekly": "0 2 * * 0"}}, "backup.job"),
        ({"backup_schedule": {"full": "61 1 * * 0"}}, "backup.cron"),
        ({"backup_schedule": {"full": "@weekly"}}, "backup.cron"),
        ({"backup_schedule": {"full": "0 1 L * *"}}, "backup.cron"),
        ({"backup_schedule": {"full": "0 1 * * 0\n* * * * * root reboot"}}, "backup.cron"),
        ({"backup_schedule": {"full": "5/10 1 * * 0"}}, "backup.cron"),
        ({"backup_schedule": "weekly"}, "backup.schedule"),
        ({"backup_mailto": 'root"\n* * * * * root reboot'}, "backup.mailto"),
        ({"backup_retention_full": 0}, "backup.count"),
        ({"backup_retention_diff": 0}, "backup.count"),
        ({"stack_archive_timeout": 0}, "backup.count"),
        ({"backup_rto": 0}, "backup.count"),
        ({"backup_compress_level": 23}, "backup.number"),
        ({"backup_processes": 0}, "backup.number"),
        ({"stack_backup_before_replace": -1}, "backup.count"),
        ({"backup_memory": "16m"}, "backup.size"),
        ({"backup_memory": "much"}, "backup.size"),
        ({"backup_scratch_memory": "128m"}, "backup.size"),
        ({"backup_sentinel_size": "much"}, "backup.size"),
        ({"backup_scratch_memory": "900g"}, "backup.host_memory"),
        ({"backup_archive_queue_max": "20 gigs"}, "backup.queue_max"),
        ({"backup_read_path": "medications"}, "backup.read_path"),
        ({"backup_assertions": [{"name": "count", "sql": " "}]}, "backup.assertion"),
        (
            {"backup_assertions": [{"name": "a", "sql": "SELECT 1"}, {"name": "a", "sql": "SELECT 2"}]},
            "backup.assertion",
        ),
        ({"backup_sentinels": ["medications"]}, "backup.sentinel"),
        ({"stack_backup_repository": "a volume"}, "backup.name"),
        ({"stack_backup_repository": "/srv"}, "backup.repository"),
        ({"stack_backup_repository": "/srv/a:b"}, "backup.repository"),
        ({"stack_backup_repository": "/srv/../etc"}, "backup.repository"),
        (
            {"stack_backup_repository": "/var/lib/stanchion/medication-tracker/backup/repo"},
            "backup.repository",
        ),
        ({"stack_backup_repository": "/var/lib/stanchion"}, "backup.repository"),
        ({"given_secrets": {"backup_passphrase": "empty"}}, "secret.given"),
        ({"passphrase_replaced": True}, "backup.passphrase_changed"),
    ],
)
def test_what_cannot_be_meant(look, slugs, declared, facts, changes, slug):
    assert slugs(look("backup", {**declared, **changes}, facts)) == [slug]


@pytest.mark.parametrize(
    "changes",
    [
        {"backup_schedule": {"full": "0 1 * * sun", "incr": "*/10 8-18 * * 1-5", "verify": ""}},
        {"backup_mailto": "root, ops@example.com"},
        {"backup_archive_queue_max": "20GiB"},
        {"backup_read_path": ""},
        {"backup_retention_diff": "3"},
        {"backup_sentinels": ["public.medications"]},
    ],
)
def test_what_can_be_meant(look, declared, facts, changes):
    assert look("backup", {**declared, **changes}, facts) == []


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"backup_schedule": {"incr": "0 * * * *"}}, "backup.no_full"),
        ({"backup_rpo": 60}, "backup.rpo"),
    ],
)
def test_risks_that_somebody_may_take(look, declared, facts, changes, slug):
    (problem,) = look("backup", {**declared, **changes}, facts)
    assert (problem.slug, problem.level) == (slug, "warning")


def test_everything_is_said_at_once(look, slugs, declared, facts):
    declared.update(stack_name="a.b", backup_mailto="a b", backup_memory="1m")
    facts["repository"]["disk"]["free"] = 0
    found = slugs(look("backup", declared, facts))
    assert found == ["backup.stack_name", "backup.size", "backup.mailto", "disk.repository"]


@pytest.mark.parametrize("record", [None, {"system_identifier": None}])
def test_a_new_database_does_not_begin_over_the_backups_of_another(look, declared, facts, record):
    facts["volume_record"]["record"] = record
    (problem,) = look("backup", declared, facts)
    assert problem.slug == "backup.another_database"
    for way in ("--restore-from repo1", "stack_backup_repository", "--delete-backups"):
        assert way in problem.remedy
    facts["volume_record"].update(exists=False, record=None)
    restoring = {"restore_from": "repo1", "old_host_is_fenced": "medication-tracker"}
    assert look("backup", {**declared, **restoring}, facts) == []


def test_a_passphrase_that_is_gone_is_not_made_anew(look, slugs, declared, facts, secret_file):
    facts["files"]["entries"][PASSPHRASE] = {"exists": False, "parent": secret_file["parent"]}
    assert slugs(look("backup", declared, facts)) == ["backup.passphrase_lost"]
    assert look("backup", {**declared, "given_secrets": {"backup_passphrase": "ascii"}}, facts) == []


def test_a_folder_whose_disk_is_missing(look, declared, facts):
    declared["stack_backup_repository"] = "/mnt/disk/backup"
    facts["repository"].update(
        name="/mnt/disk/backup", path="/mnt/disk/backup", exists=False, parent_exists=False
    )
    (problem,) = look("backup", declared, facts)
    assert problem.slug == "backup.folder"
    assert "/mnt/disk" in problem.what


def test_a_folder_that_somebody_else_uses(look, slugs, declared, facts):
    declared["stack_backup_repository"] = "/usr/bin"
    facts["repository"].update(name="/usr/bin", path="/usr/bin", foreign="holds what is no backup: sh")
    (problem,) = look("backup", declared, facts)
    assert problem.slug == "backup.folder_taken"
    assert "holds what is no backup: sh" in problem.what


def test_no_room(look, slugs, declared, facts):
    facts["repository"]["disk"]["free"] = 1024
    (problem,) = look("backup", declared, facts)
    assert problem.slug == "disk.repository"
    assert "finds no room stays with the database" in problem.remedy
    facts["repository"]["disk"].update(free=GB, read_only=True)
    assert slugs(look("backup", declared, facts)) == ["disk.repository"]


@pytest.mark.parametrize("source", ["repository", "memory", "files"])
def test_what_could_not_be_looked_at_is_not_taken_for_granted(look, slugs, declared, facts, source):
    facts[source] = {"ok": False, "error": "no answer"}
    assert "host.unreadable" in slugs(look("backup", declared, facts))
