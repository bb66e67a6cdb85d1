"""Conversations as a file for people (HTML) or programs (JSON), written page by page.

The HTML is one file that needs nothing else, loads nothing and runs nothing; it reads well on a phone.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timezone
from html import escape
from typing import Any, Protocol

from tulou_contracts.messaging import Conversation, Message, Messenger

PAGE = 1000
"""Messages read at a time."""

_HEAD = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>
:root {{ color-scheme: light dark; --own: #d7eaff; --other: #f0f0f0; --quiet: #666 }}
@media (prefers-color-scheme: dark) {{ :root {{ --own: #1d3b57; --other: #2a2a2a; --quiet: #aaa }} }}
body {{ font: 16px/1.5 system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  max-width: 46rem; margin: 0 auto; padding: 1rem }}
h2 {{ position: sticky; top: 0; background: Canvas; padding: .5rem 0; margin: 2rem 0 .5rem }}
h3 {{ text-align: center; color: var(--quiet); font-size: .85rem; font-weight: normal }}
p {{ white-space: pre-wrap; overflow-wrap: anywhere; background: var(--other); border-radius: .8rem;
  padding: .4rem .8rem; margin: .3rem 15% .3rem 0; content-visibility: auto }}
p.own {{ background: var(--own); margin: .3rem 0 .3rem 15% }}
small {{ display: block; color: var(--quiet); overflow-wrap: anywhere }}
</style></head><body><h1>{title}</h1>
"""


class Writer(Protocol):
    """Puts an export together; each method gives a piece of text."""

    def begin(self, account: str) -> str:
        """Before everything."""

    def conversation(self, conversation: Conversation) -> str:
        """Before the messages of one."""

    def message(self, message: Message) -> str:
        """One message."""

    def end_conversation(self) -> str:
        """After the messages of one."""

    def end(self) -> str:
        """After everything."""


class Html:
    """For people. `zone` is where times are told in; None: where this machine is."""

    def __init__(self, zone: timezone | None = None, chinese: bool = True) -> None:
        self._zone = zone
        self._chinese = chinese
        self._day = ""

    def begin(self, account: str) -> str:
        """See `Writer`."""
        name = "聊天记录" if self._chinese else "Conversations"
        title = f"{name} · {account}" if account else name
        return _HEAD.format(lang="zh" if self._chinese else "en", title=_text(title))

    def conversation(self, conversation: Conversation) -> str:
        """See `Writer`."""
        self._day = ""
        title, address = _text(conversation.title), _text(conversation.id)
        return f'<section><h2 dir="auto">{title}</h2><small>{address}</small>\n'

    def message(self, message: Message) -> str:
        """See `Writer`."""
        at = datetime.fromtimestamp(message.at // 1_000_000, timezone.utc).astimezone(self._zone)
        day = at.date().isoformat()
        heading = f"<h3>{day}</h3>\n" if day != self._day else ""
        self._day = day
        own = ' class="own"' if message.outgoing else ""
        notes = [f'<time datetime="{at.isoformat()}">{at:%H:%M}</time>']
        if not message.outgoing:
            notes.insert(0, _text(message.sender))
        if message.kind != "text":
            notes.append(_text(message.kind))
        if message.reason:
            notes.append(_text(message.reason))
        return f'{heading}<p{own} dir="auto"><small>{" · ".join(notes)}</small>{_text(message.body)}</p>\n'

    def end_conversation(self) -> str:
        """See `Writer`."""
        return "</section>\n"

    def end(self) -> str:
        """See `Writer`."""
        return "</body></html>\n"


class Json:
    """For programs: ``{"format", "account", "conversations": [{"id", "title", "messages": [...]}]}``."""

    def __init__(self) -> None:
        self._first = True
        self._first_message = True

    def begin(self, account: str) -> str:
        """See `Writer`."""
        return f'{{"format": "tulou-conversations-1", "account": {_json(account)}, "conversations": ['

    def conversation(self, conversation: Conversation) -> str:
        """See `Writer`."""
        comma, self._first, self._first_message = "" if self._first else ",", False, True
        return (f'{comma}\n{{"id": {_json(conversation.id)}, "title": {_json(conversation.title)},'
                ' "messages": [')

    def message(self, message: Message) -> str:
        """See `Writer`."""
        comma, self._first_message = "" if self._first_message else ",", False
        return f"{comma}\n" + _json({
            "id": message.id, "sender": message.sender, "at": message.at, "outgoing": message.outgoing,
            "kind": message.kind, "body": message.body, "data": dict(message.data),
            "state": message.state.value, "reason": message.reason,
        })

    def end_conversation(self) -> str:
        """See `Writer`."""
        return "]}"

    def end(self) -> str:
        """See `Writer`."""
        return "]}\n"


async def export(
    messenger: Messenger, writer: Writer, put: Callable[[str], object], *, account: str = "", only: str = "",
) -> int:
    """Write all conversations, or the one with `only`; the number of messages. Raises what `put` does."""
    count = 0
    put(writer.begin(account))
    async for conversation in _conversations(messenger, only):
        put(writer.conversation(conversation))
        async for page in _pages(messenger, conversation.id):
            put("".join(map(writer.message, page)))
            count += len(page)
        put(writer.end_conversation())
    put(writer.end())
    return count


async def _conversations(messenger: Messenger, only: str) -> AsyncIterator[Conversation]:
    known = set()
    for conversation in await messenger.conversations(PAGE):
        known.add(conversation.id)
        if not only or conversation.id == only:
            yield conversation
    if len(known) < PAGE:
        return
    cursor = 0  # the list is longer than one answer: the rest is found by its messages
    while True:
        messages, cursor = await messenger.since(cursor, PAGE)
        if not messages:
            return
        for message in messages:
            if message.conversation not in known:
                known.add(message.conversation)
                if not only or message.conversation == only:
                    address = message.conversation
                    yield Conversation(id=address, title=address, last=None, unread=0)


async def _pages(messenger: Messenger, conversation: str) -> AsyncIterator[Sequence[Message]]:
    """Oldest first. History is read backwards, so the first pass only notes where pages begin."""
    ends: list[int | None] = []
    before: int | None = None
    while page := await messenger.history(conversation, before=before, limit=PAGE):
        ends.append(before)
        before = page[0].position
    for end in reversed(ends):
        yield await messenger.history(conversation, before=end, limit=PAGE)


def _text(text: str) -> str:
    """Escaped; characters that no document may hold are shown as replaced."""
    kept = "".join(each if each >= " " or each in "\n\t" else "\ufffd" for each in text)
    return escape(kept.encode("utf-8", "replace").decode())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
