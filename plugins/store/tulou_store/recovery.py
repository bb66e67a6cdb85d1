"""The key of an encrypted profile on paper, so that a lost keyring does not mean lost data."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from tulou_contracts.crypto import Cipher, CryptoError, Keyring
from tulou_contracts.storage import StorageError
from tulou_store.connections import PARTS
from tulou_store.faults import of_system
from tulou_store.files import sync_folder
from tulou_store.keys import SECRET, Keys

MOVED = ("profile.db", "documents", "rebuildable", "before-migrations", "encrypted.previous", "encrypted")
"""What a lost key makes useless; the marker is the last, so that a move cut short goes on."""

_GROUP = 5
_CHECK = 2


def as_words(secret: bytes) -> str:
    """The key in groups of letters and digits (base32, RFC 4648), with two bytes of checksum."""
    text = base64.b32encode(secret + hashlib.sha256(secret).digest()[:_CHECK]).decode().rstrip("=")
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def from_words(words: str) -> bytes:
    """The key, however it was typed. Raises `StorageError` for a slip of the pen."""
    text = re.sub(r"[\s-]", "", words).upper().replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        data = b""
    secret, check = data[:-_CHECK], data[-_CHECK:]
    if len(secret) != 32 or hashlib.sha256(secret).digest()[:_CHECK] != check:
        raise StorageError("this is no recovery key: look for a letter that is missing or another one")
    return secret


def move(folder: Path, before: str, after: str) -> None:
    """Rename the files of a profile's data from one suffix to another, the marker last."""
    for name in MOVED:
        for part in PARTS if name == "profile.db" else ("",):
            old = folder / f"{name}{before}{part}"
            if old.exists():
                old.rename(folder / f"{name}{after}{part}")
    sync_folder(folder)


def free_number(folder: Path, why: str) -> int:
    """One number for all of them."""
    number = 1
    while any((folder / f"{name}.{why}-{number}").exists() for name in MOVED):
        number += 1
    return number


async def unlock_again(folder: Path, secret: bytes, ring: Keyring, cipher: Cipher) -> str:
    """Give the keyring its key back, and the profile the files that were moved aside without it.

    What stands in their place is moved aside itself; a sentence says where. Raises `StorageError`.
    """
    from tulou_store.unlock import read_marker

    fingerprint = Keys(secret, cipher).fingerprint
    marker = read_marker(folder)
    try:
        if marker is not None and marker.fingerprint == fingerprint:
            await ring.set(SECRET, secret.hex())
            return "the key is back in its place"
        locked = [path.name.removeprefix("encrypted") for path in folder.glob("encrypted.locked-*")
                  if fingerprint in path.read_text("utf-8", "replace")]
        if not locked:
            raise StorageError(f"nothing in {folder} was encrypted with this key")
        number = free_number(folder, "replaced")
        former = await ring.get(SECRET)
        if former and former != secret.hex():
            await ring.set(f"{SECRET}.replaced-{number}", former)
        move(folder, "", f".replaced-{number}")
        await ring.set(SECRET, secret.hex())
        move(folder, locked[-1], "")
    except OSError as error:
        raise of_system(error, folder) from error
    except CryptoError as error:
        raise StorageError(f"the keyring did not take the key: {error}") from error
    (folder / "lost.json").unlink(missing_ok=True)
    return f"the data is back; what was begun without it is kept as profile.db.replaced-{number}"
