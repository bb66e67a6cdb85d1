"""The transaction of the receiving side: a batch from the server, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tulou_contracts.messaging import MessageState
from tulou_contracts.storage import Reader, Transaction
from tulou_contracts.transport import (
    Incoming,
    IncomingMessage,
    IncomingReceipt,
    IncomingRefusal,
    ReceiptKind,
)

from tulou_im import rows
from tulou_im.positions import STEP, Slot, at_end, is_fresh, place
from tulou_im.state import Step
from tulou_im.text import encode_data

_NEAR = 10_000_000  # how far a message may stand after its time: whole seconds as stamps, late arrival
_SHARE = 16  # a message that came late takes this part of the room it finds, for more may come
_EARLY = 1000  # receipts kept for messages that are not here yet


@dataclass(frozen=True, slots=True)
class Gap:
    """Part of the archive that is not here: after one archive id (None: the start), before another."""

    after: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far the archive is held without a hole once this batch is stored."""

    last: str
    gap: Gap | None = None


def is_known(reader: Reader, message: IncomingMessage) -> bool:
    """Whether the message is stored already."""
    key = rows.find_conversation(reader, message.conversation)
    return key is not None and _known(reader, key, message) is not None


def store(
    tx: Transaction,
    batch: Sequence[Incoming],
    *,
    now: int,
    title: Callable[[str], str],
    bookmark: Bookmark | None = None,
) -> rows.Changes:
    """Store what is new of a batch. Messages come first, so receipts find what they speak of."""
    changes = rows.Changes()
    for address, messages in _by_conversation(batch).items():
        _store_messages(tx, address, messages, now, title(address), changes)
        if bookmark is not None:
            _hold(tx, address, messages)
    for item in batch:
        if isinstance(item, IncomingReceipt):
            _receipt(tx, item, changes)
        elif isinstance(item, IncomingRefusal):
            _refusal(tx, item, changes)
    if bookmark is not None:
        _remember(tx, bookmark, now)
    return changes


def _by_conversation(batch: Sequence[Incoming]) -> dict[str, list[IncomingMessage]]:
    found: dict[str, list[IncomingMessage]] = {}
    for item in batch:
        if isinstance(item, IncomingMessage):
            found.setdefault(item.conversation, []).append(item)
    return found


def _store_messages(
    tx: Transaction, address: str, messages: list[IncomingMessage], now: int, title: str,
    changes: rows.Changes,
) -> None:
    key = rows.ensure_conversation(tx, address, title, min(now, max(m.at for m in messages)))
    archived = [message for message in messages if not message.live]
    positions = _archive_positions(tx, key, archived, now) if archived else []
    for message, position in zip(archived, positions, strict=True):
        _store_one(tx, key, address, message, position, changes)
    # Some servers turn the live order round after a resumption, but keep their stamps right.
    for message in sorted((m for m in messages if m.live), key=lambda message: message.at):
        _store_one(tx, key, address, message, _live_position(tx, key, message, now), changes)


def _archive_positions(
    tx: Transaction, key: int, messages: list[IncomingMessage], now: int
) -> list[int]:
    run = [
        Slot(
            _wanted(tx, key, message.at, now),
            _known(tx, key, message),
            loose=message.outgoing or not _is_entry(tx, key, message),
        )
        for message in messages
    ]
    return place(run, lambda position: rows.is_taken(tx, key, position), _last_held(tx, key))


def _last_held(reader: Reader, key: int) -> int:
    """The last position of what lies before the bookmark; what is unknown comes after it, whatever
    its stamp says. (Ours tell when a message came; the archive's, when it was sent.)"""
    row = reader.one(
        "SELECT position FROM im_message WHERE conversation = ? AND held ORDER BY position DESC LIMIT 1",
        (key,),
    )
    return int(row[0]) if row is not None else 0


def _hold(tx: Transaction, address: str, messages: list[IncomingMessage]) -> None:
    key = rows.find_conversation(tx, address)
    tx.execute_many(
        "UPDATE im_message SET held = 1 WHERE conversation = ? AND archive_id = ?",
        [(key, message.archive_id) for message in messages if message.archive_id is not None],
    )


