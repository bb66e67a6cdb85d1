"""What may stand in a document, and how it is written before it is signed. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tulou_contracts.company import DocumentRefused
from tulou_xmpp.wire import JID
from tulou_xmpp.wire.errors import BadJID

MAX_DEPTH = 32
"""Levels of lists and objects; clients refuse more."""
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


def type_of(kind: str) -> str:
    """The `typ` of a signed document, so that no other signed text can pass for one."""
    return f"company.{kind}"


def checked_kind(kind: str) -> str:
    """The kind. Raises `DocumentRefused`."""
    if not isinstance(kind, str) or not _KIND.match(kind):
        raise DocumentRefused(f"{str(kind)[:40]!r} is no kind: use lower-case words joined by '-'")
    return kind


def checked_account(account: str) -> str:
    """The bare address, normalised; "" for everybody. Raises `DocumentRefused`."""
    if not account:
        return ""
    try:
        jid = JID.parse(account)
    except BadJID as error:
        raise DocumentRefused(f"the document is for nobody: {error}") from None
    if not jid.local or jid.resource:
        raise DocumentRefused(f"{account!r} is no account; one looks like name@{jid.domain}")
    return jid.bare


def checked_content(content: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """A copy that is JSON all through. Raises `DocumentRefused`."""
    if not isinstance(content, Mapping):
        raise DocumentRefused("a document's content is a JSON object")
    _check_depth(content, MAX_DEPTH)
    text = _written(dict(content))
    if len(text) > limit:
        raise DocumentRefused(f"the document has {len(text):,} bytes; {limit:,} is the most (max_document)")
    copy: dict[str, Any] = json.loads(text)
    return copy


def payload(
    *, kind: str, version: int, audience: str, account: str, issued_at: int, valid_until: int,
    content: Mapping[str, Any], withdrawn: bool,
) -> bytes:
    """The bytes that are signed."""
    return _written({
        "kind": kind, "version": version, "audience": audience, "account": account,
        "issued_at": issued_at, "valid_until": valid_until, "withdrawn": withdrawn,
        "content": dict(content),
    })


def _written(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise DocumentRefused(f"the content is not JSON: {error}") from None


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, (Mapping, list, tuple)):
        if not left:
            raise DocumentRefused(f"the content nests deeper than {MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            for key, each in value.items():
                if not isinstance(key, str):
                    raise DocumentRefused(f"the content is not JSON: the name {key!r} is no text")
                _check_depth(each, left - 1)
        else:
            for each in value:
                _check_depth(each, left - 1)
