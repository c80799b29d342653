"""What could be restored, and what has been: tables of `backups`, lines of `restore`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stanchion.report.backups_taken import size
from stanchion.report.headline import duration
from stanchion.report.model import Backups, Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Facts = Mapping[str, Any]


def render(out: Console, result: Result) -> None:
    """Print the tables of what was listed."""
    for each in result.backups:
        if result.verb == "backups" and each.verb == "observe":
            _host(out, each, several=len(result.backups) > 1)


def lines(result: Result) -> list[tuple[str, str]]:
    """Return what a restore has made, with what to do with it, as labelled lines."""
    found = [line for each in result.backups if each.verb == "bare-metal" for line in _from_a_lost_host(each)]
    # A replacement has several steps, and the last one tells of all.
    last = {each.host: each for each in result.backups if each.result} if result.verb == "restore" else {}
    for each in last.values():
        if "recovery" in each.result:
            found += list(_restored(each))
        found += [("done", f"{each.host}: {text}") for text in each.result.get("done") or []]
    return found


def _from_a_lost_host(restored: Backups) -> Iterator[tuple[str, str]]:
    """Return what has come back; nothing of a deploy that went on with what an earlier one had restored."""
    record = restored.result
    if "label" in record:
        onto = f"onto timeline {record['timeline']}"
        yield "restored", f"{restored.host}, from {record['repo']} with {record['label']}, {onto}"
        newest = record["last_transaction"]
        yield "newest", f"transaction of {newest}" if newest else "the end of that backup"
        yield "lost", "what was committed after that: it had not come to the repository"


def _restored(restored: Backups) -> Iterator[tuple[str, str]]:
    record = restored.result
    recovery = record["recovery"]
    target = " ".join(part for part in (record["target"]["kind"], record["target"]["value"]) if part)
    yield (
        "restored",
        f"{target}, from {record['repo']} with {record['set']['label']} ({record['set']['type']})",
    )
    if recovery["stopped"]:
        yield "stopped", recovery["stopped"]
    if recovery["last_transaction"]:
        yield "newest", f"transaction of {recovery['last_transaction']}"
    migration = record.get("migration") or {}
    if migration.get("live") is not None and migration["live"] != migration["copy"]:
        yield (
            "warning",
            f"its migration head is {_head(migration['copy'])}; live it is {_head(migration['live'])}",
        )
    phases = " · ".join(f"{name} {duration(seconds)}" for name, seconds in record.get("phases", {}).items())
    yield "phases", phases
    if "copy" in record:
        name = record["copy"]["container"]
        yield "copy", f"{name} on {restored.host}, on no network; the live database is untouched"
        yield "look", f"docker exec -it {name} psql -U postgres -d {record.get('database', 'postgres')}"


def _head(versions: Sequence[str]) -> str:
    return ", ".join(versions) or "none"


def _host(out: Console, seen: Backups, several: bool) -> None:
    facts = seen.result
    if several:
        out.print()
        out.print(seen.host, style="bold")
    proved = _proved(facts)
    held = facts.get("repositories") or []
    if any(repository["sets"] for repository in held):
        out.print()
        out.print(_sets(held, proved, facts.get("abandoned") or {}))
    for repository in held:
        if repository["message"]:
            out.print(f"{_name(repository)} ({repository['where']}): {repository['message']}", style="red")
    out.print()
    out.print(_windows(facts.get("windows") or []))
    for window in facts.get("windows") or []:
        if window.get("error"):
            out.print(f"{window['repo']}: {window['error']}", style="red", soft_wrap=True)
    _kept(out, facts.get("copies") or [])
    if facts.get("restore"):
        out.print()
        out.print(
            str(facts["restore"].get("says") or "A restore is under way."), style="yellow", soft_wrap=True
        )


def _sets(
    repositories: Iterable[Facts], proved: Mapping[str, list[str]], abandoned: Mapping[str, list[str]]
) -> Table:
    table = _table("repo", "backup", "type", "age", "database", "stored", "timeline", "restore")
    now = time.time()
    for repository in repositories:
        for each in reversed(repository["sets"]):
            state = "proved" if each["label"] in proved.get(_name(repository), []) else "not proved yet"
            if state != "proved" and each["label"] in abandoned.get(_name(repository), []):
                state = "on a timeline that was left"
            table.add_row(
                _name(repository),
                each["label"],
                each["type"],
                duration(max(now - each["stopped"], 0)),
                size(each["size"]),
                size(each["stored"]),
                str(each["timeline"]),
                "damaged pages" if each["error"] else state,
            )
    return table


def _windows(windows: Iterable[Facts]) -> Table:
    table = _table("repo", "timeline", "from", "to", "")
    for window in windows:
        if "error" not in window:
            words = [*(["live"] if window["live"] else [f"--timeline {window['timeline']}"]), window["note"]]
            table.add_row(
                window["repo"],
                str(window["timeline"]),
                _moment(window["from"]),
                _moment(window["to"]),
                ", ".join(word for word in words if word),
            )
    return table


def _kept(out: Console, copies: Iterable[Facts]) -> None:
    for copy in copies:
        since = f" of {_moment(copy['created'])}" if copy["created"] else ", not finished"
        option = "--drop" if copy["kind"] == "copy" else "--drop-volume"
        what = "restored copy" if copy["kind"] == "copy" else "replaced volume"
        out.print(f"{what} {copy['name']}{since} (restore {option} {copy['name']})", soft_wrap=True)


def _proved(facts: Facts) -> dict[str, list[str]]:
    """Return the labels that a drill has proved, by repository."""
    coverage = (facts.get("drills") or {}).get("coverage") or {}
    return {name: list(each.get("labels") or []) for name, each in coverage.items()}


def _name(repository: Facts) -> str:
    return f"repo{repository['key']}"


def _moment(epoch: float) -> str:
    """Return a time as --to takes it."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S+00")


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for heading in headings:
        right = heading in ("age", "database", "stored", "timeline")
        table.add_column(heading, overflow="fold", justify="right" if right else "left")
    return table
