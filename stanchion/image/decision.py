"""Who builds an image, who hands it to whom, and which old tags go: decided from what all hosts have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stanchion.image.request import TAG_LENGTH, Request, digest_of

Look = Mapping[str, Any]
Looks = Mapping[str, Look]

_INSTALLED = re.compile(r"^Inst (\S+) (?:\[[^]]*\] )?\((\S+)", re.MULTILINE)


def versions_of(simulation: str) -> dict[str, str]:
    """Return {package: version} out of what `apt-get -s` printed."""
    return dict(sorted(_INSTALLED.findall(simulation)))


@dataclass(frozen=True)
class Resolution:
    """The base image and the packages' versions that a build takes, and when they were looked up."""

    host: str
    base_id: str
    base_origin: str
    versions: Mapping[str, str]
    resolved_at: str

    @property
    def resolved(self) -> str:
        """One short hash for all versions: the Dockerfile's ARG RESOLVED, which breaks its cache."""
        return digest_of(sorted(self.versions.items()))[:TAG_LENGTH]

    def as_record(self) -> dict[str, Any]:
        return {
            "base_id": self.base_id,
            "base_origin": self.base_origin,
            "versions": dict(self.versions),
            "resolved": self.resolved,
            "resolved_at": self.resolved_at,
        }

    def older_than(self, seconds: int, now: datetime) -> bool:
        return now - datetime.fromisoformat(self.resolved_at) > timedelta(seconds=seconds)


@dataclass(frozen=True)
class Policy:
    update: bool = False
    # A build that is needed anyway looks the versions up anew when they are older than this (seconds).
    resolve_after: int = 86400
    keep: int = 3


@dataclass(frozen=True)
class Decision:
    """What one host has to do. Every host decides from the same looks, so their parts fit together."""

    tag: str
    ref: str
    # The host that makes base and versions known first; until it has, the tag is a preview.
    resolver: str | None = None
    # Whether the resolver looks the versions up anew instead of taking the recorded ones.
    resolve: bool = False
    # What this host does.
    builds: bool = False
    gives: bool = False
    receives: bool = False
    # The image's id on this host, or None if it has to come.
    id: str | None = None
    # Whether this host's record has to be written, and which of its older tags go then.
    settles: bool = False
    record: dict[str, Any] = field(default_factory=dict)
    prune: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def decide(
    request: Request,
    looks: Looks,
    host: str,
    policy: Policy,
    resolution: Resolution | None = None,
    now: datetime | None = None,
) -> Decision:
    """Decide for `host`; `looks` are the answers of image_state by host, in the order of the play.

    Where base and versions have to be made known first, the decision names the host that does it, and
    is taken again with its `resolution`.
    """
    if request.source != "build" or resolution:
        return _deliver(request, looks, host, policy, resolution, resolved_now=resolution is not None)
    known = _recorded(request, looks)
    if not known:
        return _resolve_first(request, host, next(iter(looks)))
    if policy.update:
        return _resolve_first(request, host, known.host, known)
    if not _holders(looks, _tag(request, known)):
        base_moved = (looks[known.host]["base"] or {}).get("id") != looks[known.host]["record"]["base_id"]
        stale = base_moved or known.older_than(policy.resolve_after, now or datetime.now(UTC))
        return _resolve_first(request, host, known.host, known, resolve=stale)
    return _deliver(request, looks, host, policy, known)


def _recorded(request: Request, looks: Looks) -> Resolution | None:
    """Return what the newest record says that fits the request."""
    found = []
    for host, look in looks.items():
        record = look["record"]
        if not record or (record["base"], record["packages"]) != (request.base, list(request.packages)):
            continue
        # The base that is there counts; a host that was handed the image has none, its record tells.
        base = look["base"] or {"id": record["base_id"], "origin": record["base_origin"]}
        found.append(
            Resolution(host, base["id"], base["origin"], record["versions"], record["resolved_at"]),
        )
    return max(found, key=lambda resolution: resolution.resolved_at, default=None)


def _resolve_first(
    request: Request, host: str, resolver: str, known: Resolution | None = None, *, resolve: bool = True
) -> Decision:
    tag = _tag(request, known)
    return Decision(tag, f"{request.name}:{tag}", resolver=resolver, resolve=resolve, builds=host == resolver)


def _deliver(
    request: Request,
    looks: Looks,
    host: str,
    policy: Policy,
    resolution: Resolution | None,
    *,
    resolved_now: bool = False,
) -> Decision:
    tag = _tag(request, resolution)
    holders = _holders(looks, tag)
    # The one that looked the versions up has the base, too. What is pulled or loaded comes to each by itself.
    builder = resolution.host if resolution and not holders else None
    giver = builder or (holders[0] if resolution else None)
    receivers = [other for other in looks if other not in (*holders, giver)] if giver else []
    look = looks[host]
    earlier = look["record"] or {}
    older = [other for other in earlier.get("tags", []) if other != tag and other in look["tags"]]
    prune = _prunable(look, [tag, *older], policy.keep)
    record = {
        "name": request.name,
        "source": request.source,
        "tag": tag,
        "tags": [other for other in (tag, *older) if other not in prune],
        "base": request.base,
        "packages": list(request.packages),
        **(resolution.as_record() if resolution else {}),
    }
    return Decision(
        tag,
        f"{request.name}:{tag}",
        builds=host == builder,
        gives=host == giver and bool(receivers),
        receives=host in receivers,
        id=look["tags"].get(tag, {}).get("id"),
        settles=resolved_now or tag not in look["tags"] or earlier.get("tag") != tag,
        record=record,
        prune=[f"{request.name}:{other}" for other in prune],
    )


def _tag(request: Request, resolution: Resolution | None) -> str:
    return request.tag(resolution.base_id, resolution.resolved) if resolution else request.tag()


def _holders(looks: Looks, tag: str) -> list[str]:
    return [host for host, look in looks.items() if tag in look["tags"]]


def _prunable(look: Look, order: Sequence[str], keep: int) -> list[str]:
    """Return our own tags beyond the first `keep` that no container, running or stopped, was made from.

    Ours is what the record lists, and what carries our label: a lost record must not fill the disk.
    """
    tags = look["tags"]
    unlisted = [tag for tag, image in tags.items() if image["own"] and tag not in order]
    unlisted.sort(key=lambda tag: str(tags[tag]["created"]), reverse=True)
    old = [*order, *unlisted][keep:]
    return [tag for tag in old if tag in tags and tags[tag]["id"] not in look["in_use"]]
