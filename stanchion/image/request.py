"""One image as it is declared, read on the controller before any host is asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stanchion.image.context import context_digest

TAG_LENGTH = 16
_DIGEST = re.compile(r"@sha256:([0-9a-f]{64})$")
_ARGUMENT = re.compile(r"^\s*ARG\s+([A-Za-z_]\w*)", re.MULTILINE | re.IGNORECASE)


class ImageError(Exception):
    """What is declared cannot become an image; the text says what to change."""


@dataclass(frozen=True)
class Request:
    """`content` is the digest of everything on the controller that is in the tag."""

    name: str
    source: str
    content: str
    base: str = ""
    packages: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "packages": list(self.packages)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Request:
        names = ("name", "source", "content", "base")
        return cls(**{name: str(data[name]) for name in names}, packages=tuple(data["packages"]))

    def tag(self, base_id: str | None = None, resolved: str | None = None) -> str:
        """Return the content tag; a pulled or loaded image is what its own digest says."""
        if self.source != "build":
            return self.content[:TAG_LENGTH]
        return digest_of([self.content, base_id, resolved])[:TAG_LENGTH]


def read_request(declared: Mapping[str, Any]) -> Request:
    """Read the options of the role container_image (without their prefix); raise ImageError."""
    reader = {"build": _read_build, "pull": _read_pull, "archive": _read_archive}[str(declared["source"])]
    return reader(str(declared["name"]), declared)


def _read_pull(name: str, declared: Mapping[str, Any]) -> Request:
    reference = str(declared.get("reference") or "")
    found = _DIGEST.search(reference)
    if not found:
        raise ImageError(
            f"The image {name} is to be pulled, but container_image_reference {reference!r} names no digest."
            " A tag can be moved; write repository@sha256:DIGEST."
        )
    return Request(name, "pull", found[1])


def _read_archive(name: str, declared: Mapping[str, Any]) -> Request:
    archive = Path(str(declared.get("archive") or ""))
    if not archive.is_file():
        raise ImageError(
            f"The image {name} is to be loaded from an archive, but {str(archive)!r} is no file on the"
            " controller. Set container_image_archive to the path of what `docker save` wrote."
        )
    with archive.open("rb") as stream:
        return Request(name, "archive", hashlib.file_digest(stream, "sha256").hexdigest())


def _read_build(name: str, declared: Mapping[str, Any]) -> Request:
    context = Path(str(declared.get("context") or ""))
    dockerfile = str(declared["dockerfile"])
    packages = tuple(sorted(declared.get("packages") or ()))
    path = context / dockerfile
    if not declared.get("context") or not path.is_file():
        raise ImageError(
            f"The image {name} is to be built, but {str(path)!r} is no file on the controller."
            " Set container_image_context to the folder that has the Dockerfile."
        )
    needed = {"BASE"} | ({"RESOLVED"} if packages else set())
    if missing := sorted(needed - set(_ARGUMENT.findall(path.read_text()))):
        raise ImageError(
            f"{path} has no `ARG {missing[0]}`. The tag of {name} covers the base image and the versions of"
            " the packages: the Dockerfile begins with `ARG BASE` and `FROM ${BASE}`, and has `ARG RESOLVED`"
            " before it installs what container_image_packages names."
        )
    args = {str(key): str(value) for key, value in dict(declared.get("args") or {}).items()}
    content = digest_of([context_digest(context, dockerfile), dockerfile, args])
    return Request(name, "build", content, str(declared["base"]), packages)


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
