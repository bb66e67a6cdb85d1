"""The table as it is declared now: asked from the plugins, laid under what the server says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tulou_tracking.standing import Standing
from tulou_tracking.table import Override

if TYPE_CHECKING:
    from tulou.hooks import Entry, HookCaller


class Declarations:
    """Keeps `standing.rows` up to date.

    The hook's implementations are called here one by one and not through the caller, which is async:
    `track` is not, and a plugin that has just declared an event may track it at once.
    """

    def __init__(self, hook: HookCaller, standing: Standing) -> None:
        self._hook = hook
        self._standing = standing
        self._seen: tuple[Entry, ...] | None = None
        self._content: Mapping[str, Any] | None = None
        self._override = Override()

    def server_says(self, content: Mapping[str, Any] | None) -> bool:
        """This table of the server's holds, or none, and the plugins may be others; whether either is."""
        if content == self._content:
            return self.renew()
        self._content, self._override = content, Override(content)
        self._rebuild()
        return True

    def person_changed(self) -> None:
        """Another person is in another sample."""
        self._rebuild()

    def renew(self) -> bool:
        """Ask again if plugins came or went; whether they did."""
        if self._hook.entries is self._seen:
            return False
        self._rebuild()
        return True

    def _rebuild(self) -> None:
        self._seen = self._hook.entries
        answers, faults = [], []
        for entry in self._seen:
            if entry.is_async:
                faults.append(f"plugin {entry.plugin!r}: contribute_events must be a plain function")
                continue
            try:
                answers.append((entry.plugin, entry.run()))
            except Exception as error:  # another room's fault: named, and the others' events count
                faults.append(f"plugin {entry.plugin!r} failed in contribute_events: {error!r}")
        self._standing.rebuild(answers, self._override, faults)
