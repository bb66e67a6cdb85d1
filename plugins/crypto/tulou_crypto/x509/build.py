"""Making certificates, requests and lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from asn1crypto import cms, crl, csr, keys, x509  # type: ignore[import-untyped]

from tulou_contracts.crypto import CertificateRefused, Primitives, Purpose, Subject
from tulou_crypto.x509 import names, signing
from tulou_crypto.x509.parsed import EPOCH

SERIAL_BITS = 127
"""Positive and at most 20 octets (RFC 5280, section 4.1.2.2), and more random bits than the 64 that the
CA/Browser Forum asks for."""
_YEAR_2050 = 2_524_608_000_000_000


def request(primitives: Primitives, subject: Subject, private_key: bytes) -> bytes:
    """A request (RFC 2986)."""
    names_asked = names.alternatives(subject)
    extensions = [_extension("subject_alt_name", names_asked, critical=False)] if names_asked else []
    info = csr.CertificationRequestInfo({
        "version": "v1",
        "subject": names.build(subject),
        "subject_pk_info": keys.PublicKeyInfo.load(primitives.public_key(private_key)),
        "attributes": [{"type": "extension_request", "values": [extensions]}] if extensions else [],
    })
    return bytes(csr.CertificationRequest({
        "certification_request_info": info,
        "signature_algorithm": signing.algorithm_for(primitives, private_key),
        "signature": signing.sign(primitives, private_key, info.dump()),
    }).dump())


def certificate(
    primitives: Primitives, subject: Subject, public_key: bytes, *, issuer: bytes | None, issuer_key: bytes,
    not_before: int, not_after: int, serial: int | None, ca: bool, path_length: int | None,
    purposes: Sequence[Purpose],
) -> bytes:
    """A certificate (RFC 5280, section 4)."""
    primitives.algorithm(public_key)
    if not_before > not_after:
        raise CertificateRefused("a certificate cannot end before it begins")
    if serial is None:
        serial = int.from_bytes(primitives.random(16), "big") >> (128 - SERIAL_BITS) or 1
    if not 0 < serial < 2**159:
        raise CertificateRefused(f"the serial number {serial} is not positive, or has more than 20 octets")
    name = names.build(subject)
    algorithm = signing.algorithm_for(primitives, issuer_key)
    above = x509.Certificate.load(issuer)["tbs_certificate"]["subject"] if issuer else name
    tbs = x509.TbsCertificate({
        "version": "v3",
        "serial_number": serial,
        "signature": algorithm,
        "issuer": above,
        "validity": {"not_before": time(not_before), "not_after": time(not_after)},
        "subject": name,
        "subject_public_key_info": keys.PublicKeyInfo.load(public_key),
        "extensions": _extensions(subject, public_key, primitives.public_key(issuer_key), ca, path_length,
                                  purposes),
    })
    return bytes(x509.Certificate({
        "tbs_certificate": tbs,
        "signature_algorithm": algorithm,
        "signature_value": signing.sign(primitives, issuer_key, tbs.dump()),
    }).dump())


def revocations(
    primitives: Primitives, issuer: bytes, issuer_key: bytes, serials: Mapping[int, int], *, number: int,
    this_update: int, next_update: int,
) -> bytes:
    """A list (RFC 5280, section 5)."""
    if this_update > next_update:
        raise CertificateRefused("a list cannot end before it begins")
    algorithm = signing.algorithm_for(primitives, issuer_key)
    content: dict[str, Any] = {
        "version": "v2",
        "signature": algorithm,
        "issuer": x509.Certificate.load(issuer)["tbs_certificate"]["subject"],
        "this_update": time(this_update),
        "next_update": time(next_update),
        "crl_extensions": [
            {"extn_id": "authority_key_identifier", "critical": False,
             "extn_value": {"key_identifier": key_identifier(primitives.public_key(issuer_key))}},
            {"extn_id": "crl_number", "critical": False, "extn_value": number},
        ],
    }
    if serials:
        content["revoked_certificates"] = [
            {"user_certificate": serial, "revocation_date": time(when)}
            for serial, when in sorted(serials.items())]
    tbs = crl.TbsCertList(content)
    return bytes(crl.CertificateList({
        "tbs_cert_list": tbs,
        "signature_algorithm": algorithm,
        "signature": signing.sign(primitives, issuer_key, tbs.dump()),
    }).dump())


def bundle(certificates: Sequence[bytes]) -> bytes:
    """PKCS #7 (RFC 5652) that holds certificates and nothing else."""
    return bytes(cms.ContentInfo({
        "content_type": "signed_data",
        "content": cms.SignedData({
            "version": "v1",
            "digest_algorithms": [],
            "encap_content_info": {"content_type": "data"},
            "certificates": [x509.Certificate.load(each) for each in certificates],
            "signer_infos": [],
        }),
    }).dump())


def time(micros: int) -> x509.Time:
    """UTCTime until 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5); whole seconds."""
    moment = EPOCH + timedelta(seconds=micros // 1_000_000)
    return x509.Time({"utc_time" if 0 <= micros < _YEAR_2050 else "general_time": moment})


def key_identifier(public_key: bytes) -> bytes:
    """The first 160 bits of the SHA-256 of the key's bits (RFC 7093, section 2, method 1)."""
    bits = keys.PublicKeyInfo.load(public_key)["public_key"]
    return hashlib.sha256(bits.contents[1:]).digest()[:20]


def _extensions(
    subject: Subject, public_key: bytes, issuer_public_key: bytes, ca: bool, path_length: int | None,
    purposes: Sequence[Purpose],
) -> list[x509.Extension]:
    usage = {"key_cert_sign", "crl_sign"} if ca else {"digital_signature"}
    basic: dict[str, Any] = {"ca": ca}
    if ca and path_length is not None:
        basic["path_len_constraint"] = path_length
    made = [
        _extension("basic_constraints", basic, critical=True),
        _extension("key_usage", usage, critical=True),
        _extension("key_identifier", key_identifier(public_key), critical=False),
        _extension("authority_key_identifier", {"key_identifier": key_identifier(issuer_public_key)},
                   critical=False),
    ]
    if purposes and not ca:
        made.append(_extension("extended_key_usage", [each.value for each in purposes], critical=False))
    alternative = names.alternatives(subject)
    if alternative:
        # Without a name it is all that there is (RFC 5280, section 4.2.1.6).
        unnamed = not subject.common_name and not subject.organization
        made.append(_extension("subject_alt_name", alternative, critical=unnamed))
    return made


def _extension(name: str, value: object, *, critical: bool) -> x509.Extension:
    return x509.Extension({"extn_id": name, "critical": critical, "extn_value": value})
