"""X.509: certificates, requests for them, and lists of those that were revoked (RFC 5280)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from tulou_contracts.crypto.errors import CryptoError


class CertificateRefused(CryptoError):
    """A certificate, request or list is malformed, or does not prove what it should; the text says why."""


class Purpose(Enum):
    """What a certificate may be used for (extended key usage)."""

    CLIENT = "client_auth"
    """A person's or device's, towards a server."""
    SERVER = "server_auth"


class Subject(NamedTuple):
    """Whom a certificate is about. A URI is ASCII, e.g. ``xmpp:anna@tulou.example``; other characters in
    it are percent-encoded by the caller."""

    common_name: str
    """At most 64 characters."""
    organization: str = ""
    uris: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()


class Certificate(NamedTuple):
    """What a certificate says. Times are microseconds since 1970 UTC."""

    der: bytes
    subject: Subject
    issuer: str
    """In words, e.g. ``Common Name: Tulou Company CA``."""
    serial: int
    public_key: bytes
    """SubjectPublicKeyInfo DER."""
    not_before: int
    not_after: int
    is_ca: bool
    purposes: frozenset[Purpose] | None
    """None: not restricted."""
    fingerprint: str
    """SHA-256 of the DER, in lower-case hexadecimal digits."""


class Request(NamedTuple):
    """What somebody asks a certificate for; the request's own signature was right."""

    subject: Subject
    public_key: bytes


class Revocations(NamedTuple):
    """A list of revoked certificates of one issuer, parsed once; its signature is checked in `verify`."""

    der: bytes
    issuer: str
    serials: frozenset[int]
    number: int
    this_update: int
    next_update: int
    """After this moment it proves nothing any more."""
    internals: object
    """What the provider needs to check it."""


class Certificates(Protocol):
    """X.509 structures on the room's signatures. No clock inside: times are parameters, in microseconds
    since 1970 UTC. Everything raises `CertificateRefused` for what is malformed, with a sentence.

    Signed with ECDSA P-256 and SHA-256, Ed25519, or RSA (PKCS #1 v1.5 with SHA-256); RSASSA-PSS is read.
    Use P-256 for a CA that TLS libraries shall know: several refuse Ed25519 in certificates.
    """

    def request(self, subject: Subject, private_key: bytes) -> bytes:
        """A request (PKCS #10, RFC 2986) in DER."""

    def read_request(self, der: bytes) -> Request:
        """A request whose signature is right."""

    def issue(
        self, subject: Subject, public_key: bytes, *, issuer: bytes | None, issuer_key: bytes,
        not_before: int, not_after: int, serial: int | None = None, ca: bool = False,
        path_length: int | None = None, purposes: Sequence[Purpose] = (Purpose.CLIENT,),
    ) -> bytes:
        """A certificate in DER; `issuer` None: signed by itself. `serial` None: 127 random bits.
        `path_length`: how many CAs may follow below this one."""

    def read(self, der: bytes) -> Certificate:
        """What a certificate says; nothing about whether it is true."""

    def revoke(
        self, issuer: bytes, issuer_key: bytes, serials: Mapping[int, int], *, number: int,
        this_update: int, next_update: int,
    ) -> bytes:
        """A list (CRL) of revoked serial numbers and when each was revoked; `number` grows."""

    def read_revocations(self, der: bytes) -> Revocations:
        """A list, parsed once and for all. 10,000 entries take 0.1 s."""

    def verify(
        self, certificate: bytes, anchors: Sequence[bytes], *, now: int,
        intermediates: Sequence[bytes] = (), purpose: Purpose | None = None,
        revocations: Sequence[Revocations] | None = None,
    ) -> Certificate:
        """Whether a certificate leads to one of the trusted `anchors` (RFC 5280, section 6.1).

        With `revocations` every certificate on the way must be on the current list of its issuer's,
        and not be revoked there; None: revocation is not asked. Name constraints and policies that a
        CA demands are not understood, so such a path is refused.
        """

    def bundle(self, certificates: Sequence[bytes]) -> bytes:
        """PKCS #7 with certificates only, as EST (RFC 7030) hands them out."""

    def unbundle(self, der: bytes) -> tuple[bytes, ...]:
        """The certificates in such a bundle."""
