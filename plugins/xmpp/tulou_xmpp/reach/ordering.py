"""In which order the targets of a service are tried (RFC 2782; XEP-0368 for two services). Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

from tulou_contracts.tcp import ServiceTarget

T = TypeVar("T")


def in_order(targets: Iterable[tuple[ServiceTarget, T]], rng: random.Random) -> list[tuple[ServiceTarget, T]]:
    """Lowest priority number first; among equals by lot, where a weight is a number of tickets.

    What stands beside a target stays beside it.
    """
    by_priority: dict[int, list[tuple[ServiceTarget, T]]] = {}
    for each in targets:
        by_priority.setdefault(each[0].priority, []).append(each)
    ordered: list[tuple[ServiceTarget, T]] = []
    for priority in sorted(by_priority):
        ordered += _by_lot(by_priority[priority], rng)
    return ordered


def _by_lot(group: list[tuple[ServiceTarget, T]], rng: random.Random) -> list[tuple[ServiceTarget, T]]:
    # RFC 2782: those without weight come first in the running sum, so that they have a small chance
    left = sorted(group, key=lambda each: each[0].weight > 0)
    drawn: list[tuple[ServiceTarget, T]] = []
    while left:
        ticket = rng.randint(0, sum(target.weight for target, _ in left))
        for number, (target, _) in enumerate(left):
            ticket -= target.weight
            if ticket <= 0:
                break
        drawn.append(left.pop(number))
    return drawn
