"""Reading PKCS #7 bundles of certificates (RFC 5652)."""

from __future__ import annotations

from asn1crypto import cms  # type: ignore[import-untyped]

from tulou_contracts.crypto import CertificateRefused
from tulou_crypto.x509 import parsed

LARGEST = 2**20


def read(der: bytes, most: int) -> tuple[bytes, ...]:
    """The certificates, each of which can be read. Raises `CertificateRefused`."""
    return parsed.guarded("bundle", der, LARGEST, lambda data: _read(data, most))


def _read(der: bytes, most: int) -> tuple[bytes, ...]:
    content = cms.ContentInfo.load(der, strict=True)
    if content["content_type"].native != "signed_data":
        raise CertificateRefused("it holds no certificates")
    found: list[bytes] = []
    for each in content["content"]["certificates"]:
        if len(found) == most or each.name != "certificate":
            raise CertificateRefused(f"it holds more than {most} certificates, or something else")
        found.append(each.chosen.dump())
    for each in found:
        parsed.certificate(each)
    return tuple(found)
