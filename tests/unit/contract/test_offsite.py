"""The declaration of the repository off the host."""

import base64

import pytest
from repositories import KEY, S3, SFTP

from stanchion.contract import offsite

HEX = "00" * 31 + "ff"
OPENSSH = "SHA256:" + base64.b64encode(bytes.fromhex(HEX)).decode().rstrip("=")


def test_sftp_with_the_hosts_keys():
    found = offsite.read(SFTP)
    assert found.where == "sftp://keeper@b.example.org/backups"
    assert found.known_hosts == f"b.example.org {KEY}\n"
    assert found.options["sftp-host-key-check-type"] == "strict"
    assert found.options["sftp-known-host"] == "/etc/pgbackrest/known_hosts"


def test_another_port_stands_in_known_hosts_as_openssh_writes_it():
    found = offsite.read({**SFTP, "port": 2222})
    assert found.known_hosts == f"[b.example.org]:2222 {KEY}\n"
    assert found.where == "sftp://keeper@b.example.org:2222/backups"
    assert found.options["sftp-host-port"] == "2222"


@pytest.mark.parametrize("given", [HEX, OPENSSH])
def test_a_fingerprint_in_either_form(given):
    found = offsite.read({**SFTP, "host_keys": [], "host_key_fingerprint": given})
    assert found.options["sftp-host-fingerprint"] == HEX
    assert found.options["sftp-host-key-check-type"] == "fingerprint"
    assert found.known_hosts == ""


def test_s3():
    found = offsite.read({**S3, "uri_style": "path", "port": 9000})
    assert found.where == "s3://my-backups/pgbackrest"
    assert found.options == {
        "type": "s3",
        "path": "/pgbackrest",
        "s3-bucket": "my-backups",
        "s3-endpoint": "s3.example.org",
        "s3-region": "eu-central-1",
        "s3-uri-style": "path",
        "storage-port": "9000",
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "ftp"}, "there are sftp and s3"),
        ({"host": None}, "host is missing"),
        ({"host": "a b"}, "no host name"),
        ({"path": "backups"}, "no absolute path"),
        ({"path": "/a/../b"}, "no absolute path"),
        ({"path": "/a\nrepo1-path=/b"}, "no absolute path"),
        ({"port": 70000}, "no port"),
        ({"user": "a:b"}, "no name of a user"),
        ({"host_keys": []}, "host_keys is missing"),
        (
            {"host_keys": [KEY, "b.example.org " + KEY]},
            f"host_keys is 'b.example.org {KEY}': no key like 'ssh-ed25519 AAAA…', as ssh-keyscan prints",
        ),
        ({"host_keys": KEY}, f"host_keys is '{KEY}': no key like"),
        ({"host_keys": [], "host_key_fingerprint": "MD5:aa"}, "no SHA-256 fingerprint"),
        ({"retention_full": 0}, "no number from 1 on"),
        ({"pasword": "x"}, "pasword is no field of type sftp"),
        ({"bucket": "x"}, "bucket is no field of type sftp"),
    ],
)
def test_what_cannot_be_meant_is_named(changed, said):
    with pytest.raises(ValueError, match=r"^stack_backup_offsite: ") as refused:
        offsite.read({**SFTP, **changed})
    assert said in str(refused.value)


def test_every_problem_at_once():
    assert len(offsite.problems({"type": "s3"})) == 3


@pytest.mark.parametrize("text", ["SHA256:short", "nonsense", "SHA1:" + "a" * 43])
def test_no_fingerprint(text):
    with pytest.raises(ValueError, match="no SHA-256 fingerprint"):
        offsite.fingerprint(text)
