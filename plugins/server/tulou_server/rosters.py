"""Contact lists in the database: items, versions, and the two sides of a subscription.

Every change raises the owner's version and stamps it on the item, so that a client that tells the
version it has gets only what changed since (RFC 6121, section 2.6). An item that is removed stays
as a row that is not `listed`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tulou_contracts.storage import Reader, Transaction
from tulou_server.accounts import account_exists
from tulou_server.subscription import State, Way, move

_COLUMNS = "contact, name, groups, state, listed, request, version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a contact list; `contact` is an account name of this domain.

    `listed`: shown to the owner, not merely a request that waits or a trace of a removed item.
    `request`: the waiting request's stanza, as text.
    """

    contact: str
    name: str = ""
    groups: tuple[str, ...] = ()
    state: State = State.NONE
    listed: bool = False
    request: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One subscription stanza that goes from `sender` to `receiver` and is to be delivered."""

    sender: str
    receiver: str
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did: items by owner, in the order of the changes, and stanzas to deliver."""

    changed: Sequence[tuple[str, Item]] = ()
    steps: Sequence[Step] = ()


def load(reader: Reader, owner: str) -> list[Item]:
    """Every row of an owner, listed or not."""
    rows = reader.query(f"SELECT {_COLUMNS} FROM server_roster WHERE owner = ?", (owner,))
    return [_item(row) for row in rows]


def version(reader: Reader, owner: str) -> int:
    """The owner's current version."""
    row = reader.one("SELECT roster_version FROM server_account WHERE name = ?", (owner,))
    return int(row[0]) if row else 0


def load_with_version(reader: Reader, owner: str) -> tuple[list[Item], int]:
    """All rows and the version they are of, from one consistent view."""
    return load(reader, owner), version(reader, owner)


def put(
    transaction: Transaction, owner: str, contact: str, name: str, groups: tuple[str, ...]
) -> Outcome:
    """Add a contact or change its name and groups."""
    item = replace(_one(transaction, owner, contact), name=name, groups=groups, listed=True)
    return Outcome([(owner, _store(transaction, owner, item))])


def remove(transaction: Transaction, owner: str, contact: str) -> Outcome | None:
    """Take a contact off the list, ending subscriptions both ways; None when it is not on it."""
    if not _one(transaction, owner, contact).listed:
        return None
    first = exchange(transaction, owner, contact, "unsubscribe")
    second = exchange(transaction, owner, contact, "unsubscribed")
    item = replace(_one(transaction, owner, contact), name="", groups=(), listed=False)
    changed = [*first.changed, *second.changed]
    theirs = [(who, what) for who, what in changed if who != owner]
    mine = (owner, _store(transaction, owner, item))
    return Outcome([*theirs, mine], [*first.steps, *second.steps])


def exchange(
    transaction: Transaction, sender: str, receiver: str, kind: str, request: str = ""
) -> Outcome:
    """Move both sides by one subscription stanza, and by the answer that the server itself gives."""
    changed: list[tuple[str, Item]] = []
    steps: list[Step] = []
    mine = _one(transaction, sender, receiver)
    after = move(Way.OUT, kind, mine.state)
    if after is None:
        return Outcome()
    if after is not mine.state or (kind == "subscribe" and not mine.listed):
        listed = mine.listed or kind in ("subscribe", "subscribed")
        waiting = mine.request if after.asked else ""
        mine = replace(mine, state=after, listed=listed, request=waiting)
        changed.append((sender, _store(transaction, sender, mine)))
    if not account_exists(transaction, receiver):
        _answer(transaction, sender, receiver, "unsubscribed", changed, steps)
        return Outcome(changed, steps)
    theirs = _one(transaction, receiver, sender)
    if kind == "subscribe" and theirs.state.shows:
        _answer(transaction, sender, receiver, "subscribed", changed, steps)
        return Outcome(changed, steps)
    arrived = move(Way.IN, kind, theirs.state)
    if arrived is not None:
        waiting = request if kind == "subscribe" else theirs.request if arrived.asked else ""
        theirs = replace(theirs, state=arrived, request=waiting)
        changed.append((receiver, _store(transaction, receiver, theirs)))
        steps.append(Step(sender, receiver, kind))
    return Outcome(changed, steps)


def befriend(transaction: Transaction, one: str, other: str, names: tuple[str, str]) -> Outcome:
    """Put two accounts on each other's list, each seeing the other's presence.

    `names` is what each is called on the other's list, where it has no name yet.
    """
    changed = []
    for owner, contact, name in ((one, other, names[1]), (other, one, names[0])):
        item = _one(transaction, owner, contact)
        item = replace(item, name=item.name or name, state=State.BOTH, listed=True, request="")
        changed.append((owner, _store(transaction, owner, item)))
    return Outcome(changed)


def _answer(
    transaction: Transaction, sender: str, receiver: str, kind: str,
    changed: list[tuple[str, Item]], steps: list[Step],
) -> None:
    """The receiver's server answers at once, in the receiver's name."""
    mine = _one(transaction, sender, receiver)
    arrived = move(Way.IN, kind, mine.state)
    if arrived is not None:
        stored = _store(transaction, sender, replace(mine, state=arrived))
        changed.append((sender, stored))
        steps.append(Step(receiver, sender, kind))


def _one(reader: Reader, owner: str, contact: str) -> Item:
    row = reader.one(
        f"SELECT {_COLUMNS} FROM server_roster WHERE owner = ? AND contact = ?", (owner, contact)
    )
    return _item(row) if row else Item(contact=contact)


def _store(transaction: Transaction, owner: str, item: Item) -> Item:
    transaction.execute(
        "UPDATE server_account SET roster_version = roster_version + 1 WHERE name = ?", (owner,)
    )
    item = replace(item, version=version(transaction, owner))
    groups = json.dumps(item.groups, ensure_ascii=False)
    transaction.execute(
        f"INSERT OR REPLACE INTO server_roster (owner, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (owner, item.contact, item.name, groups, item.state.value, int(item.listed), item.request,
         item.version),
    )
    return item


def _item(row: Sequence[object]) -> Item:
    contact, name, groups, state, listed, request, number = row
    return Item(
        contact=str(contact), name=str(name), groups=tuple(json.loads(str(groups))),
        state=State(state), listed=bool(listed), request=str(request), version=int(str(number)),
    )
