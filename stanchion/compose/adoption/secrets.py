"""The secrets of a compose file: which file of a container has which, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stanchion.compose.adoption.environment import MOUNTED
from stanchion.compose.load import Project
from stanchion.compose.service import Service
from stanchion.compose.trouble import Place


@dataclass(frozen=True)
class Mounted:
    """A secret in a container: the path there, the name in the file, and where the service asks for it."""

    path: str
    source: str
    place: Place


@dataclass(frozen=True)
class Secrets:
    """Reads them, as far as they are here."""

    project: Project
    environment: Mapping[str, str]

    def mounted(self, service: Service) -> Iterator[Mounted]:
        """Yield what a service mounts."""
        found = service.get("secrets")
        for item in found.items if found else []:
            source, target = (item.get("source"), item.get("target")) if item.mapping else (item, None)
            if source is None:
                continue
            path = target.text if target else source.text
            yield Mounted(path if path.startswith("/") else f"{MOUNTED}{path}", source.text, item.place)

    def source(self, service: Service, path: str) -> str:
        """Return the name of the secret that a service has at a path; empty of none."""
        return next((each.source for each in self.mounted(service) if each.path == path), "")

    def value(self, source: str) -> str | None:
        """Return what a secret is; None where that is not known here."""
        variable = self.project.top.get(f"secrets.{source}.environment")
        if variable is not None:
            return self.environment.get(variable.text)
        file = self.project.top.get(f"secrets.{source}.file")
        if file is None or "«" in file.symbolic:
            return None
        try:
            return self.project.path(file).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            return None
