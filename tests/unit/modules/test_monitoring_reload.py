"""Files that are younger than what a program has in force are read anew; nothing else is."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible_collections.stanchion.stack.plugins.modules import monitoring_reload
from ansible_collections.stanchion.stack.plugins.modules.monitoring_reload import (
    ReloadError,
    converge,
    figure,
)

METRIC = "prometheus_config_last_reload"
WRITTEN = 1_000_000.25


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder with one file, and a program that took its files when it last read them."""
    folder = tmp_path / "prometheus"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "A.yml").write_text("groups: []\n")
    for path in (folder / "rules" / "A.yml", folder / "rules", folder):
        os.utime(path, (WRITTEN, WRITTEN))
    seen = SimpleNamespace(folder=folder, taken=1, when=WRITTEN + 1, answers=True, refuses=False, sent=[])

    class Engine:
        def __init__(self, *_):
            pass

        def post(self, path, **query):
            seen.sent.append((path, query))
            seen.taken = 0 if seen.refuses else 1
            seen.when = seen.when if seen.refuses else WRITTEN + 2

        def logs(self, *_, **__):
            return "parse error: unexpected <bad>\n"

    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def read(self):
            return (
                f"{METRIC}_successful {seen.taken}\n{METRIC}_success_timestamp_seconds {seen.when}\n".encode()
            )

    def urlopen(url, timeout):
        if not seen.answers:
            raise ConnectionRefusedError(111, "refused")
        assert url == "http://127.0.0.1:9090/metrics"
        return Answer()

    monkeypatch.setattr(monitoring_reload, "Engine", Engine)
    monkeypatch.setattr(monitoring_reload.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(monitoring_reload, "ASKS_EVERY", 0)
    return seen


def module(host, check_mode=False):
    each = {
        "name": "s-prometheus",
        "url": "http://127.0.0.1:9090",
        "folder": str(host.folder),
        "metric": METRIC,
    }
    return SimpleNamespace(params={"containers": [each], "timeout": 0.2}, check_mode=check_mode)


def test_what_is_in_force_is_left_alone(host):
    assert converge(module(host)) == []
    assert host.sent == []


@pytest.mark.parametrize("place", ["rules/A.yml", "rules", "."])
def test_a_younger_file_or_folder_is_read_anew(host, place):
    os.utime(host.folder / place, (WRITTEN + 1.5, WRITTEN + 1.5))
    assert converge(module(host)) == ["s-prometheus"]
    assert host.sent == [("/containers/s-prometheus/kill", {"signal": "HUP"})]


def test_what_was_refused_last_time_is_tried_again(host):
    host.taken = 0
    assert converge(module(host)) == ["s-prometheus"]


def test_a_refusal_has_the_programs_own_words(host):
    host.when, host.refuses = WRITTEN - 5, True
    with pytest.raises(ReloadError, match="goes on with those that it has") as caught:
        converge(module(host))
    assert "parse error" in str(caught.value)


def test_a_program_that_does_not_answer_is_an_error(host):
    host.answers = False
    with pytest.raises(ReloadError, match="s-prometheus does not answer"):
        converge(module(host))


def test_a_preview_sends_nothing(host):
    host.when = WRITTEN - 5
    assert converge(module(host, check_mode=True)) == ["s-prometheus"]
    assert host.sent == []


def test_a_preview_of_a_program_that_is_not_there_yet(host):
    host.answers = False
    assert converge(module(host, check_mode=True)) == []


def test_a_figure_that_is_not_told_is_an_error():
    assert figure("a_b 1\na 2.5e+01\n", "a") == 25
    with pytest.raises(ReloadError, match="no figure b"):
        figure("a_b 1\n", "b")
