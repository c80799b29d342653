"""One source that hangs, fails or has a bug takes nothing from the others."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError, ask_all


def test_every_source_answers_by_itself():
    def refuse():
        raise UnreadableError("not now", state="unreachable")

    def deny():
        raise PermissionError("no rights")

    def stumble():
        raise KeyError("Name")

    answers = ask_all({"good": lambda: {"a": 1}, "bad": refuse, "denied": deny, "bug": stumble}, 5)
    assert answers == {
        "good": {"ok": True, "a": 1},
        "bad": {"ok": False, "error": "not now", "state": "unreachable"},
        "denied": {"ok": False, "error": "no rights"},
        "bug": {"ok": False, "error": "KeyError: 'Name'"},
    }


def test_a_source_that_hangs_is_an_answer():
    hang = threading.Event()
    began = time.monotonic()
    answers = ask_all({"hangs": lambda: hang.wait(30) or {}, "good": dict}, 0.2)
    assert time.monotonic() - began < 2
    assert answers["hangs"] == {"ok": False, "error": "no answer within 0.2 s"}
    assert answers["good"] == {"ok": True}
    hang.set()


def test_a_source_that_hangs_does_not_keep_the_module_from_ending():
    code = (
        "import importlib.util, sys, threading\n"
        "spec = importlib.util.spec_from_file_location('sources', sys.argv[1])\n"
        "sources = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(sources)\n"
        "print(sources.ask_all({'hangs': threading.Event().wait}, 0.1)['hangs']['ok'])\n"
    )
    path = Path(__file__).resolve().parents[3] / "plugins" / "module_utils" / "_facts_sources.py"
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=20)
    assert ended.stdout == "False\n"


def test_a_late_answer_does_not_slip_in():
    late = threading.Event()
    answers = ask_all({"late": lambda: late.wait(30) and {"a": 1}}, 0.1)
    late.set()
    time.sleep(0.1)
    assert answers["late"] == {"ok": False, "error": "no answer within 0.1 s"}


def test_sources_are_asked_at_once():
    began = time.monotonic()
    ask_all({str(number): lambda: time.sleep(0.2) or {} for number in range(5)}, 5)
    assert time.monotonic() - began < 0.8


def test_a_source_may_have_more_time_than_the_others():
    def slow():
        time.sleep(0.3)
        return {"said": "late"}

    answers = ask_all({"one": slow, "other": slow}, 0.1, {"other": 5.0})
    assert answers["one"] == {"ok": False, "error": "no answer within 0.1 s"}
    assert answers["other"] == {"ok": True, "said": "late"}
