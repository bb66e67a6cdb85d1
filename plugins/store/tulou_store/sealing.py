"""A stream encrypted in pieces under a passphrase, so that a large backup never lies in memory.

``MAGIC``, 16 bytes of salt, then pieces: their length in 4 bytes, and the sealed bytes. Each is bound
to the salt and its number, the last one to being the last, so that a cut or a swap is noticed (the
STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015, with random nonces).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from tulou_contracts.crypto import Cipher, CryptoError
from tulou_contracts.storage import StorageCorrupt

MAGIC = b"tulou-sealed-backup-1\n"
SALT = 16
_PIECE = 1 << 20
_LENGTH = struct.Struct(">I")


class SealedWriter:
    """What is written goes sealed to `file`. Call `finish` at the end."""

    def __init__(self, file: BinaryIO, cipher: Cipher, key: bytes, salt: bytes) -> None:
        self._file = file
        self._cipher = cipher
        self._key = key
        self._salt = salt
        self._number = 0
        self._waiting = bytearray()
        file.write(MAGIC + salt)

    def write(self, data: bytes) -> int:
        """Take bytes of any length."""
        self._waiting += data
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), False)
            del self._waiting[:_PIECE]
        return len(data)

    def flush(self) -> None:
        """Nothing: pieces are written when they are full."""

    def finish(self) -> None:
        """Write the last piece."""
        self._put(bytes(self._waiting), True)

    def _put(self, piece: bytes, last: bool) -> None:
        sealed = self._cipher.seal(self._key, piece, _bound(self._salt, self._number, last))
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


class SealedReader:
    """Reads what a `SealedWriter` wrote; `file` stands behind magic and salt.

    Reading raises `StorageCorrupt` for a wrong passphrase, or anything altered, cut or added.
    """

    def __init__(self, file: BinaryIO, cipher: Cipher, key: bytes, salt: bytes) -> None:
        self._file = file
        self._cipher = cipher
        self._key = key
        self._salt = salt
        self._number = 0
        self._ready = bytearray()
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for, fewer only at the end; all of them for a negative `size`."""
        while not self._over and (size < 0 or len(self._ready) < size):
            self._next()
        end = len(self._ready) if size < 0 else size
        data = bytes(self._ready[:end])
        del self._ready[:end]
        return data

    def _next(self) -> None:
        head = self._file.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        sealed = self._file.read(min(length, 2 * _PIECE))
        for last in (False, True):
            try:
                self._ready += self._cipher.open(self._key, sealed, _bound(self._salt, self._number, last))
            except CryptoError:
                continue
            self._over = last
            if last and self._file.read(1):
                break
            self._number += 1
            return
        raise StorageCorrupt("the passphrase is not the right one, or the backup is damaged"
                             if self._number == 0 else "the backup is damaged or cut short")


def _bound(salt: bytes, number: int, last: bool) -> bytes:
    return salt + struct.pack(">Q?", number, last)
