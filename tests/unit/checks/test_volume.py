"""The volume with the data: right, alone, and of the right version."""

import pytest

from stanchion.checks import Outcome, Phase
from stanchion.checks.container import Container, Mount

VOLUME = "medication-tracker-pgdata"


def volume(kept):
    return kept.facts["volumes"]["entries"][0]


def data_mount(kept):
    return next(m for m in kept.container("db")["mounts"] if m["destination"] == "/var/lib/postgresql/data")


class TestMount:
    def test_beside_the_data(self, kept):
        data_mount(kept)["destination"] = "/var/lib/postgresql"
        finding = kept.ask("volume.mount")
        assert finding.outcome is Outcome.FAIL
        assert "nothing is mounted at /var/lib/postgresql/data; a volume is at /var/lib/postgresql" in (
            finding.summary
        )

    def test_without_a_name(self, kept):
        data_mount(kept)["name"] = "f" * 64
        assert "has no name" in kept.ask("volume.mount").summary

    def test_a_folder_in_place_of_the_volume(self, kept):
        data_mount(kept).update(type="bind", name=None, source="/srv/data")
        finding = kept.ask("volume.mount")
        assert finding.outcome is Outcome.FAIL
        assert "is the host's folder /srv/data, and a volume is declared" in finding.summary

    def test_read_only(self, kept):
        data_mount(kept)["read_only"] = True
        assert kept.ask("volume.mount").outcome is Outcome.FAIL

    @pytest.mark.parametrize(
        "image,target,pgdata,outcome",
        [
            ("postgres:17.5-bookworm", "/var/lib/postgresql/data", "", Outcome.PASS),
            ("postgres:17", "/var/lib/postgresql/data/", "", Outcome.PASS),
            # The newest one is 18 or later.
            ("postgres", "/var/lib/postgresql/data", "", Outcome.FAIL),
            ("postgres:latest", "/var/lib/postgresql", "", Outcome.PASS),
            ("pgvector/pgvector:pg18", "/var/lib/postgresql", "", Outcome.PASS),
            ("timescale/timescaledb:2.17.2-pg17", "/var/lib/postgresql/data", "", Outcome.PASS),
            ("bitnami/postgresql:17", "/bitnami/postgresql", "", Outcome.PASS),
            ("bitnami/postgresql:17", "/var/lib/postgresql/data", "", Outcome.FAIL),
            ("postgres:17.5-bookworm", "/var/lib/postgresql", "", Outcome.FAIL),
            ("postgres:17.5-bookworm", "/data", "", Outcome.FAIL),
            ("registry:5000/postgres:18.1-trixie", "/var/lib/postgresql", "", Outcome.PASS),
            ("postgres:18", "/var/lib/postgresql/data", "", Outcome.FAIL),
            ("postgres:16", "/var/lib/postgresql/data", "/var/lib/postgresql/data/pg", Outcome.PASS),
            ("postgres:16", "/srv", "/srv/pg", Outcome.PASS),
            ("postgres:16", "/var/lib/postgresql/data", "/srv/pg", Outcome.FAIL),
        ],
    )
    def test_of_a_file(self, kept, image, target, pgdata, outcome):
        mounts = (Mount("volume", "data", target),)
        service = Container("db", "postgres", image, mounts=mounts, values={"PGDATA": pgdata})
        finding = kept.ask_file("volume.mount", service)
        assert finding.outcome is outcome
        assert finding.evidence[0].key == "volumes"

    def test_an_anonymous_one_of_a_file(self, kept):
        service = Container("db", "postgres", mounts=(Mount("volume", "", "/var/lib/postgresql/data"),))
        assert "has no name" in kept.ask_file("volume.mount", service).summary

    def test_a_folder_of_a_file_is_a_choice(self, kept):
        service = Container("db", "postgres", mounts=(Mount("bind", "./data", "/var/lib/postgresql/data"),))
        assert kept.ask_file("volume.mount", service).outcome is Outcome.PASS


class TestSingleWriter:
    def test_somebody_else_mounts_it(self, kept):
        volume(kept)["written_by"].append("old-db")
        finding = kept.ask("volume.single_writer")
        assert finding.outcome is Outcome.FAIL
        assert finding.summary == f"{VOLUME}: old-db mounts it too, for writing"

    def test_before_the_first_deploy_there_is_none(self, kept):
        kept.facts["volumes"]["entries"] = []
        kept.facts["volume_record"].update(record=None, exists=False)
        for slug in ("volume.single_writer", "volume.owner", "volume.version"):
            finding = kept.ask(slug, Phase.PREFLIGHT)
            assert finding.outcome is Outcome.SKIP
            assert f"no volume {VOLUME} yet" in finding.summary

    def test_a_recorded_volume_that_is_gone(self, kept):
        kept.facts["volumes"]["entries"] = []
        finding = kept.ask("volume.single_writer", Phase.PREFLIGHT)
        assert finding.outcome is Outcome.ERROR
        assert "volume.json names" in finding.summary


class TestIdentity:
    def test_another_cluster(self, kept):
        kept.rows("server")[0]["system_identifier"] = "1"
        finding = kept.ask("volume.identity")
        assert finding.outcome is Outcome.FAIL
        assert "serves cluster 1, and 7712112147128119322 is recorded" in finding.summary

    def test_another_volume(self, kept):
        kept.facts["volume_record"]["record"]["volume"] = "restored"
        finding = kept.ask("volume.identity")
        assert finding.outcome is Outcome.FAIL
        assert f"the volume {VOLUME} is mounted, and restored recorded" in finding.summary

    def test_no_record(self, kept):
        kept.facts["volume_record"]["record"] = None
        assert kept.ask("volume.identity").outcome is Outcome.FAIL


class TestOwner:
    @pytest.mark.parametrize(
        "key,value,says",
        [
            ("uid", 70, "belongs to user 70, and the server runs as 999"),
            ("mode", "0755", "has the mode 0755"),
        ],
    )
    def test_not_the_servers_alone(self, kept, key, value, says):
        volume(kept)["content"][key] = value
        finding = kept.ask("volume.owner")
        assert finding.outcome is Outcome.FAIL
        assert says in finding.summary

    def test_a_server_that_begins_as_root_may_be_any_user(self, kept):
        kept.container("db")["security"]["user"] = None
        volume(kept)["content"]["uid"] = 70
        assert kept.ask("volume.owner").outcome is Outcome.PASS

    def test_the_group_may_read(self, kept):
        volume(kept)["content"]["mode"] = "0750"
        assert kept.ask("volume.owner").outcome is Outcome.PASS

    def test_it_cannot_be_looked_into(self, kept):
        volume(kept)["content"] = {"readable": False, "error": "its driver keeps it elsewhere"}
        finding = kept.ask("volume.owner")
        assert finding.outcome is Outcome.ERROR
        assert "its driver keeps it elsewhere" in finding.summary


class TestVersion:
    @pytest.mark.parametrize(
        "found,says", [("16", "was written by version 16, and 17"), (None, "is no cluster")]
    )
    def test_other_data(self, kept, found, says):
        volume(kept)["content"]["pg_version"] = found
        finding = kept.ask("volume.version")
        assert finding.outcome is Outcome.FAIL
        assert says in finding.summary

    def test_an_empty_volume_has_none(self, kept):
        volume(kept)["content"]["empty"] = True
        assert kept.ask("volume.version", Phase.PREFLIGHT).outcome is Outcome.SKIP
