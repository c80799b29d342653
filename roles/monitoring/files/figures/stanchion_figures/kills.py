# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Counts how often a container ran out of memory. Pure.

The engine tells it as events, also of what ended the container. The kernel counts it for as long as the
container runs, also where the engine is not told: inside of another container. Each kill counts once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kills:
    """How many there were, and what the next look needs to count on."""

    count: int = 0
    # What is another one after each start; empty for a container that was not seen yet.
    life: str = ""
    # What the kernel has counted in this life.
    by_kernel: int = 0
    # How many of these the engine may not have told of yet.
    ahead: int = 0

    def after(self, told: int, life: str, by_kernel: int | None) -> Kills:
        """Return what there is after one more look.

        Args:
            told: events of the engine since the last look.
            life: which life of the container was seen; empty for none.
            by_kernel: what the kernel has counted in this life; None where it does not run.
        """
        if by_kernel is None:
            counted, now = 0, self.by_kernel
        else:
            # What was before the first look nobody has seen. Each life begins at nothing.
            begin = by_kernel if not self.life else self.by_kernel if life == self.life else 0
            counted, now = max(by_kernel - begin, 0), by_kernel
        return Kills(
            count=self.count + max(counted, told - self.ahead, 0),
            life=life or self.life,
            by_kernel=now,
            ahead=max(counted - told, 0),
        )
