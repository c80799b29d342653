"""Every check of the catalogue is seen to fire on a live stack, and to be well again afterwards."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from typing import Any

import fires
import pytest
from fires.fire import Fire
from machines import MONITORED
from stack import Run, Stack

from stanchion.checks import Phase, catalogue

# Those that can only be proved on recorded facts (tests/unit/checks), each with the reason.
ONLY_RECORDED: dict[str, str] = {
    "clock.synchronised": "the clock is the whole machine's, which a test does not touch",
    "clock.difference": "the clock is the whole machine's, which a test does not touch",
    "clock.database": "tests/faults/f12_clock.py breaks it, which takes two restarts of the database",
    "tls.server": "it is asked of several hosts, and the roles refuse to deploy to several as yet",
    "tls.client": "it is asked of several hosts, and the roles refuse to deploy to several as yet",
}


def table() -> list[Fire]:
    """Return every line, of all files of the folder `fires`."""
    modules = [
        importlib.import_module(f"fires.{found.name}") for found in pkgutil.iter_modules(fires.__path__)
    ]
    return [line for module in modules for line in getattr(module, "FIRES", [])]


TABLE = table()
# Those of the monitoring need a stack that has one: STANCHION_TEST_MONITORED=yes.
LINES = sorted(
    (line for line in TABLE if MONITORED or not line.slug.startswith("monitoring.")),
    key=lambda line: line.batch,
)


class Looks:
    """What validate said of each batch while it was broken, and at the end, with all of them mended."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.seen: dict[str, dict[str, Any]] = {}
        self.green: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}

    def broken(self, batch: str) -> dict[str, Any]:
        """Return the look; a batch that could not be run fails each of its lines, and is not run again."""
        if batch in self.failed:
            pytest.fail(self.failed[batch])
        if batch not in self.seen:
            try:
                self.seen[batch] = self._broken([line for line in TABLE if line.batch == batch])
            except Exception as error:
                self.failed[batch] = f"the batch {batch!r} could not be run: {error}"
                raise
        return self.seen[batch]

    def _broken(self, lines: list[Fire]) -> dict[str, Any]:
        variables = {name: value for line in lines for name, value in line.variables.items()}
        looking = self.stack.with_variables(**variables) if variables else self.stack
        with contextlib.ExitStack() as broken:
            for line in lines:
                if line.broken is not None:
                    broken.enter_context(line.broken(self.stack))
            return findings(looking, lines[0].phase)

    def mended(self, phase: str) -> dict[str, Any]:
        """Return a look with nothing broken: one for all batches, of each phase."""
        if phase not in self.green:
            # The archive is tried again by itself, a minute later at the latest: not waited for.
            self.stack.host.run(f"stanchion-{self.stack.name}", "settle")
            # What the logs say of the batches is true, and stays.
            self.green[phase] = findings(self.stack.with_variables(validation_log_window=5), phase)
        return self.green[phase]


def findings(stack: Stack, phase: str) -> dict[str, Any]:
    """Return the findings of one host by slug."""
    run = stack.runner("validate", "--phase", phase, "--format", "json")
    assert run.code in (0, 1), run.text
    return {finding["slug"]: finding for finding in run.result["validations"][-1]["findings"]}


@pytest.fixture(scope="module")
def looks(first_stack: Stack, first_deploy: Run) -> Looks:
    """The batches' looks; the stack is brought back where an earlier test has left it changed."""
    first_stack.bring_back()
    return Looks(first_stack)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.slug)
def test_the_check_fires(line: Fire, looks: Looks) -> None:
    """Red with the right evidence while the thing is broken."""
    seen = looks.broken(line.batch)[line.slug]
    assert line.fired(seen), seen


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.slug)
def test_the_check_is_well_again(line: Fire, looks: Looks) -> None:
    """Green once everything is put back."""
    seen = looks.mended(line.phase)[line.slug]
    assert seen["outcome"] in line.green, seen


def test_every_check_is_in_the_table_or_has_a_reason_why_not() -> None:
    """A check that nobody has seen to fire is no check."""
    proved = {line.slug for line in TABLE}
    # Those that are asked of files alone are proved on files: tests/unit/compose/test_fixtures.py.
    of_stacks = {slug for slug, check in catalogue().items() if check.phases != (Phase.FILE,)}
    assert proved | set(ONLY_RECORDED) == of_stacks
    assert not proved & set(ONLY_RECORDED)
