# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Figures as the host's Prometheus has them now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from ansible_collections.stanchion.stack.plugins.module_utils._prometheus import Prometheus, ask_each

# Asked first: a server that does not answer is one reason, and not one for each query.
_ANY = "prometheus_build_info"


def figure_facts(url: str, queries: Mapping[str, str], timeout: float) -> dict:
    """Ask each query at this moment; a stack without Prometheus is an answer."""
    if not url:
        return {"asked": False, "entries": {}}
    server, now = Prometheus(url, timeout), time.time()
    server.instant(_ANY, now)
    return {"asked": True, "entries": ask_each(partial(server.instant, at=now), queries)}
