"""What compose calls a project and its volumes, and what the stack may be called."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stanchion.compose.load import Project
from stanchion.preflight.values import STACK_LENGTH


@dataclass(frozen=True)
class Names:
    """The project's name, the stack's, and the files."""

    project: str
    stack: str
    # As the command line of compose has the files.
    files: str
    # The folder of the inventory, as it was given.
    inventory: str

    @classmethod
    def of(cls, project: Project, environment: Mapping[str, str], inventory: str, given: str = "") -> Names:
        """Return them.

        Args:
            project: what was loaded.
            environment: the variables that compose would have.
            inventory: the folder of the inventory, as it was given.
            given: what was given as the project's name.
        """
        own = project.top.get("name")
        folder = Path(os.path.normpath(Path(project.files[0]).absolute())).parent.name
        name = given or environment.get("COMPOSE_PROJECT_NAME") or (own.text if own else "") or folder
        # As compose makes a name of a folder's.
        name = re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")
        files = " ".join(f"-f {shlex.quote(file)}" for file in project.files)
        option = f"-p {given} {files}" if given else files
        return cls(name, _stack(name), option, shlex.quote(inventory))

    @property
    def command(self) -> str:
        """The beginning of a command line of compose."""
        return f"docker compose {self.files}"

    def volume(self, project: Project, key: str) -> str:
        """Return the real name of a volume of the file."""
        name, external = project.top.get(f"volumes.{key}.name"), project.top.get(f"volumes.{key}.external")
        # The older form: external: {name: …}.
        named = name or (external.get("name") if external else None)
        if named is not None:
            return named.text
        return key if external is not None and external.true else f"{self.project}_{key}"


def _stack(name: str) -> str:
    # Single separators between letters and digits, and no underscore: it is a label of DNS as well.
    return re.sub(r"[_-]+", "-", name)[:STACK_LENGTH].strip("-") or "stack"
