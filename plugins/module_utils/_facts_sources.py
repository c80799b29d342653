# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks several sources at once and gives each a time limit: what hangs becomes an answer that says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

Source = Callable[[], dict]


class UnreadableError(Exception):
    """A source could not be read; `details` go into its answer beside the reason."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(reason)
        self.details = details


def _ask(source: Source, answer: dict) -> None:
    try:
        answer.update(source(), ok=True)
    except UnreadableError as error:
        answer.update(error.details, ok=False, error=str(error))
    except OSError as error:
        answer.update(ok=False, error=str(error))
    except Exception as error:  # one source with a bug must not blind the others
        answer.update(ok=False, error=f"{type(error).__name__}: {error}")


def ask_all(
    sources: Mapping[str, Source], timeout: float, limits: Mapping[str, float] | None = None
) -> dict[str, dict]:
    """Return every source's answer after `timeout` seconds at the latest, or its own of `limits`."""
    answers: dict[str, dict] = {name: {} for name in sources}
    # Daemon threads: one that hangs in the kernel must not keep the module from ending.
    threads = {
        name: threading.Thread(target=_ask, args=(source, answers[name]), name=name, daemon=True)
        for name, source in sources.items()
    }
    for thread in threads.values():
        thread.start()
    began = time.monotonic()
    for name, thread in threads.items():
        limit = (limits or {}).get(name, timeout)
        thread.join(max(began + limit - time.monotonic(), 0))
        if thread.is_alive():
            answers[name] = {"ok": False, "error": f"no answer within {limit:g} s"}
    return answers
