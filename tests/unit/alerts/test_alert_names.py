"""Names of metrics in expressions: those of the alerts, and what PromQL has beside."""

import re
from pathlib import Path

import pytest
import yaml

from stanchion.alerts.names import OPTIONAL, names_in, optional

EXPRESSIONS = [
    (each["expr"], set(each["names"]))
    for each in yaml.safe_load((Path(__file__).parent / "recorded" / "expressions.yml").read_text())
]
OTHERS = [
    ("rate(a_total[5m] offset 1d)", {"a_total"}),
    ("sum(a) by (b, c) / ignoring (d) group_right sum(e) without (f)", {"a", "e"}),
    ("a{b='}', c=~\"x{2}|y\"} > 1e3 and on() d{}", {"a", "d"}),
    ('{__name__="a", b="c"} unless {__name__=~"d.*"}', {"a"}),
    ("max_over_time(rate(a[5m])[1h:1m]) > bool 0x1f", {"a"}),
    ("job:a:rate5m == Inf or NaN", {"job:a:rate5m"}),
    ("topk(3, a) + quantile(0.9, b) atan2 c", {"a", "b", "c"}),
    ("a # is b(\n> c", {"a", "c"}),
    ("absent(a) or absent_over_time(max(b)[1h:]) or d", {"d"}),
    ('label_replace(absent(a{b="("}), "metric", "a", "", "") or e', {"e"}),
    ("SUM BY (a) (b)", {"b"}),
    ("a @ start() > 5m30s", {"a"}),
    ("", set()),
]


@pytest.mark.parametrize(("expr", "names"), [*EXPRESSIONS, *OTHERS])
def test_what_an_expression_reads(expr, names):
    assert names_in(expr) == names


@pytest.mark.parametrize("expr", [expr for expr, _ in EXPRESSIONS])
def test_it_does_not_matter_whether_it_is_filled_in(expr):
    assert names_in(re.sub(r"\[\[.*?\]\](?!\])", "1", expr)) == names_in(expr)


def test_what_need_not_be_there_says_when():
    assert optional("stanchion_replication_slot_retained_bytes") == "there is no replication slot"
    assert optional("pg_up") == ""
    assert all(OPTIONAL.values())


def test_of_backups_there_is_nothing_without_them():
    assert optional("stanchion_backup_repository_up") == ""
    assert optional("stanchion_backup_repository_up", backups=False) == "the stack has no backups"
    assert optional("stanchion_restore_under_way", backups=False)
