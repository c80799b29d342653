"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import dataclass

from stanchion.errors import ConfigurationError


@dataclass(frozen=True)
class Place:
    """Where something stands in a file; line and column begin with 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class FileError(ConfigurationError):
    """A file that cannot be read as what it should be: nothing of it was checked."""

    @classmethod
    def at(cls, place: Place | str, what: str, remedy: str | None = None) -> FileError:
        """Return the error about a place in a file, or a file."""
        return cls(f"{place}: {what}", remedy)
