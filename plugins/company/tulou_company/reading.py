"""A signed text as a document, or the reason why not. Pure: everything a stranger could send ends here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tulou_contracts.company import Document, DocumentRefused
from tulou_contracts.crypto import CryptoError, SignedTexts

MAX_DEPTH = 40
"""Levels of lists and objects in a payload."""
TOMORROW = 86_400 * 1_000_000
"""Microseconds that a document may come from ahead of our clock: clocks are wrong by zones and days."""
_PREFIX = "company."
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_MAX_HEADER = 1024
_FIELDS = {
    "kind": str, "version": int, "audience": str, "account": str, "issued_at": int, "valid_until": int,
    "withdrawn": bool, "content": dict,
}
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A document that is genuine and meant for us; whether it holds now is another question."""

    document: Document
    withdrawn: bool
    """It says that nothing holds."""
    key: str
    """The id of the root key that signed it."""
    text: str


def key_id(public_key: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def pinned(root_keys: Iterable[str]) -> dict[str, bytes]:
    """Key id -> public key, of keys written as base64."""
    keys = [base64.b64decode(each) for each in root_keys]
    return {key_id(each): each for each in keys}


class Reader:
    """Checks signed texts for one audience against pinned keys."""

    def __init__(self, texts: SignedTexts, keys: Mapping[str, bytes], audience: str, limit: int) -> None:
        self.keys = keys
        self.audience = audience
        self._texts = texts
        self._limit = limit

    def read(self, text: object, account: str) -> Checked:
        """The document, for everybody or for `account`. Raises `DocumentRefused`."""
        if not isinstance(text, str) or len(text) > self._limit:
            raise DocumentRefused(f"a document is no text, or longer than {self._limit:,} characters")
        header = _header(text)
        kind = header["typ"].removeprefix(_PREFIX)
        try:
            payload = self._texts.verify(text, self.keys, _PREFIX + kind)
        except CryptoError as error:
            raise DocumentRefused(
                f"{kind}: no pinned key has signed it ({error}); the pinned ones are"
                f" {', '.join(self.keys) or 'none'}", kind
            ) from None
        fields = _fields(kind, payload)
        self._meant_for_us(kind, fields, account)
        document = Document(
            kind=kind, version=fields["version"], content=fields["content"], audience=fields["audience"],
            account=fields["account"], issued_at=fields["issued_at"], valid_until=fields["valid_until"],
        )
        return Checked(document=document, withdrawn=fields["withdrawn"], key=header["kid"], text=text)

    def _meant_for_us(self, kind: str, fields: Mapping[str, Any], account: str) -> None:
        if fields["kind"] != kind:
            raise DocumentRefused(f"{kind}: it says that it is of the kind {fields['kind'][:40]!r}", kind)
        if fields["audience"] != self.audience:
            raise DocumentRefused(
                f"{kind}: it is for {fields['audience'][:40]!r}, and this is {self.audience!r}", kind)
        if fields["account"] not in ("", account):
            raise DocumentRefused(f"{kind}: it is for another account, {fields['account'][:80]!r}", kind)


def fresh_enough(checked: Checked, now: int) -> None:
    """Whether a document may be taken at `now`. Raises `DocumentRefused`."""
    document = checked.document
    if document.issued_at > now + TOMORROW:
        raise DocumentRefused(
            f"{document.kind}: it was issued more than a day after now, by this device's clock; is the clock"
            " right?", document.kind)
    if document.valid_until <= now:
        raise DocumentRefused(
            f"{document.kind}: version {document.version} is not valid any more", document.kind)


def _header(text: str) -> dict[str, str]:
    """`kid` and `typ` of a compact JWS, not yet to be believed. Raises `DocumentRefused`."""
    part = text.partition(".")[0]
    try:
        if len(part) > _MAX_HEADER:
            raise ValueError
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        kind, key = header["typ"], header["kid"]
        if not (isinstance(kind, str) and isinstance(key, str) and kind.startswith(_PREFIX)):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise DocumentRefused("a document is no signed text of a company's") from None
    if not _KIND.match(kind.removeprefix(_PREFIX)):
        raise DocumentRefused("a document is of a kind that has no proper name")
    return {"typ": kind, "kid": key}


def _fields(kind: str, payload: bytes) -> dict[str, Any]:
    """The payload's fields, each of its type. Raises `DocumentRefused`."""
    try:
        value = parse(payload)
    except DocumentRefused as refusal:
        raise DocumentRefused(f"{kind}: {refusal}", kind) from None
    if not isinstance(value, dict):
        raise DocumentRefused(f"{kind}: it is no JSON object", kind)
    for name, type_ in _FIELDS.items():
        if type(value.get(name)) is not type_:
            raise DocumentRefused(f"{kind}: its {name} is missing or no {type_.__name__}", kind)
    if not 0 < value["version"] < 1 << 53:
        raise DocumentRefused(f"{kind}: its version is out of range", kind)
    if not 0 < value["issued_at"] <= value["valid_until"] < _LARGEST:
        raise DocumentRefused(f"{kind}: its times are out of range or out of order", kind)
    return value


def parse(data: bytes) -> Any:
    """Strict JSON (RFC 8259, I-JSON's rules): no name twice, no NaN, no half characters, not deep.

    Raises `DocumentRefused`.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except DocumentRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise DocumentRefused(f"what the service sent is not JSON: {str(error)[:200]}") from None
    _check(value, MAX_DEPTH)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DocumentRefused("a JSON object has one name twice")
    return made


def _constant(text: str) -> None:
    raise DocumentRefused(f"{text} is not JSON")


def _check(value: Any, left: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise DocumentRefused("a number is too large to be one")
    elif isinstance(value, (dict, list)):
        if not left:
            raise DocumentRefused(f"JSON nests deeper than {MAX_DEPTH} levels")
        for each in value:
            _check(each, left - 1)
        if isinstance(value, dict):
            for each in value.values():
                _check(each, left - 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DocumentRefused("a text holds half a character") from None
