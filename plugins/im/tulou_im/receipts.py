"""Receipts that we send: 'it arrived' for live messages, 'it was read' whenever that can be told."""

from __future__ import annotations

from collections.abc import Sequence

from tulou_contracts.storage import Database, Reader
from tulou_contracts.transport import (
    ConnectionState,
    Incoming,
    IncomingMessage,
    NotConnected,
    ReceiptKind,
    Transport,
)


class Receipts:
    """Sends receipts. How far reading was told is stored, so it is told after a restart, too."""

    def __init__(self, database: Database, transport: Transport, *, delivered: bool, read: bool) -> None:
        self._database = database
        self._transport = transport
        self._delivered = delivered
        self._read = read

    def delivered(self, batch: Sequence[Incoming]) -> None:
        """Tell the senders of live messages; a message that comes again may have lost its receipt."""
        if not self._delivered:
            return
        for item in batch:
            if isinstance(item, IncomingMessage) and item.live and not item.outgoing:
                if not self._send(item.conversation, item.id, ReceiptKind.DELIVERED):
                    return

    async def tell_read(self) -> None:
        """Tell everybody how far we read, where they do not know it yet."""
        if not self._read or self._transport.state.state is not ConnectionState.ONLINE:
            return
        told = [
            (position, key, position)
            for key, address, position, message_id in await self._database.read(_untold)
            if self._send(address, message_id, ReceiptKind.READ)
        ]
        if told:
            await self._database.write(lambda tx: tx.execute_many(
                "UPDATE im_conversation SET told_position = ? WHERE key = ? AND told_position < ?", told
            ))

    def _send(self, to: str, message_id: str, kind: ReceiptKind) -> bool:
        try:
            self._transport.send_receipt(to, message_id, kind)
        except NotConnected:
            return False
        return True


def _untold(reader: Reader) -> list[tuple[int, str, int, str]]:
    return [
        (row[0], row[1], row[2], row[3])
        for row in reader.query(
            "SELECT c.key, c.address, c.read_position, m.message_id FROM im_conversation c"
            " JOIN im_message m ON m.conversation = c.key AND m.position = c.read_position"
            " WHERE c.told_position < c.read_position"
        )
    ]
