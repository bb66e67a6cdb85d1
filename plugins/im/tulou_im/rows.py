"""Rows as messages and conversations, and the few statements every other file needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from tulou_contracts.messaging import Conversation, Message, MessageState
from tulou_contracts.storage import Reader, Row, Transaction

from tulou_im.positions import STEP
from tulou_im.state import Step, after
from tulou_im.text import decode_data, local_part

OWN = ""
"""The sender of our own messages, as stored."""

_COLUMNS = (
    "m.message_id, c.address, m.sender, m.body, m.kind, m.data, m.at, m.position, m.state, m.reason"
)
_FROM = "FROM im_message m JOIN im_conversation c ON c.key = m.conversation"
SELECT_MESSAGES = f"SELECT {_COLUMNS} {_FROM}"
SELECT_CHANGES = f"SELECT {_COLUMNS}, m.change {_FROM}"


@dataclass(slots=True)
class Changes:
    """What a transaction did, for the events that follow it."""

    stored: list[tuple[str, str, int]] = field(default_factory=list)
    """(conversation, message id, cursor) of each new message."""
    changed: list[tuple[str, str]] = field(default_factory=list)
    """(conversation, message id) of each message in another state."""
    conversations: set[str] = field(default_factory=set)
    """Conversations whose line in the list is another one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stored message, as the state rules see it."""

    key: int
    position: int
    message_id: str
    state: MessageState


def to_message(row: Row, own: str) -> Message:
    """A row of `SELECT_MESSAGES`; `own` is the account's address."""
    state = MessageState(row[8])
    outgoing = row[2] == OWN
    return Message(
        id=row[0], conversation=row[1], sender=own if outgoing else row[2], body=row[3], kind=row[4],
        data=decode_data(row[5]), at=row[6], position=row[7], state=state, outgoing=outgoing,
        reason=row[9],
    )


def next_change(tx: Transaction) -> int:
    """The next number of the durable cursor; it has no holes but those of rolled-back work."""
    tx.execute("UPDATE im_meta SET value = value + 1 WHERE name = 'change'")
    row = tx.one("SELECT value FROM im_meta WHERE name = 'change'")
    assert row is not None
    return int(row[0])


def meta(reader: Reader, name: str) -> str | None:
    """A remembered text."""
    row = reader.one("SELECT value FROM im_meta WHERE name = ?", (name,))
    return None if row is None else str(row[0])


def set_meta(tx: Transaction, name: str, value: str) -> None:
    """Remember a text."""
    tx.execute("INSERT OR REPLACE INTO im_meta VALUES (?, ?)", (name, value))


def find_conversation(reader: Reader, address: str) -> int | None:
    """The key of a conversation, or None."""
    row = reader.one("SELECT key FROM im_conversation WHERE address = ?", (address,))
    return None if row is None else int(row[0])


def ensure_conversation(tx: Transaction, address: str, title: str, active: int) -> int:
    """The key of a conversation, made when there is none; `title` names it if nothing does yet."""
    tx.execute(
        "INSERT INTO im_conversation (address, title, active) VALUES (?, ?, ?)"
        " ON CONFLICT (address) DO UPDATE SET active = max(active, excluded.active),"
        " title = CASE title WHEN '' THEN excluded.title ELSE title END",
        (address, title, active),
    )
    key = find_conversation(tx, address)
    assert key is not None
    return key


def last_position(reader: Reader, key: int) -> int:
    """The position of a conversation's last message, or one that nothing is before."""
    row = reader.one("SELECT max(position) FROM im_message WHERE conversation = ?", (key,))
    return int(row[0]) if row and row[0] is not None else -STEP


def is_taken(reader: Reader, key: int, position: int) -> bool:
    """Whether a message stands at exactly this position."""
    return reader.one(
        "SELECT 1 FROM im_message WHERE conversation = ? AND position = ?", (key, position)
    ) is not None


def find_own(reader: Reader, address: str, message_id: str) -> Place | None:
    """A message of ours by its id."""
    row = reader.one(
        f"SELECT m.conversation, m.position, m.message_id, m.state {_FROM}"
        " WHERE c.address = ? AND m.message_id = ? AND m.sender = ''",
        (address, message_id),
    )
    return None if row is None else Place(row[0], row[1], row[2], MessageState(row[3]))


def advance(
    tx: Transaction, address: str, place: Place, step: Step, changes: Changes, reason: str = ""
) -> None:
    """Let `step` happen to a message of ours; whatever ends its waiting takes it out of the outbox."""
    state = after(place.state, step)
    if state is place.state:
        return
    tx.execute(
        "UPDATE im_message SET state = ?, reason = ?, change = ? WHERE conversation = ? AND position = ?",
        (state.value, reason if state is MessageState.FAILED else "", next_change(tx), place.key,
         place.position),
    )
    if place.state is MessageState.QUEUED:
        tx.execute(
            "DELETE FROM im_outbox WHERE conversation = ? AND position = ?", (place.key, place.position)
        )
    changes.changed.append((address, place.message_id))
    changes.conversations.add(address)


def conversations(reader: Reader, own: str, limit: int, address: str | None = None) -> list[Conversation]:
    """The newest conversations, or the one with `address`."""
    where, parameters = ("WHERE c.address = ?", [address]) if address is not None else ("", [])
    rows = reader.query(
        "SELECT c.address, c.title, c.read_position, c.key,"
        " (SELECT count(*) FROM im_message u WHERE u.conversation = c.key"
        "   AND u.position > c.read_position AND u.sender <> '')"
        f" FROM im_conversation c {where} ORDER BY c.active DESC, c.key DESC LIMIT ?",
        [*parameters, limit],
    )
    return [
        Conversation(
            id=row[0], title=row[1] or local_part(row[0]), read_position=row[2], unread=row[4],
            last=_last(reader, row[3], own),
        )
        for row in rows
    ]


def _last(reader: Reader, key: int, own: str) -> Message | None:
    row = reader.one(
        f"{SELECT_MESSAGES} WHERE m.conversation = ? ORDER BY m.position DESC LIMIT 1", (key,)
    )
    return None if row is None else to_message(row, own)
