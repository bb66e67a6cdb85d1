"""Whether a certificate leads to a trusted one (RFC 5280, section 6.1). Pure: the time is a parameter.

Not understood, and refused where a certificate demands it: name constraints, policies, delta lists, lists
for some reasons or distribution points only, and lists signed by another key than the certificates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tulou_contracts.crypto import Certificate, CertificateRefused, Primitives, Purpose, Revocations
from tulou_crypto.x509 import signing
from tulou_crypto.x509.parsed import Parsed, ParsedList

LONGEST_PATH = 8
"""Certificates below the trusted one. The deepest company hierarchies have four."""
MOST_PATHS = 32
"""Tried; cross-signed CAs could otherwise make them many."""


def verify(
    primitives: Primitives, leaf: Parsed, anchors: Sequence[Parsed], intermediates: Sequence[Parsed], *,
    now: int, purpose: Purpose | None, revocations: Sequence[Revocations] | None,
) -> Certificate:
    """The leaf, when it holds. Raises `CertificateRefused` saying what is wrong with the best path."""
    check = _Check(primitives, now, purpose, revocations)
    fault = CertificateRefused(
        f"the certificate of {_name(leaf)} was issued by {leaf.shown.issuer!r}, which is not trusted here")
    if any(leaf.shown.der == anchor.shown.der for anchor in anchors):
        check.one(leaf, None)
        check.leaf(leaf)
        return leaf.shown
    for number, path in enumerate(_paths(leaf, anchors, intermediates)):
        if number == MOST_PATHS:
            break
        try:
            check.path(path)
            return leaf.shown
        except CertificateRefused as error:
            fault = error
    raise fault


def _paths(
    leaf: Parsed, anchors: Sequence[Parsed], intermediates: Sequence[Parsed]
) -> Iterator[list[Parsed]]:
    """Rows of certificates from a trusted one to the leaf, linked by name; short ones first."""
    rows = [[leaf]]
    while rows:
        longer: list[list[Parsed]] = []
        for row in rows:
            for anchor in anchors:
                if anchor.subject_key == row[0].issuer_key:
                    yield [anchor, *row]
            for each in intermediates:
                if each.subject_key == row[0].issuer_key and each not in row:
                    longer.append([each, *row])
        rows = longer[:MOST_PATHS] if longer and len(longer[0]) <= LONGEST_PATH else []


class _Check:
    """One verification."""

    def __init__(
        self, primitives: Primitives, now: int, purpose: Purpose | None,
        revocations: Sequence[Revocations] | None,
    ) -> None:
        self._primitives = primitives
        self._now = now
        self._purpose = purpose
        self._revocations = revocations

    def path(self, path: list[Parsed]) -> None:
        """Raises `CertificateRefused` unless every step from the trusted certificate down is right."""
        anchor, leaf = path[0], path[-1]
        self.one(anchor, None)
        self._issues(anchor, path, 0)
        for place, each in enumerate(path[1:], 1):
            self.one(each, path[place - 1])
            if each is not leaf:
                # Before its revocation: what is no CA needs no list.
                self._issues(each, path, place)
            if self._revocations is not None:
                self._not_revoked(each, path[:place])
        self.leaf(leaf)

    def one(self, each: Parsed, issuer: Parsed | None) -> None:
        """Signature, time, and that nothing is demanded that is not known here."""
        if issuer is not None and not signing.verify(self._primitives, issuer.shown.public_key, each.signed):
            raise CertificateRefused(
                f"the certificate of {_name(each)} was not signed by {_name(issuer)}, which it names")
        if self._now < each.shown.not_before:
            raise CertificateRefused(
                f"the certificate of {_name(each)} is not valid yet; is this machine's clock right?")
        if self._now > each.shown.not_after:
            raise CertificateRefused(
                f"the certificate of {_name(each)} is no longer valid: it has to be renewed")
        if each.demands:
            raise CertificateRefused(
                f"the certificate of {_name(each)} demands what is not known here: {', '.join(each.demands)}")

    def _issues(self, each: Parsed, path: list[Parsed], place: int) -> None:
        if each.version != 3 or not each.shown.is_ca:
            raise CertificateRefused(
                f"{_name(each)} is no CA, and issued {_name(path[place + 1])} all the same")
        if each.usage is not None and "key_cert_sign" not in each.usage:
            raise CertificateRefused(f"the key of {_name(each)} may not sign certificates")
        # Those that a CA issued to itself do not count, nor does the leaf.
        below = sum(one.subject_key != one.issuer_key for one in path[place + 1:-1])
        if each.path_length is not None and below > each.path_length:
            raise CertificateRefused(
                f"{_name(each)} allows {each.path_length} CAs below it, and here are {below}")
        self._purposes(each)

    def leaf(self, leaf: Parsed) -> None:
        """What the certificate at the end may be used for."""
        self._purposes(leaf)
        if self._purpose and leaf.usage is not None and "digital_signature" not in leaf.usage:
            raise CertificateRefused(f"the key of {_name(leaf)} may not sign, so it cannot prove who it is")

    def _purposes(self, each: Parsed) -> None:
        allowed = each.shown.purposes
        if self._purpose and allowed is not None and not each.any_purpose and self._purpose not in allowed:
            what = {Purpose.CLIENT: "a client", Purpose.SERVER: "a server"}[self._purpose]
            raise CertificateRefused(f"the certificate of {_name(each)} is not meant for {what}")

    def _not_revoked(self, each: Parsed, above: Sequence[Parsed]) -> None:
        """One current list that does not name the certificate is needed; any list that does is enough.

        A CA that has a new key may sign lists with the old one, if that is on the same path.
        """
        issuers = [one for one in reversed(above) if one.subject_key == each.issuer_key]
        fault = f"there is no list of the certificates that {_name(above[-1])} revoked"
        current = False
        for revocations in self._revocations or ():
            internals = revocations.internals
            assert isinstance(internals, ParsedList)
            if internals.issuer_key != each.issuer_key:
                continue
            problem = self._unsigned(internals, issuers)
            if not problem and each.shown.serial in revocations.serials:
                raise CertificateRefused(
                    f"the certificate of {_name(each)} was revoked by {_name(above[-1])}")
            problem = problem or self._unusable(revocations, internals)
            current = current or not problem
            fault = f"the revocation list of {_name(above[-1])} {problem}" if problem else fault
        if not current:
            raise CertificateRefused(fault)

    def _unsigned(self, internals: ParsedList, issuers: Sequence[Parsed]) -> str:
        for issuer in issuers:
            if signing.verify(self._primitives, issuer.shown.public_key, internals.signed):
                may = issuer.usage is None or "crl_sign" in issuer.usage
                return "" if may else "was signed by a key that may not sign lists"
        return "was not signed by its key"

    def _unusable(self, revocations: Revocations, internals: ParsedList) -> str:
        if internals.demands:
            return f"demands what is not known here: {', '.join(internals.demands)}"
        if not revocations.this_update <= self._now <= revocations.next_update:
            return "is not current: fetch a newer one"
        return ""


def _name(each: Parsed) -> str:
    subject = each.shown.subject
    names = (subject.common_name, *subject.uris, *subject.dns_names, subject.organization)
    return repr(next(filter(None, names), "(no name)"))
