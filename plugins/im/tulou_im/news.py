"""Events after a commit. They are wake-ups: what must not be missed is read from the cursor."""

from __future__ import annotations

from collections.abc import Callable

from tulou_contracts.messaging import ConversationChanged, MessageChanged, MessageStored

from tulou_im.rows import Changes

Publish = Callable[[object], None]


def announce(publish: Publish, changes: Changes) -> None:
    """Publish what a transaction did."""
    for conversation, message_id, cursor in changes.stored:
        publish(MessageStored(conversation=conversation, message_id=message_id, cursor=cursor))
    for conversation, message_id in dict.fromkeys(changes.changed):
        publish(MessageChanged(conversation=conversation, message_id=message_id))
    for conversation in sorted(changes.conversations):
        publish(ConversationChanged(conversation=conversation))
