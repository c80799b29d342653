"""The page of the documentation about alerts: what each waits for, and what to do when it has come."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stanchion.alerts.load import Alert
from stanchion.checks import Check, catalogue

_WAITS = re.compile(r"patience\((\d+)\)")
_FILLED_IN = re.compile(r"\[\[ *(.*?) *\]\]")


def page(alerts: Sequence[Alert]) -> str:
    """Return docs/alerts.md: a table of all, and a section for each."""
    from stanchion.report import catalogue as page_of_checks
    from stanchion.report import markdown

    template = markdown.environment().get_template("alerts.md.j2")
    return template.render(
        alerts=alerts, check=_check, waits=waits, expression=expression, uses=page_of_checks.uses
    )


def _check(alert: Alert) -> Check:
    return catalogue()[alert.rule.labels.check]


def waits(alert: Alert) -> str:
    """Return for how long it has to hold before it fires, with a patience of 1."""
    match = _WAITS.search(alert.rule.wait)
    seconds = int(match[1]) if match else 0
    if seconds == 0:
        return "at once"
    return f"after {seconds} s" if seconds % 60 else f"after {seconds // 60} min"


def expression(alert: Alert) -> str:
    """Return what Prometheus evaluates, with the names of variables where they are filled in."""
    return _FILLED_IN.sub(r"\1", alert.rule.expr).strip()
