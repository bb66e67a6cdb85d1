"""The page of the settings about what is stored: how much, how safe, and backups of it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from tulou import implements
from tulou.errors import TulouError
from tulou_contracts.storage import StorageError
from tulou_contracts.ui import Asset, Contribution, Page, PageFeed, PageMethod, Place, contribute_ui

from tulou_store.upkeep import Upkeep

if TYPE_CHECKING:
    from tulou.services import Wanted
    from tulou_contracts.crypto import Keyring

_LOOK = 0.25
"""Seconds between two looks at how far a backup is."""
_LONGEST = 4096

Spawn = Callable[[Callable[[], Awaitable[None]]], object]


class StoragePages:
    """Contributed to the shell. A backup goes on when the page that asked for it is closed."""

    def __init__(
        self, upkeep: Upkeep, keyring: Wanted[Keyring], spawn: Spawn, log: logging.Logger
    ) -> None:
        self._upkeep = upkeep
        self._keyring = keyring
        self._spawn = spawn
        self._log = log
        self._backup: dict[str, Any] = {"state": "none"}

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The page, what it calls and listens to, and its words."""
        from tulou_store.texts import TEXTS

        return [
            Page(name="storage", title="store.title", icon=Asset("tulou_store", "storage.svg"),
                 place=Place.SETTINGS, order=60, module=Asset("tulou_store", "storage.js")),
            PageMethod(name="store.usage", handler=self.usage),
            PageMethod(name="store.safety", handler=self.safety),
            PageMethod(name="store.key", handler=self.key),
            PageMethod(name="store.check", handler=self.check),
            PageMethod(name="store.compact", handler=self.compact),
            PageMethod(name="store.backup", handler=self.backup),
            PageFeed(name="store.backups", source=self.backups),
            *TEXTS,
        ]

    async def usage(self, params: Mapping[str, Any]) -> Any:
        """Sizes in bytes."""
        return (await self._upkeep.usage())._asdict()

    async def safety(self, params: Mapping[str, Any]) -> Any:
        """Whether it is encrypted, where the key is, and what was done last for its safety."""
        ring = self._keyring.get()
        notes = await self._upkeep.notes()
        return {
            "encrypted": self._upkeep.secret is not None,
            "where": ring.where if ring is not None else "",
            "checked": notes.get("checked", ""),
            "saved": notes.get("saved", ""),
            "target": str(await trio.to_thread.run_sync(_free_name, notes.get("account", ""))),
        }

    async def key(self, params: Mapping[str, Any]) -> Any:
        """The recovery key, as `tulou store key` prints it."""
        from tulou_store.recovery import as_words

        if self._upkeep.secret is None:
            raise StorageError("this profile is not encrypted: there is no key")
        return as_words(self._upkeep.secret)

    async def check(self, params: Mapping[str, Any]) -> Any:
        """A sentence for each fault."""
        return list(await self._upkeep.check())

    async def compact(self, params: Mapping[str, Any]) -> Any:
        """The bytes gained."""
        return await self._upkeep.compact()

    async def backup(self, params: Mapping[str, Any]) -> Any:
        """Begin one; how it goes is told by the feed."""
        if self._backup["state"] == "running":
            raise StorageError("a backup is being made already")
        target, passphrase = _text(params, "target").strip(), _text(params, "passphrase")
        path = Path(target).expanduser()
        if not target or not path.is_absolute() or "\0" in target:
            raise StorageError("name the file with its folder, from the root of the disk")
        self._backup = {"state": "running"}
        self._spawn(lambda: self._make(path, passphrase))

    async def _make(self, path: Path, passphrase: str) -> None:
        try:
            made = await self._upkeep.backup(path, passphrase=passphrase)
        except TulouError as error:
            self._backup = {"state": "failed", "reason": str(error)}
        except Exception:  # whatever it is, it must not stop the store
            self._log.exception("a backup was not made")
            self._backup = {"state": "failed", "reason": "something went wrong inside; the log says what"}
        else:
            self._backup = {"state": "done", "path": str(made.path), "size": made.bytes,
                            "files": made.files, "sealed": made.sealed}

    async def backups(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """How the newest backup stands; `done` and `whole` are bytes while it is made."""
        told: dict[str, Any] = {}
        while True:
            view = dict(self._backup)
            if view["state"] == "running":
                view["done"], view["whole"] = self._upkeep.packed
            if view != told:
                told = view
                yield view
            await trio.sleep(_LOOK)


def _free_name(account: str) -> Path:
    home = Path.home()
    folder = home / "Documents" if (home / "Documents").is_dir() else home
    stem = f"{account.partition('@')[0] or 'tulou'}-{time.strftime('%Y-%m-%d')}"
    number, path = 1, folder / f"{stem}.tulou-backup"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.tulou-backup"
    return path


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise StorageError(f"{name}: give a text of at most {_LONGEST} characters")
    return value
