"""Which metrics an alert's expression reads. No parser: what is no name of a series is taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The alert that tells of metrics that are missing: it names all of them.
MISSING = "MetricMissing"

# What need not be there, each with when. Everything else that a rule names is missed where it is not there.
OPTIONAL: Mapping[str, str] = {
    "probe_ssl_earliest_cert_expiry": "no endpoint has TLS",
    "stanchion_container_cpu_periods_total": "no container has a limit of processors",
    "stanchion_container_cpu_throttled_periods_total": "no container has a limit of processors",
    "stanchion_container_healthy": "no container has a health check that has come to an end",
    "stanchion_container_memory_limit_bytes": "no container has a limit of memory",
    "stanchion_endpoint_seconds": "nothing is published on the host",
    "stanchion_endpoint_up": "nothing is published on the host",
    "stanchion_replication_slot_retained_bytes": "there is no replication slot",
    "stanchion_restore_last_success_timestamp": "no restore has been proved yet",
    "stanchion_restore_rto_seconds": "no restore has been measured yet",
    "stanchion_watch_gave_up": "nothing is watched",
}
# Beginnings of names that a stack without backups has none of.
OF_BACKUPS = ("stanchion_backup_", "stanchion_restore_")

# What the role fills in; it is a number, a word or a whole expression.
_FILLED_IN = re.compile(r"\[\[.*?\]\](?!\])")
_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
_COMMENT = re.compile(r"#[^\n]*")
_NAMED = re.compile(r"__name__\s*=\s*[\"']([a-zA-Z_:][a-zA-Z0-9_:]*)[\"']")
_LABELS = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\[\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_ABSENT = re.compile(r"\b(?:absent|absent_over_time)\s*\(")
# A number takes its unit along: 5m, 1e3, 0x1f.
_NUMBER = re.compile(r"(?<![\w:])\.?\d[\w.]*")
_NAME = re.compile(r"(?<![\w:])[a-zA-Z_:][a-zA-Z0-9_:]*(?![\w:])(?!\s*\()")
# Operators and modifiers; and aggregations, which stand without parentheses where a grouping follows.
_OPERATORS = {"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan"}
_GROUPS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_AGGREGATIONS = {
    *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values"),
    *("bottomk", "topk", "quantile", "limitk", "limit_ratio"),
}
_WORDS = _OPERATORS | _GROUPS | _AGGREGATIONS


def names_in(expr: str) -> set[str]:
    """Return the names of the series that an expression reads.

    Args:
        expr: PromQL, in which `[[ … ]]` may stand for what the role fills in. What stands in absent(…) is not
            counted: that is meant to be able to be missing.
    """
    expr = _COMMENT.sub("", _without_texts(_FILLED_IN.sub("1", expr)))
    for pattern in (_LABELS, _RANGE, _GROUPING):
        expr = pattern.sub(" ", expr)
    expr = _NUMBER.sub(" ", _without_absent(expr))
    return {name for name in _NAME.findall(expr) if name.lower() not in _WORDS}


def optional(name: str, backups: bool = True) -> str:
    """Return why a metric need not be there, empty where it has to be.

    Args:
        backups: whether the stack has any.
    """
    if not backups and name.startswith(OF_BACKUPS):
        return "the stack has no backups"
    return OPTIONAL.get(name, "")


def _without_texts(expr: str) -> str:
    """Take texts away; a series that is named by its label is moved out of the braces."""
    expr = _NAMED.sub(r"} \1 {", expr)
    return _TEXT.sub('""', expr)


def _without_absent(expr: str) -> str:
    """Take away each absent(…), with all that stands in it."""
    while (found := _ABSENT.search(expr)) is not None:
        depth, end = 1, found.end()
        while depth and end < len(expr):
            depth += {"(": 1, ")": -1}.get(expr[end], 0)
            end += 1
        expr = f"{expr[: found.start()]} {expr[end:]}"
    return expr
