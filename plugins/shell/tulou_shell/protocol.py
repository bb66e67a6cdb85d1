"""What page and Python say to each other on `/socket`: JSON texts, one each. Pure, no I/O.

    page -> Python   {"id": 7, "method": "messenger.send", "params": {...}}
    Python -> page   {"id": 7, "result": ...}
                     {"id": 7, "error": {"code": "wrong-password", "text": "a sentence"}}
                     (and "key", "values" where the sentence is among the contributed texts)
                     {"push": "message", "data": ...}

A text that is not a request is answered with id null; nothing a page sends ends the connection
except a text above `MAX_REQUEST`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_REQUEST = 256 * 1024
"""Longest text accepted from a page, in characters."""
MAX_DEPTH = 20
"""Deepest nesting accepted in a request."""

_METHOD = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}\Z")


class Fault(Exception):
    """A request that gets an error for an answer; `code` is for programs, the text for people."""

    def __init__(self, code: str, text: str, request_id: int | None = None) -> None:
        self.key = ""
        """The text's key among the contributed ones, with `values` for what stands in it."""
        self.values: dict[str, str] = {}
        self.code = code
        self.text = text
        self.request_id = request_id
        super().__init__(text)

    def view(self) -> dict[str, Any]:
        """As pages read it."""
        worded = {"key": self.key, "values": self.values} if self.key else {}
        return {"code": self.code, "text": self.text, **worded}


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a page."""

    id: int
    method: str
    params: dict[str, Any]


def decode_request(text: str | bytes) -> Call:
    """Read a request. Raises `Fault` ('too-large' or 'malformed') with the request's id if it has one."""
    if isinstance(text, bytes):
        raise Fault("malformed", "Requests are texts, not bytes.")
    if len(text) > MAX_REQUEST:
        raise Fault("too-large", f"A request may have {MAX_REQUEST} characters; this one has {len(text)}.")
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Fault("malformed", "The request is not JSON.") from None
    if not isinstance(value, dict):
        raise Fault("malformed", "A request is a JSON object.")
    request_id = value.get("id")
    if type(request_id) is not int or not 0 <= request_id < 1 << 53:
        raise Fault("malformed", "A request has an id: a whole number from 0.")
    method = value.get("method")
    if not isinstance(method, str) or not _METHOD.match(method):
        raise Fault("malformed", "A request names a method such as 'messenger.send'.", request_id)
    params = value.get("params", {})
    if not isinstance(params, dict) or _depth(params) > MAX_DEPTH:
        raise Fault("malformed", "The params of a request are a JSON object.", request_id)
    return Call(request_id, method, params)


def encode_result(request_id: int, result: Any) -> str:
    """The answer to a request that went well."""
    return _dump({"id": request_id, "result": result})


def encode_error(request_id: int | None, code: str, text: str) -> str:
    """The answer to a request that did not."""
    return _dump({"id": request_id, "error": {"code": code, "text": text}})


def encode_fault(request_id: int | None, fault: Fault) -> str:
    """As `encode_error`, with what makes it a sentence in the page's language."""
    return _dump({"id": request_id, "error": fault.view()})


def encode_push(name: str, data: Any) -> str:
    """Something a page did not ask for."""
    return _dump({"push": name, "data": data})


def _dump(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A lone surrogate cannot travel in a WebSocket text, which is UTF-8 (RFC 6455, section 5.6).
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        children: list[Any] = []
        for each in level:
            children.extend(each.values() if isinstance(each, dict) else each)
        level = [child for child in children if isinstance(child, (dict, list))]
    return deepest
