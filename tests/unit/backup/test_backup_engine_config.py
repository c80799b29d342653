"""pgbackrest.conf as the role writes it, with and without a repository off the host."""

import configparser
from pathlib import Path

import jinja2
import pytest
from repositories import S3, SFTP

from stanchion.contract import offsite

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "roles/backup/templates/pgbackrest.conf.j2"
DEFAULTS = {
    "stack_name": "s",
    "stack_backup_offsite": {},
    "backup_retention_full": 2,
    "backup_retention_full_type": "count",
    "backup_retention_diff": "",
    "backup_compress_level": 3,
    "backup_processes": 2,
    "backup_archive_queue_max": "",
}


@pytest.fixture
def rendered():
    """Render the template as Ansible does, and read it as pgBackRest does: section by section."""

    def render(**changed):
        given = {**DEFAULTS, **changed}
        declared = given["stack_backup_offsite"]
        given["__backup_offsite"] = offsite.read(declared)._asdict() if declared else {}
        environment = jinja2.Environment(
            trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False
        )
        parser = configparser.ConfigParser(interpolation=None, strict=True)
        parser.read_string(environment.from_string(TEMPLATE.read_text()).render(given))
        return parser

    return render


def of_second(section):
    return {
        name.removeprefix("repo2-"): value for name, value in section.items() if name.startswith("repo2-")
    }


def test_one_repository(rendered):
    parser = rendered()
    assert parser.sections() == ["global", "global:archive-push", "s"]
    assert of_second(parser["global"]) == {}
    assert "io-timeout" not in parser["global"]
    # Six tries, and a moment between two, are less than the least that Docker waits (60 s beyond the pages).
    assert int(parser["global:archive-push"]["archive-timeout"]) * 6 + 10 < 120


@pytest.mark.parametrize("declared", [SFTP, S3], ids=["sftp", "s3"])
def test_a_second_one_is_encrypted_bounded_and_has_no_secret(rendered, declared):
    parser = rendered(stack_backup_offsite=declared)
    second = of_second(parser["global"])
    assert second["type"] == declared["type"]
    assert second["cipher-type"] == "aes-256-cbc"
    assert second["retention-full"] == "2"
    assert int(parser["global:archive-push"]["io-timeout"]) < int(parser["global"]["io-timeout"]) <= 15
    assert not {"cipher-pass", "s3-key", "s3-key-secret"} & set(second)


def test_s3_as_pgbackrest_names_it(rendered):
    second = of_second(rendered(stack_backup_offsite={**S3, "uri_style": "path"})["global"])
    assert {name: value for name, value in second.items() if name.startswith("s3-")} == {
        "s3-bucket": "my-backups",
        "s3-endpoint": "s3.example.org",
        "s3-region": "eu-central-1",
        "s3-uri-style": "path",
    }


def test_it_keeps_as_much_as_it_says(rendered):
    declared = {**SFTP, "retention_full": 4, "retention_diff": 7}
    parser = rendered(stack_backup_offsite=declared, backup_retention_diff="1")
    assert of_second(parser["global"])["retention-full"] == "4"
    assert of_second(parser["global"])["retention-diff"] == "7"
    assert parser["global"]["repo1-retention-full"] == "2"
