"""The source `recovery`: the watch as it stands, and what was done of late."""

import json
import os
import time

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_recovery
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

TABLE = "# a table\n* * * * * root watch\n"


@pytest.fixture
def folder(tmp_path):
    """A watch that is installed, and has run."""
    folder = tmp_path / "recovery"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"stack": "s", "cron_text": TABLE}))
    (folder / "watch.json").write_text('{"at": 7.5, "trouble": "", "dead": {"b": {}, "a": {}}}')
    (tmp_path / "stanchion-s-recovery").write_text(TABLE)
    return folder


def facts(folder):
    return _facts_recovery.recovery_facts("s", str(folder.parent), folder.parent)


def test_nothing_installed_is_an_answer(tmp_path):
    told = _facts_recovery.recovery_facts("s", str(tmp_path), tmp_path)
    assert told["records"] == []
    assert (told["watch"]["installed"], told["watch"]["cron_file"], told["watch"]["ran"]) == (
        False,
        "missing",
        None,
    )
    assert told["watch"]["cron_path"] == str(tmp_path / "stanchion-s-recovery")


@pytest.mark.skipif(os.getuid() != 0, reason="cron's tables are root's")
class TestTable:
    def test_as_written(self, folder):
        watch = facts(folder)["watch"]
        assert (watch["installed"], watch["cron_file"], watch["ran"]) == (True, "exact", 7.5)
        assert (watch["dead"], watch["trouble"]) == (["a", "b"], "")
        assert abs(watch["cron_since"] - time.time()) < 60

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (TABLE + "# by hand\n", "added: # by hand"),
            ("# a table\n", "missing: * * * * * root watch"),
            ("* * * * * root watch\n# a table\n", "its lines stand in another order"),
        ],
    )
    def test_changed(self, folder, text, says):
        (folder.parent / "stanchion-s-recovery").write_text(text)
        watch = facts(folder)["watch"]
        assert (watch["cron_file"], watch["cron_difference"]) == ("differs", says)

    def test_not_read_by_cron(self, folder):
        (folder.parent / "stanchion-s-recovery").chmod(0o666)
        assert "so cron does not read it" in facts(folder)["watch"]["cron_difference"]


def test_the_records_of_a_day(folder):
    now = time.time()
    whole = {"remedy": "start_backend", "of": "demo-backend-1", "outcome": "done"}
    moments = (now - 90000, now - 80000, now, "now")
    lines = [*({"at": at, **whole} for at in moments), [], {}, {"at": now, "by": "recover"}]
    (folder / "recovery.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines) + '{"at": 1')
    assert [each["at"] for each in facts(folder)["records"]] == [now - 80000, now]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_what_cannot_be_read_is_told(folder, text):
    (folder / "watch.json").write_text(text)
    with pytest.raises(UnreadableError, match=r"watch\.json"):
        facts(folder)
