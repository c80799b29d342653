"""The host's lock, as a run that died leaves it."""

from __future__ import annotations

from fires.fire import Fire, by_shell

LOCK = "/var/lib/stanchion/lock.json"
DIED = """
import json
lock = json.load(open('/var/lib/stanchion/lock.json'))
lock['holder'] = {**lock['history'][-1], 'lease_until': 1}
json.dump(lock, open('/var/lib/stanchion/lock.json', 'w'))
"""

FIRES = [
    Fire(
        "host.lock",
        "in place",
        by_shell(
            f'cp -p {LOCK} /tmp/lock.json; python3 -c "{DIED}"',
            f"cp -p /tmp/lock.json {LOCK}; rm /tmp/lock.json",
        ),
        r'with "deploy" .* holds the lock, and',
    )
]
