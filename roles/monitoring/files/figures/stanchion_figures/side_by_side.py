# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions that are asked at the same time, each with a limit: who hangs holds up nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


def ask(questions: Mapping[Key, Callable[[], Answer]], within: float) -> dict[Key, Answer]:
    """Return the answers that came within these seconds; an OSError is none.

    What hangs is left behind: it ends with the process, which does not wait for it. Another error is raised.
    """
    answers: dict[Key, Answer] = {}
    failed: list[Exception] = []

    def answer(key: Key, question: Callable[[], Answer]) -> None:
        try:
            answers[key] = question()
        except OSError:
            pass
        except Exception as error:
            failed.append(error)

    deadline = time.monotonic() + within
    threads = [threading.Thread(target=answer, args=each, daemon=True) for each in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    if failed:
        raise failed[0]
    # In the order of the questions; of its own, since one left behind may still answer.
    return {key: answers[key] for key in questions if key in answers}
