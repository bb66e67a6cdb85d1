"""Where a message stands in its conversation.

A position is a number that orders a conversation: the message's time in microseconds where that
agrees with the order the server's archive gives, else just beside its neighbour. Archives have no
dense numbers (XEP-0313 ids are opaque), and messages found later must fit between stored ones, so
neighbours are kept `STEP` apart. A stored message never moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEP = 1024
"""The room left between neighbours that have the same time."""
FRESH = 5_000_000
"""A message no older than this (microseconds) was delivered at once: its place is the end."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One message of a run: where its time puts it, and its position when it is stored already."""

    at: int
    known: int | None = None
    loose: bool = False
    """It stands earlier than its time here, so what comes before it in the run need not: it is one of
    ours, written before it was sent, or a second copy."""


def at_end(now: int, last: int) -> int:
    """The position of a message that comes after everything stored, whatever the clock says."""
    return max(now, last + STEP, 1)


def is_fresh(at: int, now: int) -> bool:
    """Whether a live message was just sent, not kept for us for a while."""
    return at >= now - FRESH


def place(run: Sequence[Slot], taken: Callable[[int], bool], low: int = 0) -> list[int]:
    """Positions for a run of one conversation that is in the server's order.

    Known ones keep theirs; the unknown ones stand after all before them and, where there is room,
    before the next known one. No two get the same position, nor one that is `taken`. `low` is the
    position of a message that the whole run comes after.
    """
    result: list[int] = []
    index = 0
    while index < len(run):
        known = run[index].known
        if known is not None:
            result.append(known)
            low = max(low, known)
            index += 1
            continue
        end = index
        while end < len(run) and run[end].known is None:
            end += 1
        high = _next_known(run[end:], low)
        for wanted in _between([slot.at for slot in run[index:end]], low, high):
            low = max(wanted, low + 1)
            while taken(low):
                low += 1
            result.append(low)
        index = end
    return result


def _next_known(rest: Sequence[Slot], low: int) -> int | None:
    for slot in rest:
        if slot.known is not None and slot.known > low and not slot.loose:
            return slot.known
    return None


def _between(times: Sequence[int], low: int, high: int | None) -> list[int]:
    """Rising numbers near `times`, above `low`, and below `high` if there is any room."""
    rising: list[int] = []
    edge = low
    for at in times:
        edge = max(at, edge + STEP) if edge else max(at, 1)
        rising.append(edge)
    if high is None or rising[-1] < high:
        return rising
    edge = high
    for index in reversed(range(len(rising))):
        edge = rising[index] = min(rising[index], edge - STEP)
    if rising[0] > low:
        return rising
    gap = (high - low) // (len(times) + 1)
    return [low + gap * number for number in range(1, len(times) + 1)]
