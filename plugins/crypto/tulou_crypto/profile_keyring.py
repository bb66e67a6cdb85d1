"""The contract `Keyring`: the policy of what goes to the system's keyring and what to the file.

The book (`tulou_crypto.book`) has the last word on every name. Whatever happens between two steps,
it either points at the newest secret or says that there is none, never at an older one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import trio

from tulou.flow import new_id
from tulou_contracts.crypto import CryptoError
from tulou_crypto import book as books
from tulou_crypto import files
from tulou_crypto.book import Book, BookDamaged, Entry, Kept
from tulou_crypto.system import SystemFailed, SystemKeyring

T = TypeVar("T")
Mode = Literal["auto", "system", "file"]

_log = logging.getLogger(__name__)


class ProfileKeyring:
    """Secrets of one profile, whose folder `data` is; nothing is read or written before first use."""

    def __init__(
        self,
        data: Path,
        *,
        mode: Mode = "auto",
        key_file: str = "",
        passphrase: str = "",
        system: SystemKeyring | None = None,
        new_profile_id: Callable[[], str] = new_id,
        threads: bool = True,
        log: logging.Logger = _log,
    ) -> None:
        self._file = data / "keyring"
        self._key_file = data / (Path(key_file).expanduser() if key_file else Path("key", "keyring.key"))
        self._own_key_file = not key_file
        self._passphrase = passphrase
        self._mode = mode
        self._system = system or SystemKeyring(10.0)
        self._new_profile_id = new_profile_id
        self._threads = threads
        self._log = log
        self._book: Book | None = None
        self._key: bytes | None = None
        self._lock = trio.Lock()
        self.where = {
            "auto": f"the system keyring, or the encrypted file {self._file} when there is none",
            "system": "the system keyring",
            "file": f"the encrypted file {self._file}",
        }[mode]

    def __repr__(self) -> str:
        return f"<ProfileKeyring: {self.where}>"

    async def get(self, name: str) -> str | None:
        """The secret, or None. Raises `CryptoError` when it is there and cannot be read."""
        _check_name(name)
        async with self._lock:
            book = await self._load()
            entry = book.entries.get(name) if book else None
            if book is None or entry is None or entry.kept is Kept.GONE:
                return None
            if entry.kept is Kept.SYSTEM:
                return await self._get_from_system(book, name)
            return await self._off_loop(self._unseal, book, name)

    async def set(self, name: str, secret: str) -> None:
        """Keep a secret; durable when it returns. Raises `CryptoError`; then the former one stays."""
        _check_name(name)
        _check_secret(secret)
        async with self._lock:
            book = await self._load() or await self._begin()
            try:
                if await self._use_system():
                    await self._set_in_system(await self._settle(book), name, secret)
                    return
            except SystemFailed as error:
                if self._mode == "system":
                    raise CryptoError(f"the secret was not kept: {error}") from None
                self._fall_back(error)
            await self._set_in_file(name, secret)

    async def delete(self, name: str) -> None:
        """Forget a secret; one that is not there is no error."""
        _check_name(name)
        async with self._lock:
            book = await self._load()
            entry = book.entries.get(name) if book else None
            if book is None or entry is None:
                return
            if entry.kept is Kept.FILE and not entry.shadow:
                await self._save(book.without(name))
                return
            if entry.kept is not Kept.GONE:
                book = await self._save(book.with_entry(name, Entry(Kept.GONE)))
            try:
                if await self._use_system():
                    await self._settle(book)
            except SystemFailed as error:
                self._log.warning("a deleted secret is still in the system keyring: %s", error)

    # The system's keyring

    async def _use_system(self) -> bool:
        if self._mode == "file":
            return False
        there = await self._system.there()
        if there:
            self.where = self._system.name
        elif self._mode == "system":
            raise SystemFailed(
                'this machine has no system keyring that works, and the setting keyring = "system" asks'
                ' for one: start it (GNOME Keyring, KWallet, ...), or set keyring = "auto"'
            )
        else:
            self.where = f"the encrypted file {self._file}"
        return there

    def _fall_back(self, error: SystemFailed) -> None:
        self.where = f"the encrypted file {self._file}, because {error}"
        self._log.warning("secrets go to the encrypted file: %s", error)

    async def _get_from_system(self, book: Book, name: str) -> str | None:
        if self._mode == "file":
            raise CryptoError(
                'the secret is in the system keyring, which the setting keyring = "file" excludes: set'
                ' keyring = "auto", or sign in again'
            )
        try:
            if await self._use_system():
                return await self._system.get(_service(book), name)
        except SystemFailed as error:
            raise CryptoError(f"the secret cannot be read now: {error}") from None
        raise CryptoError(
            "the secret is in the system keyring, and there is none in this session: start Tulou in the"
            " desktop session where it was kept, or sign in again"
        )

    async def _set_in_system(self, book: Book, name: str, secret: str) -> Book:
        # Noted before the system has it: a crash must not leave a secret there that nobody knows of.
        entry = book.entries.get(name) or Entry(Kept.GONE)
        if entry.kept is Kept.FILE and not entry.shadow:
            entry = replace(entry, shadow=True)
        if entry is not book.entries.get(name):
            book = await self._save(book.with_entry(name, entry))
        await self._system.set(_service(book), name, secret)
        if entry.kept is not Kept.SYSTEM:
            book = await self._save(book.with_entry(name, Entry(Kept.SYSTEM)))
        return book

    async def _settle(self, book: Book) -> Book:
        """Do in the system's keyring what could not be done before: delete what is void, take over
        what the file had to keep. Raises `SystemFailed`; what was done until then stays done."""
        for name, entry in book.entries.items():
            if entry.kept is Kept.GONE:
                await self._system.delete(_service(book), name)
                book = await self._save(book.without(name))
            elif entry.kept is Kept.FILE:
                book = await self._take_over(book, name)
        return book

    async def _take_over(self, book: Book, name: str) -> Book:
        try:
            secret = await self._off_loop(self._unseal, book, name)
        except CryptoError as error:
            self._log.warning("a secret stays in the encrypted file: %s", error)
            return book
        return await self._set_in_system(book, name, secret)

    # The file

    async def _off_loop(self, work: Callable[..., T], *args: object) -> T:
        if self._threads:
            return await trio.to_thread.run_sync(work, *args)
        await trio.lowlevel.checkpoint()
        return work(*args)

    async def _load(self) -> Book | None:
        if self._book is None:
            self._book = await self._off_loop(self._read_book)
        return self._book

    async def _begin(self) -> Book:
        self._book = await self._off_loop(self._write_first_book)
        return self._book

    async def _save(self, book: Book) -> Book:
        await self._off_loop(files.write, self._file, books.encode(book))
        self._book = book
        return book

    async def _set_in_file(self, name: str, secret: str) -> None:
        book = self._book
        assert book is not None
        former = book.entries.get(name)
        shadow = former is not None and (former.shadow or former.kept is not Kept.FILE)
        sealed = await self._off_loop(self._seal, book, name, secret)
        await self._save(book.with_entry(name, Entry(Kept.FILE, sealed, shadow)))

    def _read_book(self) -> Book | None:
        data = files.read(self._file)
        if data is None:
            return None
        try:
            return books.decode(data)
        except BookDamaged as error:
            damaged = f"the keyring file {self._file} is damaged: {error}"
            try:
                aside = files.set_aside(self._file)
            except CryptoError as obstacle:
                raise CryptoError(f"{damaged}; {obstacle}, so nothing can be kept") from None
            raise CryptoError(
                f"{damaged}; it was kept as {aside.name}, so put back a copy of yours, or sign in again"
            ) from None
        except CryptoError as error:
            raise CryptoError(f"the keyring file {self._file} cannot be used: {error}") from None

    def _write_first_book(self) -> Book:
        # The key may be there already: from a start that a crash cut short, or as somebody's choice.
        key = files.read_key(self._key_file, self._passphrase) or files.create_key(
            self._key_file, self._own_key_file, self._passphrase)
        book = books.begin(self._new_profile_id(), key)
        files.write(self._file, books.encode(book))
        return book

    def _seal(self, book: Book, name: str, secret: str) -> bytes:
        return book.seal(self._right_key(book), name, secret)

    def _unseal(self, book: Book, name: str) -> str:
        try:
            return book.unseal(self._right_key(book), name)
        except CryptoError as error:
            raise CryptoError(f"the secret {name!r} cannot be read from {self._file}: {error}") from None

    def _right_key(self, book: Book) -> bytes:
        if self._key is not None:
            return self._key
        start_over = f"to start over, move {self._file} away and sign in again"
        key = files.read_key(self._key_file, self._passphrase)
        if key is None:
            raise CryptoError(
                f"the key file {self._key_file} is missing: put it back (is its drive there?); {start_over}")
        if not book.proves(key):
            raise CryptoError(
                f"the key file {self._key_file} is not the one that {self._file} was written with: put back"
                f" the right one; {start_over}"
            )
        if self._passphrase:
            files.protect_key(self._key_file, key, self._passphrase)
        if files.make_private(self._key_file):
            self._log.warning("other users could read the key file %s until now", self._key_file)
        self._key = key
        return key


def _service(book: Book) -> str:
    return f"tulou {book.profile}"


def _check_name(name: str) -> None:
    if not name or "\0" in name or not _is_text(name):
        raise CryptoError(f"{name!r} cannot be the name of a secret: it is empty or not plain text")


def _check_secret(secret: str) -> None:
    if not _is_text(secret):
        raise CryptoError("the secret has characters that are no Unicode text")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
