"""Room, on one file system and on several."""

import pytest

from stanchion.checks import Outcome, Phase


def disk(kept, name="data_volume"):
    return kept.facts["disk"][name]


def alone(kept, name="data_volume"):
    """Put what lies there on a file system of its own."""
    disk(kept, name)["device"] = 99
    return disk(kept, name)


class TestSpace:
    @pytest.mark.parametrize(
        "share,outcome", [(0.3, Outcome.PASS), (0.08, Outcome.WARN), (0.04, Outcome.FAIL), (0, Outcome.FAIL)]
    )
    def test_two_thresholds(self, kept, share, outcome):
        found = alone(kept)
        found["free"] = int(found["total"] * share)
        finding = kept.ask("disk.space")
        assert finding.outcome is outcome
        assert len(finding.evidence) == 2

    def test_one_file_system_is_told_once(self, kept):
        (seen,) = kept.ask("disk.space").evidence
        assert seen.of == disk(kept)["path"]
        assert (
            "free, 31 %, for Docker's images and containers and the stack's records and the data" in seen.what
        )

    def test_before_the_first_deploy(self, kept):
        del kept.facts["disk"]["data_volume"]
        assert kept.ask("disk.space", Phase.PREFLIGHT).outcome is Outcome.PASS


class TestInodes:
    def test_few_are_left(self, kept):
        alone(kept)["inodes_free"] = 5
        finding = kept.ask("disk.inodes")
        assert finding.outcome is Outcome.WARN
        assert "5 inodes free, 0 %, for the data" in finding.summary

    def test_some_file_systems_have_no_number(self, kept):
        alone(kept).update(inodes_total=0, inodes_free=0)
        assert kept.ask("disk.inodes").outcome is Outcome.PASS


class TestNextAction:
    def test_no_room_for_one_image(self, kept):
        disk(kept, "docker_root")["free"] = 512 * 1024**2
        finding = kept.ask("disk.next_action")
        assert finding.outcome is Outcome.FAIL
        assert "a deploy may need 2.4 GB, and 512 MB are free" in finding.summary

    def test_a_host_without_an_engine_has_no_images(self, kept):
        kept.facts["engine"].update(state="absent")
        kept.facts["images"] = {"ok": False, "error": "no such file"}
        finding = kept.ask("disk.next_action", Phase.PREFLIGHT)
        assert finding.outcome is Outcome.PASS
        assert "a deploy may need 4.0 GB" in finding.summary

    def test_a_stopped_engine_cannot_tell(self, kept):
        kept.facts["engine"].update(state="stopped")
        kept.facts["images"] = {"ok": False, "error": "refused"}
        assert kept.ask("disk.next_action", Phase.PREFLIGHT).outcome is Outcome.SKIP
        assert kept.ask("disk.next_action", Phase.RUNTIME).outcome is Outcome.ERROR


class TestBackupApart:
    def test_on_the_disk_of_the_data(self, kept):
        finding = kept.ask("disk.backup_apart")
        assert finding.outcome is Outcome.WARN
        assert finding.summary.startswith("medication-tracker-backup: is on the same file system")

    def test_a_second_repository_off_the_host_is_enough(self, kept):
        kept.declared["stack"]["backup_network"] = "medication-tracker_backup_network"
        finding = kept.ask("disk.backup_apart")
        assert finding.outcome is Outcome.PASS
        assert "a second repository is off the host" in finding.evidence[0].what

    def test_without_backups(self, kept):
        kept.declared["stack"]["backup"] = False
        assert kept.ask("disk.backup_apart").outcome is Outcome.SKIP

    def test_on_another(self, kept):
        alone(kept, "repository")
        assert kept.ask("disk.backup_apart").outcome is Outcome.PASS

    def test_a_folder_that_is_not_there_is_on_no_disk(self, kept):
        alone(kept, "repository")
        disk(kept, "repository")["measured_at"] = "/var/lib/docker/volumes"
        finding = kept.ask("disk.backup_apart")
        assert finding.summary == "medication-tracker-backup: is not there: nothing can be said of its disk"
        assert kept.ask("disk.backup_apart", Phase.PREFLIGHT).outcome is Outcome.SKIP

    def test_before_there_are_data(self, kept):
        del kept.facts["disk"]["data_volume"]
        assert kept.ask("disk.backup_apart").outcome is Outcome.SKIP


def test_no_room_for_a_restored_copy_by_the_figure_of_the_drill_itself(kept):
    needed = kept.facts["backup"]["observed"]["room"]["copy"]
    disk(kept, "docker_root")["free"] = needed
    assert kept.ask("disk.drill").outcome is Outcome.PASS
    disk(kept, "docker_root")["free"] = needed - 1
    finding = kept.ask("disk.drill")
    assert finding.outcome is Outcome.WARN
    assert "a copy needs 289 MB, and 289 MB are free" in finding.summary


class TestFullBackup:
    def test_no_room_for_the_next_one(self, kept):
        assert kept.ask("disk.full_backup").outcome is Outcome.PASS
        disk(kept, "repository")["free"] = 4 * 1024**2
        assert kept.ask("disk.full_backup").outcome is Outcome.PASS
        disk(kept, "repository")["free"] = 3 * 1024**2
        finding = kept.ask("disk.full_backup")
        assert finding.outcome is Outcome.FAIL
        assert "the next full backup may need 4 MB, and 3 MB are free" in finding.summary

    def test_what_is_not_known_is_said(self, kept):
        (repository,) = kept.facts["backup"]["observed"]["repositories"]
        disk(kept, "repository")["free"] = 0
        repository["network"] = "offsite"
        assert "on another host" in kept.ask("disk.full_backup").evidence[0].what
        repository.update(network=None, sets=repository["sets"][1:])
        assert "no full backup yet" in kept.ask("disk.full_backup").evidence[0].what


def test_read_only(kept):
    disk(kept)["read_only"] = True
    finding = kept.ask("disk.writable")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == f"{disk(kept)['path']}: read-only, for the data"
