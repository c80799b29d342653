"""From the answers of the module stack_history to plots: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanchion.history import plots
from stanchion.history.measures import shown
from stanchion.history.model import Numbers, Plot, Series, State

Facts = Mapping[str, Any]
Points = list[tuple[float, float | None]]
_BACKUPS = ("full", "diff", "incr")


def plots_of(history: Facts) -> list[Plot]:
    """Return every plot, those without data too, with the reason."""
    return [*(_plot(plot, history) for plot in plots.PLOTS), *_of_records(history)]


def _plot(plot: plots.Plot, history: Facts) -> Plot:
    series = [each for at, query in enumerate(plot.queries) for each in _series(plot, at, query, history)]
    failed = [
        answer["error"]
        for key, answer in {**history["series"], **history["instants"]}.items()
        if key.startswith(f"{plot.slug}.") and not answer["ok"]
    ]
    measured = any(each.kind == "line" for each in series)
    return Plot(
        slug=plot.slug,
        title=plot.title,
        unit=plot.unit,
        what=plot.what,
        dots=False,
        # A limit alone is no figure of what happened.
        series=series if measured else [],
        words=_words(plot, history, failed, measured),
        state=_state(history, failed),
    )


def _state(history: Facts, failed: Sequence[str]) -> State:
    if not history["prometheus"]["asked"]:
        return "off"
    return "unread" if failed else "read"


def _words(plot: plots.Plot, history: Facts, failed: Sequence[str], measured: bool) -> str:
    if not history["prometheus"]["asked"]:
        return "Not measured: the stack has no Prometheus (stack_monitoring)."
    if failed:
        return f"Could not look: {failed[0]}."
    return "" if measured else f"Prometheus has no value of {' and '.join(plot.metrics)} in this period."


def _series(plot: plots.Plot, at: int, query: plots.Query, history: Facts) -> Iterator[Series]:
    key = f"{plot.slug}.{at}"
    if query.kind == "ahead":
        yield from _ahead(plot, key, query, history)
        return
    drawn = "most" if query.kind == "limit" else plot.worst
    others = {name: _by_labels(history["series"].get(f"{key}.{name}")) for name in plots.HOWS}
    lasts = _by_labels(history["instants"].get(f"{key}.last"))
    wholes = _by_labels(history["instants"].get(f"{key}.whole"))
    times = history["times"]
    for labels, found in sorted(others[drawn].items()):
        values = {name: each[labels]["values"] for name, each in others.items() if labels in each}
        last = lasts[labels]["value"] if labels in lasts else None
        yield Series(
            name=_name(query, found["labels"], wholes, history["stack"]),
            kind=query.kind,
            points=list(zip(times, found["values"], strict=True)),
            numbers=None if query.kind == "limit" else _numbers(values, last),
        )
    limit = history["targets"].get(plot.target) if plot.target else plot.limit
    if query.kind == "line" and limit is not None and others[drawn]:
        yield _level("target" if plot.target else "its limit", limit, times)


def _level(name: str, value: float, times: Sequence[float]) -> Series:
    points: Points = [(times[0], float(value)), (times[-1], float(value))]
    return Series(name=name, kind="limit", points=points, numbers=None)


def _ahead(plot: plots.Plot, key: str, query: plots.Query, history: Facts) -> Iterator[Series]:
    """Yield for each line that has a last value where it goes."""
    until = history["times"][-1]
    now = _by_labels(history["instants"].get(f"{plot.slug}.0.last"))
    for labels, found in sorted(_by_labels(history["instants"].get(f"{key}.ahead")).items()):
        if labels in now:
            then = min(max(found["value"], 0.0), 100.0)
            points: Points = [(until, now[labels]["value"]), (until + plots.AHEAD, then)]
            yield Series(
                name=_name(query, found["labels"], {}, history["stack"]),
                kind="ahead",
                points=points,
                numbers=None,
            )


def _by_labels(answer: Facts | None) -> dict[tuple[tuple[str, str], ...], Facts]:
    """Return an answer's series by their labels; the metric's name is lost by any computation, so by none."""
    series = answer["series"] if answer and answer["ok"] else []
    return {
        tuple(sorted((name, text) for name, text in each["labels"].items() if name != "__name__")): each
        for each in series
    }


def _name(query: plots.Query, labels: Mapping[str, str], wholes: Mapping[Any, Facts], stack: str) -> str:
    # All containers begin with the stack's name, which stands above them.
    name = query.legend.format_map(_Labels(labels)).removeprefix(f"{stack}-")
    mine = dict(labels)
    mine.pop("__name__", None)
    of = wholes.get(tuple(sorted(mine.items())))
    return f"{name} (of {shown(of['value'], query.whole_unit)})" if of else name


class _Labels(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"without {key}"


def _numbers(values: Mapping[str, Sequence[float | None]], last: float | None) -> Numbers:
    def known(name: str) -> list[float]:
        return [each for each in values.get(name, ()) if each is not None]

    averages = known("average")
    # The last one is of a window of its own.
    ends = [] if last is None else [last]
    return Numbers(
        last=last,
        least=min([*known("least"), *ends], default=None),
        average=sum(averages) / len(averages) if averages else None,
        most=max([*known("most"), *ends], default=None),
    )


def limit_of(series: Series, limits: Sequence[Series]) -> float | None:
    """Return the last value of the line's own limit; of the only one where none names the line."""
    own = [each for each in limits if each.name.endswith(f" {series.name}")] or limits[:1]
    return next((value for each in own for _, value in reversed(each.points) if value is not None), None)


