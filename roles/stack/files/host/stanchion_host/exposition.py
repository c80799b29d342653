# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Figures as Prometheus reads them from a file (node_exporter's textfile collector).

The format is https://prometheus.io/docs/instrumenting/exposition_formats/. Moments are Unix seconds: an age
that stands in a file is wrong as soon as the file is old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Union

from stanchion_host import files

Number = Optional[Union[int, float]]
# Type (gauge or counter) and help of each figure, by its name.
Metrics = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Sample:
    """One value; a value that is not known is left out of the file."""

    name: str
    value: Number
    labels: Mapping[str, str] = field(default_factory=dict)


def render(samples: Iterable[Sample], metrics: Metrics, labels: Mapping[str, str]) -> str:
    """Return the file's text, one HELP and TYPE for each name.

    Args:
        samples: in any order; those of one name are brought together.
        metrics: every name that may be among them. KeyError for another.
        labels: what each sample has beside its own.
    """
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.value is not None:
            by_name.setdefault(sample.name, []).append(sample)
    lines = []
    for name, found in by_name.items():
        kind, explains = metrics[name]
        lines += [f"# HELP {name} {_escaped_help(explains)}", f"# TYPE {name} {kind}"]
        lines += [_line(sample, labels) for sample in found]
    return "".join(f"{line}\n" for line in lines)


def write(path: Path, text: str) -> None:
    """Replace the file as a whole, for everybody to read: a collector may look at any moment.

    Its folder is made where only that is missing. OSError where it can't be written; the old one stays then.
    """
    try:
        path.parent.mkdir()
        # Whatever the caller's umask is.
        path.parent.chmod(0o755)
    except FileExistsError:
        pass
    files.replace(path, text, 0o644)


def _line(sample: Sample, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in {**labels, **sample.labels}.items())
    # A bool is an int; the shortest text of a float that is read as the same again is its own.
    value = sample.value if isinstance(sample.value, float) else int(sample.value or 0)
    return f"{sample.name}{{{pairs}}} {value!r}"


def _escaped(value: str) -> str:
    return _escaped_help(value).replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
