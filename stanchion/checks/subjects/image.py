"""The images that containers are made of: the same ones tomorrow, and not too old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from stanchion.checks.container import POSTGRES, Container
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, UnreadableError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, FILE, RUNTIME, WARNING, Threshold, check
from stanchion.compose.images import parse
from stanchion.moments import moment

IMAGE_LABEL = "io.stanchion.image"
# A hash of all that went into the image.
_CONTENT_TAG = re.compile(r"[0-9a-f]{16}")
# 17.5-bookworm, 16.9-alpine3.21: the patch, and the system whose libraries sort the text.
_EXACT_POSTGRES = re.compile(r"\d+\.\d+-[a-z][a-z0-9.]*")
# Of other images: 7.4.1, v2.8.4-alpine, a day, a commit.
_EXACT = re.compile(r"v?\d+\.\d+\.\d+|\d{8}|(?=.*\d)[0-9a-f]{7,40}$")


@check(
    "image.pinned",
    rows="IMG-01",
    title="Every image is named so exactly that it is the same one tomorrow",
    phases=(DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="A tag can be moved. When postgres:17 moved to another Debian release its libraries sorted text "
    "otherwise, and indexes were wrong without a word.",
    remedy="Deploy: the roles use tags made of the content. In a compose file name a digest "
    "(image@sha256:...), or at least the patch and the system, such as postgres:17.5-bookworm.",
    source="docker-library/postgres issue 1356",
    reads=("containers",),
)
def pinned(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        yield _pinned(container)


def _pinned(container: Container) -> Evidence:
    image, of, key = container.image, container.name, "image"
    if not image:
        return note("is built from the file's own context", of, "build")
    if "@sha256:" in image or image.startswith("sha256:"):
        return note(f"{image} is a digest", of, key)
    name = parse(image)
    tag = name.tag
    if not tag:
        return bad(f"{image} has no tag, which means latest", of, key)
    if tag == "latest":
        return bad(f"{image} is whatever was pushed last", of, key)
    if _CONTENT_TAG.fullmatch(tag):
        # It has no digest where it was built: the id is what a digest would say.
        identity = (
            f", {(container.image_id or '').removeprefix('sha256:')[:12]}" if container.image_id else ""
        )
        return note(f"{image} is a tag of its content{identity}", of, key)
    is_postgres = container.role == POSTGRES or name.short == "postgres"
    if is_postgres and not _EXACT_POSTGRES.fullmatch(tag):
        return bad(f"{image} may move to another patch or system", of, key)
    if is_postgres or _EXACT.match(tag):
        return note(f"{image} names one release", of, key)
    return warn(f"{image} moves with every release", of, key)


@check(
    "image.age",
    rows="IMG-02",
    title="Security releases were asked for lately",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="An image gets no security releases by itself: the libraries in it are those of the day on which "
    "it was made.",
    remedy="python runner.py deploy --update-images, which builds anew only where there are newer versions.",
    source="CIS Docker Benchmark 5.28; ours: the age",
    reads=("containers", "images", "image_records"),
    thresholds=(
        Threshold(
            "validation_image_age",
            30,
            "days",
            "ours: Debian's point releases are two months apart, security releases of a library weeks",
        ),
    ),
)
def age(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_image_age")
    images = {image["id"]: image for image in look.source("images")["entries"]}
    resolved = {
        record["name"]: moment(record.get("resolved_at"))
        for record in look.source("image_records")["entries"].values()
        if record
    }
    for container in look.some():
        image = images.get(container.image_id or "")
        if image is None:
            raise UnreadableError(f"the image of {container.name} is not there any more")
        when = _latest(moment(image["created"]), resolved.get(image["name"]))
        if when is None:
            raise UnreadableError(f"nothing tells the age of the image of {container.name}")
        days = (look.now - when).total_seconds() / 86400
        text = f"{container.image}: {days:.0f} days old" if days >= 1 else f"{container.image}: made today"
        yield (bad if days > most else note)(text, container.name)


def _latest(*moments: datetime | None) -> datetime | None:
    """Return the last moment; asking anew without finding newer versions counts as well as a new image."""
    return max((each for each in moments if each is not None), default=None)
