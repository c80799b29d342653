"""An alert's file: a group of Prometheus with one rule, in which `[[ … ]]` stands for what is declared."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Literal

import jinja2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Prometheus has {{ }} for its own templates.
ENVIRONMENT = jinja2.Environment(
    variable_start_string="[[",
    variable_end_string="]]",
    # What these files become is read by Prometheus, never by a browser.
    autoescape=False,  # noqa: S701
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


class AlertError(Exception):
    """A file is no alert, or names what nobody declares; the text says which and what."""


class Strict(BaseModel):
    """Refuses what it does not know: a label that is spelt wrong routes nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(Strict):
    """By these Alertmanager routes."""

    # `none` is no trouble: the dead-man's switch.
    severity: Literal["critical", "warning", "none"]
    # The slug of the check that looks at the same thing.
    check: str


class Annotations(Strict):
    """What the receiver reads; Prometheus fills in its labels and the value."""

    summary: str
    description: str
    # What to do first.
    action: str
    runbook: str


class Rule(Strict):
    """One alerting rule."""

    alert: str = Field(pattern=r"[A-Z][A-Za-z]+")
    expr: str
    wait: str = Field(default="0s", alias="for")
    labels: Labels
    annotations: Annotations


class Group(Strict):
    """A group of one rule, which is evaluated by itself."""

    name: str
    rules: tuple[Rule] = Field()


class File(Strict):
    """A file of rules with one group."""

    groups: tuple[Group]


class Alert(Strict):
    """One alert.

    Attributes:
        name: as receivers see it, and its file's.
        rule: what is read from the file, with nothing filled in.
        text: the file as it stands.
    """

    name: str
    rule: Rule
    text: str


def load(folder: Path) -> list[Alert]:
    """Return the alerts of a folder, by their names.

    Raises:
        AlertError: a file is no alert.
    """
    return [_alert(path) for path in sorted(folder.glob("*.yml"))]


def _alert(path: Path) -> Alert:
    text = path.read_text()
    try:
        rule = File.model_validate(yaml.safe_load(text)).groups[0].rules[0]
    except (yaml.YAMLError, ValidationError) as error:
        raise AlertError(f"{path} is no alert: {textwrap.shorten(str(error), 300)}") from error
    if rule.alert != path.stem:
        raise AlertError(f"{path} is of an alert {rule.alert}; its name is to be {path.stem}.")
    return Alert(name=rule.alert, rule=rule, text=text)
