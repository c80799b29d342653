"""What an alert's file becomes on a host: thresholds filled in, and left out where its figures are not
there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from stanchion.alerts.load import ENVIRONMENT, Alert, AlertError, load
from stanchion.alerts.names import MISSING, names_in, optional

# How many samples a time to look back holds at least: a rate needs two, and one may be late. Grafana's own
# rule.
LOOKS = 4
# Where docs/alerts.md tells of an alert.
PAGE = "docs/alerts.md"


@dataclass(frozen=True)
class Declared:
    """What a stack declares of its alerts.

    Attributes:
        values: thresholds and targets by the names of their variables.
        patience: each alert's time before it fires, and the time that it looks back, is multiplied by this.
        interval: seconds between two samples of a series.
        runbooks: what comes before the path of the page in a link, with its slash.
        absent: beginnings of names of metrics that this stack does not have.
    """

    values: Mapping[str, Any]
    patience: float = 1.0
    interval: int = 15
    runbooks: str = ""
    absent: Sequence[str] = field(default_factory=tuple)


def rules(folder: Path, declared: Declared) -> dict[str, str]:
    """Return the rule files by their names.

    Raises:
        AlertError: a file is no alert, or names a value that is not declared.
    """
    alerts = [alert for alert in load(folder) if not _is_absent(alert, declared)]
    return {f"{alert.name}.yml": _filled(alert, declared, alerts) for alert in alerts}


def _is_absent(alert: Alert, declared: Declared) -> bool:
    """Say whether it is about figures that this stack has none of."""
    return any(name.startswith(tuple(declared.absent)) for name in named(alert))


def named(alert: Alert) -> set[str]:
    """Return the names of the metrics that an alert reads."""
    return set() if alert.name == MISSING else names_in(alert.rule.expr)


def _filled(alert: Alert, declared: Declared, alerts: Sequence[Alert]) -> str:
    given = {
        **declared.values,
        "patience": lambda seconds: _seconds(seconds * declared.patience),
        "window": lambda seconds: _seconds(max(seconds * declared.patience, LOOKS * declared.interval)),
        "runbook": lambda name: f"{declared.runbooks}{PAGE}#{name.lower()}",
        "missing_metrics": lambda: _missing(alerts),
    }
    try:
        return ENVIRONMENT.from_string(alert.text).render(given)
    except jinja2.TemplateError as error:
        raise AlertError(f"The alert {alert.name} can't be filled in: {error}") from error


def _seconds(seconds: float) -> str:
    """Return a duration as Prometheus takes it; less than a second is none."""
    return f"{round(seconds)}s"


def _missing(alerts: Sequence[Alert]) -> str:
    """Return the expression that has a series, with its name, for each metric that is read and does not "
    "exist."""
    names = sorted({name for alert in alerts for name in named(alert) if not optional(name)})
    return "\n          or ".join(
        f'label_replace(absent({name}), "metric", "{name}", "", "")' for name in names
    )
