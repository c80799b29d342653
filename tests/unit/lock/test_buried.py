"""A look from where a run came tells that it is gone, which the host alone cannot know."""

import pytest
from ansible_collections.stanchion.stack.plugins.action.stack_validate import ActionModule
from ansible_collections.stanchion.stack.plugins.module_utils._lock import Host

from stanchion.lock import identity


@pytest.mark.parametrize(
    ("changed", "state"),
    [({}, "held"), ({"pid_started": 1}, "dead"), ({"pid_started": 1, "boot_id": "of another"}, "held")],
    ids=["it lives", "its process is gone", "it came from elsewhere"],
)
def test_a_holder_is_dead_where_its_process_was(changed, state):
    holder = {**identity("deploy", Host.this()).as_dict(), **changed}
    lock = {"state": "held", "reason": "its lease still runs", "holder": holder}
    ActionModule._bury(lock)
    assert lock["state"] == state
    assert ("is gone" in lock["reason"]) == (state == "dead")


def test_a_lock_that_nobody_holds_stays_as_it_is():
    for lock in ({}, {"state": "free", "holder": None}):
        before = dict(lock)
        ActionModule._bury(lock)
        assert lock == before
