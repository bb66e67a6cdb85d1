"""Certificates, requests and lists as plain data: everything is read at once, or the whole is refused.

asn1crypto parses late, so that malformed bytes could raise anywhere; behind this module none are left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from asn1crypto import crl, csr, x509  # type: ignore[import-untyped]

from tulou_contracts.crypto import Certificate, CertificateRefused, Purpose, Request, Revocations
from tulou_crypto.x509 import names, signing
from tulou_crypto.x509.signing import Signed

T = TypeVar("T")

LARGEST = 64 * 1024
"""Bytes of a certificate or request; ours have about 500."""
LARGEST_LIST = 32 * 2**20
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FAULTS = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, RecursionError)
"""What asn1crypto was seen to raise for malformed bytes."""
_UNDERSTOOD = {"basic_constraints", "key_usage", "extended_key_usage", "subject_alt_name"}


class Parsed(NamedTuple):
    """A certificate; what `Certificate` shows to others, and what is needed to verify a path."""

    shown: Certificate
    signed: Signed
    version: int
    subject_key: str
    """The name in a form to compare by (RFC 5280, section 7.1)."""
    issuer_key: str
    path_length: int | None
    usage: frozenset[str] | None
    any_purpose: bool
    demands: tuple[str, ...]
    """What it demands of a verifier that this one does not know."""


class ParsedList(NamedTuple):
    """What `Revocations.internals` is."""

    signed: Signed
    issuer_key: str
    demands: tuple[str, ...]


@lru_cache(maxsize=512)
def certificate(der: bytes) -> Parsed:
    """Read a certificate. Raises `CertificateRefused`."""
    return guarded("certificate", der, LARGEST, _certificate)


def request(der: bytes) -> tuple[Request, Signed]:
    """Read a request. Raises `CertificateRefused`."""
    return guarded("request", der, LARGEST, _request)


def revocations(der: bytes) -> Revocations:
    """Read a list. Raises `CertificateRefused`."""
    return guarded("revocation list", der, LARGEST_LIST, _revocations)


def guarded(what: str, der: bytes, largest: int, work: Callable[[bytes], T]) -> T:
    """Run `work` on the bytes. Raises `CertificateRefused` for all that can be wrong with them."""
    if not isinstance(der, bytes) or not der.startswith(b"\x30") or len(der) > largest:
        raise CertificateRefused(f"this is no {what} in DER, or it has more than {largest} bytes")
    try:
        return work(der)
    except CertificateRefused as error:
        raise CertificateRefused(f"this {what} is refused: {error}") from None
    except _FAULTS as error:
        raise CertificateRefused(f"this {what} is malformed ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _certificate(der: bytes) -> Parsed:
    parsed = x509.Certificate.load(der, strict=True)
    tbs = parsed["tbs_certificate"]
    if tbs["signature"].dump() != parsed["signature_algorithm"].dump():
        raise CertificateRefused("it names two algorithms for one signature")
    extensions, demands = _extensions(tbs["extensions"])
    basic = extensions.get("basic_constraints")
    usage = extensions.get("key_usage")
    purposes = extensions.get("extended_key_usage")
    version = tbs["version"].native
    if version not in ("v1", "v2", "v3") or not tbs["serial_number"].contents:
        raise CertificateRefused("it has no serial number, or a version that there is not")
    key = tbs["subject_public_key_info"]
    if not key["algorithm"]["algorithm"].native or not key["public_key"].contents:
        raise CertificateRefused("it has no public key")
    path_length = basic["path_len_constraint"].native if basic is not None else None
    if path_length is not None and path_length < 0:
        raise CertificateRefused("its path length is less than 0")
    known = {each.value: each for each in Purpose}
    given = set(purposes.native) if purposes is not None else set()
    shown = Certificate(
        der=der,
        subject=names.read(tbs["subject"], extensions.get("subject_alt_name")),
        issuer=str(tbs["issuer"].human_friendly),
        serial=tbs["serial_number"].native,
        public_key=key.dump(),
        not_before=_micros(tbs["validity"]["not_before"]),
        not_after=_micros(tbs["validity"]["not_after"]),
        is_ca=bool(basic is not None and basic["ca"].native),
        purposes=None if purposes is None else frozenset(known[each] for each in given & set(known)),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )
    return Parsed(
        shown=shown,
        signed=signing.read(tbs.dump(), parsed["signature_algorithm"], parsed["signature_value"].native),
        version=int(version[1]),
        subject_key=str(tbs["subject"].hashable),
        issuer_key=str(tbs["issuer"].hashable),
        path_length=path_length,
        usage=None if usage is None else frozenset(usage.native),
        any_purpose="any_extended_key_usage" in given,
        demands=demands,
    )


def _extensions(extensions: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Those that are understood, and what else is demanded."""
    found: dict[str, Any] = {}
    demands = []
    seen = set()
    for each in extensions:
        name = each["extn_id"].native
        if name in seen:
            raise CertificateRefused(f"it has the extension {name} twice")
        seen.add(name)
        if name in _UNDERSTOOD:
            found[name] = each["extn_value"].parsed
            found[name].native  # noqa: B018 - parses it to its end
        elif each["critical"].native or name == "name_constraints":
            demands.append(name)
    return found, tuple(demands)


def _request(der: bytes) -> tuple[Request, Signed]:
    parsed = csr.CertificationRequest.load(der, strict=True)
    info = parsed["certification_request_info"]
    alternative = None
    for attribute in info["attributes"]:
        if attribute["type"].native == "extension_request":
            found, demands = _extensions(attribute["values"][0])
            if demands:
                raise CertificateRefused(f"it asks for {demands[0]}, which is not known here")
            alternative = found.get("subject_alt_name")
    return (
        Request(names.read(info["subject"], alternative), info["subject_pk_info"].dump()),
        signing.read(info.dump(), parsed["signature_algorithm"], parsed["signature"].native),
    )


def _revocations(der: bytes) -> Revocations:
    parsed = crl.CertificateList.load(der, strict=True)
    tbs = parsed["tbs_cert_list"]
    if tbs["signature"].dump() != parsed["signature_algorithm"].dump():
        raise CertificateRefused("it names two algorithms for one signature")
    serials = set()
    demands = []
    for entry in tbs["revoked_certificates"]:
        serials.add(entry["user_certificate"].native)
        for each in entry["crl_entry_extensions"]:
            if each["critical"].native:
                demands.append(each["extn_id"].native)
    number = 0
    for each in tbs["crl_extensions"]:
        if each["extn_id"].native == "crl_number":
            number = each["extn_value"].parsed.native
        elif each["critical"].native:
            demands.append(each["extn_id"].native)
    if not tbs["next_update"].native:
        raise CertificateRefused("it does not say until when it holds")
    signed = signing.read(tbs.dump(), parsed["signature_algorithm"], parsed["signature"].native)
    return Revocations(
        der=der, issuer=str(tbs["issuer"].human_friendly), serials=frozenset(serials), number=number,
        this_update=_micros(tbs["this_update"]), next_update=_micros(tbs["next_update"]),
        internals=ParsedList(signed, str(tbs["issuer"].hashable), tuple(demands)))


def _micros(time: Any) -> int:
    return int((time.native - EPOCH) / timedelta(microseconds=1))
