# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks published addresses, as somebody outside of the containers does."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from stanchion_host.exposition import Sample

from stanchion_figures import side_by_side

ANSWERS_WITHIN = 5.0
# What is read of an answer: a page of health is shorter.
_MOST = 1 << 20


@dataclass(frozen=True)
class Answer:
    """Whether it was a good one, and how many seconds it took."""

    good: bool
    seconds: float


def look(urls: Sequence[str], within: float = ANSWERS_WITHIN) -> dict[str, Answer]:
    """Ask every URL; one that gives no answer in time is missing."""
    return side_by_side.ask({url: partial(ask, url, within) for url in urls}, within)


def ask(url: str, within: float) -> Answer:
    """Ask one URL. OSError where it gives no answer of HTTP."""
    began = time.monotonic()
    try:
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, within)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(
                "GET", target, headers={"User-Agent": "stanchion-figures", "Connection": "close"}
            )
            answer = connection.getresponse()
            answer.read(_MOST)
        finally:
            connection.close()
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(f"{url}: {error!r}") from error
    return Answer(answer.status < http.client.BAD_REQUEST, time.monotonic() - began)


def _connection(scheme: str, host: str, port: int | None, within: float) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=within)
    # Whether the certificate is in order is another alert's matter: a name of loopback is on none.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=within, context=context)


def samples(urls: Sequence[str], answers: Mapping[str, Answer]) -> Iterator[Sample]:
    """Return whether each is up; how long it took only where there was an answer."""
    for url in urls:
        labels, answer = {"instance": url}, answers.get(url)
        yield Sample("stanchion_endpoint_up", int(answer is not None and answer.good), labels)
        yield Sample("stanchion_endpoint_seconds", answer.seconds if answer else None, labels)
