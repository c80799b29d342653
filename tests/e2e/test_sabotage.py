"""Backups broken on purpose: each variant is told with its cause, or survived where the table says so.

What broke is mended after each, and the same question answered well again. With STANCHION_FIREDRILL=1, and
firedrill on the host, its verdict on the same damaged repository is printed beside.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stack import Host, Run, Stack

ASIDE = "/root/aside"
QUICK = "/root/sabotage.json"

FLIP = """\
import pathlib, sys
path = pathlib.Path(sys.argv[1])
content = bytearray(path.read_bytes())
content[len(content) // 2] ^= 0xFF
path.write_bytes(content)
print("null")
"""
# The command, with another image for its jobs and copies.
IN_IMAGE = """\
import sys
sys.path.insert(0, sys.argv[1])
from stanchion_backup.repository import pgbackrest
from stanchion_backup.__main__ import main
pgbackrest.image_of = lambda settings: sys.argv[2]
sys.exit(main(sys.argv[3:]))
"""
# It cannot be compressed: a flipped byte in it is no broken stream, but other data.
NOISE = "SELECT string_agg(sha512(random()::text::bytea), ''::bytea) FROM generate_series(1, 10000)"
OTHER_CLUSTER = """\
set -e
initdb -D /tmp/pg -U postgres --auth=trust --no-sync >/dev/null
export PGBACKREST_PG1_PATH=/tmp/pg PGBACKREST_PG1_SOCKET_PATH=/tmp
cat >>/tmp/pg/postgresql.conf <<CONF
archive_mode = on
archive_command = 'pgbackrest archive-push %p'
listen_addresses = '127.0.0.1'
unix_socket_directories = '/tmp, /run/postgresql'
CONF
pg_ctl -D /tmp/pg -w -s -l /tmp/log start
createdb -h /tmp -U postgres medication_tracker
psql -Xqh /tmp -U postgres -d medication_tracker -c 'CREATE TABLE orders (id serial PRIMARY KEY)'
pgbackrest stanza-create
pgbackrest --type=full backup
pg_ctl -D /tmp/pg -s stop
"""


@dataclass(frozen=True)
class Site:
    """The stack's backups as seen from their host."""

    stack: Stack
    repository: str
    image: str
    # A full backup, and a segment that every recovery from it to a later moment passes.
    full: str
    segment: str

    @property
    def host(self) -> Host:
        return self.stack.host

    @property
    def state(self) -> str:
        return f"/var/lib/stanchion/{self.stack.name}"

    @property
    def archive(self) -> str:
        return f"{self.state}/backup/stanchion-{self.stack.name}.pyz"

    def sh(self, script: str, timeout: float = 120) -> str:
        return self.host.run("sh", "-euc", script, timeout=timeout)

    def command(self, *argv: str) -> str:
        """Run the command without a backend in its drills; return its error, empty where it went well."""
        out = self.host.run(
            f"stanchion-{self.stack.name}", "--settings", QUICK, *argv, "--json", check=False, timeout=300
        )
        return str(json.loads(out).get("error", ""))

    def command_in(self, image: str, *argv: str) -> str:
        """Run the command with another image for its jobs and copies."""
        script = ("python3", "-", self.archive, image, "--settings", QUICK, *argv, "--json")
        out = self.host.run(*script, stdin=IN_IMAGE, check=False, timeout=300)
        return str(json.loads(out).get("error", ""))

    def derived(self, name: str, *lines: str) -> str:
        """Build an image from the database's with more lines of a Dockerfile; return its name."""
        written = "\n".join((f"FROM {self.image}", "USER root", *lines, "USER 999:999", ""))
        self.host.run("docker", "build", "-q", "-t", name, "-", stdin=written, timeout=300)
        return name

    def backup(self, kind: str) -> str:
        return self.command("backup", "--type", kind)

    def labels(self) -> list[str]:
        """Return the backups that are listed, the oldest first."""
        observed = json.loads(self.host.run(f"stanchion-{self.stack.name}", "observe", "--without-windows"))
        return [each["label"] for each in observed["repositories"][0]["sets"]]

    def in_database(self, script: str) -> None:
        """Run a script in the database's container, as its user."""
        stanza = f"PGBACKREST_STANZA={self.stack.name}"
        self.host.run("docker", "exec", "-e", stanza, f"{self.stack.name}-db", "sh", "-euc", script)

    def answers(self) -> None:
        """Wait until the database answers."""
        ready = f"docker exec {self.stack.name}-db pg_isready -q -h /run/postgresql"
        self.sh(f"timeout 60 sh -c 'until {ready}; do sleep 0.2; done'")


# How it is broken, and mended


@contextlib.contextmanager
def kept(site: Site, *paths: str) -> Iterator[None]:
    """Keep copies of files and put them back."""
    files = shlex.join(paths)
    site.sh(f"rm -rf {ASIDE}; mkdir {ASIDE}; cp -a --parents {files} {ASIDE}")
    try:
        yield
    finally:
        # In place: a container that mounts one file would keep the old one.
        site.sh(f"for file in {files}; do cp -a {ASIDE}$file $file; done")


@contextlib.contextmanager
def flipped_bundle(site: Site) -> Iterator[None]:
    bundle = site.sh(f"ls -S {site.repository}/backup/*/{site.full}/bundle/* | head -n 1").strip()
    with kept(site, bundle):
        site.host.python(FLIP, bundle)
        yield


@contextlib.contextmanager
def flipped_segment(site: Site) -> Iterator[None]:
    with kept(site, site.segment):
        site.host.python(FLIP, site.segment)
        yield


@contextlib.contextmanager
def no_segment(site: Site) -> Iterator[None]:
    with kept(site, site.segment):
        site.sh(f"rm {site.segment}")
        yield


@contextlib.contextmanager
def truncated(site: Site, *names: str) -> Iterator[None]:
    paths = [f"{site.repository}/backup/{site.stack.name}/{site.full}/{name}" for name in names]
    with kept(site, *paths):
        site.sh(f"truncate -s 1000 {shlex.join(paths)}")
        yield


def one_manifest(site: Site) -> contextlib.AbstractContextManager[None]:
    return truncated(site, "backup.manifest")


def both_manifests(site: Site) -> contextlib.AbstractContextManager[None]:
    return truncated(site, "backup.manifest", "backup.manifest.copy")


@contextlib.contextmanager
def other_passphrase(site: Site) -> Iterator[None]:
    path = f"{site.state}/backup/config/conf.d/secrets.conf"
    with kept(site, path):
        site.sh(f"printf '[global]\\nrepo1-cipher-pass=of-another-stack\\n' > {path}")
        yield


@contextlib.contextmanager
def other_cluster(site: Site) -> Iterator[None]:
    """Put another cluster's repository, with the same passphrase and stanza, in the place of this one's."""
    made = f"{site.stack.name}-of-another"
    mounts = f"-v {made}:/var/lib/pgbackrest -v {site.state}/backup/config:/etc/pgbackrest:ro"
    site.sh(f"docker volume create {made} >/dev/null")
    container = (
        f"docker run --rm -i --network none -e PGBACKREST_STANZA={site.stack.name} {mounts} {site.image}"
    )
    site.host.run(*container.split(), "sh", "-s", stdin=OTHER_CLUSTER)
    root = site.repository
    site.sh(
        f"rm -rf {ASIDE}; mkdir {ASIDE}; mv {root}/archive {root}/backup {ASIDE}/;"
        f" cp -a $(docker volume inspect {made} --format '{{{{.Mountpoint}}}}')/* {root}/"
    )
    try:
        yield
    finally:
        site.sh(
            f"rm -rf {root}/archive {root}/backup; mv {ASIDE}/* {root}/; docker volume rm {made} >/dev/null"
        )


@contextlib.contextmanager
def dead_writer(site: Site) -> Iterator[None]:
    """Cron is not there, and a quarter of an hour has gone by."""
    with no_cron(site):
        site.stack.sql("UPDATE stanchion.canary SET t = t - interval '17 min' WHERE mark = ''", "postgres")
        yield
    site.sh(f"stanchion-{site.stack.name} watch >/dev/null")


@contextlib.contextmanager
def no_cron(site: Site) -> Iterator[None]:
    site.sh("service cron stop")
    try:
        yield
    finally:
        site.sh("service cron start")


@contextlib.contextmanager
def full_repository(site: Site) -> Iterator[None]:
    """A disk with more room than a segment of WAL, and less than a backup: for jobs and for the archive."""
    database, small = f"{site.stack.name}-db", "/root/small"
    site.stack.sql(f"CREATE TABLE large AS SELECT ({NOISE}) FROM generate_series(1, 64)")
    site.sh(f"stanchion-{site.stack.name} settle >/dev/null")
    # A container that runs does not see what is mounted after its start.
    site.sh(
        f"docker stop {database} >/dev/null; mkdir -p {small};"
        f" mount -t tmpfs -o uid=999,gid=999,mode=0750 small {small};"
        f" cp -a {site.repository}/. {small}; used=$(df -k --output=used {small} | tail -n 1);"
        f" mount -o remount,size=$((used + 20480))k {small}; mount --bind {small} {site.repository};"
        f" docker start {database} >/dev/null"
    )
    site.answers()
    try:
        yield
    finally:
        # What was archived before it was full is the repository's; the backup that failed is not.
        site.sh(
            f"docker stop {database} >/dev/null; umount {site.repository};"
            f" cp -a {small}/archive {site.repository}; umount {small}; docker start {database} >/dev/null"
        )
        site.answers()
        site.stack.sql("DROP TABLE large")


@contextlib.contextmanager
def killed_backup(site: Site) -> Iterator[None]:
    """Command and container are killed while files are copied, and nothing is listed of it."""
    name = site.stack.name
    before = site.labels()
    site.sh(
        f"stanchion-{name} --settings {QUICK} backup --type full >/dev/null 2>&1 & killed=$!;"
        " job() { docker ps -q --filter label=io.stanchion.one-shot=backup-job; };"
        ' for i in $(seq 200); do job=$(job); [ -z "$job" ] || break; sleep 0.05; done;'
        " kill -9 $killed; docker kill $job; wait $killed || true"
    )
    assert site.labels() == before
    yield
    assert site.host.run("docker", "ps", "-aq", "--filter", "label=io.stanchion.one-shot").strip() == ""


@contextlib.contextmanager
def bad_page(site: Site) -> Iterator[None]:
    """A byte of the database's own disk has changed; the backup that copied it is let go afterwards."""
    # Nobody reads the table: what a reader notes in a page would be written over the damage.
    table = "CREATE TABLE damaged WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 1000)"
    site.stack.sql(f"{table}; CHECKPOINT")
    file = "/var/lib/postgresql/data/" + site.stack.sql("SELECT pg_relation_filepath('damaged')")
    site.in_database(f"printf x | dd of={file} bs=1 seek=4000 conv=notrunc status=none")
    before = site.labels()
    try:
        yield
    finally:
        site.stack.sql("DROP TABLE damaged")
        for label in set(site.labels()) - set(before):
            site.in_database(f"pgbackrest --repo=1 --set={label} expire")


@contextlib.contextmanager
def lost_full(site: Site) -> Iterator[None]:
    """Somebody has let go a full backup that is to be kept."""
    site.sh(f"rm -rf {ASIDE}; cp -a {site.repository} {ASIDE}")
    fulls = [label for label in site.labels() if label.endswith("F")]
    site.in_database(f"pgbackrest --repo=1 --set={fulls[-2]} expire")
    try:
        yield
    finally:
        site.sh(f"cp -a {ASIDE}/. {site.repository}")


def nothing(site: Site) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


# What is asked


def verify(site: Site) -> str:
    return site.command("verify")


def drill(site: Site) -> str:
    return site.command("drill", "--target", "latest", "--set", site.full)


def drill_of_the_newest(site: Site) -> str:
    return site.command("drill", "--target", "name", "--set", site.labels()[-1])


def any_drill(site: Site) -> str:
    """Drill as cron does, with whatever set there is."""
    return site.command("drill")


def full(site: Site) -> str:
    return site.backup("full")


def differential(site: Site) -> str:
    return site.backup("diff")


def incremental(site: Site) -> str:
    return site.backup("incr")


def archive_that_fails(site: Site) -> str:
    """Write more than the disk has room for, and look when the archiver has met that."""
    site.stack.sql(f"SELECT pg_logical_emit_message(true, 'x', ({NOISE})) FROM generate_series(1, 64)")
    failing = "SELECT coalesce(last_failed_time > last_archived_time, false) FROM pg_stat_archiver"
    for _ in range(60):
        if site.stack.sql(failing) == "t":
            return check("archive.fresh")(site)
        time.sleep(0.5)
    return "the archiver has met nothing"


def restore_to_a_moment_to_come(site: Site) -> str:
    return site.command("restore", "--to", site.sh("date -u -d '+1 hour' '+%F %T+00'").strip())


def restore_to_a_transaction_to_come(site: Site) -> str:
    """Ask for what nobody can know to be missing before all of the WAL is replayed."""
    last = site.stack.sql("SELECT pg_current_xact_id()", "postgres")
    return site.command("restore", "--to", f"xid:{int(last) + 1_000_000}")


def drill_without_tool(site: Site) -> str:
    image = site.derived("sabotage/no-tool", "RUN rm /usr/bin/pgbackrest")
    return site.command_in(image, "drill", "--target", "latest")


def drill_with_stepped_clock(site: Site) -> str:
    image = site.derived(
        "sabotage/stepped",
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends faketime >/dev/null",
        "ENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME=-2d",
    )
    there = site.host.run("docker", "run", "--rm", "--network=none", "--entrypoint=date", image, "+%s")
    # A library that could not be loaded is a warning only, and the clock as it was.
    assert int(site.sh("date +%s")) - int(there) > 86400
    return site.command_in(image, "drill", "--target", "time")


def check(slug: str) -> Callable[[Site], str]:
    """Return what asks one check."""

    def asked(site: Site) -> str:
        run = site.stack.runner("validate", "--format", "json")
        findings = {each["slug"]: each for each in run.result["validations"][-1]["findings"]}
        found = findings[slug]
        return "" if found["outcome"] == "pass" else json.dumps(found)

    return asked


@dataclass(frozen=True)
class Variant:
    """What is broken; who is asked and what has to be in the answer, empty where it is survived."""

    name: str
    breaks: Callable[[Site], contextlib.AbstractContextManager[None]]
    told: dict[Callable[[Site], str], str]
    # What shows that all is well again, where the one look at the end of all variants does not.
    mended: Callable[[Site], str] | None = None
    # The test of another file that does all this, where another stack is needed for it.
    elsewhere: str = ""
    # Asked by `make long` alone: it takes more than ten seconds, or another test proves the same.
    long: bool = False


SURVIVED = ""
VARIANTS = (
    Variant(
        "a byte flipped in a bundle",
        flipped_bundle,
        {
            verify: r"{full}/bundle/\d+: invalid",
            # Some bytes make the stream no zstd at all.
            drill: r"actual checksum '[0-9a-f]+' does not match expected checksum|zst error: ",
        },
    ),
    Variant(
        "a byte flipped in a WAL segment",
        flipped_segment,
        {verify: r"{segment}-\S+: invalid", drill: r"WAL segment {segment} is damaged"},
    ),
    Variant(
        "a WAL segment is missing",
        no_segment,
        {verify: r"WAL segment {segment} is missing", drill: r"WAL segment {segment} is missing"},
        long=True,
    ),
    Variant(
        "the repository of another cluster",
        other_cluster,
        {any_drill: r"is of another cluster: its system identifier is \d+, the live database's is \d+"},
    ),
    Variant(
        "a wrong passphrase", other_passphrase, {verify: r"wrong passphrase", drill: r"wrong passphrase"}
    ),
    Variant(
        "a manifest is truncated, its copy not",
        one_manifest,
        {drill: SURVIVED},
    ),
    Variant(
        "a manifest and its copy are truncated",
        both_manifests,
        {verify: r"{full} is invalid, its manifest can't be read", drill: r"manifest of {full} and its copy"},
    ),
    Variant(
        "the writer of canary rows is dead",
        dead_writer,
        {drill: r"canary writer is dead: its newest row is 1[78] min old"},
        mended=drill,
        long=True,
    ),
    Variant(
        "a target after the last WAL",
        nothing,
        {
            restore_to_a_moment_to_come: r"is in the future",
            restore_to_a_transaction_to_come: r"recovery ended before configured recovery target was reached",
        },
        long=True,
    ),
    Variant(
        "pgBackRest is missing from the image",
        nothing,
        {drill_without_tool: r"there is no pgbackrest in the image"},
    ),
    Variant(
        "the repository's volume is full",
        full_repository,
        {
            # A short write; pgBackRest then names whatever error came last.
            full: r"The full backup to repo1 .* failed: .*(unable to write|no space left)",
            archive_that_fails: r"the last try of the server has failed, of [0-9A-F]{{24}}",
        },
        mended=incremental,
        long=True,
    ),
    Variant(
        "the cron daemon is stopped",
        no_cron,
        {check("schedule.cron"): r"no cron runs"},
        long=True,
    ),
    Variant(
        "a backup is killed half way",
        killed_backup,
        {differential: SURVIVED, verify: SURVIVED, drill_of_the_newest: SURVIVED},
        long=True,
    ),
    Variant(
        "the clock of the scratch container is stepped",
        nothing,
        {drill_with_stepped_clock: SURVIVED},
        long=True,
    ),
    Variant(
        "the off-site server is down: the local repository goes on, and it shows",
        nothing,
        {},
        elsewhere="test_offsite.py::test_an_outage_shows_and_holds_nothing_up",
        long=True,
    ),
    Variant(
        "a page of the live database is damaged",
        bad_page,
        {
            incremental: SURVIVED,
            check("backup.page_errors"): r"\d+-\d+[DI] has pages whose checksum is wrong",
        },
        mended=check("backup.page_errors"),
        long=True,
    ),
    Variant(
        "a full backup is lost",
        lost_full,
        {check("backup.retention"): r"\d+-\d+F was taken and is gone; 2 full backups are to be kept"},
        long=True,
    ),
)


@pytest.fixture(scope="module")
def site(first_stack: Stack, first_deploy: Run) -> Iterator[Site]:
    """The stack with a new full backup and a few segments after it; drills leave the backend out.

    What can't be read would be read again after a quarter of a minute: here it can't be read then either.
    """
    # Another file may have left it with a repository that is gone by now.
    first_stack.bring_back()
    stack, name = first_stack, first_stack.name
    host, state = stack.host, f"/var/lib/stanchion/{name}"
    once = f"{state}/backup/config/conf.d/once.conf"
    host.run("sh", "-c", f"printf '[global]\\njob-retry=0\\n' > {once}")
    without = 's/"read_path": .*/"read_path": "",/'
    host.run("sh", "-c", f"sed '{without}' {state}/backup/settings.json > {QUICK}")
    told = json.loads(host.run(f"stanchion-{name}", "backup", "--type", "full", "--json"))
    label = told["repositories"]["repo1"]["label"]
    segment = ""
    for _ in range(2):
        stack.sql(f"SELECT pg_logical_emit_message(true, 'sabotage', ({NOISE}))", "postgres")
        segment = stack.sql("SELECT pg_walfile_name(pg_current_wal_lsn())", "postgres")
        stack.sql("SELECT pg_switch_wal()", "postgres")
    host.run(f"stanchion-{name}", "watch")
    root = host.run("docker", "volume", "inspect", f"{name}-backup", "--format", "{{.Mountpoint}}").strip()
    look = f"ls {root}/archive/{name}/*/*/{segment}-* 2>/dev/null"
    path = host.run("sh", "-c", f"for i in $(seq 100); do {look} && exit; sleep 0.2; done; exit 1").strip()
    image = host.inspect(f"{name}-db")["Config"]["Image"]
    site = Site(stack, root, image, label, path)
    yield site
    assert verify(site) == "", "all that was damaged is as it was"
    host.run("rm", once, QUICK)


@pytest.mark.parametrize(
    "variant",
    [pytest.param(each, id=each.name, marks=[pytest.mark.long] if each.long else []) for each in VARIANTS],
)
def test_it_is_told_with_its_cause_or_survived(site: Site, variant: Variant) -> None:
    if variant.elsewhere:
        file, _, name = variant.elsewhere.partition("::")
        assert f"\ndef {name}(" in (Path(__file__).parent / file).read_text()
        return
    segment = site.segment.rpartition("/")[2].split("-")[0]
    with variant.breaks(site):
        answers = {asked: asked(site) for asked in variant.told}
        compare(site, variant)
    for asked, said in variant.told.items():
        if said:
            assert re.search(said.format(full=site.full, segment=segment), answers[asked]), (asked, answers)
        else:
            assert answers[asked] == ""
    if variant.mended:
        assert variant.mended(site) == ""


def compare(site: Site, variant: Variant) -> None:
    """Print firedrill's verdict on what is broken now, where it is asked for."""
    if not os.environ.get("STANCHION_FIREDRILL") or not {drill, any_drill} & set(variant.told):
        return
    where = ("--stanza", site.stack.name, "--postgres", "17", "--image", "stanchion-bench:{major}")
    which = () if variant.breaks is other_cluster else ("--backup", site.full)
    asked = (*which, "--database", "medication_tracker", "--no-config", "--json", "/root/fd/report.json")
    path = "PATH=/root/fd/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    site.host.run(
        "env", path, "firedrill", "physical", "pgbackrest", *where, *asked, check=False, timeout=900
    )
    report = json.loads(site.host.run("cat", "/root/fd/report.json"))
    verdict = "PASS" if report["ok"] and report["verified"] else "FAIL"
    found = "; ".join(each["message"] for each in report["findings"])
    print(f"\nfiredrill | {variant.name} | {verdict} | {found}")
