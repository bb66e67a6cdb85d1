"""The contract `PublicSeal`: parts of a file, each sealed by HPKE. Pure: bytes in, bytes out.

A part is the line ``tulou-seal 1``, 8 bytes that name the key, 32 bytes of HPKE's `enc`, and records. A
record is 4 bytes, big-endian: the length of what follows, with the highest bit set in the last record of
a part; then text and tag. Those 4 bytes are its associated data, HPKE's sequence number its nonce.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from tulou_contracts.crypto import CryptoError, Primitives, Unsealed
from tulou_crypto import hpke
from tulou_crypto.hpke import HpkeContext

MAGIC = b"tulou-seal 1\n"
KEY_NAME_BYTES = 8
HEADER_BYTES = len(MAGIC) + KEY_NAME_BYTES + hpke.ENC_BYTES
LONGEST_RECORD = 2**20
LAST = 2**31
PUBLIC = "tulou-seal-public-1."
SECRET = "tulou-seal-secret-1."


class HpkeSeal:
    """Sealing to a public key."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    def new_secret_key(self) -> str:
        """A fresh secret key."""
        return _to_text(SECRET, self._primitives.x25519_new())

    def public_key(self, secret_key: str) -> str:
        """The public half. Raises `CryptoError`."""
        return _to_text(PUBLIC, self._primitives.x25519_public(_from_text(SECRET, secret_key)))

    def begin(self, public_key: str, purpose: bytes) -> HpkePart:
        """A new part. Raises `CryptoError` for a text that is no public key."""
        key = _from_text(PUBLIC, public_key)
        enc, context = hpke.sender(self._primitives, key, _info(purpose))
        return HpkePart(MAGIC + _key_name(key) + enc, context)

    def open(self, secret_key: str, sealed: bytes, purpose: bytes) -> Unsealed:
        """What can be opened. Raises `CryptoError` when nothing can."""
        secret = _from_text(SECRET, secret_key)
        key_name = _key_name(self._primitives.x25519_public(secret))
        records: list[bytes] = []
        faults: list[str] = []
        complete = True
        opened = 0
        at = sealed.find(MAGIC)
        if at and sealed:
            faults.append(f"the first {at if at > 0 else len(sealed)} bytes are no sealed part")
        while at >= 0:
            part = self._open_part(secret, key_name, sealed, at, purpose)
            records += part.records
            complete &= part.finished
            opened += bool(part.records or part.finished)
            if part.fault:
                faults.append(part.fault)
            at = sealed.find(MAGIC, part.end)
            if not part.fault and at != part.end < len(sealed):
                faults.append(f"the bytes from {part.end} on are no sealed part")
        if not opened and sealed:
            raise CryptoError(
                "nothing in this file was sealed to this key for this purpose"
                + (f": {faults[0]}" if faults else ""))
        return Unsealed(b"".join(records), complete and bool(opened) and not faults, tuple(faults))

    def _open_part(
        self, secret: bytes, key_name: bytes, sealed: bytes, at: int, purpose: bytes
    ) -> _Part:
        header = sealed[at:at + HEADER_BYTES]
        if len(header) < HEADER_BYTES:
            return _Part([], False, len(sealed), f"the part at byte {at} ends within its header")
        if header[len(MAGIC):-hpke.ENC_BYTES] != key_name:
            return _Part([], False, at + len(MAGIC), f"the part at byte {at} is sealed to another key")
        try:
            context = hpke.receiver(self._primitives, secret, header[-hpke.ENC_BYTES:], _info(purpose))
        except CryptoError:
            return _Part([], False, at + len(MAGIC), f"the part at byte {at} has a damaged header")
        part = _read_records(context, sealed, at + HEADER_BYTES)
        if part.fault and not part.records:
            # A header cut short by a crash has bytes of the next part in it: look for that from here.
            return part._replace(end=at + len(MAGIC))
        return part


class HpkePart:
    """One part, being written."""

    def __init__(self, header: bytes, context: HpkeContext) -> None:
        self.header = header
        self._context: HpkeContext | None = context

    def __repr__(self) -> str:
        return f"<HpkePart: {self._context or 'finished'}>"

    def seal(self, record: bytes) -> bytes:
        """What to append for a record."""
        return self._sealed(record, 0)

    def finish(self) -> bytes:
        """What to append at last."""
        sealed = self._sealed(b"", LAST)
        self._context = None
        return sealed

    def _sealed(self, record: bytes, last: int) -> bytes:
        if self._context is None:
            raise CryptoError("this part is finished; begin a new one")
        if len(record) > LONGEST_RECORD:
            raise CryptoError(f"a record has at most {LONGEST_RECORD} bytes, not {len(record)}")
        head = (len(record) + hpke.TAG_BYTES | last).to_bytes(4, "big")
        return head + self._context.seal(record, head)


class _Part(NamedTuple):
    records: list[bytes]
    finished: bool
    end: int
    fault: str


def _read_records(context: HpkeContext, sealed: bytes, at: int) -> _Part:
    """Records until the last one, the end, or what is none: a torn one, or the next part."""
    records: list[bytes] = []
    begin = at
    while at < len(sealed):
        if sealed.startswith(MAGIC, at):
            return _Part(records, False, at, "")
        head = sealed[at:at + 4]
        size = int.from_bytes(head, "big")
        length = size & ~LAST
        text = sealed[at + 4:at + 4 + length] if length <= LONGEST_RECORD + hpke.TAG_BYTES else b""
        try:
            records.append(context.open(text, head))
        except CryptoError:
            fault = f"the record at byte {at} is damaged, or was not written to its end"
            # a record torn within its last bytes may have been completed by the next part's first ones
            return _Part(records, False, max(begin, at - len(MAGIC) + 1), fault)
        at += 4 + length
        if size & LAST:
            return _Part(records, True, at, "")
    return _Part(records, False, at, "")


def _info(purpose: bytes) -> bytes:
    return MAGIC + purpose


def _key_name(public_key: bytes) -> bytes:
    return hashlib.sha256(public_key).digest()[:KEY_NAME_BYTES]


def _to_text(kind: str, key: bytes) -> str:
    return kind + base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def _from_text(kind: str, text: str) -> bytes:
    """The 32 bytes of a key. The error never quotes the text, which may be a secret."""
    what = "public" if kind == PUBLIC else "secret"
    text = text.strip()
    if text.startswith((PUBLIC, SECRET)) and not text.startswith(kind):
        raise CryptoError(f"here a {what} key is needed, and this is the other half")
    try:
        key = base64.b64decode(text[len(kind):] + "=", b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32 or _to_text(kind, key) != text:
        raise CryptoError(f"this is no {what} key: one is {kind!r} and 43 characters")
    return key
