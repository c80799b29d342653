"""A YAML file as a tree in which every value knows where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import yaml

from stanchion.compose.interpolate import Interpolation
from stanchion.compose.trouble import FileError, Place

# Aliases of aliases make a small file a tree without end.
_MOST_NODES = 50_000
_MOST_DEPTH = 60

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Node:
    """A value of the file.

    Attributes:
        place: where its key stands, of an item of a list where the item does.
        value: text, a list, a mapping, or None; numbers and booleans are text.
        symbolic: the text in which a variable without a value is «NAME».
        literal: the text as the file alone has it, every variable being without a value.
        tag: `!reset` or `!override`, for the merge of several files.
    """

    place: Place
    value: str | list[Node] | dict[str, Node] | None
    symbolic: str = ""
    literal: str = ""
    tag: str = ""

    @property
    def text(self) -> str:
        """The text; empty where it is none."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> list[Node]:
        """The list; one text is a list of one."""
        if isinstance(self.value, list):
            return self.value
        return [self] if isinstance(self.value, str) else []

    @property
    def mapping(self) -> dict[str, Node]:
        """The mapping; empty where it is none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def true(self) -> bool:
        """Say whether it is a true boolean, as compose reads one."""
        return self.text.lower() in ("true", "yes", "y", "on", "1")

    def get(self, path: str) -> Node | None:
        """Return what stands at a dotted path of keys; None of nothing or null."""
        found: Node | None = self
        for key in path.split("."):
            found = found.mapping.get(key) if found is not None else None
        return found if found is not None and found.value is not None else None


def node(place: Place, value: str | list[Node] | dict[str, Node] | None) -> Node:
    """Return a value that no file has in these words."""
    text = value if isinstance(value, str) else ""
    return Node(place, value, text, text)


class _Loader(yaml.SafeLoader):
    """Takes everything but null and `<<` for text: compose knows what each value should be, YAML 1.1 does not
    (it reads 22:22 as a number of minutes)."""


_Loader.yaml_implicit_resolvers = {
    **{first: [(_NULL, re.compile(r"(?:~|null|Null|NULL|)$"))] for first in ("~", "n", "N", "")},
    "<": [(_MERGE, re.compile("<<$"))],
}


@dataclass
class Reader:
    """Reads YAML texts into trees, with their variables replaced."""

    environment: Mapping[str, str]
    # Variables that had no value, and where compose would warn of it.
    unset: dict[str, Place] = field(default_factory=dict)

    def read(self, text: str, file: str) -> Node:
        """Return the tree of a file's text.

        Raises:
            FileError: it is no YAML, or more than one document, or a variable in it is malformed or demanded.
        """
        try:
            root = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1)
            said = " ".join(part for part in (error.context, error.problem) if part)
            raise FileError.at(
                f"{where}:{where.column}", f"this is no YAML: {said}.", "Mend it there, or a line above."
            ) from error
        except yaml.reader.ReaderError as error:
            raise FileError.at(file, f"this is no text: {error.reason}.", "Name a compose file.") from error
        except RecursionError as error:
            raise FileError.at(file, "it is nested too deeply.", "Name a compose file.") from error
        if root is None:
            return Node(Place(file, 1), None)
        return _Builder(self, file).build(root, Place(file, 1))


@dataclass
class _Builder:
    reader: Reader
    file: str
    built: int = 0

    def build(self, source: yaml.Node, place: Place, depth: int = 0) -> Node:
        self.built += 1
        if self.built > _MOST_NODES or depth > _MOST_DEPTH:
            raise FileError.at(
                place, "its anchors and aliases make too large a tree.", "Write it out, without aliases."
            )
        tag = source.tag if source.tag in ("!reset", "!override") else ""
        if isinstance(source, yaml.MappingNode):
            return Node(place, dict(self._pairs(source, depth)), tag=tag)
        if isinstance(source, yaml.SequenceNode):
            return Node(
                place, [self.build(item, self._place(item), depth + 1) for item in source.value], tag=tag
            )
        if source.tag == _NULL:
            return Node(place, None, tag=tag)
        return replace(self._scalar(source.value, place), tag=tag)

    def _pairs(self, source: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Node]]:
        seen: dict[str, Place] = {}
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in source.value:
            place = self._place(key)
            if key.tag == _MERGE:
                merged = {**merged, **self._merged(value, place, depth)}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise FileError.at(place, "a key is no text.", "Write KEY: VALUE.")
            name = str(key.value)
            if name in seen:
                raise FileError.at(
                    place,
                    f"the key {name!r} stands in line {seen[name].line} already.",
                    "Leave one of them out.",
                )
            seen[name] = place
            own[name] = self.build(value, place, depth + 1)
        yield from {**merged, **own}.items()

    def _merged(self, value: yaml.Node, place: Place, depth: int) -> dict[str, Node]:
        """Return what `<<` brings in; of several, the first has the last word."""
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        found: dict[str, Node] = {}
        for source in reversed(sources):
            if not isinstance(source, yaml.MappingNode):
                raise FileError.at(
                    place, "`<<` brings in something that is no mapping.", "Name an anchor of one."
                )
            found = {**found, **self.build(source, place, depth + 1).mapping}
        return found

    def _place(self, source: yaml.Node) -> Place:
        return Place(self.file, source.start_mark.line + 1, source.start_mark.column + 1)

    def _scalar(self, text: str, place: Place) -> Node:
        if "$" not in text:
            return node(place, text)

        def empty(name: str) -> str:
            self.reader.unset.setdefault(name, place)
            return ""

        environment = self.reader.environment
        return Node(
            place,
            Interpolation(environment, empty).replace(text, place),
            symbolic=Interpolation(environment, lambda name: f"«{name}»").replace(text, place),
            literal=Interpolation({}, lambda _name: "", demanding=False).replace(text, place),
        )
