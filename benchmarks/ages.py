"""How old figures are: events as they were sent, held against the figures that landed. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

Sent = Sequence[tuple[float, int]]
"""(when it was due at the door, number of the item); each takes one unit."""
Landed = Sequence[tuple[float, int, int]]
"""(when, number of the listing, the figure it shows from then on)."""


def ages(sent: Sent, landed: Landed, opening: int, sold: Mapping[int, int]) -> tuple[list[float], int]:
    """Return the age of each event when a figure with it landed, and how many never did.

    The n-th sale of an item is in every figure not above what n sales leave of its opening. sold: what had
    been taken of each item before.
    """
    waiting: dict[int, deque[tuple[int, float]]] = defaultdict(deque)
    taken = Counter(sold)
    for at, number in sorted(sent):
        taken[number] += 1
        waiting[number].append((opening - taken[number], at))
    found: list[float] = []
    for at, number, figure in landed:
        queue = waiting.get(number)
        while queue and figure <= queue[0][0]:
            found.append(at - queue.popleft()[1])
    return found, sum(len(queue) for queue in waiting.values())


def oldest(sent: Sent, landed: Landed, opening: int, sold: Mapping[int, int], *, at: float) -> float:
    """Return how long the longest waiting event had waited at a moment, by what had landed by then."""
    waiting: dict[int, deque[tuple[int, float]]] = defaultdict(deque)
    taken = Counter(sold)
    for due, number in sorted(sent):
        if due <= at:
            taken[number] += 1
            waiting[number].append((opening - taken[number], due))
    for when, number, figure in landed:
        queue = waiting.get(number)
        while when <= at and queue and figure <= queue[0][0]:
            queue.popleft()
    return max((at - queue[0][1] for queue in waiting.values() if queue), default=0.0)
