"""Names of subjects, into ASN.1 and back."""

from __future__ import annotations

import ipaddress
from typing import Any

from asn1crypto import x509  # type: ignore[import-untyped]

from tulou_contracts.crypto import CertificateRefused, Subject

_EMAIL, _DNS, _URI, _IP = 1, 2, 6, 7
_TAGS = {"rfc822_name": _EMAIL, "dns_name": _DNS, "uniform_resource_identifier": _URI, "ip_address": _IP}
LONGEST_NAME = 64
"""ub-common-name and ub-organization-name (RFC 5280, appendix A.1)."""
LONGEST_ALTERNATIVE = 2048


def build(subject: Subject) -> x509.Name:
    """The distinguished name. Raises `CertificateRefused`."""
    parts = {}
    for what, name in (("organization_name", subject.organization), ("common_name", subject.common_name)):
        if len(name) > LONGEST_NAME or any(ord(each) < 32 or 0xD800 <= ord(each) < 0xE000 for each in name):
            raise CertificateRefused(
                f"the {what.replace('_', ' ')} {name[:70]!r} has more than {LONGEST_NAME} characters, or"
                " some that no name has")
        if name:
            parts[what] = name
    return x509.Name.build(parts)


def alternatives(subject: Subject) -> list[x509.GeneralName]:
    """The subject's alternative names. Raises `CertificateRefused`."""
    names = [_general(_URI, _checked("URI", each)) for each in subject.uris]
    names += [_general(_DNS, _checked("DNS name", each)) for each in subject.dns_names]
    for address in subject.ip_addresses:
        try:
            names.append(_general(_IP, ipaddress.ip_address(address).packed))
        except ValueError:
            raise CertificateRefused(f"{address!r} is no IP address") from None
    return names


def read(name: x509.Name, alternative: Any) -> Subject:
    """The subject in words. May raise whatever asn1crypto raises for malformed bytes."""
    native = name.native
    found: dict[int, list[str]] = {_URI: [], _DNS: [], _IP: [], _EMAIL: []}
    for each in alternative or ():
        tag = _TAGS.get(each.name)
        if tag is not None:
            found[tag].append(_text(tag, each.chosen.contents))
    return Subject(
        _one(native.get("common_name")), _one(native.get("organization_name")),
        tuple(found[_URI]), tuple(found[_DNS]), tuple(found[_IP]))


def _text(tag: int, contents: bytes) -> str:
    if tag == _IP:
        return str(ipaddress.ip_address(contents))
    text = contents.decode("ascii")
    if not text or not text.isprintable():
        raise ValueError("an alternative name that is no text")
    return text


def _one(value: Any) -> str:
    """A name may be there several times; the last is the most specific."""
    return str(value[-1] if isinstance(value, list) else value or "")


def _checked(what: str, text: str) -> bytes:
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or not 0 < len(text) <= LONGEST_ALTERNATIVE:
        raise CertificateRefused(
            f"{text[:70]!r} cannot be a {what} in a certificate: it has characters other than plain ASCII"
            " (percent-encode them), or too many")
    return text.encode()


def _general(tag: int, contents: bytes) -> x509.GeneralName:
    # By hand: asn1crypto would rewrite a URI.
    length = len(contents)
    size = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
    return x509.GeneralName.load(bytes([0x80 | tag]) + size + contents)
