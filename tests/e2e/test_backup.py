"""Backups of the whole stack: what a first deploy leaves, by hand, and before another image takes over."""

from __future__ import annotations

import time

from prometheus_client.parser import text_string_to_metric_families
from stack import Run, Stack, until

STATE = "/var/lib/stanchion/{}/backup"


def archived(stack: Stack, segment: str, within: float = 30) -> None:
    """Wait until a segment is in the repository."""

    def arrived() -> bool:
        return stack.on_host("observe")["repositories"][0]["wal"]["max"] >= segment

    until(arrived, f"{segment} is not in the repository", within)


def test_a_first_deploy_is_backed_up_archives_and_has_its_schedule(first_deploy: Run, stack: Stack) -> None:
    """Without anyone asking: a full backup, an archive that works, a schedule that cron has, metrics."""
    seen = stack.on_host("observe")
    (repository,) = seen["repositories"]
    assert repository["sets"][0]["type"] == "full"
    assert repository["system_identifier"] == stack.sql("SELECT system_identifier FROM pg_control_system()")

    stack.add_medication("in the archive")
    segment = stack.sql("SELECT pg_walfile_name(pg_logical_emit_message(true, 'test', 'x'))")
    stack.sql("SELECT pg_switch_wal()")
    archived(stack, segment)

    table = stack.host.run("cat", f"/etc/cron.d/stanchion-{stack.name}")
    for job in ("watch", "backup --type full", "backup --type diff", "backup --type incr", "verify", "drill"):
        assert f"root /usr/local/sbin/stanchion-{stack.name} {job} --scheduled" in table
    stack.host.run("pgrep", "-x", "cron")

    stack.host.run(f"stanchion-{stack.name}", "watch", "--scheduled")
    path = STATE.format(stack.name) + "/metrics/stanchion_backup.prom"
    assert stack.host.run("stat", "-c", "%a", path).strip() == "644"
    families = {each.name for each in text_string_to_metric_families(stack.host.run("cat", path))}
    assert {"stanchion_backup_repository_up", "stanchion_backup_canary_timestamp_seconds"} <= families
    assert "archives" not in first_deploy.err


def test_a_backup_by_hand(stack: Stack) -> None:
    """It says what was taken, as text and as JSON; what is not there is refused."""
    done = stack.runner("backup", "--type", "diff")
    assert done.code == 0, done.text
    newest = stack.on_host("observe")["repositories"][0]["sets"][-1]
    assert newest["type"] == "diff"
    for word in ("repo1", newest["label"], "diff"):
        assert word in done.text
    (told,) = stack.runner("backup", "--format", "json").result["backups"]
    assert told["result"]["repositories"]["repo1"]["type"] == "incr"
    refused = stack.runner("backup", "--repo", "repo2")
    assert refused.code == 2, refused.text
    assert "This stack has no repo2; it has repo1" in refused.text


def another_image(stack: Stack) -> str:
    """Put another image under the name of the database's, as an update does; return its id."""
    name = stack.host.inspect(f"{stack.name}-db")["Config"]["Image"]
    recipe = f"FROM {name}\nLABEL of=the-test-{time.time()}\n"
    stack.host.run("docker", "build", "-q", "-t", name, "-", stdin=recipe)
    return stack.host.run("docker", "image", "inspect", "--format", "{{.Id}}", name).strip()


def test_another_image_waits_for_a_backup(stack: Stack) -> None:
    """It is refused where none can be taken and there is no good one; else one is taken first."""
    database = f"{stack.name}-db"
    old, new = stack.host.inspect(database), another_image(stack)
    volume = stack.host.run(
        "docker", "volume", "inspect", "--format", "{{.Mountpoint}}", f"{stack.name}-backup"
    )
    backups = f"{volume.strip()}/backup/{stack.name}"
    stack.host.run("mv", backups, f"{backups}.aside")
    try:
        refused = stack.runner("deploy")
        assert refused.code != 0
        for word in ("no backup could be taken before", "stack_backup_before_replace", "runs on as it did"):
            assert word in refused.text
        assert stack.host.inspect(database)["State"]["StartedAt"] == old["State"]["StartedAt"]
    finally:
        stack.host.run("rm", "-rf", backups)
        stack.host.run("mv", f"{backups}.aside", backups)
    before = len(stack.on_host("observe")["repositories"][0]["sets"])
    deployed = stack.deploy().result
    assert stack.host.inspect(database)["Image"] == new
    taken = [each for each in deployed["backups"] if each["verb"] == "before-replace"]
    assert taken[0]["result"]["done"], deployed["backups"]
    assert len(stack.on_host("observe")["repositories"][0]["sets"]) == before + 1
