"""From the facts that stack_facts gathered on a host to what people want to know of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stanchion.moments import moment
from stanchion.report.model import Container, Host, Image, Volume, VolumeRecord

Facts = Mapping[str, Any]

_DATABASE = "postgres"
_BACKEND = "backend"
# What the stack consists of, by role. One-shot containers and candidates carry the role, but no such name.
_LASTING = {_DATABASE: re.compile(r".+-db"), _BACKEND: re.compile(r".+-backend-[1-9][0-9]*")}
# A replica that is being replaced serves under this name until its successor does.
_REPLACED = "-previous"


def host_of(name: str, facts: Facts, declared: Facts) -> Host:
    """Return what the look at one host says."""
    engine = facts.get("engine", {})
    now = moment(facts.get("collected_at")) or datetime.now(UTC)
    containers = [_container(item, now) for item in _entries(facts, "containers")]
    record = _record(facts.get("volume_record", {}))
    return Host(
        name=name,
        engine=str(engine.get("state", "unreachable")),
        engine_version=engine.get("version"),
        containers=sorted(containers, key=lambda container: (container.role != _DATABASE, container.name)),
        # What was not looked at is not missing; it stands among what could not be read.
        missing=_missing(containers, declared) if facts.get("containers", {}).get("ok", True) else [],
        volumes=[_volume(item, record) for item in _entries(facts, "volumes")],
        volume_record=record,
        images=_images(facts, containers, now),
        lock=_lock(facts.get("lock", {})),
        unreadable=[
            f"{source}: {answer.get('error', 'no reason given')}"
            for source, answer in facts.items()
            if isinstance(answer, Mapping) and answer.get("ok") is False
        ],
    )


def serves(hosts: Iterable[Host]) -> bool:
    """Say whether the stack answers: a healthy database, and at least one healthy backend."""
    well = {
        container.role
        for host in hosts
        for container in host.containers
        if container.well and _lasts(container.name.removesuffix(_REPLACED), container.role)
    }
    return {_DATABASE, _BACKEND} <= well


def _entries(facts: Facts, source: str) -> list[Facts]:
    answer = facts.get(source, {})
    return list(answer.get("entries") or []) if answer.get("ok") else []


def _container(item: Facts, now: datetime) -> Container:
    started = moment(item.get("started_at")) if item.get("running") else None
    health = item.get("health")
    return Container(
        name=item["name"],
        role=str(item.get("role") or ""),
        image=str(item.get("image") or ""),
        state=str(item.get("state") or "unknown"),
        health=health,
        well=bool(item.get("running")) and health in (None, "healthy"),
        addresses=_addresses(item.get("ports") or []),
        started_at=started,
        uptime_seconds=None if started is None else max((now - started).total_seconds(), 0.0),
        restarts=int(item.get("restart_count") or 0),
    )


def _addresses(ports: Iterable[Facts]) -> list[str]:
    found = {f"{port['address']}:{port['port']}" for port in ports if port.get("port")}
    return sorted(found)


def _lasts(name: str, role: str) -> bool:
    return role in _LASTING and _LASTING[role].fullmatch(name) is not None


def _missing(containers: Sequence[Container], declared: Facts) -> list[str]:
    """Compare what is declared for this host with what is there and lasts."""
    lasting = [container for container in containers if _lasts(container.name, container.role)]
    missing = []
    if declared.get("database") and not any(container.role == _DATABASE for container in lasting):
        missing.append("the database")
    backends = sum(container.role == _BACKEND for container in lasting)
    gap = int(declared.get("backend_replicas") or 0) - backends
    if gap > 0:
        missing.append(f"{gap} backend replica{'s' if gap > 1 else ''}")
    names = {container.name for container in containers}
    missing += [name for name in declared.get("backend_companions") or () if name not in names]
    return missing


def _volume(item: Facts, record: VolumeRecord | None) -> Volume:
    return Volume(
        name=item["name"],
        role=str(item.get("role") or ""),
        used_by=list(item.get("used_by") or []),
        active=record is not None and record.volume == item["name"],
    )


def _record(answer: Facts) -> VolumeRecord | None:
    record = answer.get("record") if answer.get("ok") and answer.get("exists") else None
    if not isinstance(record, Mapping):
        return None
    identifier, timeline = record.get("system_identifier"), record.get("timeline")
    return VolumeRecord(
        volume=str(record.get("volume") or ""),
        state=str(record.get("state") or "unknown"),
        system_identifier=None if identifier is None else str(identifier),
        timeline=None if timeline is None else int(timeline),
        replaced=[str(each["volume"]) for each in record.get("replaced") or []],
    )


def _images(facts: Facts, containers: Iterable[Container], now: datetime) -> list[Image]:
    """Return the images in use, by the names that the containers know them by."""
    used = {container.image for container in containers}
    images = []
    for item in _entries(facts, "images"):
        created, names = moment(item.get("created")), item.get("refs") or []
        if created is not None and item.get("in_use"):
            name = next((name for name in names if name in used), next(iter(names), str(item.get("id"))))
            images.append(Image(name=name, created=created, age_days=max((now - created).days, 0)))
    return images


def _lock(answer: Facts) -> str | None:
    holder = answer.get("holder")
    if answer.get("state") != "held" or not isinstance(holder, Mapping):
        return None
    since = datetime.fromtimestamp(float(holder["since"]), UTC)
    return f"{holder['user']}@{holder['hostname']} with {holder['verb']} since {since:%Y-%m-%d %H:%M:%S} UTC"
