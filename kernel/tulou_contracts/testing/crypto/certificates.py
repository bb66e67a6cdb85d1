"""Conformance of `Certificates`."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tulou_contracts.crypto import (
    Algorithm,
    CertificateRefused,
    Certificates,
    Primitives,
    Purpose,
    Revocations,
    Subject,
)

NOW = 1_767_225_600_000_000  # 2026-01-01
DAY = 86_400_000_000
ANNA = Subject("安娜 Anna", "Tulou", uris=("xmpp:anna@tulou.example", "urn:uuid:0e2d7f4c"),
               dns_names=("anna.tulou.example",), ip_addresses=("127.0.0.1", "::1"))


class Office(NamedTuple):
    """A root CA, a CA below it, and Anna."""

    root: bytes
    root_key: bytes
    ca: bytes
    ca_key: bytes
    anna: bytes
    anna_key: bytes


def office(certificates: Certificates, primitives: Primitives, algorithm: Algorithm) -> Office:
    """All of them with keys of one algorithm."""
    root_key, ca_key, anna_key = (primitives.new_private_key(algorithm) for _ in range(3))
    root = certificates.issue(
        Subject("Tulou Root"), primitives.public_key(root_key), issuer=None, issuer_key=root_key,
        not_before=NOW - DAY, not_after=NOW + 100 * DAY, ca=True, path_length=1)
    ca = certificates.issue(
        Subject("Tulou CA"), primitives.public_key(ca_key), issuer=root, issuer_key=root_key,
        not_before=NOW - DAY, not_after=NOW + 100 * DAY, ca=True, path_length=0)
    anna = certificates.issue(
        ANNA, primitives.public_key(anna_key), issuer=ca, issuer_key=ca_key, not_before=NOW,
        not_after=NOW + DAY)
    return Office(root, root_key, ca, ca_key, anna, anna_key)


class CertificatesConformance:
    """What every `Certificates` does."""

    @pytest.fixture
    def primitives(self) -> Primitives:
        """What makes keys."""
        raise NotImplementedError("define the fixture primitives in the subclass")

    @pytest.fixture
    def certificates(self) -> Certificates:
        """What is tested."""
        raise NotImplementedError("define the fixture certificates in the subclass")

    @pytest.fixture
    def office(self, certificates: Certificates, primitives: Primitives) -> Office:
        """An office with keys on P-256."""
        return office(certificates, primitives, Algorithm.ECDSA_P256)

    def lists(
        self, certificates: Certificates, office: Office, serials: tuple[int, ...] = (), end: int = NOW + DAY
    ) -> list[Revocations]:
        """The lists of both CAs."""
        return [certificates.read_revocations(certificates.revoke(
            issuer, key, dict.fromkeys(serials, NOW), number=7, this_update=NOW - DAY, next_update=end))
            for issuer, key in ((office.root, office.root_key), (office.ca, office.ca_key))]

    @pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.ECDSA_P256])
    def test_a_request_says_who_and_proves_the_key(
        self, certificates: Certificates, primitives: Primitives, algorithm: Algorithm
    ) -> None:
        key = primitives.new_private_key(algorithm)
        der = certificates.request(ANNA, key)
        assert certificates.read_request(der) == (ANNA, primitives.public_key(key))
        for position in range(len(der) - 60, len(der)):
            wrong = bytearray(der)
            wrong[position] ^= 1
            with pytest.raises(CertificateRefused):
                certificates.read_request(bytes(wrong))

    def test_a_certificate_says_what_was_asked(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        anna = certificates.read(office.anna)
        assert anna.der == office.anna and anna.subject == ANNA
        assert anna.public_key == primitives.public_key(office.anna_key)
        assert (anna.not_before, anna.not_after) == (NOW, NOW + DAY)
        assert not anna.is_ca and anna.purposes == frozenset({Purpose.CLIENT})
        assert "Tulou CA" in anna.issuer and 0 < anna.serial < 2**127 and len(anna.fingerprint) == 64
        assert certificates.read(office.ca).is_ca and certificates.read(office.ca).purposes is None

    def test_a_path_is_verified(self, certificates: Certificates, office: Office) -> None:
        found = certificates.verify(
            office.anna, [office.root], now=NOW, intermediates=[office.ca], purpose=Purpose.CLIENT,
            revocations=self.lists(certificates, office))
        assert found.subject == ANNA
        certificates.verify(office.anna, [office.ca], now=NOW)
        certificates.verify(office.root, [office.root], now=NOW)

    def test_without_the_ca_between_there_is_no_path(
        self, certificates: Certificates, office: Office
    ) -> None:
        for above in ([], [office.anna], [office.root], [b"junk"]):
            with pytest.raises(CertificateRefused, match="not trusted here"):
                certificates.verify(office.anna, [office.root], now=NOW, intermediates=above)
        with pytest.raises(CertificateRefused):
            certificates.verify(office.anna, [], now=NOW, intermediates=[office.ca])

    def test_a_ca_of_the_same_name_is_another(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        twin_key = primitives.new_private_key(Algorithm.ECDSA_P256)
        twin = certificates.issue(
            Subject("Tulou Root"), primitives.public_key(twin_key), issuer=None, issuer_key=twin_key,
            not_before=NOW - DAY, not_after=NOW + DAY, ca=True)
        with pytest.raises(CertificateRefused, match="not signed by"):
            certificates.verify(office.anna, [twin], now=NOW, intermediates=[office.ca])
        certificates.verify(office.anna, [twin, office.root], now=NOW, intermediates=[office.ca])

    @pytest.mark.parametrize(("moment", "words"), [
        (NOW - 1, "not valid yet"), (NOW + DAY + 1, "no longer valid"), (NOW - 400 * DAY, "not valid yet")])
    def test_each_has_its_time(
        self, certificates: Certificates, office: Office, moment: int, words: str
    ) -> None:
        with pytest.raises(CertificateRefused, match=words):
            certificates.verify(office.anna, [office.root], now=moment, intermediates=[office.ca])

    def test_a_purpose_is_kept_to(self, certificates: Certificates, office: Office) -> None:
        with pytest.raises(CertificateRefused, match="not meant for a server"):
            certificates.verify(
                office.anna, [office.root], now=NOW, intermediates=[office.ca], purpose=Purpose.SERVER)

    def test_who_is_no_ca_issues_nothing(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        public_key = primitives.public_key(office.root_key)
        with pytest.raises(CertificateRefused, match="no CA"):
            certificates.issue(Subject("Mallory"), public_key, issuer=office.anna, issuer_key=office.anna_key,
                               not_before=NOW, not_after=NOW + DAY)
        with pytest.raises(CertificateRefused, match="not its key"):
            certificates.issue(Subject("Mallory"), public_key, issuer=office.ca, issuer_key=office.anna_key,
                               not_before=NOW, not_after=NOW + DAY)

    def test_a_path_is_not_longer_than_its_cas_allow(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        key = primitives.new_private_key(Algorithm.ECDSA_P256)
        lower = certificates.issue(
            Subject("Lower CA"), primitives.public_key(key), issuer=office.ca, issuer_key=office.ca_key,
            not_before=NOW - DAY, not_after=NOW + DAY, ca=True)
        leaf = certificates.issue(Subject("Leaf"), primitives.public_key(key), issuer=lower, issuer_key=key,
                                  not_before=NOW - DAY, not_after=NOW + DAY)
        with pytest.raises(CertificateRefused, match="allows [01] CAs below it"):
            certificates.verify(leaf, [office.root], now=NOW, intermediates=[lower, office.ca])

    def test_revoked_certificates_are_refused(self, certificates: Certificates, office: Office) -> None:
        for revoked in (office.anna, office.ca):
            lists = self.lists(certificates, office, (certificates.read(revoked).serial, 5))
            with pytest.raises(CertificateRefused, match="was revoked"):
                certificates.verify(
                    office.anna, [office.root], now=NOW, intermediates=[office.ca], revocations=lists)

    def test_a_list_that_is_missing_old_or_anothers_proves_nothing(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        root_list, ca_list = self.lists(certificates, office)
        forged_key = primitives.new_private_key(Algorithm.ECDSA_P256)
        twin = certificates.issue(
            Subject("Tulou CA"), primitives.public_key(forged_key), issuer=None, issuer_key=forged_key,
            not_before=NOW, not_after=NOW + DAY, ca=True)
        forged = certificates.read_revocations(certificates.revoke(
            twin, forged_key, {}, number=9, this_update=NOW, next_update=NOW + DAY))
        for lists, words in (
            ([], "no list"), ([root_list], "no list"), ([ca_list], "no list"),
            (self.lists(certificates, office, end=NOW - 2_000_000), "not current"),
            ([root_list, forged], "not signed by its key"),
        ):
            with pytest.raises(CertificateRefused, match=words):
                certificates.verify(
                    office.anna, [office.root], now=NOW, intermediates=[office.ca], revocations=lists)

    def test_a_list_says_what_it_holds(self, certificates: Certificates, office: Office) -> None:
        _, revocations = self.lists(certificates, office, (5, 2**100))
        assert revocations.serials == {5, 2**100} and revocations.number == 7
        assert (revocations.this_update, revocations.next_update) == (NOW - DAY, NOW + DAY)

    def test_every_changed_byte_of_a_certificate_is_noticed(
        self, certificates: Certificates, office: Office
    ) -> None:
        for position in range(0, len(office.anna), 3):
            wrong = bytearray(office.anna)
            wrong[position] ^= 0x11
            with pytest.raises(CertificateRefused):
                certificates.verify(bytes(wrong), [office.ca], now=NOW)

    def test_a_certificate_cut_short_anywhere_is_refused(
        self, certificates: Certificates, office: Office
    ) -> None:
        for length in range(len(office.anna)):
            with pytest.raises(CertificateRefused):
                certificates.read(office.anna[:length])
        with pytest.raises(CertificateRefused):
            certificates.read(office.anna + b"\0")

    @pytest.mark.parametrize("subject", [
        Subject("x" * 65), Subject("a", "y" * 65), Subject("a\0b"), Subject("a\nb"), Subject("\ud800"),
        Subject("a", uris=("xmpp:安娜",)), Subject("a", uris=("",)), Subject("a", uris=("a b",)),
        Subject("a", uris=("x" * 3000,)), Subject("a", dns_names=("é.example",)),
        Subject("a", ip_addresses=("300.1.1.1",))], ids=lambda each: ascii(each)[:40])
    def test_names_that_no_certificate_has_are_refused(
        self, certificates: Certificates, primitives: Primitives, subject: Subject
    ) -> None:
        with pytest.raises(CertificateRefused):
            certificates.request(subject, primitives.new_private_key(Algorithm.ED25519))

    def test_a_subject_may_have_a_uri_only(
        self, certificates: Certificates, primitives: Primitives, office: Office
    ) -> None:
        subject = Subject("", uris=("xmpp:anna@tulou.example/%E5%8A%9E",))
        der = certificates.issue(
            subject, primitives.public_key(office.anna_key), issuer=office.ca, issuer_key=office.ca_key,
            not_before=NOW, not_after=NOW + DAY)
        assert certificates.verify(der, [office.ca], now=NOW).subject == subject

    def test_a_bundle_gives_back_its_certificates(self, certificates: Certificates, office: Office) -> None:
        for chain in ((), (office.anna,), (office.anna, office.ca, office.root)):
            bundle = certificates.bundle(chain)
            assert set(certificates.unbundle(bundle)) == set(chain)
        for bad in (b"", b"junk", office.anna, bundle[:-1], bundle + b"\0"):
            with pytest.raises(CertificateRefused):
                certificates.unbundle(bad)

    @pytest.mark.parametrize("bad", [
        b"", b"\x30", b"0" * 100, b"\x30\x80" * 1000, b"\x30\x84\xff\xff\xff\xff", bytes(100_000),
        b"-----BEGIN CERTIFICATE-----"], ids=len)
    def test_what_is_no_certificate_is_refused(self, certificates: Certificates, bad: bytes) -> None:
        for read in (certificates.read, certificates.read_request, certificates.read_revocations):
            with pytest.raises(CertificateRefused):
                read(bad)
