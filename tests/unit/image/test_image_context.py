"""What the digest of a build context covers, and what the tar contains."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stanchion.image.context import context_digest, context_entries, write_context


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "app" / "empty").mkdir(parents=True)
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (folder / "app" / "main.py").write_text("print()\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("run")
    return folder


def names(context: Path, dockerfile: str = "Dockerfile") -> list[str]:
    return [name for name, _ in context_entries(context, dockerfile)]


def test_all_of_the_context_is_in_it(context: Path) -> None:
    assert names(context) == ["Dockerfile", "app", "app/empty", "app/main.py", "link", "run"]


def test_dockerignore_leaves_things_out_but_never_itself_or_the_dockerfile(context: Path) -> None:
    (context / ".dockerignore").write_text("*\n!app/main.py\n")
    assert names(context) == [".dockerignore", "Dockerfile", "app/main.py"]


def test_a_dockerfile_in_an_ignored_folder_is_found(context: Path) -> None:
    (context / "build").mkdir()
    (context / "build" / "Dockerfile").write_text("ARG BASE\n")
    (context / ".dockerignore").write_text("build\n")
    assert "build/Dockerfile" in names(context, "build/Dockerfile")


CHANGES: list[Callable[[Path], object]] = [
    lambda context: (context / "app" / "main.py").write_text("print(1)\n"),
    lambda context: (context / "app" / "main.py").rename(context / "app" / "other.py"),
    lambda context: (context / "run").chmod(0o644),
    lambda context: (context / "app" / "empty").rmdir(),
    lambda context: (context / "link").unlink() or (context / "link").symlink_to("app"),
    lambda context: (context / "new").touch(),
]
SAME: list[Callable[[Path], object]] = [
    lambda context: os.utime(context / "run", (1, 1)),
    lambda context: (context / "app" / "main.py").chmod(0o664),
    lambda context: context.rename(context.with_name("elsewhere")),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_the_digest(context: Path, change: Callable[[Path], object]) -> None:
    before = context_digest(context, "Dockerfile")
    change(context)
    assert context_digest(context, "Dockerfile") != before


@pytest.mark.parametrize("change", SAME)
def test_what_differs_by_clone_does_not(context: Path, change: Callable[[Path], object]) -> None:
    before = context_digest(context, "Dockerfile")
    change(context)
    now = context if context.exists() else context.with_name("elsewhere")
    assert context_digest(now, "Dockerfile") == before


def test_an_ignored_file_is_not_in_the_digest(context: Path) -> None:
    (context / ".dockerignore").write_text("*.log\n")
    before = context_digest(context, "Dockerfile")
    (context / "run.log").write_text("noise")
    assert context_digest(context, "Dockerfile") == before


def test_the_tar_is_the_same_byte_by_byte(context: Path, tmp_path: Path) -> None:
    write_context(context, "Dockerfile", tmp_path / "one.tar")
    os.utime(context / "run", (1, 1))
    (context / "app" / "main.py").chmod(0o600)
    write_context(context, "Dockerfile", tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_the_tar_has_contents_modes_and_links(context: Path, tmp_path: Path) -> None:
    write_context(context, "Dockerfile", tmp_path / "context.tar")
    with tarfile.open(tmp_path / "context.tar") as tar:
        modes = {info.name: (info.mode, info.uid, info.type) for info in tar}
        assert tar.extractfile("app/main.py").read() == b"print()\n"
        assert tar.getmember("link").linkname == "run"
    assert modes["run"] == (0o755, 0, tarfile.REGTYPE)
    assert modes["Dockerfile"] == (0o644, 0, tarfile.REGTYPE)
    assert modes["app/empty"] == (0o755, 0, tarfile.DIRTYPE)
