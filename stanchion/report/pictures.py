"""A plot as SVG that stands in a page: no script, no font of its own, colours from the page's style.

pygal computes the axes and the paths; what it would bring along (a style for each picture, a script, the
date) is left out, and period.css draws its classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from stanchion.history.measures import shown, ticks
from stanchion.history.model import Plot, Series

if TYPE_CHECKING:
    from markupsafe import Markup

# As many as period.css has; a line more takes the first again.
COLOURS = 8
_HOUR, _DAY = 3600, 86400
_STEPS = (
    60,
    300,
    600,
    900,
    1800,
    _HOUR,
    2 * _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    12 * _HOUR,
    _DAY,
    2 * _DAY,
    7 * _DAY,
    14 * _DAY,
)
_MONTHS = 28 * _DAY
_NUMBER = re.compile(r"-?\d+\.\d+")
_SVG = "{http://www.w3.org/2000/svg}"
_COORDINATES = ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "transform")
_DOT = 4


@dataclass(frozen=True)
class Shape:
    """The size of a picture in its own pixels, and how many moments stand below it."""

    name: str
    width: int
    height: int
    font: int
    moments: int


# Of a desk and print; and of a phone, where the wide one's text could not be read.
WIDE = Shape("wide", 600, 230, 12, 7)
NARROW = Shape("narrow", 340, 220, 12, 4)


def pictures(plot: Plot, since: float, until: float) -> Markup:
    """Return the picture in both shapes; period.css shows one of them."""
    from markupsafe import Markup

    # Markup of ours alone: texts in it are escaped by ElementTree.
    return Markup("".join(picture(plot, since, until, shape) for shape in (WIDE, NARROW)))  # noqa: S704


def picture(plot: Plot, since: float, until: float, shape: Shape) -> str:
    """Return the picture of a plot that has data."""
    end = max([until, *(at for each in plot.series if each.kind == "ahead" for at, _ in each.points)])
    drawn = _drawn(plot, since, until)
    chart = _chart(plot, shape, (since, end), drawn)
    for series in drawn:
        chart.add(
            series.name,
            list(_unbroken(series, plot.dots)),
            show_dots=plot.dots and series.kind == "line",
            allow_interruptions=True,
        )
    root = chart.render_tree()
    _strip(root, plot, shape)
    _paint(root, plot, drawn)
    _round(root)
    return ElementTree.tostring(root, encoding="unicode")


def colours(plot: Plot) -> dict[str, str]:
    """Return the class of each line's colour, by its name; what is foretold has its line's."""
    names = [each.name for each in plot.series if each.kind == "line"]
    return {name: f"line-{at % COLOURS}" for at, name in enumerate(names)}


def foretold(line: str, series: Series) -> bool:
    """Say whether a series is what a line, which may name its whole besides, will be."""
    return line == series.name or line.startswith(f"{series.name} (of ")


def _chart(plot: Plot, shape: Shape, span: tuple[float, float], drawn: Sequence[Series]) -> Any:
    import pygal
    from pygal.style import Style

    values = [value for each in drawn for _, value in each.points if value is not None]
    # From zero: a line that fills its picture would look like trouble.
    levels = ticks(min(0.0, *values), max(0.0, *values), plot.unit)
    chart = pygal.XY(
        width=shape.width,
        height=shape.height,
        style=Style(label_font_size=shape.font, font_family="inherit"),
        js=[],
        css=[],
        show_legend=False,
        explicit_size=False,
        truncate_label=-1,
        disable_xml_declaration=True,
        dots_size=_DOT,
        margin=4,
        margin_right=16,
        xrange=span,
        range=(levels[0], levels[-1]),
        x_value_formatter=moment_of(span),
        value_formatter=lambda value: shown(value, plot.unit),
    )
    chart.x_labels = moments(*span, shape.moments)
    chart.y_labels = levels
    chart.uuid = f"{plot.slug}-{shape.name}"
    return chart


def _drawn(plot: Plot, since: float, until: float) -> list[Series]:
    """Return the series in the order of painting: limits that are the same all along are one line."""
    seen, limits = set(), []
    for each in plot.series:
        if each.kind == "limit":
            along = _levels(each)
            if along not in seen:
                limits.append(each)
            seen.add(along)
    others = [each for each in plot.series if each.kind != "limit"]
    return [*limits, *others]


def _levels(limit: Series) -> tuple[float | None, ...]:
    """Return what tells a limit from others: its one level, be it with gaps, or its whole course."""
    known = {value for _, value in limit.points if value is not None}
    return tuple(known) if len(known) == 1 else tuple(value for _, value in limit.points)


def _unbroken(series: Series, dots: bool) -> Iterator[tuple[float, float | None]]:
    """Yield the points; one that stands alone becomes a short line: a path of one point is none."""
    points = series.points
    width = (points[-1][0] - points[0][0]) / len(points) / 3 if len(points) > 1 else 0.0
    for at, (moment, value) in enumerate(points):
        before = points[at - 1][1] if at else None
        after = points[at + 1][1] if at + 1 < len(points) else None
        if value is not None and before is None and after is None and not dots:
            yield moment - width, value
            yield moment + width, value
        else:
            yield moment, value


def moments(since: float, until: float, most: int) -> list[float]:
    """Return round moments within a period, in UTC: no more than `most`."""
    step = next((each for each in _STEPS if (until - since) / each <= most), _MONTHS)
    first = since - since % step + (step if since % step else 0)
    count = int((until - first) // step) + 1
    return [first + at * step for at in range(count)] or [since]


def moment_of(span: tuple[float, float]) -> Callable[[float], str]:
    """Return what writes a moment of a period, as short as it can be: days by themselves, hours between."""
    weekday = span[1] - span[0] <= 9 * _DAY

    def words(seconds: float) -> str:
        at = datetime.fromtimestamp(seconds, UTC)
        if at.hour or at.minute:
            return f"{at:%H:%M}"
        return f"{at:%a} {at.day}" if weekday else f"{at.day} {at:%b}"

    return words


def _strip(root: ElementTree.Element, plot: Plot, shape: Shape) -> None:
    """Leave the drawing: no script, no style, no comment, no title; and a name for who hears it."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.removeprefix(_SVG) in ("defs", "title", "desc"):
                parent.remove(child)
    for name in ("id", "style"):
        root.attrib.pop(name, None)
    root.set("class", f"picture {shape.name}")
    root.set("role", "img")
    root.set("aria-label", f"{plot.title}: {', '.join(each.name for each in plot.series)}")


def _paint(root: ElementTree.Element, plot: Plot, drawn: Sequence[Series]) -> None:
    """Name the classes of each series after what it is."""
    lines = [each.name for each in drawn if each.kind == "line"]
    for node in root.iter():
        words = node.get("class", "").split()
        if "series" in words:
            series = drawn[int(next(word for word in words if word.startswith("serie-")).partition("-")[2])]
            kind = "dotted" if plot.dots and series.kind == "line" else series.kind
            node.set("class", " ".join(("series", kind, *_colour(lines, series))))


def _colour(lines: Sequence[str], series: Series) -> list[str]:
    if series.kind == "limit":
        return []
    own = (at for at, name in enumerate(lines) if name == series.name or foretold(name, series))
    return [f"line-{next(own, 0) % COLOURS}"]


def _round(root: ElementTree.Element) -> None:
    """Leave coordinates to a tenth of a pixel: a third of the page was digits that nobody sees."""
    for node in root.iter():
        for name, text in node.attrib.items():
            if name in _COORDINATES:
                node.set(name, _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), text))
