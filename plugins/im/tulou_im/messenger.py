"""The room's service: what other rooms call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from logging import Logger
from typing import Any

from tulou import Prevent
from tulou.errors import HookError
from tulou.flow import new_id
from tulou_contracts.messaging import (
    Conversation,
    ConversationChanged,
    Draft,
    Message,
    MessageInvalid,
    MessagePrevented,
)
from tulou_contracts.storage import Database, Reader, Transaction

from tulou_im import receiving, rows, sending
from tulou_im.news import Publish, announce
from tulou_im.outbox import Outbox
from tulou_im.receipts import Receipts
from tulou_im.text import clean, misshapen, normal_address, proper, stored_address

Pipeline = Callable[[Draft], Awaitable[Any]]
_MOST = 1000  # rows in one answer


class Conversations:
    """The contract `Messenger`, on the profile's database."""

    def __init__(
        self, database: Database, outbox: Outbox, receipts: Receipts, publish: Publish, *,
        now: Callable[[], int], own: Callable[[], str], title: Callable[[str], str],
        pipeline: Pipeline, max_body: int, log: Logger, tell_read: bool = True,
        changers: Callable[[], Sequence[str]] = tuple, sent: Callable[[str], None] = lambda kind: None,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._receipts = receipts
        self._publish = publish
        self._now = now
        self._own = own
        self._title = title
        self._pipeline = pipeline
        self._max_body = max_body
        self._log = log
        self._changers = changers
        self._sent = sent
        self._tell_read = tell_read

    async def send(
        self, conversation: str, body: str, *, kind: str = "text", data: Mapping[str, str] | None = None
    ) -> Message:
        """Check, pass through the plugins, store; the outbox sends it when it can."""
        draft = proper(
            Draft(conversation=conversation, body=body, kind=kind, data=data or {}), self._max_body
        )
        draft = await self._piped(draft)
        now, own, title = self._now(), self._own(), self._title(draft.conversation)
        message_id = new_id(now)
        try:
            message, changes = await self._database.write(
                lambda tx: sending.queue(tx, draft, message_id, now, own, title)
            )
        finally:
            self._outbox.wake()  # a cancelled wait does not undo the write
        self._log.debug("message %s is queued", message_id)
        announce(self._publish, changes)
        self._sent(draft.kind)
        return message

    async def _piped(self, draft: Draft) -> Draft:
        try:
            answer = await self._pipeline(draft)
        except HookError as error:
            raise MessagePrevented(
                f"the message was not sent, because a plugin that had to see it failed: {error}"
            ) from error
        if isinstance(answer, Prevent):
            by = f"{answer.plugin}: " if answer.plugin else ""
            raise MessagePrevented(f"{by}{answer.reason}")
        fault = misshapen(answer)
        if not fault:
            try:
                return proper(answer, self._max_body)
            except MessageInvalid as error:
                fault = f"a draft that cannot be sent ({error})"
        raise self._spoiled(fault)

    def _spoiled(self, made: str) -> MessagePrevented:
        """What the sender is told, and the log too: the person who can mend it reads that."""
        names = self._changers()
        who = "the plugins that see it" if not names else (
            f"{'one of the plugins' if len(names) > 1 else 'the plugin'} {', '.join(map(repr, names))}")
        self._log.error("an outgoing message is held back: %s made of it %s", who, made)
        return MessagePrevented(f"the message was not sent, because {who} made of it {made}")

    async def retry(self, conversation: str, message_id: str) -> None:
        """Queue a FAILED message again; one on its way is left alone. Raises `MessageInvalid`."""
        address = stored_address(conversation)
        changes = await self._database.write(lambda tx: sending.queue_again(tx, address, message_id))
        self._outbox.wake()
        announce(self._publish, changes)

    async def conversations(self, limit: int = 100) -> Sequence[Conversation]:
        """The list, newest first."""
        own, most = self._own(), _bounded(limit, 100_000)
        return await self._database.read(lambda reader: rows.conversations(reader, own, most))

    async def open_conversation(self, address: str, title: str = "") -> Conversation:
        """The conversation with somebody; `title` names it when no contact does."""
        proper_address, now, own = normal_address(address), self._now(), self._own()
        name = self._title(proper_address) or clean(title).strip()

        def work(tx: Transaction) -> tuple[Conversation, bool]:
            known = rows.conversations(tx, own, 1, proper_address)
            rows.ensure_conversation(tx, proper_address, name, 0 if known else now)
            after = rows.conversations(tx, own, 1, proper_address)
            return after[0], known != after

        conversation, changed = await self._database.write(work)
        if changed:
            self._publish(ConversationChanged(conversation=proper_address))
        return conversation

    async def history(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Message]:
        """A page of messages, oldest first."""
        address, own, most = stored_address(conversation), self._own(), _bounded(limit, _MOST)

        def work(reader: Reader) -> list[Message]:
            key = rows.find_conversation(reader, address)
            found = reader.query(
                f"{rows.SELECT_MESSAGES} WHERE m.conversation = ? AND (? IS NULL OR m.position < ?)"
                " ORDER BY m.position DESC LIMIT ?",
                (key, before, before, most),
            )
            return [rows.to_message(row, own) for row in reversed(found)]

        return await self._database.read(work)

    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message; where two people used the same id, the first one."""
        address, own = stored_address(conversation), self._own()
        row = await self._database.read(lambda reader: reader.one(
            f"{rows.SELECT_MESSAGES} WHERE c.address = ? AND m.message_id = ? ORDER BY m.position",
            (address, message_id),
        ))
        return None if row is None else rows.to_message(row, own)

    async def mark_read(self, conversation: str, position: int) -> None:
        """Everything up to `position` was read; going back is ignored."""
        address, told = stored_address(conversation), not self._tell_read

        def work(tx: Transaction) -> str | None:
            key = rows.find_conversation(tx, address)
            return None if key is None else receiving.read_up_to(tx, key, position, told=told)

        if await self._database.write(work) is not None:
            self._publish(ConversationChanged(conversation=address))
            await self._receipts.tell_read()

    async def since(self, cursor: int, limit: int = 200) -> tuple[Sequence[Message], int]:
        """What was stored or changed after a cursor; each message once, as it is now."""
        own, most = self._own(), _bounded(limit, _MOST)
        found = await self._database.read(lambda reader: reader.query(
            f"{rows.SELECT_CHANGES} WHERE m.change > ? ORDER BY m.change LIMIT ?", (cursor, most)
        ))
        return [rows.to_message(row, own) for row in found], (found[-1][-1] if found else cursor)


def _bounded(limit: int, most: int) -> int:
    return max(0, min(limit, most))
