# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look, each minute: what is dead for long enough, and is in nobody's hands, gets its remedy."""

from __future__ import annotations

import json
import sys
import syslog
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion_host.files import alone
from stanchion_host.recovery_record import GAVE_UP, records

from stanchion_watch import asking, backoff, docker, files, giving_way, judging
from stanchion_watch.judging import DEAD, Seen, Verdict
from stanchion_watch.settings import DATABASE, RESTART, START, Settings

# The job of each minute: after a longer gap, nobody knows how long something has been dead.
GAP = 180.0
_HOOK_WITHIN = 120.0

State = dict[str, Any]


def watch(settings: Settings) -> int:
    """Look once, and act where that is due; return the exit code."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Of a watch that has not ended: a server may take minutes to stop.
    with alone(settings.folder / "watch.lock") as mine:
        if not mine:
            return 0
        now = time.time()
        state = files.state(settings.folder)
        if not 0 <= now - state["at"] < GAP:
            state["dead"] = {}
        _tell_interrupted(settings, state)
        try:
            verdicts = _judged(settings, state)
            state["trouble"] = ""
        except docker.DockerError as error:
            # What can't be seen is not dead: it has to be dead for its whole patience once it can.
            state.update(dead={}, trouble=str(error))
            verdicts = {}
        _remember(state, verdicts, now)
        state["at"] = now
        files.keep_state(settings.folder, state)
        for container, verdict in verdicts.values():
            if verdict.state == DEAD:
                _see_to(settings, state, container, verdict)
        if not giving_way.reason(settings, now):
            files.trim(settings.folder, now)
    return 0


def look(settings: Settings) -> dict[str, Any]:
    """Return how everything is judged, changing nothing."""
    state = files.state(settings.folder)
    try:
        verdicts = _judged(settings, state)
    except docker.DockerError as error:
        return {"trouble": str(error)}
    return {
        "gives_way": giving_way.reason(settings, time.time()),
        "containers": {
            name: {"state": verdict.state, "why": verdict.why, "remedy": verdict.remedy}
            for name, (_, verdict) in verdicts.items()
        },
    }


def _judged(settings: Settings, state: State, only: str = "") -> dict[str, tuple[Seen, Verdict]]:
    """Judge every watched container that is there, or only one of them, in the order of the settings."""
    names = {name: role for name, role in settings.names().items() if only in ("", name)}
    told = {each["Name"].lstrip("/"): each for each in docker.inspect(list(names), settings.stack) if each}
    found = [judging.seen(told[name], role, settings.port) for name, role in names.items() if name in told]
    answers = asking.all_of(settings, found)
    return {
        each.name: (each, judging.judge(each, answers[each.name], _was_stopped(state, each)))
        for each in found
    }


def _was_stopped(state: State, container: Seen) -> bool:
    """Say whether the watch itself has stopped it, to restart it, and was killed in between."""
    begun = state["begun"].get(container.name)
    if not begun or begun["id"] != container.id:
        return False
    # Later than that, somebody else has stopped it.
    since = container.finished - float(begun["at"])
    return 0 <= since < container.stop_seconds + docker.ACTS_WITHIN


def _remember(state: State, verdicts: Mapping[str, tuple[Seen, Verdict]], now: float) -> None:
    """Keep since when each is dead; one that was started since begins anew."""
    dead: dict[str, Any] = {}
    for name, (container, verdict) in verdicts.items():
        begun = state["begun"].get(name)
        if begun and (container.id != begun["id"] or container.started > begun["at"]):
            del state["begun"][name]
        if verdict.state == DEAD:
            dead[name] = {"since": now, "life": container.life, "remedy": verdict.remedy}
            before = state["dead"].get(name)
            if before and {**before, "since": now} == dead[name]:
                dead[name]["since"] = before["since"]
        else:
            state["said"].pop(name, None)
    state["dead"] = dead


def _see_to(settings: Settings, state: State, container: Seen, verdict: Verdict) -> None:
    """Do what is due for a dead container, unless something is in the way."""
    now = time.time()
    # Between looks: asking in vain takes its time as well, and proves nothing.
    dead_for = state["at"] - state["dead"][container.name]["since"]
    remedy, patience = verdict.remedy, settings.patience(verdict.remedy)
    kept = records(settings.folder)
    decision = backoff.decide(kept, remedy, container.name, dead_for, patience, now)
    why = f"{container.name} {verdict.why}, since {dead_for:.0f} s"
    if decision == backoff.GIVE_UP:
        text = f"{why}. {remedy} was tried {backoff.MOST} times within the hour and did not help; "
        _record(settings, container.name, remedy, GAVE_UP, f"{text}for an hour it is not tried again.")
    if decision != backoff.ACT:
        return
    hindrance = giving_way.reason(settings, now) or _hindered(settings, container, remedy)
    if hindrance:
        if state["said"].get(container.name) != hindrance:
            _record(settings, container.name, remedy, "refused", f"{why}. Not touched: {hindrance}.")
            state["said"][container.name] = hindrance
            files.keep_state(settings.folder, state)
        return
    _act(settings, state, container, verdict, why)


def _hindered(settings: Settings, container: Seen, remedy: str) -> str:
    """Say why a database is not to be touched: its volume is another by now, or another writes to it."""
    if remedy not in (START[DATABASE], RESTART[DATABASE]):
        return ""
    record = Path(settings.state_dir) / "postgres" / "volume.json"
    try:
        told = json.loads(record.read_text())
        if told.get("restore") or told["volume"] != container.data:
            return f"{record} does not name {container.data or 'its volume'} as the database"
        # Two servers on one volume destroy it.
        others = [name for name in docker.writers(container.data) if name != container.name]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return f"{record} does not tell which volume is the database ({type(error).__name__})"
    except docker.DockerError as error:
        return str(error)
    return f"{', '.join(others)} writes to {container.data}" if others else ""


def _act(settings: Settings, state: State, container: Seen, verdict: Verdict, why: str) -> None:
    """Restart or start it, if it is still as it was seen."""
    try:
        again = _judged(settings, state, container.name).get(container.name)
    except docker.DockerError:
        return
    if again is None or again[1].remedy != verdict.remedy or again[0].life != container.life:
        return
    began = time.time()
    # Asking in vain took a while: a run may have begun.
    if giving_way.reason(settings, began):
        return
    # First: what is stopped and not started again by a watch that is killed, the next one starts.
    state["begun"][container.name] = {"at": began, "id": container.id, "remedy": verdict.remedy}
    files.keep_state(settings.folder, state)
    outcome = "done"
    try:
        if verdict.remedy in RESTART.values():
            docker.restart(container.name, container.stop_seconds)
        else:
            docker.start(container.name)
    except docker.DockerError as error:
        outcome, why = "failed", f"{why}. It failed: {error}"
    _record(settings, container.name, verdict.remedy, outcome, why, time.time() - began)
    state["said"].pop(container.name, None)
    state["dead"].pop(container.name, None)
    if outcome == "done":
        del state["begun"][container.name]
    else:
        state["begun"][container.name]["told"] = True
    files.keep_state(settings.folder, state)


def _tell_interrupted(settings: Settings, state: State) -> None:
    """Record what a killed watch has begun: a try that ended otherwise than well counts as one."""
    for name, begun in state["begun"].items():
        if not begun.get("told"):
            begun["told"] = True
            _record(
                settings, name, begun["remedy"], "failed", f"The watch was killed while it saw to {name}."
            )


def _record(settings: Settings, of: str, remedy: str, outcome: str, why: str, seconds: float = 0.0) -> None:
    """Keep a line of the record, and tell whoever wants to know of what went wrong."""
    record = {
        "at": round(time.time(), 3),
        "by": "watch",
        "remedy": remedy,
        "of": of,
        "why": why,
        "outcome": outcome,
        "seconds": round(seconds, 3),
    }
    files.append(settings.folder, record)
    bad = outcome in ("failed", GAVE_UP)
    text = f"{remedy} of {of}: {outcome}. {why}"
    syslog.syslog(syslog.LOG_ERR if bad else syslog.LOG_WARNING, f"stanchion watch: {text}")
    if outcome != "refused":
        # Cron mails it.
        print(text, file=sys.stderr, flush=True)
    if bad and settings.on_failure:
        told = json.dumps({"stack": settings.stack, **record})
        done = docker.run(["sh", str(settings.failure_script)], _HOOK_WITHIN, told)
        if done.code != 0:
            syslog.syslog(syslog.LOG_ERR, f"stanchion watch: recovery_on_failure ended with {done.code}")
