"""Messaging: conversations and messages as people see them. Implemented by `im`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tulou import Kind, Prevent, hook, needs_grant
from tulou.errors import TulouError


class MessagingError(TulouError):
    """Base of messaging's errors."""


class MessagePrevented(MessagingError):
    """A plugin did not let the message go; the text has the plugin's name and its reason."""


class MessageInvalid(MessagingError):
    """The message cannot be sent as it is: empty, too long, or not to a proper address."""


class MessageState(Enum):
    """The life of a message of ours; it never goes backwards. Others' messages are RECEIVED."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation."""

    id: str
    conversation: str
    sender: str
    body: str
    """The text; for a kind a reader does not know, what to show instead."""
    kind: str = "text"
    data: Mapping[str, str] = field(default_factory=dict)
    at: int
    """Microseconds since 1970 UTC."""
    position: int
    """Orders the messages of a conversation; grows with time, not dense."""
    state: MessageState
    outgoing: bool
    reason: str = ""
    """Why it FAILED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One line of the conversation list."""

    id: str
    """The other party's address."""
    title: str
    last: Message | None
    unread: int
    """Messages of others after the read position; derived, never counted up."""
    read_position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message before it is stored, as the hooks see it."""

    conversation: str
    body: str
    kind: str = "text"
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStored:
    """Event: a message is durable. A wake-up only: read on from a cursor (`Messenger.since`)."""

    conversation: str
    message_id: str
    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChanged:
    """Event: a stored message has another state or content now."""

    conversation: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged:
    """Event: a line of the conversation list is another one now."""

    conversation: str


@hook(Kind.PIPELINE, strict=True)
async def outgoing_message(draft: Draft) -> Draft | Prevent | None:
    """Sees a message of ours before it is stored for sending: prevent, extend, modify, observe.

    Strict: when an implementation fails, the message is not sent, for it might have been the one
    that had to stop or change it.
    """


@hook(Kind.PIPELINE)
async def incoming_message(message: Message) -> Message | Prevent | None:
    """Sees a message of another person before it is stored. `Prevent` drops it (it is acknowledged)."""


class Messenger(Protocol):
    """Conversations of the profile's account."""

    @needs_grant("messages.send")
    async def send(
        self, conversation: str, body: str, *, kind: str = "text",
        data: Mapping[str, str] | None = None,
    ) -> Message:
        """Store a message in the outbox and return it, QUEUED; it is sent when there is a connection.

        Once this returns the message is durable, and reaches the server exactly once as seen by
        its readers. Raises `MessageInvalid`, `MessagePrevented`.
        """

    @needs_grant("messages.send")
    async def retry(self, conversation: str, message_id: str) -> None:
        """Queue a FAILED message again, with the same id."""

    @needs_grant("messages.read")
    async def conversations(self, limit: int = 100) -> Sequence[Conversation]:
        """The conversation list, newest first."""

    @needs_grant("messages.send")
    async def open_conversation(self, address: str, title: str = "") -> Conversation:
        """The conversation with somebody, made when there is none. Raises `MessageInvalid`."""

    @needs_grant("messages.read")
    async def history(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Message]:
        """Messages before a position (None: the newest), oldest first; local, so it answers at once."""

    @needs_grant("messages.read")
    async def message(self, conversation: str, message_id: str) -> Message | None:
        """One message, or None."""

    @needs_grant("messages.send")
    async def mark_read(self, conversation: str, position: int) -> None:
        """Everything up to `position` was read; tells the sender when there is a connection."""

    @needs_grant("messages.read")
    async def since(self, cursor: int, limit: int = 200) -> tuple[Sequence[Message], int]:
        """Messages stored or changed after a durable cursor, in order, and the cursor to go on from."""
