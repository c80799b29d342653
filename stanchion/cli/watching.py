"""status --watch: looks again and again, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stanchion import engine
from stanchion.cli import session
from stanchion.cli.command import Options
from stanchion.errors import InterruptedRunError, UsageError
from stanchion.history.now import QUERIES, Now, now_of
from stanchion.report import build, headline, live, terminal
from stanchion.report.failure import Fault, explain
from stanchion.report.model import Host, Result
from stanchion.run.events import Event
from stanchion.run.recording import AGAIN_TASK, Recording
from stanchion.run.stopping import Reason

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

# Of one run of Ansible, which keeps what each look found until it ends; then comes the next.
_ROUNDS = 300
# Nothing is changed that would have to be put in order.
_GRACE = 1.0
# A look that is this much older than the next should be: the screen says so.
_LATE = 3.0


def watch(every: float, options: Options) -> int:
    """Look each `every` seconds at the hosts, and show it; end as the last look says."""
    _refuse(options)
    watched = {"stack_watch": {"every": every, "rounds": _ROUNDS, "queries": dict(QUERIES)}}
    opened = session.open_session("status", options, watched)
    request = replace(opened.request, grace=_GRACE)
    shown, began = Screen(every), time.monotonic()
    with shown:
        fault = _look_on(opened, request, shown)
    if not shown.recording.looks and fault is None:
        raise InterruptedRunError("Interrupted before the first look was over.", "")
    return session.finish(_result(opened, shown.recording, fault, time.monotonic() - began), options)


def _refuse(options: Options) -> None:
    if options.output_format != "text" or options.output is not None:
        raise UsageError(
            "--watch draws on a terminal: it takes neither --format nor --output.",
            "For programs: python runner.py status --format json, as often as they want it.",
        )
    if not terminal.is_live(sys.stdout):
        raise UsageError(
            "--watch draws on a terminal, and stdout is none (or TERM is dumb, or CI is set).",
            "Run it without --watch.",
        )


def _look_on(opened: session.Session, request: engine.Request, shown: Screen) -> Fault | None:
    """Run the playbook again and again; None when a person has ended it."""
    for number in range(sys.maxsize):
        folder = opened.context.folder if number == 0 else opened.context.folder.below(f"look-{number}")
        shown.begin()
        outcome = engine.run(request, folder, shown)
        if outcome.stopped == "interrupted":
            return None
        log = folder.log.read_text(encoding="utf-8", errors="replace") if folder.log.exists() else ""
        fault = explain(outcome, shown.recording, log)
        if fault is not None:
            return fault
    return None


def _result(opened: session.Session, recording: Recording, fault: Fault | None, seconds: float) -> Result:
    if fault is None:
        fault = build.silent_engine(build.hosts_of(recording))
    return session.keep(opened, recording, fault, seconds)


@dataclass
class Screen:
    """Takes the events of a run, and draws what the last looks found."""

    every: float
    recording: Recording = field(default_factory=Recording)
    _now: dict[str, Now] = field(default_factory=dict)
    _before: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)
    _trouble: str = ""

    def __post_init__(self) -> None:
        from rich.live import Live

        # A screen of its own: when it is over, the terminal is as it was.
        self._live = Live(
            console=terminal.console(sys.stdout), screen=True, refresh_per_second=2, get_renderable=self.draw
        )

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self) -> None:
        """Forget what a run has recorded, but not what was seen."""
        fresh = Recording(
            looks=self.recording.looks, declared=self.recording.declared, stack=self.recording.stack
        )
        self.recording = fresh

    def on_event(self, event: Event) -> None:
        """Take a look that is over, or why there is none."""
        self.recording.add(event)
        if event.kind in ("item_failed", "failed", "unreachable"):
            self._trouble = f"{event.host}: {event.result.get('msg') or 'the look failed'}"
        if event.host in self.recording.looks and event.kind in ("ok", "item_ok"):
            self._looked[event.host] = event.at
        if event.kind == "item_ok" and event.task == AGAIN_TASK:
            facts = event.result["stack_facts"]
            self._now[event.host] = now_of(facts, self._before.get(event.host))
            self._before[event.host] = facts
            self._trouble = ""

    def on_stop(self, reason: Reason) -> None:
        """Hear that it ends: a moment later the screen is gone."""

    def draw(self) -> Group:
        """Return the whole screen."""
        from rich.console import Group
        from rich.text import Text

        hosts = build.hosts_of(self.recording)
        parts: list[Any] = [self._head(hosts), Text()]
        for host in hosts:
            if len(hosts) > 1:
                parts.append(Text(host.name, style="bold"))
            parts.append(live.screen(host, self._now.get(host.name)))
        if self._trouble:
            parts.append(Text(f"could not look: {self._trouble}", style="bold magenta"))
        return Group(*parts)

    def _head(self, hosts: list[Host]) -> Text:
        from rich.text import Text

        if not hosts:
            return Text("looking for the first time …", style="dim")
        status = build.health_of(hosts)
        line = headline.of("status", status, hosts, self.recording, [], 0.0)
        text = Text(line, style="bold green" if status == "healthy" else "bold red")
        age = time.time() - min(self._looked.values(), default=time.time())
        late = age > self.every + _LATE
        text.append(f"\nlooked {max(age, 0):.0f} s ago", style="not bold magenta" if late else "not bold dim")
        return text.append(f", {self.every:g} s between two looks; Ctrl-C ends it", style="not bold dim")
