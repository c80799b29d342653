"""A Dockerfile: its stages, its instructions, and the line of each."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

from stanchion.compose.trouble import FileError, Place

_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1")
_ARGUMENT = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|([A-Za-z_]\w*))")
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\b.*\b(?:install|add)\b", re.DOTALL)
# Where the package is not named as the program is.
_PACKAGES = {"nc": "(?:nc|ncat|netcat(?:-openbsd|-traditional)?|busybox)"}
_NAMES = ("dockerfile", "containerfile")


@dataclass(frozen=True)
class Instruction:
    """One instruction; `word` in capitals, `value` what follows it on one line."""

    word: str
    value: str
    place: Place

    @property
    def words(self) -> list[str]:
        """The arguments without the options: of the JSON form and of the plain one."""
        rest = self.value
        while rest.startswith("--"):
            rest = rest.partition(" ")[2].lstrip()
        if self.is_exec_form:
            return [str(word) for word in json.loads(rest)]
        try:
            return shlex.split(rest)
        except ValueError:
            return rest.split()

    @property
    def is_exec_form(self) -> bool:
        """Say whether the arguments are a JSON list, for which no shell is started."""
        rest = re.sub(r"^(--\S+\s+)*", "", self.value)
        try:
            return isinstance(json.loads(rest), list)
        except ValueError:
            return False

    @property
    def options(self) -> dict[str, str]:
        """The options: `--from=build` is from: build."""
        found = {}
        for word in self.value.split():
            if not word.startswith("--"):
                break
            name, _, value = word.removeprefix("--").partition("=")
            found[name] = value
        return found

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """NAME and value of an ARG or ENV; the value is empty where none is given."""
        words = self.words
        if self.word == "ENV" and words and "=" not in words[0]:
            return [(words[0], " ".join(words[1:]))]
        return [(name, value) for name, _, value in (word.partition("=") for word in words)]


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next. `base` is the image or the stage, with the arguments that are known."""

    name: str
    base: str
    place: Place
    instructions: tuple[Instruction, ...]

    def of(self, *words: str) -> list[Instruction]:
        """Return the instructions of these names."""
        return [found for found in self.instructions if found.word in words]


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile that was read."""

    path: Path
    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...]

    @property
    def instructions(self) -> Iterator[Instruction]:
        """Yield every instruction, those before the first FROM too."""
        yield from self.arguments
        for stage in self.stages:
            yield from stage.instructions

    def chain(self, target: str = "") -> list[Stage]:
        """Return the stage that is built (the last, where none is named) and those of this file below it."""
        by_name = {stage.name: stage for stage in self.stages if stage.name}
        found = [by_name.get(target) or self.stages[-1]]
        while (below := by_name.get(found[-1].base)) is not None and below not in found:
            found.append(below)
        return found

    def base(self, target: str = "") -> str:
        """Return the image that everything is put on."""
        return self.chain(target)[-1].base

    def installs(self, program: str, target: str = "") -> bool:
        """Say whether a package of the program's name is installed, or it is copied in."""
        word = re.compile(rf"(?<![\w.-]){_PACKAGES.get(program, program)}(?![\w.])")
        return any(
            _INSTALL.search(each.value) and word.search(each.value)
            if each.word == "RUN"
            else word.search(each.value)
            for stage in self.chain(target)
            for each in stage.of("RUN", "COPY", "ADD")
        )

    def last(self, target: str, *words: str) -> Instruction | None:
        """Return the instruction of these names that has the last word in what is built."""
        for stage in self.chain(target):
            if found := stage.of(*words):
                return found[-1]
        return None


def is_dockerfile(path: Path) -> bool:
    """Say whether a file's name, or else its beginning, is a Dockerfile's."""
    if any(name in path.name.lower() for name in _NAMES):
        return True
    if path.suffix.lower() in (".yml", ".yaml", ".json") or not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    return first.split(" ")[0].upper() in ("FROM", "ARG")


def read(path: Path, given: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a Dockerfile; `given` are values of its arguments.

    Raises:
        FileError: it cannot be read, or nothing in it is a FROM.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError.at(str(path), f"cannot be read: {error.strerror}.", "Name a Dockerfile.") from error
    except UnicodeDecodeError as error:
        raise FileError.at(str(path), "this is no text in UTF-8.", "Name a Dockerfile.") from error
    parser = DockerfileParser(fileobj=io.BytesIO(_without_heredocs(text).encode()))
    found = [_instruction(entry, path) for entry in parser.structure if entry["instruction"] != "COMMENT"]
    begins = [number for number, each in enumerate(found) if each.word == "FROM"]
    if not begins:
        raise FileError.at(str(path), "this is no Dockerfile: it has no FROM.", "Name a Dockerfile.")
    arguments = tuple(each for each in found[: begins[0]] if each.word == "ARG")
    values = {name: value for each in arguments for name, value in each.pairs if value} | dict(given or {})
    ends = [*begins[1:], len(found)]
    stages = [_stage(found[begin:end], values) for begin, end in zip(begins, ends, strict=True)]
    return Dockerfile(path, tuple(stages), arguments)


def _instruction(entry: Mapping[str, Any], path: Path) -> Instruction:
    return Instruction(
        entry["instruction"].upper(), entry["value"].strip(), Place(str(path), entry["startline"] + 1)
    )


def _stage(instructions: list[Instruction], values: Mapping[str, str]) -> Stage:
    begin = instructions[0]
    words = begin.words or [""]
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    return Stage(name, replace_arguments(words[0], values), begin.place, tuple(instructions))


def replace_arguments(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its arguments replaced; one without a value stays as it is written."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return values.get(name) or match[2] or match[0]

    return _ARGUMENT.sub(value, text)


def _without_heredocs(text: str) -> str:
    """Make comments of the lines that belong to a script in a RUN or COPY: they are no instructions."""
    lines, waiting = [], ""
    for line in text.splitlines():
        if waiting:
            if line.strip() == waiting:
                waiting = ""
            lines.append("#")
            continue
        match = _HEREDOC.search(line)
        if match and line.split(" ")[0].upper() in ("RUN", "COPY", "ADD"):
            waiting = match[2]
        lines.append(line)
    return "\n".join(lines) + "\n"
