"""Pinned keys: servers whose certificate must hold a key that is known beforehand (RFC 7469, section 2.4).

Pinned is the server's own key, not an authority's. A certificate that is renewed for the same key passes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from tulou_contracts.network import CertificateRefused

from tulou_net.http.origin import origin_of

_PREFIX = "sha256/"
_SEQUENCE, _VERSION = 0x30, 0xA0


class Pins:
    """By origin; an origin that is not in the table is not checked."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        """Raises `ValueError` for an entry that can never hold."""
        self._table = {}
        for place, pins in table.items():
            origin = origin_of(place)
            if not origin.startswith("https://") or not pins:
                raise ValueError(f"pins: {place!r} is no https:// address with pins")
            self._table[origin] = frozenset(_checked(place, pin) for pin in pins)

    def check(self, host: str, port: int, certificate: bytes | None) -> None:
        """Raises `CertificateRefused` when the certificate (DER) does not hold a pinned key."""
        if not self._table:
            return
        name = f"[{host}]" if ":" in host else host
        pins = self._table.get(f"https://{name.lower()}:{port}")
        if pins is None:
            return
        pin = pin_of(certificate) if certificate else ""
        if pin not in pins:
            raise CertificateRefused(
                f"the certificate of {name}:{port} holds another key than the pinned one ({pin or 'none'});"
                " somebody may listen in, or net's `pins` are out of date"
            )


def pin_of(certificate: bytes) -> str:
    """``sha256/...``: the hash of the subject's public key information, in base64; "" if that is not
    to be found."""
    try:
        key = _public_key_info(certificate)
    except IndexError:
        return ""
    return _PREFIX + base64.b64encode(hashlib.sha256(key).digest()).decode() if key else ""


def _checked(place: str, pin: str) -> str:
    try:
        good = pin.startswith(_PREFIX) and len(base64.b64decode(pin[7:], validate=True)) == 32
    except ValueError:  # binascii.Error is one
        good = False
    if not good:
        raise ValueError(f"pins: {pin!r} of {place} is no pin; one looks like sha256/ and 44 characters")
    return pin


def _public_key_info(certificate: bytes) -> bytes:
    """The seventh field of a TBSCertificate (RFC 5280, section 4.1), the version left out if it is."""
    start, _ = _inside(certificate, 0)
    at, end = _inside(certificate, start)
    if certificate[at] == _VERSION:
        at = _after(certificate, at)
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        at = _after(certificate, at)
    stop = _after(certificate, at)
    return certificate[at:stop] if certificate[at] == _SEQUENCE and stop <= end else b""


def _inside(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the DER value at `at` begins and ends (X.690, section 8.1)."""
    first = data[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    size = first & 0x7F
    begin = at + 2 + size
    return begin, begin + int.from_bytes(data[at + 2:begin], "big")


def _after(data: bytes, at: int) -> int:
    return _inside(data, at)[1]
