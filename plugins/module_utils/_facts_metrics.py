# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the application says of its connection pool: the lines db_pool_… of its /metrics, if it has one."""

from __future__ import annotations

import http.client
import ipaddress
from collections.abc import Iterable

from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError, ask_all

_PATH = "/metrics"
_PREFIX = "db_pool_"
# Far more than any application tells.
_MOST_BYTES = 2 * 1024**2


def metrics_facts(containers: Iterable[dict], timeout: float) -> dict:
    """Ask every running container at once; `lines` is empty, with a `reason`, where it serves no metrics."""
    return {
        "entries": ask_all(
            {
                item["name"]: lambda item=item: _ask(item, timeout * 0.9)
                for item in containers
                if item["running"]
            },
            timeout,
        )
    }


def _ask(container: dict, timeout: float) -> dict:
    address, port = _address(container)
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        text = answer.read(_MOST_BYTES).decode(errors="replace")
    except http.client.HTTPException as error:
        raise UnreadableError(f"http://{address}:{port}{_PATH}: {type(error).__name__}: {error}") from error
    except OSError as error:
        raise UnreadableError(f"http://{address}:{port}{_PATH}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return {"reason": f"{_PATH} answers {answer.status}", "lines": []}
    lines = [line for line in text.splitlines() if line.startswith(_PREFIX)]
    return {"reason": None if lines else f"{_PATH} has no line {_PREFIX}…", "lines": lines}


def _address(container: dict) -> tuple[str, int]:
    """Return where the host reaches it: its published port, or the same by the container's own address."""
    for published in container["ports"]:
        if published["port"] and published["protocol"] == "tcp":
            everywhere = ipaddress.ip_address(published["address"]).is_unspecified
            return "127.0.0.1" if everywhere else published["address"], published["port"]
    port = container["environment"]["values"].get("PORT", "")
    addresses = [attached["ip"] for attached in container["networks"].values() if attached["ip"]]
    if not addresses or not port.isdigit():
        raise UnreadableError("it publishes no port, and its environment names no PORT")
    return addresses[0], int(port)
