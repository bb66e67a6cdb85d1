"""Compact JSON Web Signatures (RFC 7515, RFC 8037), read strictly. Pure: bytes in, bytes out.

Taken is less than the RFC allows, so that a text has one reading: no `crit` (hence no `b64`), no member
twice in the header, base64url in its one canonical form.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from tulou_contracts.crypto import CryptoError, Signatures

LONGEST_TEXT = 8 * 2**20
LONGEST_HEADER = 4096
LONGEST_NAME = 256
"""Of a key id and of a kind, in characters."""


class JwsTexts:
    """The contract `SignedTexts`."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures

    def sign(self, payload: bytes, private_key: bytes, key_id: str, kind: str) -> str:
        """A compact JWS with the header fields alg, kid and typ. Raises `CryptoError`."""
        for what, name in (("key id", key_id), ("kind", kind)):
            if not 0 < len(name) <= LONGEST_NAME:
                raise CryptoError(f"the {what} of a signed text has 1 to {LONGEST_NAME} characters")
        if len(payload) > LONGEST_TEXT * 3 // 4 - LONGEST_HEADER - 3072:
            raise CryptoError(f"a payload of {len(payload)} bytes is too long to be signed as a text")
        algorithm = self._signatures.algorithm(self._signatures.public_key(private_key))
        header = json.dumps({"alg": algorithm.value, "kid": key_id, "typ": kind}, separators=(",", ":"))
        signed = f"{_encode(header.encode())}.{_encode(payload)}"
        return f"{signed}.{_encode(self._signatures.sign(private_key, signed.encode()))}"

    def verify(self, text: str, keys: Mapping[str, bytes], kind: str) -> bytes:
        """The payload. Raises `CryptoError`."""
        signed, header, payload, signature = _split(text)
        fields = _header(header)
        key_id = fields["kid"]
        if key_id not in keys:
            raise CryptoError(f"the signed text names the key {_short(key_id)}, which is not known here")
        key = keys[key_id]
        expected = self._signatures.algorithm(key).value
        if fields["alg"] != expected:
            raise CryptoError(
                f"the signed text says that it is signed by {_short(fields['alg'])}, and its key is for"
                f" {expected}")
        if fields["typ"] != kind:
            raise CryptoError(f"the signed text is a {_short(fields['typ'])}; expected was a {kind!r}")
        self._signatures.verify(key, signed, signature)
        return payload


def _split(text: str) -> tuple[bytes, bytes, bytes, bytes]:
    """What is signed, and the three parts decoded."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise CryptoError(f"the signed text is no text of at most {LONGEST_TEXT} characters")
    if not text.isascii():
        raise CryptoError("the signed text has characters that none has")
    parts = text.split(".", 3)
    if len(parts) != 3:
        raise CryptoError(f"a signed text has three parts between dots; here are {_many(parts)}")
    if len(parts[0]) > LONGEST_HEADER:
        raise CryptoError(f"the header of the signed text is longer than {LONGEST_HEADER} characters")
    header, payload, signature = map(_decode, parts)
    if not signature:
        raise CryptoError("the signed text has no signature")
    return text[:-len(parts[2]) - 1].encode(), header, payload, signature


def _many(parts: list[str]) -> str:
    return "more" if len(parts) > 3 else str(len(parts))


def _header(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise CryptoError("the header of the signed text is not the JSON that it should be") from None
    if not isinstance(fields, dict):
        raise CryptoError("the header of the signed text is no JSON object")
    if "crit" in fields:
        raise CryptoError("the signed text asks for extensions (crit) that are not known here")
    for name in ("alg", "kid", "typ"):
        if not isinstance(fields.get(name), str):
            raise CryptoError(f"the header of the signed text has no {name!r}, or it is no text")
    return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a member twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    """Base64url without padding (RFC 7515, section 2), in its canonical form only."""
    tail = part[len(part) - len(part) % 4:]
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = None
    # The decoder also takes the characters of plain base64, and bits in the last one that mean nothing.
    if data is None or any(each in part for each in "+/=") or tail and _encode(data[1 - len(tail):]) != tail:
        raise CryptoError("a part of the signed text is not base64url as it should be")
    return data


def _short(text: str) -> str:
    """A text of a stranger, fit for a sentence."""
    return ascii(text if len(text) <= 64 else text[:64] + "...")