def _live_position(tx: Transaction, key: int, message: IncomingMessage, now: int) -> int:
    if is_fresh(message.at, now) and not _overtaken(tx, key, message.at, now):
        return at_end(min(message.at, now), rows.last_position(tx, key))
    # where part of the archive is missing, it may be older than what is held
    low = 0 if tx.one("SELECT 1 FROM im_gap") else _last_held(tx, key)
    slot = Slot(_wanted(tx, key, message.at, now))
    return place([slot], lambda position: rows.is_taken(tx, key, position), low)[0]


def _overtaken(reader: Reader, key: int, at: int, now: int) -> bool:
    """Whether a later one was faster. (A stamp of the future says that the clock was set back.)"""
    row = reader.one(
        "SELECT at FROM im_message WHERE conversation = ? AND sender <> '' ORDER BY position DESC LIMIT 1",
        (key,),
    )
    return row is not None and at < row[0] <= now


def _wanted(reader: Reader, key: int, at: int, now: int) -> int:
    """The place of a time: between those before it and those after it, wherever they had to stand."""
    near = (key, at, at + _NEAR, at)
    row = reader.one(
        "SELECT max(position) FROM im_message"
        " WHERE conversation = ? AND position BETWEEN ? AND ? AND at <= ?", near,
    )
    if row is None or row[0] is None:
        return min(at, now)
    before = int(row[0])
    row = reader.one(
        "SELECT min(position) FROM im_message"
        " WHERE conversation = ? AND position BETWEEN ? AND ? AND at > ? AND position > ? AND sender <> ''",
        (*near, before),
    )
    after = int(row[0]) if row and row[0] is not None else before + STEP * _SHARE
    return max(min(at, now), before + max(1, min(STEP, (after - before) // _SHARE)))


def _known(reader: Reader, key: int, message: IncomingMessage) -> int | None:
    row = reader.one(
        "SELECT position FROM im_message WHERE conversation = ? AND message_id = ? AND sender = ?",
        (key, message.id, _sender(message)),
    )
    if row is None and message.archive_id is not None:
        row = reader.one(
            "SELECT position FROM im_message WHERE conversation = ? AND archive_id = ?",
            (key, message.archive_id),
        )
    return None if row is None else int(row[0])


def _is_entry(reader: Reader, key: int, message: IncomingMessage) -> bool:
    """Whether the stored message came as this very entry of the archive, not as another copy."""
    return reader.one(
        "SELECT 1 FROM im_message WHERE conversation = ? AND archive_id = ?", (key, message.archive_id)
    ) is not None


def _sender(message: IncomingMessage) -> str:
    return rows.OWN if message.outgoing else message.sender or message.conversation


def _store_one(
    tx: Transaction, key: int, address: str, message: IncomingMessage, position: int,
    changes: rows.Changes,
) -> None:
    known = _known(tx, key, message)
    if known is not None:
        _seen_again(tx, key, address, known, message, changes)
        return
    state = MessageState.SENT if message.outgoing else MessageState.RECEIVED
    change = rows.next_change(tx)
    tx.execute(
        "INSERT INTO im_message (conversation, position, message_id, sender, body, kind, data, at,"
        " state, archive_id, change) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (key, position, message.id, _sender(message), message.body, message.kind,
         encode_data(message.data), message.at, state.value, message.archive_id, change),
    )
    changes.stored.append((address, message.id, change))
    changes.conversations.add(address)
    _apply_early(tx, address, message.id, changes)


def _seen_again(
    tx: Transaction, key: int, address: str, position: int, message: IncomingMessage,
    changes: rows.Changes,
) -> None:
    """A copy: it teaches the archive id and, for one of ours, that the server has it."""
    if message.archive_id is not None:
        tx.execute(
            "UPDATE im_message SET archive_id = ? WHERE conversation = ? AND position = ?"
            " AND archive_id IS NULL",
            (message.archive_id, key, position),
        )
    if message.outgoing:
        retried = tx.one(
            "SELECT retried FROM im_outbox WHERE conversation = ? AND position = ?", (key, position)
        )
        # The copy of an attempt that failed says nothing of the next one.
        if retried != (1,) and (own := rows.find_own(tx, address, message.id)) is not None:
            rows.advance(tx, address, own, Step.ACCEPTED, changes)


def _receipt(tx: Transaction, receipt: IncomingReceipt, changes: rows.Changes) -> None:
    apply = _own_read if receipt.own else _peer_receipt
    if not apply(tx, receipt, changes):
        tx.execute(
            "INSERT OR IGNORE INTO im_early (address, message_id, kind, own) VALUES (?, ?, ?, ?)",
            (receipt.conversation, receipt.message_id, receipt.kind.value, int(receipt.own)),
        )
        tx.execute(
            "DELETE FROM im_early WHERE number <= (SELECT max(number) FROM im_early) - ?", (_EARLY,)
        )


def _apply_early(tx: Transaction, address: str, message_id: str, changes: rows.Changes) -> None:
    """Receipts that came before their message."""
    found = tx.query(
        "SELECT kind, own FROM im_early WHERE address = ? AND message_id = ?", (address, message_id)
    )
    if not found:
        return
    tx.execute("DELETE FROM im_early WHERE address = ? AND message_id = ?", (address, message_id))
    for kind, own in found:
        _receipt(tx, IncomingReceipt(
            kind=ReceiptKind(kind), message_id=message_id, conversation=address, own=bool(own)
        ), changes)


def _own_read(tx: Transaction, receipt: IncomingReceipt, changes: rows.Changes) -> bool:
    """Another device of ours read up to a message. False when the message is not here."""
    if receipt.kind is not ReceiptKind.READ:
        return True
    row = tx.one(
        "SELECT c.key, max(m.position) FROM im_message m JOIN im_conversation c ON c.key = m.conversation"
        " WHERE c.address = ? AND m.message_id = ? GROUP BY c.key",
        (receipt.conversation, receipt.message_id),
    )
    if row is None:
        return False
    if read_up_to(tx, row[0], row[1], told=True) is not None:
        changes.conversations.add(receipt.conversation)
    return True


def read_up_to(tx: Transaction, key: int, position: int, *, told: bool) -> str | None:
    """Move the read position forward; the id of the last message read, or None when nothing moved.

    It stops at a message of somebody else: what is ours needs no reading, and a message that was
    kept for us while ours waited must not count as read because of where it stands.
    """
    row = tx.one(
        "SELECT position, message_id FROM im_message"
        " WHERE conversation = ? AND position <= ? AND sender <> '' ORDER BY position DESC LIMIT 1",
        (key, position),
    )
    if row is None:
        return None
    moved = tx.execute(
        "UPDATE im_conversation SET read_position = ? WHERE key = ? AND read_position < ?",
        (row[0], key, row[0]),
    )
    if told:
        tx.execute(
            "UPDATE im_conversation SET told_position = ? WHERE key = ? AND told_position < ?",
            (row[0], key, row[0]),
        )
    return str(row[1]) if moved else None


def _peer_receipt(tx: Transaction, receipt: IncomingReceipt, changes: rows.Changes) -> bool:
    """The other party got or read a message of ours. False when the message is not here."""
    place = rows.find_own(tx, receipt.conversation, receipt.message_id)
    if place is None:
        return False
    if receipt.kind is ReceiptKind.DELIVERED:
        rows.advance(tx, receipt.conversation, place, Step.DELIVERED, changes)
        return True
    # Reading a message reads what was sent before it (XEP-0333, section 4.1).
    for position, message_id, state in tx.query(
        "SELECT position, message_id, state FROM im_message INDEXED BY im_message_unconfirmed"
        " WHERE conversation = ? AND position < ? AND state IN ('sent', 'delivered') ORDER BY position",
        (place.key, place.position),
    ):
        earlier = rows.Place(place.key, position, message_id, MessageState(state))
        rows.advance(tx, receipt.conversation, earlier, Step.READ, changes)
    rows.advance(tx, receipt.conversation, place, Step.READ, changes)
    return True


def _refusal(tx: Transaction, refusal: IncomingRefusal, changes: rows.Changes) -> None:
    place = rows.find_own(tx, refusal.conversation, refusal.message_id)
    if place is not None:
        reason = refusal.reason or "the server could not deliver it"
        rows.advance(tx, refusal.conversation, place, Step.REFUSED, changes, reason)


def _remember(tx: Transaction, bookmark: Bookmark, now: int) -> None:
    rows.set_meta(tx, "archive", bookmark.last)
    if bookmark.gap is not None:
        tx.execute(
            "INSERT INTO im_gap (after, before, noted) VALUES (?, ?, ?)",
            (bookmark.gap.after, bookmark.gap.before, now),
        )
