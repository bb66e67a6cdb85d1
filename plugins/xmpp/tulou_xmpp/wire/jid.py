"""XMPP addresses (RFC 7622), a subset of PRECIS that the standard library can check.

Left out: the contextual rules for a few joiners and the bidi rule. Both only refuse more.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tulou_xmpp.wire.errors import BadJID

_MAX = 1023
"""Bytes of UTF-8 in each part."""
_LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Lm", "Mn", "Mc", "Nd"})
_FREEFORM = _LETTERS_AND_DIGITS | {"Lt", "Nl", "No", "Me", "Zs", "Sm", "Sc", "Sk", "So",
                                   "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}
_NOT_IN_LOCAL = frozenset("\"&'/:<>@")
_IP_LITERAL = re.compile(r"\[[0-9a-fA-F:.]+\]\Z")
_PLAIN_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")


@dataclass(frozen=True, slots=True)
class JID:
    """``local@domain/resource``, normalised: two of them are equal when they mean the same."""

    local: str
    domain: str
    resource: str = ""

    @staticmethod
    def parse(text: str) -> JID:
        """Check and normalise. Raises `BadJID` with a sentence that says what is wrong."""
        return _parse(text)

    @property
    def bare(self) -> str:
        """Without the resource, as text."""
        return f"{self.local}@{self.domain}" if self.local else self.domain

    def with_resource(self, resource: str) -> JID:
        """The same account at another resource. Raises `BadJID`."""
        return JID(self.local, self.domain, _resourcepart(resource))

    def __str__(self) -> str:
        return f"{self.bare}/{self.resource}" if self.resource else self.bare


@lru_cache(maxsize=4096)
def _parse(text: str) -> JID:
    rest, slash, resource = text.partition("/")
    local, at, domain = rest.partition("@")
    if not at:
        local, domain = "", rest
    elif not local:
        raise BadJID(f"{text[:80]!r} has nothing before the @")
    if slash and not resource:
        raise BadJID(f"{text[:80]!r} has nothing after the /")
    return JID(
        _localpart(local) if local else "",
        _domainpart(domain),
        _resourcepart(resource) if slash else "",
    )


def bare(text: str) -> str:
    """The bare, normalised form of an address. Raises `BadJID`."""
    return _parse(text).bare


def _localpart(text: str) -> str:
    """UsernameCaseMapped (RFC 8265, section 3.3) without the characters XMPP keeps for itself."""
    narrow = "".join(_narrow(c) for c in text)
    result = unicodedata.normalize("NFC", narrow.lower())
    for c in result:
        allowed = "!" <= c <= "~" if c.isascii() else unicodedata.category(c) in _LETTERS_AND_DIGITS
        if not allowed or c in _NOT_IN_LOCAL:
            raise BadJID(f"{text[:80]!r} cannot be the name before the @: it has the character {c!r}")
    return _limited(result, text)


def _narrow(c: str) -> str:
    """Full-width and half-width forms mapped to the usual ones (RFC 8265: width mapping)."""
    wide = unicodedata.decomposition(c).startswith(("<wide>", "<narrow>"))
    return unicodedata.normalize("NFKC", c) if wide else c


def _domainpart(text: str) -> str:
    domain = text[:-1] if text.endswith(".") else text
    if not domain:
        raise BadJID("an address needs a domain, as in name@example.com")
    if _IP_LITERAL.match(domain):
        return domain.lower()
    domain = unicodedata.normalize("NFC", "".join(_narrow(c) for c in domain).lower())
    if not _PLAIN_DOMAIN.match(domain) or "xn--" in domain:
        domain = _unicode_domain(domain, text)
    return _limited(domain, text)


def _unicode_domain(domain: str, text: str) -> str:
    try:
        encoded = domain.encode("idna")
        if not _PLAIN_DOMAIN.match(encoded.decode("ascii")):
            raise UnicodeError("it has a character that names of hosts do not have")
        return encoded.decode("idna")
    except UnicodeError as error:
        raise BadJID(f"{text[:80]!r} is not a domain: {error}") from None


def _resourcepart(text: str) -> str:
    """OpaqueString (RFC 8265, section 4.2)."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    result = unicodedata.normalize("NFC", spaced)
    if not result:
        raise BadJID("the resource is empty")
    for c in result:
        if unicodedata.category(c) not in _FREEFORM:
            raise BadJID(f"{text[:80]!r} cannot be a resource: it has the character {c!r}")
    return _limited(result, text)


def _limited(part: str, text: str) -> str:
    if len(part.encode("utf-8", "replace")) > _MAX:
        raise BadJID(f"an address begins with {text[:20]!r} and has a part of more than {_MAX} bytes")
    return part
