"""What an adoption comes to: variables, secrets, and what is told of each line of the compose file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stanchion.compose.trouble import Place
from stanchion.secret_names import PASSWORD_IN_ADDRESS

Kind = Literal["refused", "left", "hardened", "carried"]
# ?password=…, Password=…;, a DSN of libpq; and --password … of a command.
_WORD = r"(?:passw(?:or)?d|pwd|secret|token)"
_PASSWORD = re.compile(rf"(?i){_WORD}\s*[=:]\s*[^\s&;]|(?:^|\s)--?[\w-]*{_WORD}[\w-]*[ =]\S")
# In the order in which they are told.
KINDS: tuple[Kind, ...] = ("refused", "left", "hardened", "carried")


class Template(str):
    """Text in which Ansible replaces what stands in braces; any other text is written so that it does not."""


@dataclass(frozen=True)
class Finding:
    """What became of something in the file.

    Attributes:
        kind: refused (nothing is written), left (it is not in the inventory), hardened (it is, but not as it
            was), carried.
        what: what it is, and what became of it or why nothing did. No secret is in it.
        remedy: what is left to do, in commands where there are some.
    """

    kind: Kind
    place: Place
    what: str
    remedy: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable of the inventory, and the comment above it."""

    value: Any
    why: str = ""


@dataclass(frozen=True)
class Adoption:
    """What an inventory is written from.

    Attributes:
        name: the stack's name.
        variables: for stack.yml, in their order.
        vault: secrets, for vault.yml.
        findings: what is refused first.
    """

    name: str
    variables: Mapping[str, Variable]
    vault: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Say whether nothing may be written."""
        return any(found.kind == "refused" for found in self.findings)


@dataclass
class Notes:
    """Collects them."""

    variables: dict[str, Variable] = field(default_factory=dict)
    vault: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    # Values of secrets, which may stand nowhere but in the vault.
    secrets: frozenset[str] = frozenset()

    def set(self, name: str, value: Any, why: str = "") -> None:
        """Set a variable."""
        self.variables[name] = Variable(value, why)

    def carried(self, place: Place, what: str) -> None:
        """Tell of what is in the inventory as it was."""
        self.findings.append(Finding("carried", place, what))

    def hardened(self, place: Place, what: str, remedy: str = "") -> None:
        """Tell of what is in the inventory, and safer than it was."""
        self.findings.append(Finding("hardened", place, what, remedy))

    def left(self, place: Place, what: str, remedy: str = "") -> None:
        """Tell of what is not in the inventory."""
        self.findings.append(Finding("left", place, what, remedy))

    def refused(self, place: Place, what: str, remedy: str = "") -> None:
        """Tell of what makes all of it impossible."""
        self.findings.append(Finding("refused", place, what, remedy))

    def hides(self, text: str) -> bool:
        """Say whether a text, or a command with spaces between its words, has a secret in it."""
        return bool(
            PASSWORD_IN_ADDRESS.search(text)
            or _PASSWORD.search(text)
            or any(value in text for value in self.secrets)
        )

    def adoption(self, name: str) -> Adoption:
        """Return all of it, in the order of the file within each kind."""
        ordered = sorted(self.findings, key=lambda found: (KINDS.index(found.kind), *_at(found.place)))
        return Adoption(name, self.variables, self.vault, tuple(dict.fromkeys(ordered)))


def _at(place: Place) -> tuple[str, int]:
    return place.file, place.line
