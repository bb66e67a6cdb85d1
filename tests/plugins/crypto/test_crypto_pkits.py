"""NIST's Public Key Interoperability Test Suite (PKITS), through our path verifier.

Each end certificate says in its file name what it should come to. Ours is a verifier of a part of
RFC 5280: what it does not know it refuses. So every path that should fail must fail, also in the sections
that are not applicable; and every one that should hold must hold, but for `NOT_APPLICABLE`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import pytest

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import CertificateRefused, Revocations
from tulou_crypto.x509.service import X509

pytest.importorskip("cryptography_vectors")
FOLDER = resources.files("cryptography_vectors") / "x509" / "PKITS_data"
NOW = 1_800_000_000_000_000  # January 2027; the suite holds from 2010 to 2030
YEAR = 31_536_000_000_000

NOT_APPLICABLE = {
    r"^ValidDSA": "DSA is not taken",
    r"^ValidSeparateCertificateandCRLKeys|^ValidBasicSelfIssuedCRLSigningKey":
        "lists signed by a key that is not the CA's are not taken",
    r"^Valid(distributionPoint|onlySomeReasons|IDPwithindirectCRL|cRLIssuer|onlyContainsCACerts)"
    r"|^ValiddeltaCRLTest[57]|^ValidBasicSelfIssuedNewWithOld":
        "lists with a scope (issuing distribution point), indirect lists and delta lists are not taken",
    r"nameConstraints": "name constraints are not known",
    r"^Valid(SelfIssued)?(requireExplicitPolicy|inhibitPolicyMapping|inhibitAnyPolicy|PolicyMapping)":
        "policies that a CA demands are not known",
}
"""What should hold and is refused: pattern of the name -> why. Beside these there are 20 files without an
expectation in their names: what those come to depends on the policy asked for, and none is here."""


def files(kind: str) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {each.name.rpartition(".")[0]: each.read_bytes() for each in (FOLDER / kind).iterdir()
            if each.name.endswith((".crt", ".crl"))}


CERTIFICATES = files("certs")
ENDS = sorted(name for name in CERTIFICATES if re.match("(Valid|Invalid)", name))


@cache
def lists() -> tuple[Revocations, ...]:
    """All lists that can be read at all."""
    read = []
    for der in files("crls").values():
        try:
            read.append(X509(PROVIDERS[-1]()).read_revocations(der))
        except CertificateRefused:
            continue
    return tuple(read)


def verify(name: str, provider: Any = PROVIDERS[-1], now: int = NOW) -> str:
    """What is wrong with a path; empty when it holds."""
    above = [der for each, der in CERTIFICATES.items() if not each.endswith("EE")]
    try:
        X509(provider()).verify(
            CERTIFICATES[name], [CERTIFICATES["TrustAnchorRootCertificate"]], now=now,
            intermediates=above, revocations=lists())
    except CertificateRefused as error:
        return str(error)
    return ""


def why_not_applicable(name: str) -> str:
    """The reason, or nothing."""
    return next((why for pattern, why in NOT_APPLICABLE.items() if re.search(pattern, name)), "")


@pytest.mark.parametrize("name", [each for each in ENDS if each.startswith("Invalid")])
def test_what_should_fail_fails(name: str) -> None:
    assert verify(name)


@pytest.mark.parametrize("name", [
    each for each in ENDS if each.startswith("Valid") and not why_not_applicable(each)])
def test_what_should_hold_holds(name: str) -> None:
    assert not verify(name)


@pytest.mark.parametrize("name", [
    each for each in ENDS if each.startswith("Valid") and why_not_applicable(each)])
def test_what_is_not_known_is_refused(name: str) -> None:
    """Also keeps the table exact: what holds must not be in it."""
    assert verify(name)


def test_before_and_after_its_time_nothing_holds() -> None:
    for moment in (NOW - 20 * YEAR, NOW + 20 * YEAR):
        assert "valid" in verify("ValidCertificatePathTest1EE", now=moment)


def test_the_default_provider_comes_to_the_same() -> None:
    for name in ENDS[::12]:
        assert bool(verify(name, PROVIDERS[0])) == bool(verify(name))