@dataclass(frozen=True)
class _Recorded:
    """A plot of what the host has on record: each point is a backup or a drill. `target` is in its unit."""

    slug: str
    title: str
    unit: plots.Unit
    what: str
    empty: str
    series: list[Series]
    target: float | None = None


def _of_records(history: Facts) -> Iterator[Plot]:
    jobs = history["jobs"]
    well = [each for each in jobs.get("entries", []) if each["outcome"] == "ok"]
    drills = [each for each in well if each["job"] == "drill"]
    targets = history["targets"]
    each = "Of each drill that proved a restore."
    none = "No drill has proved a restore in this period."
    rto, rpo = _measured(drills, "rto_seconds"), _measured(drills, "rpo_seconds")
    taken = "What each backup takes in its repository, by type."
    made = (
        _Recorded("backups", "Backups", "B", taken, "No backup was taken in this period.", _stored(well)),
        _Recorded("rto", "Restore drills: time to recover (RTO)", "s", each, none, rto, targets.get("rto")),
        _Recorded("rpo", "Restore drills: data lost (RPO)", "s", each, none, rpo, targets.get("rpo")),
    )
    for one in made:
        yield _recorded(one, history)


def _recorded(one: _Recorded, history: Facts) -> Plot:
    jobs, series, what = history["jobs"], one.series, one.what
    if series and one.target is not None:
        series = [*series, _level("target", one.target, (history["since"], history["until"]))]
        what = f"{what} The dashed line is the target."
    words = "" if series else one.empty
    return Plot(
        slug=one.slug,
        title=one.title,
        unit=one.unit,
        what=what,
        dots=True,
        series=series,
        words=words if jobs["ok"] else f"Could not look: {jobs['error']}.",
        state="read" if jobs["ok"] else "unread",
    )


def _stored(jobs: Iterable[Facts]) -> list[Series]:
    """Return the stored bytes of each backup, by repository and type."""
    found: dict[str, Points] = {}
    for job in jobs:
        if job["job"] in _BACKUPS:
            for repository, taken in sorted((job["repositories"] or {}).items()):
                if isinstance(taken, Mapping) and taken.get("stored") is not None:
                    # What pgBackRest made of it: the first incremental one is a full one.
                    kind = taken.get("type") or job["job"]
                    found.setdefault(f"{kind} in {repository}", []).append(
                        (job["ended"], float(taken["stored"]))
                    )
    return [_dotted(name, points) for name, points in sorted(found.items())]


def _measured(drills: Iterable[Facts], name: str) -> list[Series]:
    found: dict[str, Points] = {}
    for drill in drills:
        if drill.get(name) is not None:
            found.setdefault(str(drill.get("repo") or "repo1"), []).append(
                (drill["ended"], float(drill[name]))
            )
    return [_dotted(repo, points) for repo, points in sorted(found.items())]


def _dotted(name: str, points: Points) -> Series:
    values = [value for _, value in points]
    numbers = _numbers({"least": values, "average": values, "most": values}, values[-1])
    return Series(name=name, kind="line", points=points, numbers=numbers)
