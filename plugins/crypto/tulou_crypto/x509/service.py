"""The contract `Certificates`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tulou_contracts.crypto import (
    Certificate,
    CertificateRefused,
    CryptoError,
    Primitives,
    Purpose,
    Request,
    Revocations,
    Subject,
)

T = TypeVar("T")

MOST_IN_BUNDLE = 64


class X509:
    """X.509 structures. asn1crypto is imported at the first use."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    def request(self, subject: Subject, private_key: bytes) -> bytes:
        """A request in DER."""
        from tulou_crypto.x509 import build

        return _refusing(lambda: build.request(self._primitives, subject, private_key))

    def read_request(self, der: bytes) -> Request:
        """A request whose signature is right."""
        from tulou_crypto.x509 import parsed, signing

        request, signed = parsed.request(der)
        if not signing.verify(self._primitives, request.public_key, signed):
            raise CertificateRefused("this request was not signed by the key that it asks a certificate for")
        return request

    def issue(
        self, subject: Subject, public_key: bytes, *, issuer: bytes | None, issuer_key: bytes,
        not_before: int, not_after: int, serial: int | None = None, ca: bool = False,
        path_length: int | None = None, purposes: Sequence[Purpose] = (Purpose.CLIENT,),
    ) -> bytes:
        """A certificate in DER."""
        from tulou_crypto.x509 import build

        signer = _refusing(lambda: self._primitives.public_key(issuer_key))
        if issuer is not None:
            above = self.read(issuer)
            if not above.is_ca or above.public_key != signer:
                raise CertificateRefused("the issuer is no CA, or the key given is not its key")
        elif signer != public_key:
            raise CertificateRefused("a certificate without an issuer is signed by its own key")
        return _refusing(lambda: build.certificate(
            self._primitives, subject, public_key, issuer=issuer, issuer_key=issuer_key,
            not_before=not_before, not_after=not_after, serial=serial, ca=ca, path_length=path_length,
            purposes=purposes))

    def read(self, der: bytes) -> Certificate:
        """What a certificate says."""
        from tulou_crypto.x509 import parsed

        return parsed.certificate(der).shown

    def revoke(
        self, issuer: bytes, issuer_key: bytes, serials: Mapping[int, int], *, number: int,
        this_update: int, next_update: int,
    ) -> bytes:
        """A list of revoked certificates."""
        from tulou_crypto.x509 import build

        if self.read(issuer).public_key != _refusing(lambda: self._primitives.public_key(issuer_key)):
            raise CertificateRefused("the key given is not the issuer's")
        return _refusing(lambda: build.revocations(
            self._primitives, issuer, issuer_key, serials, number=number, this_update=this_update,
            next_update=next_update))

    def read_revocations(self, der: bytes) -> Revocations:
        """A list, parsed once and for all."""
        from tulou_crypto.x509 import parsed

        return parsed.revocations(der)

    def verify(
        self, certificate: bytes, anchors: Sequence[bytes], *, now: int,
        intermediates: Sequence[bytes] = (), purpose: Purpose | None = None,
        revocations: Sequence[Revocations] | None = None,
    ) -> Certificate:
        """Whether a certificate leads to one of the anchors. Certificates above it that cannot be read
        are left out; then there may be no path."""
        from tulou_crypto.x509 import parsed, path

        above = []
        for each in intermediates:
            try:
                above.append(parsed.certificate(each))
            except CertificateRefused:
                continue
        return path.verify(
            self._primitives, parsed.certificate(certificate), [parsed.certificate(each) for each in anchors],
            above, now=now, purpose=purpose, revocations=revocations)

    def bundle(self, certificates: Sequence[bytes]) -> bytes:
        """PKCS #7 with certificates only."""
        from tulou_crypto.x509 import build

        for each in certificates:
            self.read(each)
        return build.bundle(certificates)

    def unbundle(self, der: bytes) -> tuple[bytes, ...]:
        """The certificates in such a bundle."""
        from tulou_crypto.x509 import bundles

        return bundles.read(der, MOST_IN_BUNDLE)


def _refusing(work: Callable[[], T]) -> T:
    """The room's errors as errors about certificates."""
    try:
        return work()
    except CertificateRefused:
        raise
    except CryptoError as error:
        raise CertificateRefused(str(error)) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise CertificateRefused(f"this cannot be put into a certificate: {error}") from None
