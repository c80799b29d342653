#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _lock

DOCUMENTATION = r"""
module: deploy_lock
short_description: Let only one run at a time change a host
description:
  - Takes, renews or gives back the lock of the target host, a lease in C(/var/lib/stanchion/lock.json)
    (C(0600), root).
  - The lock is taken when it is free, when its lease has ended, or when its holder is certainly dead. That is
    certain where the holder ran on this very host and either the host was booted since (boot id), or the
    holder's process in the same PID namespace is gone or is another one by now (start time). It is certain as
    well where the holder ran on the controller from which this run comes, and its process there is gone.
  - Whoever is refused learns within five seconds who holds it, since when, from where and until when.
  - A run that holds the lock renews the lease by asking for it again. The action looks at the host only once
    a third of the lease is over, where what is left of it would not do, or where it is far more than is asked
    for, so that asking often costs next to nothing. The lease has to outlast the longest stretch between two
    such tasks by 300 seconds.
  - Roles ask with V(renewed) before they wait for something long, with a lease that outlasts it. That does
    nothing where the run holds no lock, so a role can be used without one.
  - A run that let its lease end and lost the lock to another run fails at its next renewal.
  - In check mode nothing is taken and nothing is refused; another run's lock is a warning.
  - It is an action with a module behind it. The action adds who asks, O(identity), from the controller, and
    what the run does, by E(STANCHION_VERB) or the play's name.
options:
  state:
    description:
      - Whether this run holds the lock, or has given it back.
      - V(renewed) renews a lock that the run holds, and is skipped where it holds none.
    choices: [held, renewed, released]
    default: held
    type: str
  lease_seconds:
    description:
      - How long the lock lasts when nobody renews it, at least 60. Before a stretch that may take longer, ask
        again with more.
    default: 1200
    type: int
  directory:
    description: Where the lock file lies.
    default: /var/lib/stanchion
    type: path
  identity:
    description: Who asks. Filled in by the action.
    type: dict
  dead:
    description:
      - A holder that is known on the controller to be gone, V(run_id) and V(reason). Filled in by the action.
    type: dict
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is written; another run's lock is a warning.
  idempotent:
    support: full
    description: Taking one's own lock again renews the lease.
notes:
  - It never reports a change; a lock is no part of the declared state.
"""

EXAMPLES = r"""
- name: Work on the host alone
  block:
    - name: Take the host's lock
      stanchion.stack.deploy_lock:
        state: held

    - name: Do something long
      ansible.builtin.import_role:
        name: stanchion.stack.postgres

    - name: Renew the lock
      stanchion.stack.deploy_lock:
        state: held
  always:
    - name: Give the host's lock back
      stanchion.stack.deploy_lock:
        state: released
"""

RETURN = r"""
lock:
  description: What became of the lock.
  returned: always
  type: dict
  contains:
    path:
      description: The lock file.
      type: str
    state:
      description:
        - V(held) by this run, V(released), V(foreign) where somebody else has it, V(unreadable). In check
          mode V(free), V(foreign), V(expired) or V(dead), as found.
      type: str
    taken:
      description:
        - How this run got it. V(free), V(renewed), V(fresh) (renewed so lately that the host was not asked),
          V(expired) or V(dead).
      type: str
    reason:
      description: Why it could be taken, as text.
      type: str
    holder:
      description:
        - Who holds it. V(run_id), V(verb), V(user), V(hostname), V(directory), V(pid), V(pid_started),
          V(pid_namespace) and V(boot_id) on the controller; V(since), V(lease_seconds) and V(lease_until) in
          seconds since 1970 by the host's clock; V(host_boot_id).
      type: dict
    previous:
      description: Whose lock was taken over, where it had ended or its holder was dead.
      type: dict
stanchion:
  description: With what a command line should end, when this fails. C(exit) is V(lock).
  returned: failure
  type: dict
"""

LEAST_LEASE = 60


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"choices": ["held", "renewed", "released"], "default": "held"},
            "lease_seconds": {"type": "int", "default": 1200},
            "directory": {"type": "path", "default": str(_lock.DIRECTORY)},
            "identity": {"type": "dict", "required": True},
            "dead": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["directory"])
    if module.params["lease_seconds"] < LEAST_LEASE:
        module.fail_json(msg=f"lease_seconds has to be at least {LEAST_LEASE}, for a task takes its time.")
    try:
        if module.check_mode:
            _look(module, directory)
        elif module.params["state"] != "released":
            _hold(module, directory)
        else:
            _release(module, directory)
    except _lock.RefusedError as refusal:
        _fail(module, str(refusal), "foreign", directory)
    except _lock.LockError as error:
        _fail(module, str(error), "unreadable", directory)
    except OSError as error:
        _fail(module, f"The lock in {directory} cannot be used: {error}.", "unreadable", directory)


def _hold(module: AnsibleModule, directory: Path) -> None:
    answer = _lock.hold(
        directory,
        module.params["identity"],
        module.params["lease_seconds"],
        _lock.Host.this(),
        time.time(),
        module.params["dead"],
    )
    if answer["previous"]:
        module.warn(f"Took over the lock of {_lock.who(answer['previous'])}: {answer['reason']}.")
    module.exit_json(changed=False, lock={"path": str(directory / _lock.NAME), "state": "held", **answer})


def _release(module: AnsibleModule, directory: Path) -> None:
    own = _lock.release(directory, module.params["identity"]["run_id"], time.time())
    seen = _seen(directory)
    module.exit_json(changed=False, lock={**seen, "state": "released" if own else seen["state"]})


def _look(module: AnsibleModule, directory: Path) -> None:
    seen = _seen(directory)
    if seen["state"] == "foreign":
        module.warn(_lock.refusal(seen["holder"], time.time(), directory))
    module.exit_json(changed=False, lock=seen)


def _seen(directory: Path) -> dict:
    seen = _lock.look(directory, _lock.Host.this(), time.time())
    return {**seen, "state": "foreign" if seen["state"] == "held" else seen["state"]}


def _fail(module: AnsibleModule, message: str, state: str, directory: Path) -> None:
    try:
        holder = _seen(directory)["holder"]
    except (_lock.LockError, OSError):
        holder = None
    lock = {"path": str(directory / _lock.NAME), "state": state, "holder": holder}
    module.fail_json(msg=message, lock=lock, stanchion={"exit": "lock"})


if __name__ == "__main__":
    main()
