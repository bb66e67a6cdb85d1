"""What may be sent: addresses and text, made proper or refused with a sentence."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tulou_contracts.messaging import Draft, MessageInvalid

# XML 1.0 (section 2.2) cannot carry these, escaped or not; nor can UTF-8 carry lone surrogates.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_KIND = re.compile(r"[A-Za-z0-9][\w.:/+-]{0,63}\Z", re.ASCII)
_LOCAL_FORBIDDEN = frozenset("\"&'/:<>@")
_PART_BYTES = 1023


def clean(text: str) -> str:
    """The text without characters that no message can carry, lines ended by a single newline."""
    return _UNSENDABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@lru_cache(4096)  # every stanza brings its addresses, and most of them again
def normal_address(address: str) -> str:
    """A bare address in the one spelling it is stored under (RFC 7622, sections 3.2 and 3.3).

    Raises `MessageInvalid`.
    """
    local, at, domain = address.strip().partition("@")
    local = unicodedata.normalize("NFC", _narrow(local).lower())
    domain = unicodedata.normalize("NFC", domain.lower().rstrip("."))
    if not at or not local or not domain or _bad(local, _LOCAL_FORBIDDEN) or _bad(domain, frozenset("@/")):
        raise MessageInvalid(
            f"{address!r} is not an address: write it as name@domain, e.g. lin@example.org"
        )
    return f"{local}@{domain}"


def stored_address(address: str) -> str:
    """The spelling an address is stored under, also for those nobody can write to (a bare domain)."""
    try:
        return normal_address(address)
    except MessageInvalid:
        return clean(address)


def _narrow(text: str) -> str:
    """Full-width and half-width forms as their ordinary characters (RFC 8265, section 3.3)."""
    return "".join(
        unicodedata.normalize("NFKC", letter)
        if unicodedata.decomposition(letter).startswith(("<wide>", "<narrow>"))
        else letter
        for letter in text
    )


def _bad(part: str, forbidden: frozenset[str]) -> bool:
    return (
        len(part.encode(errors="replace")) > _PART_BYTES
        or any(letter in forbidden or letter.isspace() for letter in part)
        or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in part)
    )


def local_part(address: str) -> str:
    """How to name somebody of whom only the address is known."""
    return address.partition("@")[0] or address


def misshapen(answer: Any) -> str:
    """What is wrong with the types of a plugin's answer, as words for "made of it ..."; empty: nothing."""
    if not isinstance(answer, Draft):
        return f"a {type(answer).__name__} instead of a Draft"
    for name in ("conversation", "body", "kind"):
        value = getattr(answer, name)
        if not isinstance(value, str):
            return f"a Draft whose {name} is a {type(value).__name__} instead of a str"
    if not isinstance(answer.data, Mapping):
        return f"a Draft whose data is a {type(answer.data).__name__} instead of a mapping"
    for key, value in answer.data.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            return (f"a Draft whose data holds {key!r:.80}: {value!r:.80}"
                    f" ({type(key).__name__}: {type(value).__name__}) instead of texts by name")
    return ""


def proper(draft: Draft, max_body: int) -> Draft:
    """The draft as it will be stored. Raises `MessageInvalid`."""
    body = clean(draft.body)
    if not body.strip():
        raise MessageInvalid("the message is empty: write something, or give a text to show instead")
    if len(body) > max_body:
        raise MessageInvalid(
            f"the message is too long: {len(body)} characters, and {max_body} are allowed;"
            " send it in parts or as a file"
        )
    if not _KIND.match(draft.kind):
        raise MessageInvalid(f"message kind {draft.kind!r}: use a short word such as 'text' or 'card'")
    data = _proper_data(draft.data)
    if len(encode_data(data)) > max_body:
        raise MessageInvalid(
            f"the message carries too much data: {max_body} characters are allowed; send it as a file"
        )
    return Draft(conversation=normal_address(draft.conversation), body=body, kind=draft.kind, data=data)


def _proper_data(data: Mapping[str, str]) -> dict[str, str]:
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in data.items()):
        raise MessageInvalid("the message's data may hold only texts by name")
    return {clean(key): clean(value) for key, value in data.items()}


def encode_data(data: Mapping[str, str]) -> str:
    """`data` as JSON; the empty text when there is none, as in almost every message."""
    return json.dumps(dict(data), ensure_ascii=False, separators=(",", ":")) if data else ""


def decode_data(text: str) -> dict[str, str]:
    """The reverse of `encode_data`."""
    return {str(key): str(value) for key, value in json.loads(text).items()} if text else {}
