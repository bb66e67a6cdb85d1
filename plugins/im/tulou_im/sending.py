"""Transactions of the sending side: a message into the outbox, and out of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tulou_contracts.messaging import Draft, Message, MessageInvalid, MessageState
from tulou_contracts.storage import Reader, Transaction
from tulou_contracts.transport import Outgoing

from tulou_im import rows
from tulou_im.positions import at_end
from tulou_im.state import Step
from tulou_im.text import decode_data, encode_data


@dataclass(frozen=True, slots=True)
class Queued:
    """One row of the outbox, with the message as the transport wants it."""

    key: int
    position: int
    message: Outgoing


def queue(
    tx: Transaction, draft: Draft, message_id: str, now: int, own: str, title: str
) -> tuple[Message, rows.Changes]:
    """Store a message of ours at the end of its conversation, together with its place in the outbox."""
    key = rows.ensure_conversation(tx, draft.conversation, title, now)
    position = at_end(now, rows.last_position(tx, key))
    change = rows.next_change(tx)
    state = MessageState.QUEUED
    tx.execute(
        "INSERT INTO im_message (conversation, position, message_id, sender, body, kind, data, at,"
        " state, change) VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
        (key, position, message_id, draft.body, draft.kind, encode_data(draft.data), now, state.value,
         change),
    )
    tx.execute("INSERT INTO im_outbox (conversation, position) VALUES (?, ?)", (key, position))
    message = Message(
        id=message_id, conversation=draft.conversation, sender=own, body=draft.body, kind=draft.kind,
        data=draft.data, at=now, position=position, state=state, outgoing=True,
    )
    changes = rows.Changes(
        stored=[(draft.conversation, message_id, change)], conversations={draft.conversation}
    )
    return message, changes


def queue_again(tx: Transaction, address: str, message_id: str) -> rows.Changes:
    """Put a FAILED message back into the outbox. Raises `MessageInvalid` when there is none such.

    One that is not FAILED (any more) is on its way already, and is left alone.
    """
    place = rows.find_own(tx, address, message_id)
    if place is None:
        raise MessageInvalid(f"there is no message {message_id!r} of yours to {address} to send again")
    changes = rows.Changes()
    if place.state is MessageState.FAILED:
        rows.advance(tx, address, place, Step.RETRY, changes)
        tx.execute("INSERT OR REPLACE INTO im_outbox VALUES (?, ?, 1)", (place.key, place.position))
    return changes


def settle(
    tx: Transaction, address: str, message_id: str, step: Step, reason: str = ""
) -> rows.Changes:
    """What the server answered to a message of ours."""
    changes = rows.Changes()
    place = rows.find_own(tx, address, message_id)
    if place is not None:
        rows.advance(tx, address, place, step, changes, reason)
    return changes


def waiting(reader: Reader, held: Collection[int], limit: int) -> list[Queued]:
    """The first messages of the outbox, oldest first, without those of the `held` conversations."""
    marks = ", ".join("?" * len(held))
    found = reader.query(
        "SELECT o.conversation, o.position, m.message_id, c.address, m.body, m.kind, m.data"
        " FROM im_outbox o JOIN im_message m USING (conversation, position)"
        " JOIN im_conversation c ON c.key = o.conversation"
        f" WHERE o.conversation NOT IN ({marks}) ORDER BY o.position LIMIT ?",
        [*held, limit],
    )
    return [
        Queued(row[0], row[1], Outgoing(
            id=row[2], to=row[3], body=row[4], kind=row[5], data=decode_data(row[6])
        ))
        for row in found
    ]
