"""Before anything is opened: is the profile encrypted, should it be, and where is its key?

A file ``encrypted`` beside the database names the key (by a fingerprint) and the way the profile is
going, so that a conversion that was cut short goes on, and a lost key is told from damage.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import trio

from tulou_contracts.crypto import Cipher, CryptoError, Keyring
from tulou_contracts.storage import StorageCorrupt, StorageLocked
from tulou_store.connections import remember_loss
from tulou_store.faults import of_system
from tulou_store.files import SafeFile
from tulou_store.keys import SECRET, Keys, is_plain
from tulou_store.recovery import free_number, move

_PATIENCE = 10.0
"""Seconds to wait for the room that keeps secrets, which starts at the same time."""
if TYPE_CHECKING:
    from tulou.services import Wanted

S = TypeVar("S")
Way = Literal["encrypting", "encrypted", "decrypting"]


class Marker(NamedTuple):
    """What the file ``encrypted`` says."""

    fingerprint: str
    way: Way


async def unlock(
    folder: Path, encrypt: bool | None, keyring: Wanted[Keyring], cipher: Wanted[Cipher], log: logging.Logger
) -> Keys | None:
    """The keys, the profile being converted if need be; None: it is not encrypted.

    Raises `StorageLocked`: the key is not to be had now (nothing was changed), or it is lost (what
    it locks was moved aside, and the next start begins empty). Raises `StorageFull`.
    """
    marker = read_marker(folder)
    if encrypt is None:
        encrypt = marker is not None and marker.way != "decrypting"
    path = folder / "profile.db"
    if marker is None and not encrypt and is_plain(path) is not False:
        return None
    ring = await _there(keyring, "Keyring")
    aead = await _there(cipher, "Cipher")
    try:
        secret = await ring.get(SECRET)
    except CryptoError as error:
        raise StorageLocked(
            f"{path} is encrypted, and its key cannot be read now: {error}; nothing was changed"
        ) from error
    keys = Keys(bytes.fromhex(secret), aead) if secret else None
    if marker is not None and (keys is None or keys.fingerprint != marker.fingerprint):
        raise _lost(folder, ring.where, "is not there" if keys is None else "is another one", log)
    if marker is None and is_plain(path) is False:
        if keys is None:
            return None  # no database of ours: opening it finds out and keeps it
        marker = Marker(keys.fingerprint, "encrypted")
    if keys is None:
        keys = await _new_keys(ring, aead)
    if not encrypt or marker is None or marker.way != "encrypted":
        await trio.to_thread.run_sync(_convert, folder, keys, encrypt, log)
    return keys if encrypt else None


def read_marker(folder: Path) -> Marker | None:
    """None: the profile is not encrypted. Raises `StorageCorrupt`, `StorageError`."""
    text, _ = SafeFile(folder / "encrypted").read()
    if text is None:
        return None
    try:
        table = json.loads(text)
        return Marker(table["fingerprint"], table["way"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageCorrupt(f"{folder / 'encrypted'} does not say how the profile is encrypted") from error


def write_marker(folder: Path, marker: Marker) -> None:
    """Durable on return."""
    SafeFile(folder / "encrypted").write(json.dumps(marker._asdict()))


async def _there(wanted: Wanted[S], name: str) -> S:
    arrived = trio.Event()
    stop = wanted.watch(arrived.set)
    try:
        with trio.move_on_after(_PATIENCE):
            while (provider := wanted.get()) is None:
                await arrived.wait()
                arrived = trio.Event()
    finally:
        stop()
    if provider is None:
        raise StorageLocked(
            f"the profile is (to be) encrypted, and nobody provides {name}, which is where its key would be:"
            " add the plugin 'crypto' to the composition; nothing was changed"
        )
    return provider


async def _new_keys(ring: Keyring, cipher: Cipher) -> Keys:
    secret = cipher.new_key()
    try:
        await ring.set(SECRET, secret.hex())
        kept = await ring.get(SECRET)
    except CryptoError as error:
        raise StorageLocked(
            f"the key of the profile could not be kept: {error}; nothing was changed") from error
    if kept != secret.hex():
        raise StorageLocked("the keyring did not keep the key of the profile: nothing was changed")
    return Keys(secret, cipher)


def _convert(folder: Path, keys: Keys, encrypt: bool, log: logging.Logger) -> None:
    from tulou_store import convert

    write_marker(folder, Marker(keys.fingerprint, "encrypting" if encrypt else "decrypting"))
    log.info("the profile is being %s", "encrypted" if encrypt else "decrypted")
    convert.convert(folder, keys, encrypt, log)
    if encrypt:
        write_marker(folder, Marker(keys.fingerprint, "encrypted"))
        log.warning("the profile is encrypted now: `tulou store key` prints a recovery key to keep on paper")
        return
    for path in (folder / "encrypted", folder / "encrypted.previous"):
        path.unlink(missing_ok=True)


def _lost(folder: Path, where: str, what: str, log: logging.Logger) -> StorageLocked:
    path = folder / "profile.db"
    try:
        suffix = f".locked-{free_number(folder, 'locked')}"
        copy = path.with_name(path.name + suffix)
        remember_loss(folder, path, copy)
        move(folder, "", suffix)
    except OSError as error:
        raise of_system(error, path) from error
    sentence = (
        f"{path} is encrypted, and its key, which should be in {where}, {what}: the data was moved to {copy}"
        " (and the documents beside it); the next start begins empty; `tulou store unlock` brings it back"
        " with the recovery key"
    )
    log.error("%s", sentence)
    return StorageLocked(sentence)
