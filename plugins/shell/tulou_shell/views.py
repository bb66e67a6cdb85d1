"""Contract data classes as the plain values that pages read. Pure."""

from __future__ import annotations

from typing import Any

from tulou_contracts.messaging import Conversation, Message
from tulou_contracts.transport import ConnectionChanged, Contact

Value = dict[str, Any]


def message_view(message: Message) -> Value:
    """One message; `at` in microseconds since 1970 (a number JavaScript holds exactly)."""
    return {
        "id": message.id,
        "conversation": message.conversation,
        "sender": message.sender,
        "body": message.body,
        "kind": message.kind,
        "data": dict(message.data),
        "at": message.at,
        "position": message.position,
        "state": message.state.value,
        "outgoing": message.outgoing,
        "reason": message.reason,
    }


def conversation_view(conversation: Conversation) -> Value:
    """One line of the conversation list."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "last": message_view(conversation.last) if conversation.last else None,
        "unread": conversation.unread,
        "readPosition": conversation.read_position,
    }


def contact_view(contact: Contact) -> Value:
    """One line of the contact list."""
    return {
        "address": contact.address,
        "name": contact.name,
        "presence": contact.presence.value,
        "subscribed": contact.subscribed,
    }


def connection_view(connection: ConnectionChanged | None) -> Value:
    """The connection; state 'missing' when the composition has no transport."""
    if connection is None:
        return {"state": "missing", "reason": "", "retryIn": None}
    return {
        "state": connection.state.value,
        "reason": connection.reason,
        "retryIn": connection.retry_in,
    }
