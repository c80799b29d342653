"""The backups' preflight: the repository off the host, and the restore of a lost one."""

import pytest
from repositories import S3, SFTP

from stanchion.preflight import offsite
from stanchion.preflight.reading import Declared

DECLARED = {
    "stack_name": "s",
    "stack_backup_offsite": {},
    "given_secrets": {},
}
GIVEN = {"backup_offsite_passphrase": "ascii"}
RESTORE = {
    "stack_backup_offsite": SFTP,
    "given_secrets": GIVEN,
    "restore_from": "repo2",
    "old_host_is_fenced": "s",
}
NOTHING = {"volume_record": {"ok": True, "path": "/s/volume.json", "exists": False, "record": None}}
RESUMED = {"volume_record": {**NOTHING["volume_record"], "exists": True, "record": {"bare_metal": {}}}}
UNREAD = {"volume_record": {"ok": False, "error": "/s/volume.json is no JSON"}}
OCCUPIED = {"volume_record": {**NOTHING["volume_record"], "exists": True}}


@pytest.mark.parametrize(
    ("changed", "slugs_wanted"),
    [
        ({}, []),
        ({"stack_backup_offsite": {"type": "ftp"}}, ["backup.offsite"]),
        ({"stack_backup_offsite": SFTP, "unexported": ["backup_offsite_passphrase"]}, ["backup.passphrase"]),
        ({"stack_backup_offsite": SFTP, "unexported": ["backup_passphrase"]}, []),
        ({"stack_backup_offsite": SFTP, "given_secrets": GIVEN, "unexported": list(GIVEN)}, []),
        ({"stack_backup_offsite": S3, "given_secrets": GIVEN}, ["backup.s3_keys", "backup.s3_keys"]),
    ],
)
def test_what_is_declared(slugs, changed, slugs_wanted):
    assert slugs(offsite.look(Declared({**DECLARED, **changed}), NOTHING)) == slugs_wanted


@pytest.mark.parametrize(
    ("changed", "facts", "slugs_wanted"),
    [
        ({}, NOTHING, []),
        ({}, OCCUPIED, ["backup.occupied"]),
        ({}, RESUMED, []),
        ({}, UNREAD, []),
        ({"old_host_is_fenced": "another"}, NOTHING, ["backup.fenced"]),
        ({"restore_from": "repo3"}, NOTHING, ["backup.from"]),
        ({"stack_backup_offsite": {}}, NOTHING, ["backup.from"]),
        ({"given_secrets": {}, "missing": ["backup_offsite_passphrase"]}, NOTHING, ["backup.secret"]),
        ({"restore_from": "repo1", "missing": ["backup_passphrase"]}, NOTHING, ["backup.secret"]),
        ({"restore_from": "repo1", "missing": ["backup_offsite_passphrase"]}, NOTHING, []),
    ],
)
def test_a_lost_hosts_restore(slugs, changed, facts, slugs_wanted):
    assert slugs(offsite.look(Declared({**DECLARED, **RESTORE, **changed}), facts)) == slugs_wanted
