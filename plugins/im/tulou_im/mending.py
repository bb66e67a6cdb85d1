"""After the store had to repair the database: what is left is made whole, the rest is fetched again."""

from __future__ import annotations

from tulou_contracts.messaging import MessageState
from tulou_contracts.storage import Database, Transaction

from tulou_im import rows
from tulou_im.catchup import BEGINNING

_MENDED = "mended"


async def mend(database: Database) -> None:
    """Once for each repair: rows that belong together do again, and the archive is wanted from its
    beginning. Nobody knows which rows are missing, so nothing counts as held. Raises `StorageError`."""
    repair = database.repair
    if repair is None:
        return

    def work(tx: Transaction) -> None:
        if rows.meta(tx, _MENDED) == repair.kept_as:
            return  # the app was closed before everything was fetched: go on from there
        _join(tx)
        tx.execute("UPDATE im_message SET held = 0 WHERE held")
        tx.execute("DELETE FROM im_gap")
        rows.set_meta(tx, "archive", BEGINNING)
        rows.set_meta(tx, _MENDED, repair.kept_as)

    await database.write(work)


def _join(tx: Transaction) -> None:
    """The number of changes goes on, messages have their conversation, and what waits is sent."""
    row = tx.one("SELECT coalesce(max(change), 0) FROM im_message")
    newest = int(row[0]) if row is not None else 0
    tx.execute("INSERT OR IGNORE INTO im_meta VALUES ('change', 0)")
    tx.execute("UPDATE im_meta SET value = max(value, ?) WHERE name = 'change'", (newest,))
    # of a conversation whose row is lost, the sender of what came tells whose it is
    tx.execute(
        "INSERT OR IGNORE INTO im_conversation (key, address, active)"
        " SELECT conversation, sender, max(at) FROM im_message WHERE sender <> ''"
        " AND conversation NOT IN (SELECT key FROM im_conversation) GROUP BY conversation")
    tx.execute("DELETE FROM im_message WHERE conversation NOT IN (SELECT key FROM im_conversation)")
    tx.execute(
        "DELETE FROM im_outbox WHERE NOT EXISTS (SELECT 1 FROM im_message m"
        " WHERE m.conversation = im_outbox.conversation AND m.position = im_outbox.position)")
    tx.execute(
        "INSERT OR IGNORE INTO im_outbox (conversation, position)"
        " SELECT conversation, position FROM im_message WHERE state = ? AND sender = ''",
        (MessageState.QUEUED.value,))
