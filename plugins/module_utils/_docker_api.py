# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to the Docker engine with the standard library: the host needs nothing installed."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

DEFAULT_HOST = "unix:///var/run/docker.sock"
# With it came health checks that run more often while a container starts (Engine 25).
START_INTERVAL_API = (1, 44)


class EngineError(OSError):
    """The engine did not answer, or answered with an error, which has a `status` of HTTP."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """The engine at DOCKER_HOST (unix:// or plain tcp://); every question has to be answered in time."""

    def __init__(self, host: str, timeout: float) -> None:
        self.host = host
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout

    def get(self, path: str, **query: object) -> Any:
        """Return the decoded answer to GET path; values of the query that are not text go as JSON."""
        return self._decoded(self._ask("GET", path, query))

    def has_start_interval(self) -> bool:
        """Say whether the engine knows health checks that run more often while a container starts."""
        version: str = self.get("/version")["ApiVersion"]
        return tuple(int(part) for part in version.split(".")[:2]) >= START_INTERVAL_API

    def post(self, path: str, body: object = None, **query: object) -> Any:
        """Return the decoded answer to POST path; an answer without content is an empty one."""
        answer = self._ask("POST", path, query, body)
        return self._decoded(answer) if answer else {}

    def delete(self, path: str, **query: object) -> None:
        """Remove something; what is gone already, or somebody is removing, is no error."""
        try:
            self._ask("DELETE", path, query)
        except EngineError as error:
            if error.status not in (http.client.NOT_FOUND, http.client.CONFLICT):
                raise

    def logs(self, container: str, **options: object) -> str:
        """Return lines of a container's log, standard output and errors as they came."""
        query = {key: "1" if value is True else value for key, value in options.items()}
        return _joined(self._ask("GET", f"/containers/{container}/logs", query)).decode(errors="replace")

    def events(self, since: float, **filters: list[str]) -> list[dict[str, Any]]:
        """Return what the engine still remembers to have happened since then; that is minutes, not days."""
        until = f"{time.time():.3f}"
        query = {"since": f"{since:.3f}", "until": until, "filters": filters}
        return [self._decoded(line) for line in self._ask("GET", "/events", query).splitlines() if line]

    def _ask(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> bytes:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        target = f"{path}?{urllib.parse.urlencode(texts)}" if texts else path
        connection = self._connect()
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError as error:
            raise EngineError(
                f"the engine at {self.host} did not answer within {self._timeout:g} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"no answer from the engine at {self.host}: {error}") from error
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise EngineError(
                f"the engine at {self.host} answered {answer.status} to {path}: {_message(content)}",
                answer.status,
            )
        return content

    def _decoded(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError as error:
            raise EngineError(f"what answers at {self.host} is not a Docker engine: {error}") from error

    def _connect(self) -> http.client.HTTPConnection:
        left = max(self._deadline - time.monotonic(), 0.01)
        kind, _, rest = self.host.partition("://")
        if kind == "unix":
            return _Connection(rest, left)
        if kind == "tcp":
            address = urllib.parse.urlsplit(f"//{rest}")
            return http.client.HTTPConnection(address.hostname or "", address.port or 2375, timeout=left)
        raise EngineError(f"DOCKER_HOST {self.host!r} is neither unix:// nor tcp://")


def _joined(stream: bytes) -> bytes:
    """Join the frames of a log: each has eight bytes of head, the last four of them its length."""
    parts, at = [], 0
    while at + 8 <= len(stream):
        length = int.from_bytes(stream[at + 4 : at + 8], "big")
        parts.append(stream[at + 8 : at + 8 + length])
        at += 8 + length
    return b"".join(parts)


def _message(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]
