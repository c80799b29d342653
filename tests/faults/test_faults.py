"""Every fault of the table: made, told of, mended; and what became of each row that was written meanwhile."""

from __future__ import annotations

import importlib
import re
import time
import uuid
from datetime import datetime
from pathlib import Path

import pytest
from fault import BY_HAND, ITSELF, Fault, Row
from scene import ANSWERED, Figures, Look, Scene

FAULTS: list[Fault] = sorted(
    (importlib.import_module(path.stem).FAULT for path in Path(__file__).parent.glob("f[0-9][0-9]_*.py")),
    key=lambda fault: fault.id,
)
# Those that end with another machine, container or timeline come after those that do not.
LAST = ("F03", "F18", "F19", "F08", "F22", "F26")
IN_ORDER = sorted(FAULTS, key=lambda fault: (LAST.index(fault.id) + 1) if fault.id in LAST else 0)


def test_every_fault_has_its_line() -> None:
    """F01 to F26, each once."""
    assert [fault.id for fault in FAULTS] == [f"F{number:02}" for number in range(1, 27)]


@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=each.id, marks=[pytest.mark.long] if each.long else []) for each in IN_ORDER],
)
def test_fault(fault: Fault, scene: Scene, table: list[Row]) -> None:
    """Told by its cause, mended by whom it is for, with no row lost."""
    row = Row(
        fault.id, fault.title, remedy=fault.repair, limits=limits(fault), how_real=fault.simulated or "real"
    )
    table.append(row)
    run = f"{fault.id.lower()}-{uuid.uuid4().hex[:6]}"
    if fault.where is not None:
        scene = fault.where(scene)
    scene.begin()
    try:
        fault.prepare(scene)
        measure(fault, scene, row, run)
    finally:
        fault.clear(scene)
    row.passed = True
    scene.well = True


def measure(fault: Fault, scene: Scene, row: Row, run: str) -> None:
    """Write all the time, break, have it mended, and hold what is there against what was acknowledged."""
    scene.run, scene.step = run, fault.step
    scene.start_writers(run)
    try:
        scene.wait_for_rows(run, within=30)
        try:
            mended = broken_and_mended(fault, scene, row)
            mended = fault.since(scene) if fault.since is not None else mended
            scene.wait_for_rows(run, within=fault.recovered + 30)
        finally:
            fault.undo(scene)
    finally:
        scene.stop_writers()
    figures = scene.figures(run)
    measured(fault, scene, row, figures, mended)
    unchanged(fault, scene, figures)
    fault.afterwards(scene, figures)


def broken_and_mended(fault: Fault, scene: Scene, row: Row) -> float:
    """Make it, have it told, have it mended; return the moment from which on it was being mended."""
    if fault.course is not None:
        fault.course(scene, row)
        return time.time()
    fault.inject(scene)
    made, began = time.monotonic(), time.time()
    look = scene.look("--plan", looking=fault.looking)
    row.detected = look.ended - made
    told(fault, look)
    if fault.repair == ITSELF:
        row.cause = ", ".join(slug for slug in fault.checks if look.told(slug)) or "nothing is left to tell"
        fault.meanwhile(scene, look)
        last = look if look.code == 0 else scene.settled(looking=fault.looking)
    else:
        row.cause = fault.expect
        assert look.code in fault.broken_codes, str(look)
        fault.meanwhile(scene, look)
        if fault.restraint is not None:
            alone = scene.look(looking=fault.looking)
            assert alone.cause(fault.expect)["outcome"] == fault.outcome, str(alone)
            fault.restraint(scene, alone)
        began = time.time()
        last = mend(fault, scene)
        # The look that comes first is how it was told: mending begins with the first remedy.
        if last.recovery.get("acted"):
            began = datetime.fromisoformat(last.recovery["acted"]).timestamp()
    assert last.code == 0, str(last)
    return began


def mend(fault: Fault, scene: Scene) -> Look:
    """Have it mended as the table says, and return the look afterwards."""
    if fault.repair == BY_HAND:
        fault.undo(scene)
        return scene.settled(looking=fault.looking)
    words = fault.repair.split()[1:]
    look = scene.look(*words, looking=fault.looking)
    assert look.cause(fault.expect)["outcome"] == "fixed", str(look)
    return look


def told(fault: Fault, look: Look) -> None:
    """Insist that the cause is named, because of these checks, with this evidence."""
    for slug in fault.checks:
        assert look.told(slug), f"{slug} tells of nothing: {look.before.get(slug)}"
    if fault.says:
        evidence = " ".join(look.told(slug) for slug in fault.checks)
        assert re.search(fault.says, evidence), evidence
    if fault.expect:
        cause = look.cause(fault.expect)
        assert set(fault.checks) & set(cause["because"]), cause


def measured(fault: Fault, scene: Scene, row: Row, figures: Figures, mended: float) -> None:
    """Write the figures into the table, and hold them against the limits."""
    row.gap_api, row.gap_sql = figures.api.gap, figures.sql.gap
    row.lost, row.unexpected = figures.lost, figures.unexpected
    row.unknown_but_there = len(figures.api.recovered) + len(figures.sql.recovered)
    row.recovered = scene.notes.get("recovered")
    if row.recovered is None and fault.repair != ITSELF and fault.course is None:
        row.recovered = max(min(at for at in rows if at > mended) - mended for rows in scene.moments)
    assert row.unexpected == 0, (figures.api.unexpected, figures.sql.unexpected)
    assert row.lost == 0, (figures.api.lost, figures.sql.lost)
    if fault.gap is not None:
        assert max(row.gap_api, row.gap_sql) <= fault.gap
    if row.recovered is not None:
        assert row.recovered <= fault.recovered


def unchanged(fault: Fault, scene: Scene, figures: Figures) -> None:
    """Insist on what no fault may change, and on the backend's behaviour meanwhile."""
    assert scene.identity() == scene.before, "another cluster, or another timeline"
    scene.archived()
    answered = {(status, retry != "-") for status, retry, _ in figures.answers}
    # A replica that is away refuses the connection; whoever answers keeps to the rule.
    allowed = {(201, False), (503, True)} | (set() if fault.backend_stays else {(0, False)})
    assert answered <= allowed, answered
    if not fault.backend_stays:
        return
    slowest = max(seconds for _, _, seconds in figures.answers)
    assert slowest <= scene.pool_timeout + ANSWERED, slowest
    assert {status for _, status, _ in figures.alive} == {200}
    assert scene.workers() == scene.workers_before, "a worker has died"


def limits(fault: Fault) -> str:
    """Return what the figures are held against."""
    told = [f"gap {fault.gap:g} s"] if fault.gap is not None else []
    if fault.repair != ITSELF:
        told.append(f"recovered {fault.recovered:g} s")
    return ", ".join(told)
