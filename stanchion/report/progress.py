"""Tells on stderr how far a run is: one moving line on a terminal, one plain line per role elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from stanchion.report.headline import duration
from stanchion.report.terminal import console, is_live
from stanchion.run.events import Event
from stanchion.run.stopping import GRACE_SECONDS, Reason

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

# A playbook's own tasks, and the preflights that each role skips where the playbook had them all.
_BETWEEN = frozenset({"playbook", "preflight"})
_STOPPING = "{reason}: asking Ansible to stop, {grace:.0f} s at most (again: at once)"


class Progress(Protocol):
    """Follows one run."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def on_event(self, event: Event) -> None:
        """Hear of a task that began or ended."""

    def on_stop(self, reason: Reason) -> None:
        """Hear that the run is being ended early."""


def follow(verb: str, expected: int | None, stream: TextIO | None = None) -> Progress:
    """Return what suits the stream."""
    target = stream or sys.stderr
    return Live(verb, expected, target) if is_live(target) else Plain(verb, target)


def wait(verb: str, what: str, stream: TextIO | None = None) -> Progress:
    """Say once what is waited for, whatever happens meanwhile: for a look that serves another verb."""
    target = stream or sys.stderr
    if is_live(target):
        return Still(verb, None, target, what)
    print(f"{verb}: {what}", file=target, flush=True)
    return Silent()


class Silent:
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_event(self, event: Event) -> None:
        """Hear of a task, and say nothing."""

    def on_stop(self, reason: Reason) -> None:
        """Hear that it ends, and say nothing."""


class Plain:
    """One line whenever another role goes on."""

    def __init__(self, verb: str, stream: TextIO) -> None:
        self._verb = verb
        self._stream = stream
        self._began = time.monotonic()
        self._seen: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_event(self, event: Event) -> None:
        """Print the role when it is another one than before, and what only stands between roles once."""
        known = [self._verb, *self._seen[-1:], *_BETWEEN.intersection(self._seen)]
        if event.kind == "task" and event.phase not in known:
            self._seen.append(event.phase)
            self._print(f"{event.phase} ({duration(time.monotonic() - self._began)})")

    def on_stop(self, reason: Reason) -> None:
        """Say that it ends."""
        self._print(_STOPPING.format(reason=reason, grace=GRACE_SECONDS))

    def _print(self, text: str) -> None:
        print(f"{self._verb}: {text}", file=self._stream, flush=True)


class Live:
    """A line that moves: the role, its task dimmed, how far, how long."""

    def __init__(self, verb: str, expected: int | None, stream: TextIO, what: str = "") -> None:
        self._bar = _bar(stream, expected)
        self._task: TaskID = self._bar.add_task("", total=expected, role=verb, task=what)
        self._verb = verb

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Move on."""
        if event.kind == "task":
            name = event.task.partition(" | ")[2] or event.task
            self._bar.update(self._task, advance=1, role=event.phase, task=name)

    def on_stop(self, reason: Reason) -> None:
        """Say that it ends."""
        text = _STOPPING.format(reason=reason, grace=GRACE_SECONDS)
        self._bar.console.print(f"{self._verb}: {text}", style="yellow")


class Still(Live):
    """A line whose words stay."""

    def on_event(self, event: Event) -> None:
        """Hear of a task, and say nothing."""

    def on_stop(self, reason: Reason) -> None:
        """Hear that it ends, and say nothing."""


def _bar(stream: TextIO, expected: int | None) -> Bar:
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.progress import Task as BarTask
    from rich.table import Column
    from rich.text import Text

    class Words(ProgressColumn):
        """The role and its task, cut to one line."""

        def render(self, task: BarTask) -> Text:
            text = Text(f"{task.fields['role']}  ", style="bold")
            return text.append(task.fields["task"], style="dim")

    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        Words(table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    ]
    if expected is not None:
        columns.append(BarColumn(bar_width=20))
    columns.append(TimeElapsedColumn())
    return Bar(*columns, console=console(stream), transient=True, expand=True)
