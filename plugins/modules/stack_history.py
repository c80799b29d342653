#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_files, _history_records
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import Source, ask_all
from ansible_collections.stanchion.stack.plugins.module_utils._prometheus import (
    Prometheus,
    ask_each,
    moments,
)

DOCUMENTATION = r"""
module: stack_history
short_description: Tell what happened to a stack in a period, changing nothing
description:
  - Asks the host's Prometheus for figures along the period and for the alerts that fired in it, and reads
    what the host keeps of deploys, backups, drills, restores and recoveries.
  - Every source answers by itself, V(ok=true) with its data or V(ok=false) with the reason in V(error).
    "Could not look" is never "nothing there".
  - Needs nothing on the host but Python 3.9.
options:
  stack:
    description: Name of the stack.
    required: true
    type: str
  state_dir:
    description: The stack's folder on the host. C(/var/lib/stanchion/STACK) where it is left out.
    type: path
  begin:
    description: Begin of the period, in seconds since 1970.
    required: true
    type: float
  end:
    description: Its end.
    required: true
    type: float
  step:
    description: Seconds between two points of a figure.
    default: 3600.0
    type: float
  prometheus:
    description: Where it answers on the host. Empty where the stack has none; nothing is asked then.
    type: str
    default: ""
  queries:
    description: PromQL of figures along the period, by a name of the caller's.
    type: dict
    default: {}
  instants:
    description: PromQL of figures at the end of the period, by a name of the caller's.
    type: dict
    default: {}
  silent:
    description: Alerts that are not told, since they always fire.
    type: list
    elements: str
    default: [DeadMansSwitch]
  timeout:
    description: Seconds that Prometheus has for all of it.
    type: float
    default: 60.0
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: What was in use in the last hour
  stanchion.stack.stack_history:
    stack: medication-tracker
    begin: "{{ now().timestamp() - 3600 }}"
    end: "{{ now().timestamp() }}"
    step: 60
    prometheus: http://127.0.0.1:9090
    queries:
      pool: max by (replica) (db_pool_in_use)
  register: past
"""

RETURN = r"""
history:
  description: What was asked, and one key for each source.
  returned: always
  type: dict
  contains:
    version:
      description: Goes up when a key changes its meaning or goes away.
      type: int
      sample: 1
    stack:
      description: The stack.
      type: str
    since:
      description: Begin of the period, in seconds since 1970.
      type: float
    until:
      description: Its end.
      type: float
    elapsed:
      description: Seconds that it took.
      type: float
    prometheus:
      description: >-
        V(asked), false where there is none to be asked, and V(url), with which V(ok) and V(version), or the
        V(error).
      type: dict
    times:
      description: The moments of each figure.
      type: list
      elements: float
    series:
      description: >-
        By the name of its query V(ok), and V(series) with V(labels) and V(values), one for each of the
        V(times), null where there was none; or the V(error).
      type: dict
    instants:
      description: By the name of its query V(ok), and V(series) with V(labels) and V(value); or the V(error).
      type: dict
    alerts:
      description: >-
        V(entries), each with V(labels), and in V(spans) since when and until when it fired, to V(step)
        seconds.
      type: dict
    runs:
      description: >-
        V(entries) of M(stanchion.stack.run_record) that ended in the period, and how many lines are
        V(unread).
      type: dict
    jobs:
      description: >-
        V(entries), the backups' records of the period, how many are V(unread), and in V(reach), by job, since
        when there are any where older ones were let go.
      type: dict
    recoveries:
      description: V(entries) of C(recovery.jsonl) in the period, and how many lines are V(unread).
      type: dict
    targets:
      description: The targets V(rpo) and V(rto) in seconds, null where the stack has no backups.
      type: dict
"""

VERSION = 1
# Prometheus refuses more points of a series than 11,000.
_MOST_MOMENTS = 10_000
_FINEST = 15.0
# Rules are evaluated each minute at the latest; one evaluation may be late.
_BRIDGED = 150.0
# Records are files on the host's disk: one that takes longer hangs.
_RECORDS_WITHIN = 15.0


