"""From what was tracked to what is stored: enrich and third parties by the hook, then redact, aggregate.

Redaction is no hook: a failing implementation of a hook is passed over, and this one must not be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tulou import implements
from tulou.hookspec import Stage
from tulou_contracts.tracking import Consent, Event, Value, process_events
from tulou_tracking.queue import Counted
from tulou_tracking.rows import COUNT, Row
from tulou_tracking.wire import body_of, text_of


class Enrich:
    """The built-in pre-processor: adds what every event carries (`rows.COMMON`)."""

    def __init__(self, common: Callable[[], Mapping[str, Value]]) -> None:
        self._common = common

    @implements(process_events, stage=Stage.EXTEND, tryfirst=True)
    def process_events(self, events: Sequence[Event]) -> Sequence[Event]:
        """Our values stand before the event's own, which would win; the table lets no event have them."""
        common = self._common()
        return [Event(event.id, event.name, event.at, {**common, **event.fields}) for event in events]


class Batch(NamedTuple):
    """What one commit stores."""

    events: list[tuple[str, str, int]]
    """Name, body, bytes."""
    windows: list[Counted]
    dropped: Counter[tuple[str, str]]
    """(why, name)."""


def finished(
    events: Sequence[Event], rows: Mapping[str, Row], consent: Consent,
    pseudonym: Callable[[str], str], longest: int, *, examined: bool,
) -> Batch:
    """Redact, aggregate and write. `examined`: nobody but us has touched the events since `track`."""
    stored: list[tuple[str, str, int]] = []
    windows: Counter[tuple[str, str, int, int]] = Counter()
    dropped: Counter[tuple[str, str]] = Counter()
    for event in events:
        row = rows.get(event.name)
        if row is None or not examined and _strange(event, row):
            dropped["invalid", row.name if row else "?"] += 1
            continue
        fields = row.redacted(event.fields, consent, pseudonym)
        if row.spec.window:
            length = max(round(row.spec.window * 1e6), 1)
            begins = event.at - event.at % length
            windows[row.name, text_of(fields), begins, begins + length] += 1
            continue
        body = body_of(Event(event.id, row.name, event.at, fields))
        size = len(body) if body.isascii() else len(body.encode())
        if size > longest:
            dropped["large", row.name] += 1
        else:
            stored.append((row.name, body, size))
    return Batch(stored, [Counted(*key, count) for key, count in windows.items()], dropped)


def _strange(event: object, row: Row) -> bool:
    """Whether a pre-processor made of an event what is none any more."""
    return (
        not isinstance(event, Event) or type(event.at) is not int or type(event.id) is not str
        or not event.id.isascii() or len(event.id) > 100 or not isinstance(event.fields, Mapping)
        or bool(row.fault_enriched(event.fields))
    )


def counted_body(counted: Counted, event_id: str) -> tuple[str, str, int]:
    """A window that has ended, as an event of its own."""
    fields = counted.fields[:-1] + ("," if len(counted.fields) > 2 else "") + f'"{COUNT}":{counted.number}}}'
    head = body_of(Event(event_id, counted.name, counted.begins, {}))
    body = head.removesuffix("{}}") + fields + "}"
    return counted.name, body, len(body.encode())
