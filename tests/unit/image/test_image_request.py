"""What is declared, and what is refused because no image can come of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from stanchion.image.request import ImageError, Request, read_request

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nARG RESOLVED=none\n")
    return {
        "name": "test/hello",
        "source": "build",
        "context": str(tmp_path),
        "dockerfile": "Dockerfile",
        "base": "debian:trixie-slim",
        "packages": ["tini", "curl"],
        "args": {"VERSION": 1},
        "reference": "",
        "archive": "",
    }


def test_a_build(declared: dict[str, Any]) -> None:
    request = read_request(declared)
    assert (request.name, request.base, request.packages) == (
        "test/hello",
        "debian:trixie-slim",
        ("curl", "tini"),
    )
    assert Request.of(request.as_dict()) == request


def test_the_tag_covers_arguments_base_and_versions(declared: dict[str, Any]) -> None:
    tags = {
        read_request(declared).tag("base-1", "resolved-1"),
        read_request(declared).tag("base-2", "resolved-1"),
        read_request(declared).tag("base-1", "resolved-2"),
        read_request({**declared, "args": {"VERSION": 2}}).tag("base-1", "resolved-1"),
    }
    assert len(tags) == 4
    assert all(len(tag) == 16 for tag in tags)


def test_the_order_of_packages_does_not_matter(declared: dict[str, Any]) -> None:
    assert read_request(declared) == read_request({**declared, "packages": ["curl", "tini"]})


@pytest.mark.parametrize(
    ("dockerfile", "packages", "missing"),
    [
        ("FROM debian\n", [], "ARG BASE"),
        ("# ARG BASE\nFROM debian\n", [], "ARG BASE"),
        ("ARG BASE\nFROM ${BASE}\n", ["tini"], "ARG RESOLVED"),
        ("ARG BASELINE\nFROM ${BASELINE}\n", [], "ARG BASE"),
    ],
)
def test_a_dockerfile_that_takes_no_base_is_refused(
    declared: dict[str, Any], dockerfile: str, packages: list[str], missing: str
) -> None:
    path = Path(declared["context"]) / "Dockerfile"
    path.write_text(dockerfile)
    with pytest.raises(ImageError, match=missing) as refusal:
        read_request({**declared, "packages": packages})
    assert str(path) in str(refusal.value)


def test_a_missing_context_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match="container_image_context"):
        read_request({**declared, "context": ""})
    with pytest.raises(ImageError, match="/nowhere/Dockerfile"):
        read_request({**declared, "context": "/nowhere"})


def test_a_pull_is_tagged_by_its_digest(declared: dict[str, Any]) -> None:
    request = read_request(
        {**declared, "source": "pull", "reference": f"registry.example/hello@sha256:{DIGEST}"}
    )
    assert request.tag() == DIGEST[:16]


@pytest.mark.parametrize("reference", ["", "hello", "hello:1.2", "hello@sha256:123", f"hello@{DIGEST}"])
def test_a_pull_without_digest_is_refused(declared: dict[str, Any], reference: str) -> None:
    with pytest.raises(ImageError, match="names no digest"):
        read_request({**declared, "source": "pull", "reference": reference})


def test_an_archive_is_tagged_by_its_content(declared: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"content")
    request = read_request({**declared, "source": "archive", "archive": str(tmp_path / "image.tar")})
    assert request.tag() == hashlib.sha256(b"content").hexdigest()[:16]


def test_a_missing_archive_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match="container_image_archive"):
        read_request({**declared, "source": "archive", "archive": "/nowhere.tar"})
