"""What may be kept, and for how long: RFC 9111 for a private cache. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from tulou_contracts.network import HttpRequest, HttpResponse

from tulou_net.http.links.headers import header

KEEPABLE = frozenset({200, 203, 300, 301, 308, 404, 410})
"""RFC 9110, section 15.1, without what has no body of its own or is partial."""
_OWN_CONDITIONS = (
    "if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range",
)
_NOT_UPDATED = frozenset({"content-length", "content-encoding", "content-range", "content-type"})


def directives(value: str) -> dict[str, str]:
    """Cache-Control taken apart: name -> argument, "" if it has none (section 5.2)."""
    found: dict[str, str] = {}
    for part in value.split(","):
        name, _, argument = part.strip().partition("=")
        if name:
            found.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return found


def seconds(value: str | None) -> float | None:
    """A delta-seconds argument; None if it is none (section 1.2.2)."""
    return float(value) if value and value.isascii() and value.isdigit() else None


@dataclass(slots=True)
class Kept:
    """A response in the cache."""

    response: HttpResponse
    vary: Mapping[str, str | None]
    """The request's headers that the response depends on."""
    lifetime: float
    """How long it is fresh, in seconds."""
    born: float
    """When it was fresh last, by the caller's steady clock, its age on arrival taken off."""
    size: int = field(init=False)

    def __post_init__(self) -> None:
        texts = self.response.headers
        self.size = len(self.response.body) + sum(len(name) + len(value) for name, value in texts.items())

    def is_fresh(self, now: float, request: HttpRequest) -> bool:
        """Whether it may be used without asking the server."""
        control = directives(header(request, "cache-control") or "")
        age = now - self.born
        if "no-cache" in control or header(request, "pragma") == "no-cache":
            return False
        most = seconds(control.get("max-age"))
        least = seconds(control.get("min-fresh")) or 0.0
        return age + least < self.lifetime and (most is None or age <= most)

    def fits(self, request: HttpRequest) -> bool:
        """Whether the request is of the kind that it answered (section 4.1)."""
        return all(header(request, name) == value for name, value in self.vary.items())

    def conditions(self) -> dict[str, str]:
        """The headers that ask whether it still holds (section 4.3.1)."""
        headers = self.response.headers
        asked = {}
        if "etag" in headers:
            asked["If-None-Match"] = headers["etag"]
        if "last-modified" in headers:
            asked["If-Modified-Since"] = headers["last-modified"]
        return asked


def may_answer(request: HttpRequest) -> bool:
    """Whether the cache has anything to do with this request."""
    if not request.cache or request.streamed or request.method.upper() != "GET":
        return False
    names = {name.lower() for name in request.headers}
    if "cache-control" in names and "no-store" in directives(header(request, "cache-control") or ""):
        return False
    return not names.intersection(_OWN_CONDITIONS)


def keep(request: HttpRequest, response: HttpResponse, now: float) -> Kept | None:
    """What to keep of a response, if anything (section 3)."""
    headers = response.headers
    control = directives(headers.get("cache-control", ""))
    vary = [name.strip().lower() for name in headers.get("vary", "").split(",") if name.strip()]
    if response.status not in KEEPABLE or response.chunks is not None:
        return None
    if "no-store" in control or "*" in vary:
        return None
    lifetime = 0.0 if "no-cache" in control else _lifetime(headers, control)
    kept = Kept(
        response, {name: header(request, name) for name in vary}, lifetime,
        now - (seconds(headers.get("age")) or 0.0),
    )
    return kept if lifetime > 0 or kept.conditions() else None


def _lifetime(headers: Mapping[str, str], control: Mapping[str, str]) -> float:
    """Section 4.2.1; nothing is guessed for a response that does not say."""
    if "max-age" in control:
        return seconds(control["max-age"]) or 0.0
    if "expires" in headers:
        try:
            date = parsedate_to_datetime(headers["date"])
            return (parsedate_to_datetime(headers["expires"]) - date).total_seconds()
        except (KeyError, ValueError, TypeError, IndexError, OverflowError):
            return 0.0
    return 0.0


def renewed(kept: Kept, confirmed: HttpResponse, request: HttpRequest, now: float) -> Kept | None:
    """What is kept after the server said 304 (section 4.3.4)."""
    news = {name: value for name, value in confirmed.headers.items() if name not in _NOT_UPDATED}
    headers = {name: value for name, value in kept.response.headers.items() if name != "age"}
    response = HttpResponse(
        status=kept.response.status, headers={**headers, **news}, body=kept.response.body
    )
    return keep(request, response, now)
