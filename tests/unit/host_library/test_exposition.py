"""The text that Prometheus reads from a file."""

import os
import stat

import pytest
from prometheus_client.parser import text_string_to_metric_families
from stanchion_host import exposition
from stanchion_host.exposition import Sample

METRICS = {
    "shop_open": ("gauge", "Whether it is\nopen: C:\\shop."),
    "shop_sold_total": ("counter", "What was sold."),
}


def families(*samples):
    text = exposition.render(samples, METRICS, {"stack": "demo"})
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(*samples):
    return {
        tuple(each.labels.items()): each.value
        for family in families(*samples).values()
        for each in family.samples
    }


def test_samples_of_one_name_have_one_help_and_type():
    open_here, sold, open_there = (
        Sample("shop_open", 1, {"of": "here"}),
        Sample("shop_sold_total", 3),
        Sample("shop_open", 0, {"of": "there"}),
    )
    text = exposition.render([open_here, sold, open_there], METRICS, {"stack": "demo"})
    assert text == (
        "# HELP shop_open Whether it is\\nopen: C:\\\\shop.\n"
        "# TYPE shop_open gauge\n"
        'shop_open{stack="demo",of="here"} 1\n'
        'shop_open{stack="demo",of="there"} 0\n'
        "# HELP shop_sold_total What was sold.\n"
        "# TYPE shop_sold_total counter\n"
        'shop_sold_total{stack="demo"} 3\n'
    )
    told = families(open_here, sold, open_there)
    assert told["shop_open"].documentation == METRICS["shop_open"][1]
    assert told["shop_sold"].type == "counter"


def test_a_label_cannot_break_out():
    of = 'a"b\nc\\d{}'
    assert values(Sample("shop_open", 1, {"of": of})) == {(("stack", "demo"), ("of", of)): 1}


def test_what_is_not_known_is_left_out_with_its_name():
    assert exposition.render([Sample("shop_open", None)], METRICS, {}) == ""


@pytest.mark.parametrize("value", [1_800_000_000.123456, 25_276_502_016_123, 0.1, 1e-9, True, 0])
def test_a_value_loses_nothing(value):
    assert list(values(Sample("shop_open", value)).values()) == [value]


def test_a_name_that_nobody_has_explained_is_an_error():
    with pytest.raises(KeyError):
        exposition.render([Sample("shop_closed", 1)], METRICS, {})


def test_the_file_is_whole_and_for_everybody(tmp_path):
    path = tmp_path / "metrics" / "shop.prom"
    umask = os.umask(0o077)
    try:
        for text in ("old\n", "new\n"):
            exposition.write(path, text)
    finally:
        os.umask(umask)
    assert path.read_text() == "new\n"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o755, 0o644]


def test_a_stack_that_is_gone_is_not_made_again(tmp_path):
    with pytest.raises(FileNotFoundError):
        exposition.write(tmp_path / "gone" / "metrics" / "shop.prom", "text")
    assert list(tmp_path.iterdir()) == []
