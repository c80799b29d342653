"""Restore drills: what they prove, what turns them red, and what they leave behind when they are killed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stack import Run, Stack

OWN = "/tmp/drill-settings.json"
# The application's own questions: one has the same answer on a copy, one cannot have.
QUESTIONS = [{"name": "medications", "sql": "SELECT count(*) > 0 FROM medications"}]
RED = [*QUESTIONS, {"name": "mode", "sql": "SELECT current_setting('archive_mode')"}]
LOAD = """DO $$ BEGIN
    FOR i IN 1..600 LOOP
        INSERT INTO medications (name, dosage) VALUES ('load ' || clock_timestamp(), '1 mg');
        COMMIT; PERFORM pg_sleep(0.05);
    END LOOP; END $$"""


def settings(stack: Stack, **changed: Any) -> str:
    """Write settings of the command with some of them changed; return the file."""
    told = json.loads(stack.host.run("cat", f"/var/lib/stanchion/{stack.name}/backup/settings.json"))
    stack.host.run("sh", "-c", f"cat > {OWN}", stdin=json.dumps({**told, **changed}))
    return OWN


def drill(stack: Stack, *argv: str, **changed: Any) -> dict[str, Any]:
    """Drill on the host, as cron does; return the record."""
    command = (f"stanchion-{stack.name}", "--settings", settings(stack, **changed), "drill", "--json", *argv)
    (record,) = json.loads(stack.host.run(*command, check=False, timeout=300))["drills"]
    return record


def outcomes(record: dict[str, Any]) -> dict[str, bool | None]:
    return {each["name"]: each["ok"] for each in record["assertions"]}


def left(stack: Stack) -> dict[str, str]:
    """Return what of drills is on the host."""
    mark = "--filter=label=io.stanchion.one-shot=drill"
    look = {
        "containers": ("ps", "-aq", mark),
        "volumes": ("volume", "ls", "-q", mark),
        "networks": ("network", "ls", "-q", mark),
    }
    found = {kind: stack.host.run("docker", *argv).strip() for kind, argv in look.items()}
    folder = f"/var/lib/stanchion/{stack.name}/backup/scratch"
    return {**found, "files": stack.host.run("sh", "-c", f"ls -A {folder} 2>/dev/null || true").strip()}


NOTHING = {"containers": "", "volumes": "", "networks": "", "files": ""}


def test_a_first_deploy_has_proved_its_backup(first_deploy: Run, stack: Stack) -> None:
    """Without anyone asking, with the backend beside the copy."""
    (told,) = [each for each in first_deploy.result["backups"] if each["verb"] == "first-drill"]
    (record,) = told["result"]["drills"]
    assert record["verdict"] == "proved"
    assert outcomes(record)["backend"] is True
    assert record["versions"]["postgres"].startswith("17") and record["versions"]["pgbackrest"]
    assert record["recovery"]["segments"] > 0 and record["image"].startswith("sha256:")
    assert record["backup_age_seconds"] > 0 and record["rows_lost"] is not None
    seen = stack.on_host("observe")["drills"]
    assert record["set"]["label"] in seen["coverage"]["repo1"]["labels"]
    assert seen["last_success"] > 0


@pytest.mark.parametrize("kind", ["time", pytest.param("name", marks=pytest.mark.long)])
def test_a_point_between_two_transactions_under_load(stack: Stack, kind: str) -> None:
    """The row before is there, the one after is not; the busy table is told of and not compared."""
    stack.host.run(
        *("docker", "exec", "-d", f"{stack.name}-db", "psql", "-U", "postgres", "-d", "medication_tracker"),
        *("-c", LOAD),
    )
    record = drill(stack, "--target", kind, assertions=QUESTIONS)
    stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %'")
    assert record["verdict"] == "proved", record
    found = outcomes(record)
    assert found["marker a"] and found["marker b"] and found["sql medications"]
    assert found["table public.medications"] is None
    assert found["table public.schedules"] is True
    assert {each for each, ok in found.items() if ok is None} == {"table public.medications"}
    assert record["rpo_seconds"] < 300
    assert record["rto_seconds"] <= sum(record["phases"].values())
    assert left(stack) == NOTHING


def test_a_stopped_drill_leaves_nothing_and_a_killed_one_until_the_next_which_is_red(stack: Stack) -> None:
    """The next one asks what cannot be the same: it ends with 1, names that, and is told of by observe."""
    begin = (
        f"stanchion-{stack.name} --settings {settings(stack, read_path='')} drill --target latest"
        " >/dev/null 2>/tmp/said & drill=$!; for i in $(seq 300); do"
        " docker ps --format '{{.Names}}' | grep -q -- '-drill-[0-9a-f]*$' && break; sleep 0.1; done;"
    )
    stack.host.run("sh", "-c", f"{begin} kill -TERM $drill; ! wait $drill")
    assert "stopped by SIGTERM" in stack.host.run("cat", "/tmp/said")
    assert left(stack) == NOTHING

    stack.host.run("sh", "-c", f"{begin} kill -KILL $drill; ! wait $drill")
    assert left(stack)["volumes"] != ""
    record = drill(stack, "--target", "latest", assertions=RED, read_path="")
    assert (record["verdict"], record["exit"]) == ("failed", 1)
    assert {name for name, ok in outcomes(record).items() if ok is False} == {"sql mode"}
    assert "sql mode: on is off in the copy" in record["error"]
    seen = stack.on_host("observe")["drills"]
    assert seen["last"]["run"] == record["run"]
    assert left(stack) == NOTHING


def test_an_older_full_backup_by_the_runner(stack: Stack) -> None:
    """All WAL since it is replayed; the text tells target, set, times and what was proved."""
    sets = stack.on_host("observe")["repositories"][0]["sets"]
    taken = stack.on_host("backup", "--type", "full")
    newest = taken["repositories"]["repo1"]["label"]
    done = stack.runner("drill", "--target", "older")
    assert done.code == 0, done.text
    for word in ("proved: ", "from an older full backup", "RPO", "RTO", "marker b", "restore ", "backend"):
        assert word in done.text
    assert newest not in done.text
    assert any(each["label"] in done.text for each in sets)


@pytest.mark.long
def test_ten_drills_of_any_target_in_a_row(stack: Stack) -> None:
    """Target and backup are the drill's own choice, as on the schedule; the figures are printed."""
    for number in range(1, 11):
        record = drill(stack)
        print(
            f"drill {number}: {record['verdict']}, {record['target']} of {record['set']['label']},"
            f" RPO {record['rpo_seconds']} s, RTO {record['rto_seconds']} s"
        )
        assert record["verdict"] == "proved", record
    assert left(stack) == NOTHING


def test_what_is_not_there_is_refused_and_no_failed_drill(stack: Stack) -> None:
    before = stack.on_host("observe")["drills"]["success"]
    refused = stack.runner("drill", "--set", "20200101-000000F")
    assert refused.code == 2, refused.text
    assert "repo1 has no set 20200101-000000F; it has " in refused.text
    assert stack.runner("drill", "--repo", "repo7").code == 2
    after = stack.on_host("observe")["drills"]["success"]
    assert after == before
