"""Account and server addresses as people type them, checked and brought into one form. Pure.

An account address is a bare JID (RFC 7622) with a name. The name is lower-cased and width-mapped
(UsernameCaseMapped, RFC 8265), so that what a Chinese keyboard types (a full-width @, a 。 for a dot)
means what its user thinks.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from tulou_contracts.identity import AddressInvalid

_MAX = 1023
"""Bytes of UTF-8 in each part (RFC 7622, sections 3.2 and 3.3)."""
_EXAMPLE = "an account address looks like name@example.org"
_LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Lm", "Mn", "Mc", "Nd"})
_NOT_IN_NAMES = frozenset("\"&'/:<>@")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Come along when an address is copied from a page; at the ends they mean nothing."""


def account_address(text: str) -> str:
    """``name@domain`` in its one form. Raises `AddressInvalid` with what is wrong, in words."""
    typed = "".join(_narrow(c) for c in text.strip().strip(_INVISIBLE).strip())
    shown = repr(typed[:60])
    if not typed:
        raise AddressInvalid(f"the account address is empty: {_EXAMPLE}")
    if "/" in typed:
        raise AddressInvalid(f"{shown} has a /: leave it and what follows out, {_EXAMPLE}")
    if typed.count("@") > 1:
        raise AddressInvalid(f"{shown} has more than one @: {_EXAMPLE}")
    name, at, domain = typed.partition("@")
    if not at:
        raise AddressInvalid(f"{shown} lacks an @ and the domain after it: {_EXAMPLE}")
    if not name:
        raise AddressInvalid(f"{shown} has no name before the @: {_EXAMPLE}")
    if not domain:
        raise AddressInvalid(f"{shown} has no domain after the @: {_EXAMPLE}")
    return f"{_name(name, shown)}@{_domain(domain, shown)}"


def check_password(password: str) -> None:
    """Raises `AddressInvalid` for one that cannot be; the text never quotes it."""
    if not password:
        raise AddressInvalid("the password is empty")
    if not _is_text(password):
        raise AddressInvalid("the password has a character that is no Unicode text; type it again")


def server_address(text: str) -> str:
    """The address of a server, or '' for the configured one. Raises `AddressInvalid`.

    A password in it is refused, for the address is stored in clear and shown to people.
    """
    typed = text.strip()
    if not typed:
        return ""
    try:
        parts = urlsplit(typed)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise AddressInvalid(f"{_shown_server(typed)} is no address of a server: {_SERVER}") from None
    if parts.scheme not in ("ws", "wss", "xmpp", "xmpps"):
        raise AddressInvalid(
            f"{_shown_server(typed)} does not begin with wss://, xmpp:// or xmpps://: {_SERVER}")
    if "@" in parts.netloc:
        raise AddressInvalid(f"the server address has a name or password in it: leave it out, {_SERVER}")
    if not host or not _is_text(typed) or any(c.isspace() or not c.isprintable() for c in typed):
        raise AddressInvalid(f"{_shown_server(typed)} names no server: {_SERVER}")
    return typed


_SERVER = "it looks like wss://chat.example.org/xmpp-websocket or xmpp://chat.example.org"


def _shown_server(typed: str) -> str:
    # Whatever stands before an @ may be a password.
    return repr(typed.rpartition("@")[2][:60])


def _name(typed: str, shown: str) -> str:
    name = unicodedata.normalize("NFC", typed.lower())
    for c in name:
        allowed = "!" <= c <= "~" if c.isascii() else unicodedata.category(c) in _LETTERS_AND_DIGITS
        if not allowed or c in _NOT_IN_NAMES:
            raise AddressInvalid(f"{shown} has {_spoken(c)} before the @, which no name may have")
    return _limited(name, "name before the @")


def _domain(typed: str, shown: str) -> str:
    if typed.startswith("["):
        return _ip_address(typed, shown)
    for c in typed:
        if c == ":":
            raise AddressInvalid(
                f"{shown} has a : after the @: a port belongs into the server address, {_EXAMPLE}")
        if c.isspace():
            raise AddressInvalid(f"{shown} has {_spoken(c)} after the @, which no domain may have")
    domain = unicodedata.normalize("NFC", typed.lower()).replace("。", ".").removesuffix(".")
    if not _HOST.match(domain) or "xn--" in domain:
        domain = _international(domain, shown)
    return _limited(domain, "domain after the @")


def _ip_address(typed: str, shown: str) -> str:
    try:
        if typed.endswith("]"):
            return f"[{ipaddress.IPv6Address(typed[1:-1])}]"
    except ValueError:
        pass
    raise AddressInvalid(f"{shown} has no proper IP address between brackets after the @")


def _international(domain: str, shown: str) -> str:
    """The Unicode form of a domain that is not plain ASCII (IDNA 2003, what the library has)."""
    try:
        encoded = domain.encode("idna").decode("ascii")
        if _HOST.match(encoded):
            return encoded.encode("ascii").decode("idna")
    except UnicodeError:
        pass
    raise AddressInvalid(
        f"{shown} has something after the @ that is no domain: only letters, digits and inner hyphens,"
        " parts joined by single dots"
    )


def _limited(part: str, label: str) -> str:
    if len(part.encode()) > _MAX:
        raise AddressInvalid(f"the {label} is too long: {len(part.encode())} bytes, {_MAX} are allowed")
    return part


def _narrow(c: str) -> str:
    """Full-width and half-width forms mapped to the usual ones."""
    wide = unicodedata.decomposition(c).startswith(("<wide>", "<narrow>"))
    return unicodedata.normalize("NFKC", c) if wide else c


def _spoken(c: str) -> str:
    return "a space" if c.isspace() else f"the character {c!r}"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
