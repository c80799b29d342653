# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks a Prometheus: what held at a moment, or along a period. What is no number (NaN) is left out.

The interface: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

# Prometheus answers twenty queries at once by default; others may want some of them.
_AT_ONCE = 4
# Far more than two hundred points of every container.
_MOST_BYTES = 32 * 1024**2
# Digits that a picture or a table could show.
_DIGITS = 6


class Prometheus:
    """One server, which has `timeout` seconds for everything that it is asked."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout

    def instant(self, query: str, at: float) -> list[dict]:
        """Return what held at a moment (Unix s): `labels` and `value` of each series."""
        given = {"query": query, "time": f"{at:.3f}"}
        found = self._series("query", given, "value", lambda sample: _number(sample[1]))
        return [each for each in found if each["value"] is not None]

    def along(self, query: str, times: Sequence[float]) -> list[dict]:
        """Return what held at each of the evenly spaced moments: `labels` and `values`, null for nothing."""
        step = times[1] - times[0]
        given = {"start": f"{times[0]:.3f}", "end": f"{times[-1]:.3f}", "step": f"{step:.3f}"}
        samples = self._series(
            "query_range", {"query": query, **given}, "values", lambda samples: _spread(samples, times)
        )
        return [each for each in samples if any(value is not None for value in each["values"])]

    def spans(self, selector: str, times: Sequence[float], window: float) -> list[dict]:
        """Return since when and until when each series was there: `labels`, and `spans` of [from, to].

        `window` (s) bridges the time between two samples: a series without any for so long was not there.
        """
        query = f"last_over_time({selector}[{round(window)}s])"
        return [
            {"labels": each["labels"], "spans": _spans(each["values"], times, window)}
            for each in self.along(query, times)
        ]

    def _series(self, path: str, given: Mapping[str, str], key: str, read: Callable) -> list[dict]:
        """Return the labels of each series of an answer, and what `read` makes of its `key`."""
        data = self._get(f"/api/v1/{path}?{urlencode(given)}")
        try:
            found = data["data"]["result"]
            return [{"labels": each["metric"], key: read(each[key])} for each in found]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UnreadableError(f"{self.url} gives an answer that is none of Prometheus'") from error

    def _get(self, path: str) -> dict:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise UnreadableError(f"{self.url} was not done within {self._timeout:g} s")
        to = urlsplit(self.url)
        kind = http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
        connection = kind(to.hostname or "", to.port, timeout=left)
        try:
            connection.request("GET", to.path + path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            return self._read(answer.status, answer.read(_MOST_BYTES))
        except http.client.HTTPException as error:
            raise UnreadableError(
                f"{self.url} does not speak HTTP: {type(error).__name__}: {error}"
            ) from error
        except OSError as error:
            raise UnreadableError(f"{self.url} does not answer: {error}") from error
        finally:
            connection.close()

    def _read(self, status: int, text: bytes) -> dict:
        try:
            data = json.loads(text)
        except ValueError as error:
            raise UnreadableError(f"{self.url} answers {status}, and no JSON") from error
        if not isinstance(data, dict) or data.get("status") != "success":
            reason = data.get("error") if isinstance(data, dict) else None
            raise UnreadableError(f"{self.url} answers {status}: {reason or 'without a reason'}")
        return data


def ask_each(ask: Callable[[str], list], queries: Mapping[str, str]) -> dict[str, dict]:
    """Return by name `ok` with `series`, or the `error`: one query that fails does not hide the others."""

    def one(query: str) -> dict:
        try:
            return {"ok": True, "series": ask(query)}
        except UnreadableError as error:
            return {"ok": False, "error": str(error)}

    with ThreadPoolExecutor(_AT_ONCE) as several:
        return dict(zip(queries, several.map(one, queries.values())))


def moments(since: float, until: float, step: float) -> list[float]:
    """Return evenly spaced moments that end with `until`; `since` may lie before the first."""
    count = max(int((until - since) / step), 1)
    return [until - (count - at) * step for at in range(count + 1)]


def _number(text: str) -> float | None:
    value = float(text)
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _spread(samples: Sequence[Sequence], times: Sequence[float]) -> list[float | None]:
    """Return one value for each moment: Prometheus leaves out those at which there was none."""
    step, found = times[1] - times[0], [None] * len(times)
    for at, text in samples:
        place = round((float(at) - times[0]) / step)
        if 0 <= place < len(found):
            found[place] = _number(text)
    return found


def _spans(values: Sequence[float | None], times: Sequence[float], window: float) -> list[list[float]]:
    """Return the runs of moments that have a value; the last of it was a window before, unless it goes on."""
    found: list[list[float]] = []
    before = None
    for at, value in zip(times, values):
        if value is not None and before is not None:
            found[-1][1] = at
        elif value is not None:
            found.append([at, at])
        before = value
    return [[since, until if until == times[-1] else max(until - window, since)] for since, until in found]
