"""Writes the inventory of a compose file's stack: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanchion.compose import adoption
from stanchion.compose.adoption import inventory
from stanchion.compose.load import DEFAULT_FILES, Project, default_files, load, variables
from stanchion.errors import ConfigurationError, UsageError
from stanchion.report.headline import counted
from stanchion.report.model import Adopted, AdoptedLine

_STACK = Path("group_vars/stack/stack.yml")
_VAULT = Path("group_vars/stack/vault.yml")


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line."""

    files: Sequence[Path]
    folder: Path
    env_files: Sequence[Path] = ()
    profiles: Sequence[str] = ()
    name: str = ""
    without_data: bool = False


def adopt(asked: Asked) -> Adopted:
    """Write the inventory, unless something in the file forbids it, and say what became of each line."""
    if os.path.lexists(asked.folder):
        raise ConfigurationError(
            f"{asked.folder} is there already, and nothing is written over it.",
            "Name another folder with -o.",
        )
    files = list(asked.files) or default_files(Path())
    if not files:
        raise UsageError(f"No file is named, and none of {', '.join(DEFAULT_FILES)} is here.", "Name one.")
    project = load(files, os.environ, asked.env_files, asked.profiles)
    environment = variables(files[0].parent, os.environ, asked.env_files)
    names = adoption.Names.of(project, environment, str(asked.folder), asked.name)
    found = adoption.adopt(
        project, names, environment, asked.folder.resolve(), without_data=asked.without_data
    )
    texts = {} if found.refused else _texts(found, asked.folder, files)
    _write(asked.folder, texts)
    return _result(found, project, names, asked.folder, texts)


def _texts(found: adoption.Adoption, folder: Path, files: Sequence[Path]) -> dict[Path, str]:
    texts = {
        Path("hosts.yml"): inventory.HOSTS,
        _STACK: inventory.stack(found, " and ".join(map(str, files))),
    }
    if found.vault:
        texts[_VAULT] = inventory.vault(found, str(folder / _VAULT))
    return texts


def _write(folder: Path, texts: Mapping[Path, str]) -> None:
    """Write the files into a folder beside, and give it the name at the end."""
    if not texts:
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        for name, text in texts.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600 if name == _VAULT else 0o644)
            path.write_text(text, encoding="utf-8")
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}.") from error


def _result(
    found: adoption.Adoption, project: Project, names: adoption.Names, folder: Path, texts: Mapping[Path, str]
) -> Adopted:
    lines = [
        AdoptedLine(
            kind=each.kind,
            file=each.place.file,
            line=each.place.line,
            what=each.what,
            remedy=each.remedy,
        )
        for each in found.findings
    ]
    counts = [
        f"{sum(line.kind == kind for line in lines)} {kind}"
        for kind in reversed(adoption.KINDS)
        if any(line.kind == kind for line in lines)
    ]
    files = " + ".join(project.files)
    if found.refused:
        refused = counted(sum(line.kind == "refused" for line in lines), "reason")
        headline = f"refused: {files} cannot be adopted as it is, for {refused}; nothing is written"
    else:
        headline = f"written: {folder} from {files}; {', '.join(counts)}"
    return Adopted(
        status="refused" if found.refused else "written",
        exit_code=2 if found.refused else 0,
        headline=headline,
        stack=found.name,
        inventory=None if found.refused else str(folder),
        files=[str(folder / name) for name in texts],
        findings=lines,
        warnings=list(project.warnings),
        next_steps=[] if found.refused else _next(found, names, folder),
    )


def _next(found: adoption.Adoption, names: adoption.Names, folder: Path) -> list[str]:
    steps = []
    if found.vault:
        steps.append(f"ansible-vault encrypt {folder / _VAULT}")
    if any(each.kind == "left" for each in found.findings):
        steps.append(f"read what is left, and complete {folder / _STACK}")
    if "postgres_volume" in found.variables:
        steps.append(f"{names.command} down   (the volumes stay; never with -v)")
    steps.append(f"python runner.py deploy -i {folder}")
    return steps
