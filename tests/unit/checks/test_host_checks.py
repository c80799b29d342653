"""The host's lock, and its engine."""

import pytest

from stanchion.checks import Outcome, Phase


class TestLock:
    @pytest.mark.parametrize(
        "state,reason",
        [("dead", "its process 7 on this host is gone"), ("expired", "its lease ended 5 min ago")],
    )
    def test_a_run_was_cut_short(self, kept, state, reason):
        lock = kept.facts["lock"]
        lock.update(state=state, reason=reason, holder=lock["last"])
        finding = kept.ask("host.lock")
        assert finding.outcome is Outcome.WARN
        assert (
            f'root@controller with "deploy" (since 2026-11-25 14:13:48 UTC) holds the lock, and {reason}'
            in (finding.summary)
        )

    def test_one_that_is_at_work_is_no_fault(self, kept):
        lock = kept.facts["lock"]
        lock.update(state="held", holder=lock["last"])
        finding = kept.ask("host.lock")
        assert finding.outcome is Outcome.PASS
        assert "is at work" in finding.summary

    def test_a_host_that_nobody_ever_locked(self, kept):
        kept.facts["lock"]["last"] = None
        assert "nobody ever held it" in kept.ask("host.lock").summary


class TestEngine:
    @pytest.mark.parametrize(
        "api,outcome", [("1.40", Outcome.FAIL), ("1.41", Outcome.PASS), ("1.100", Outcome.PASS)]
    )
    def test_versions(self, kept, api, outcome):
        kept.facts["engine"]["api_version"] = api
        assert kept.ask("engine.version").outcome is outcome

    @pytest.mark.parametrize("state", ["absent", "stopped"])
    def test_a_deploy_brings_it(self, kept, state):
        kept.facts["engine"] = {"ok": True, "state": state, "host": "unix://", "reason": "no such file"}
        assert kept.ask("engine.version", Phase.PREFLIGHT).outcome is Outcome.SKIP
        finding = kept.ask("engine.version", Phase.RUNTIME)
        assert finding.outcome is Outcome.FAIL
        assert f"is {state}: no such file" in finding.summary

    def test_what_becomes_of_containers(self, kept):
        assert "it stops containers when it is restarted" in kept.ask("engine.version").summary
        kept.facts["engine"]["live_restore"] = True
        assert "it keeps containers" in kept.ask("engine.version").summary
