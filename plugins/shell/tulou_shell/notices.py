"""Notices on every open page: one a name, until a person closes or follows it, or it is withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tulou_contracts.ui import Notice

MOST = 20
"""Notices at a time; one more and the oldest goes."""
LONGEST_TITLE = 200
LONGEST_TEXT = 1000

Push = Callable[[str, Any], None]


class NoticeBoard:
    """The provider of `Notices`."""

    def __init__(self, push: Push) -> None:
        self._push = push
        self._notices: dict[str, Notice] = {}

    def show(self, notice: Notice) -> None:
        """Show until a person closes or follows it, or it is withdrawn."""
        if not isinstance(notice, Notice):
            raise TypeError(f"show a Notice, not {type(notice).__name__}")
        if self._notices.get(notice.id) == notice:
            return
        self._notices[notice.id] = notice
        if len(self._notices) > MOST:
            del self._notices[next(iter(self._notices))]
        self._push("notices", self.view())

    def withdraw(self, notice_id: str) -> None:
        """Take it away; harmless when it is gone."""
        if self._notices.pop(notice_id, None) is not None:
            self._push("notices", self.view())

    def view(self) -> list[dict[str, Any]]:
        """As pages read them, oldest first."""
        return [
            {"id": each.id, "title": each.title[:LONGEST_TITLE], "text": each.text[:LONGEST_TEXT],
             "url": each.url,
             "values": {str(name): str(value)[:LONGEST_TEXT] for name, value in each.values.items()}}
            for each in self._notices.values()
        ]