def records(params: dict) -> dict[str, Source]:
    """Return every source that is a file on the host, by name."""
    folder = Path(params["state_dir"] or _facts_files.BASE / params["stack"])
    period = (params["begin"], params["end"])
    return {
        "runs": lambda: _history_records.runs(folder / "runs.jsonl", *period),
        "jobs": lambda: _history_records.jobs(folder / "backup" / "records", *period),
        "recoveries": lambda: _history_records.recoveries(folder / "recovery" / "recovery.jsonl", *period),
        "targets": lambda: _history_records.targets(folder / "backup" / "settings.json"),
    }


def alerts(server: Prometheus, since: float, until: float, silent: list[str]) -> dict:
    """Return since when and until when each alert fired, those that were over between two moments too."""
    step = max((until - since) / _MOST_MOMENTS, _FINEST)
    # The label's values are joined to a pattern, which Prometheus anchors.
    quiet = "|".join(silent)
    selector = f'ALERTS{{alertstate="firing",alertname!~"{quiet}"}}'
    found = server.spans(selector, moments(since, until, step), max(step, _BRIDGED))
    return {"step": step, "entries": found}


def figures(params: dict) -> dict:
    """Ask Prometheus; where it does not answer at all, it is not asked anything else."""
    url, since, until = params["prometheus"], params["begin"], params["end"]
    times = moments(since, until, params["step"])
    if not url:
        absent = {"ok": False, "error": "this stack has no Prometheus"}
        return {"prometheus": {"asked": False}, "times": times, **_unasked(params, absent)}
    server = Prometheus(url, params["timeout"])
    about = ask_all({"about": lambda: _about(server, until)}, params["timeout"])["about"]
    if not about["ok"]:
        return {"prometheus": {"asked": True, "url": url, **about}, "times": times, **_unasked(params, about)}
    fired = ask_all({"fired": lambda: alerts(server, since, until, params["silent"])}, params["timeout"])
    return {
        "prometheus": {"asked": True, "url": url, **about},
        "times": times,
        "series": ask_each(partial(server.along, times=times), params["queries"]),
        "instants": ask_each(partial(server.instant, at=until), params["instants"]),
        "alerts": fired["fired"],
    }


def _about(server: Prometheus, at: float) -> dict:
    found = server.instant("prometheus_build_info", at)
    return {"version": found[0]["labels"].get("version") if found else None}


def _unasked(params: dict, why: Mapping) -> dict:
    answer = {"ok": False, "error": why["error"]}
    return {
        "series": dict.fromkeys(params["queries"], answer),
        "instants": dict.fromkeys(params["instants"], answer),
        "alerts": answer,
    }


def look(params: dict) -> dict:
    """Return the answer of every source."""
    return {**figures(params), **ask_all(records(params), _RECORDS_WITHIN)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "state_dir": {"type": "path"},
            "begin": {"type": "float", "required": True},
            "end": {"type": "float", "required": True},
            "step": {"type": "float", "default": 3600.0},
            "prometheus": {"type": "str", "default": ""},
            "queries": {"type": "dict", "default": {}},
            "instants": {"type": "dict", "default": {}},
            "silent": {"type": "list", "elements": "str", "default": ["DeadMansSwitch"]},
            "timeout": {"type": "float", "default": 60.0},
        },
        supports_check_mode=True,
    )
    params, began = module.params, time.monotonic()
    if params["end"] <= params["begin"] or params["step"] <= 0:
        module.fail_json(msg="The period ends before it begins, or its step is no time.")
    answers = look(params)
    history = {
        "version": VERSION,
        "stack": params["stack"],
        "since": params["begin"],
        "until": params["end"],
        "elapsed": round(time.monotonic() - began, 3),
        **answers,
    }
    module.exit_json(changed=False, history=history)


if __name__ == "__main__":
    main()
