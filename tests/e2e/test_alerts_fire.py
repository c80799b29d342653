"""From the broken thing to the message: every alert is seen to fire, to be received by HTTP, and to be
over."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import alarms
import pytest
from alarms.alarm import Alarm
from alarms.database import VARIABLES
from alarms.host import REPOSITORY
from rich.console import Console
from rich.table import Table
from stack import CALM, ROOT, Host, Stack, until

from stanchion.alerts.load import load

# Those that promtool alone has seen to fire (tests/alerts), each with the reason.
pytestmark = pytest.mark.long
ONLY_PROMTOOL = {
    "ClockNotSynchronised": "the clock is the whole machine's, which a test does not touch",
    "DiskFillsSoon": "it looks back six hours",
    "OutOfMemoryKill": "an engine inside a container does not hear of it; tests/unit/monitoring_figures "
    "counts it",
}
SUBNETS = {"app": "172.30.220.0/24", "edge": "172.30.221.0/24", "monitoring": "172.30.222.0/24"}
GATEWAY = "172.30.222.1"
RECEIVER = ROOT / "molecule/monitoring/receiver.py"
RECEIVED = "/run/received.jsonl"
WITHIN = 150


def table() -> list[Alarm]:
    """Return every line, of all files of the folder `alarms`, those of one batch one after another."""
    modules = [
        importlib.import_module(f"alarms.{found.name}") for found in pkgutil.iter_modules(alarms.__path__)
    ]
    lines = [line for module in modules for line in getattr(module, "ALARMS", [])]
    return sorted(lines, key=lambda line: line.batch)


TABLE = table()


@dataclass
class Told:
    """What became of one line: seconds after it was broken, and after it was put back."""

    fired: float | None = None
    received: float | None = None
    resolved: float | None = None


@dataclass
class Watched:
    """The stack, what was broken in it, and what was told of that."""

    stack: Stack
    told: dict[str, Told] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    silenced: dict[str, list[str]] = field(default_factory=dict)

    def messages(self, since: float) -> list[dict[str, Any]]:
        """Return every alert in every message since then, with the moment at which it came."""
        lines = self.stack.host.run("cat", RECEIVED).splitlines()
        posts = [json.loads(line) for line in lines]
        return [
            {**alert, "at": post["at"]}
            for post in posts
            if post["at"] >= since and post["path"].startswith("/alerts/")
            for alert in post["alerts"]
        ]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Ask Prometheus."""
        url = f"http://127.0.0.1:9190/api/v1/query?query={quote(expr)}"
        return json.loads(self.stack.host.run("curl", "-fsS", url))["data"]["result"]

    def run(self, batch: str) -> None:
        """Break, wait until everything is told, put back, wait until everything is over. Once."""
        if batch in self.failed:
            pytest.fail(self.failed[batch])
        lines = [line for line in TABLE if line.batch == batch]
        if lines[0].alert in self.told:
            return
        self.told |= {line.alert: Told() for line in lines}
        try:
            began = self._now()
            with contextlib.ExitStack() as broken:
                for line in lines:
                    if line.broken is not None:
                        broken.enter_context(line.broken(self.stack))
                self._await(lines, "firing", began, began)
                self.silenced[batch] = self._silenced(lines, began)
            mended = self._now()
            # Those that were put back first may be over before the last is put back.
            self._await(lines, "resolved", began, mended)
        except Exception as error:
            self.failed[batch] = f"the batch {batch!r}: {error}"
            raise

    def _now(self) -> float:
        """Return the host's moment: messages are told by its clock."""
        return float(self.stack.host.run("date", "+%s.%N"))

    def _await(self, lines: list[Alarm], status: str, since: float, moment: float) -> None:
        """Wait until the last message about each of them, of those since then, says this."""
        missing = {line.alert: line for line in lines}

        def everything() -> bool:
            last: dict[str, dict[str, Any]] = {}
            for alert in self.messages(since):
                line = missing.get(alert["labels"]["alertname"])
                if line and line.of in json.dumps([alert["labels"], alert["annotations"]]):
                    last[line.alert] = alert
            for name, alert in last.items():
                if alert["status"] == status:
                    self._note(self.told[name], status, moment, alert)
                    del missing[name]
            return not missing

        with contextlib.suppress(AssertionError):
            until(everything, "", within=WITHIN, every=1)
        assert not missing, f"not told as {status} within {WITHIN} s: {', '.join(missing)}"

    @staticmethod
    def _note(told: Told, status: str, since: float, alert: dict[str, Any]) -> None:
        if status == "resolved":
            told.resolved = max(0.0, alert["at"] - since)
            return
        told.received = alert["at"] - since
        began = time.strptime(alert["startsAt"].split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")
        told.fired = max(0.0, calendar_seconds(began) - since)

    def _silenced(self, lines: list[Alarm], since: float) -> list[str]:
        """Return which consequences somebody was told of although their cause had been received.

        What fires in the moment before that is told: where alerts wait a fiftieth of their time, both may.
        """
        messages = [alert for alert in self.messages(since) if alert["status"] == "firing"]
        found = set()
        for line in lines:
            told = self.told[line.alert].received
            after = {
                a["labels"]["alertname"] for a in messages if told is not None and a["at"] > since + told + 3
            }
            found |= after & set(line.silences)
        return sorted(found)


def calendar_seconds(moment: time.struct_time) -> float:
    import calendar

    return float(calendar.timegm(moment))


@pytest.fixture(scope="module")
def watched(host: Host, context: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack with short intervals, and two who are told."""
    folder = tmp_path_factory.mktemp("alerts") / "watched"
    folder.mkdir()
    host.run("sh", "-euc", f"mkdir -p {REPOSITORY}; mount -t tmpfs -o size=256m watched {REPOSITORY}")
    host.run("sh", "-c", "cat > /run/receiver.py", stdin=RECEIVER.read_text())
    for port, name in (8099, "received"), (8098, "second"):
        command = f"python3 /run/receiver.py {port} /run/{name}.jsonl"
        listen = f"nohup {command} > /dev/null 2>&1 & echo $! > /run/{name}.pid"
        host.run("sh", "-euc", f": > /run/{name}.jsonl; {listen}")
    stack = Stack(
        host,
        folder,
        "watched",
        {
            "backend_context": str(context),
            "backend_environment": {"ENABLE_DEBUG_ROUTES": "1"},
            "backend_publish_port": 5100,
            "backend_pool_timeout": 3,
            **CALM,
            "backend_health_interval": "2s",
            "backend_health_timeout": "2s",
            "backend_healthy_timeout": 40,
            "stack_backend_workers": 1,
            "stack_db_pool_size": 2,
            "stack_db_max_overflow": 3,
            "postgres_memory": "512m",
            **{f"stack_{name}_subnet": subnet for name, subnet in SUBNETS.items()},
            "stack_backup_repository": REPOSITORY,
            "stack_monitoring": True,
            "monitoring_prometheus_port": 9190,
            "monitoring_alertmanager_port": 9193,
            "monitoring_scrape_interval": 2,
            "monitoring_alert_patience": 0.02,
            "monitoring_group_wait": 1,
            "monitoring_group_interval": 1,
            "monitoring_webhooks": [
                {"name": "people", "url": f"http://{GATEWAY}:8099/alerts/people"},
                {"name": "second", "url": f"http://{GATEWAY}:8098/alerts/second"},
            ],
            "monitoring_heartbeat_url": f"http://{GATEWAY}:8099/heartbeat/outside",
            "monitoring_heartbeat_interval": 5,
            **VARIABLES,
        },
    )
    stack.deploy("--no-validate")
    yield Watched(stack)
    if not os.environ.get("STANCHION_TEST_KEEP"):
        stack.runner("destroy", "--delete-data", "watched", "--yes")
        host.run("umount", REPOSITORY)


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.alert)
def test_it_fires_is_received_and_is_over(line: Alarm, watched: Watched) -> None:
    watched.run(line.batch)
    told = watched.told[line.alert]
    assert told.received is not None
    assert told.resolved is not None


@pytest.mark.parametrize("line", [line for line in TABLE if line.silences], ids=lambda line: line.alert)
def test_nobody_is_told_of_what_follows_of_it(line: Alarm, watched: Watched) -> None:
    watched.run(line.batch)
    assert watched.silenced[line.batch] == []


def test_every_alert_is_in_the_table_or_has_a_reason_why_not() -> None:
    proved = {line.alert for line in TABLE}
    every = {alert.name for alert in load(ROOT / "roles/monitoring/files/alerts")}
    assert proved | set(ONLY_PROMTOOL) | {"DeadMansSwitch"} == every
    assert not proved & set(ONLY_PROMTOOL)


def test_the_switch_is_heard_outside_until_prometheus_is_gone(watched: Watched) -> None:
    """A message each few seconds, and none any more once nothing evaluates."""

    def beats() -> int:
        return watched.stack.host.run("cat", RECEIVED).count('"path":"/heartbeat/outside"')

    before = beats()
    until(lambda: beats() > before, "no beat came", within=30)
    prometheus = f"{watched.stack.name}-prometheus"
    watched.stack.host.run("docker", "pause", prometheus)
    try:
        quiet = [0, time.monotonic()]

        def ended() -> bool:
            if beats() != quiet[0]:
                quiet[:] = [beats(), time.monotonic()]
            return time.monotonic() - quiet[1] > 20

        until(ended, "beats still come", within=WITHIN, every=2)
    finally:
        watched.stack.host.run("docker", "unpause", prometheus)


def test_every_message_says_what_where_and_what_to_do(watched: Watched) -> None:
    messages = watched.messages(0)
    assert messages
    for alert in messages:
        assert set(alert["annotations"]) == {"summary", "description", "action", "runbook"}, alert
        assert "<error" not in json.dumps(alert), alert
        assert alert["labels"]["stack"] == "watched"


def test_those_that_wait_were_pending_first(watched: Watched) -> None:
    pending = {
        each["metric"]["alertname"]
        for each in watched.query('max_over_time(ALERTS{alertstate="pending"}[2h])')
    }
    waits = {alert.name for alert in load(ROOT / "roles/monitoring/files/alerts") if alert.rule.wait != "0s"}
    # Of those that wait less than between two evaluations, none is seen to.
    assert {"CpuThrottled", "CronNotRunning", "MetricMissing", "RestoreUnfinished"} <= pending & waits


@pytest.fixture(scope="module", autouse=True)
def printed(watched: Watched) -> Iterator[None]:
    """Print the table, and keep it."""
    yield
    shown = Table(title="Alerts", show_lines=True)
    rows = [["alert", "broken", "fired after", "received", "resolved after"]]
    for line in TABLE:
        told = watched.told.get(line.alert, Told())
        figures = (told.fired, told.received, told.resolved)
        rows.append([line.alert, line.how, *("-" if each is None else f"{each:.0f} s" for each in figures)])
    rows += [[name, f"promtool only: {reason}", "-", "-", "-"] for name, reason in ONLY_PROMTOOL.items()]
    for heading in rows[0]:
        shown.add_column(heading, overflow="fold")
    for row in rows[1:]:
        shown.add_row(*row)
    Console(width=160).print(shown)
    folder = ROOT / ".stanchion" / "alerts"
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * 5, *rows[1:]]]
    (folder / "alerts.md").write_text("\n".join(lines) + "\n")
