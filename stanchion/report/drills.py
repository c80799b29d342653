"""What restore drills have proved, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.report.backups_taken import size
from stanchion.report.headline import duration
from stanchion.report.model import Result

Line = tuple[str, str]
_VERBS = ("drill", "first-drill")
_TARGETS = {
    "latest": "all that was archived",
    "time": "the moment {value}",
    "name": "the restore point {value}",
    "older": "all that was archived, from an older full backup",
}


def lines(result: Result) -> list[Line]:
    """Return what is told of a run's drills: all of it after `drill`, one line for each after a deploy."""
    told: list[Line] = []
    for host, record in records(result):
        told += _block(host, record) if result.verb == "drill" else [_line(host, record)]
    return told


def records(result: Result) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the record of each drill, with its host."""
    for told in result.backups:
        if told.verb in _VERBS:
            for record in told.result.get("drills", []):
                yield told.host, record


def summary(record: Mapping[str, Any]) -> str:
    """Return one drill in a few words."""
    parts = [f"{record.get('repo')} {record.get('verdict')}"]
    if "target" in record:
        parts.append(f"target {record['target']['kind']}")
    parts += [f"{name} {value}" for name, value in _measured(record)]
    return ", ".join(parts)


def _line(host: str, record: Mapping[str, Any]) -> Line:
    return ("drill", f"{summary(record)} (on {host}, {duration(float(record.get('seconds', 0)))})")


def _block(host: str, record: Mapping[str, Any]) -> Iterator[Line]:
    yield ("drill", f"{record.get('repo')} on {host}: {record.get('verdict')}")
    if "target" in record:
        target = record["target"]
        yield ("target", _TARGETS[target["kind"]].format(value=target["value"]))
    if "set" in record:
        one = record["set"]
        needs = f", with {', '.join(one['needs'])}" if one.get("needs") else ""
        yield ("set", f"{one['label']} ({one['type']}, {size(one['size'])}){needs}")
    if record.get("phases"):
        phases = record["phases"].items()
        yield ("phases", " · ".join(f"{name} {duration(float(seconds))}" for name, seconds in phases))
    assertions = record.get("assertions", [])
    well = [each["name"] for each in assertions if each["ok"]]
    if well:
        yield ("proved", f"{len(well)}: {' · '.join(well)}")
    for each in assertions:
        if each["ok"] is None:
            yield ("not asked", f"{each['name']}: {each['reason']}")
    for each in assertions:
        if each["ok"] is False:
            yield ("FAILED", each["reason"] or each["name"])
    yield from _measured(record)


def _measured(record: Mapping[str, Any]) -> Iterator[Line]:
    if record.get("rpo_seconds") is not None:
        yield ("RPO", duration(float(record["rpo_seconds"])))
    if record.get("rto_seconds") is not None:
        data = f" for {size(record['data_bytes'])}" if record.get("data_bytes") else ""
        until = ", until the database served" if record.get("rto_to") == "database" else ""
        yield ("RTO", f"{duration(float(record['rto_seconds']))}{data}{until}")
