"""X.509: the suite, what others make of our certificates, and 40 malformed ones."""

from __future__ import annotations

import random
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1
from Crypto.IO import PEM

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import (
    Algorithm,
    CertificateRefused,
    Certificates,
    Primitives,
    Purpose,
    Subject,
)
from tulou_contracts.testing.crypto import CertificatesConformance
from tulou_contracts.testing.crypto.certificates import ANNA, DAY, NOW, Office, office
from tulou_crypto.providers import forms
from tulou_crypto.x509 import signing
from tulou_crypto.x509.service import X509

OPENSSL = shutil.which("openssl")


@pytest.fixture(params=PROVIDERS)
def primitives(request: pytest.FixtureRequest) -> Primitives:
    provider: Primitives = request.param()
    return provider


@pytest.fixture
def certificates(primitives: Primitives) -> Certificates:
    return X509(primitives)


class TestX509(CertificatesConformance):
    @pytest.fixture
    def primitives(self, primitives: Primitives) -> Primitives:
        return primitives

    @pytest.fixture
    def certificates(self, certificates: Certificates) -> Certificates:
        return certificates


@pytest.fixture(scope="module", params=list(Algorithm), ids=lambda each: each.value)
def made(request: pytest.FixtureRequest) -> Office:
    """An office of each algorithm."""
    primitives = PROVIDERS[-1]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "RSA_BITS", 2048)
        return office(X509(primitives), primitives, request.param)


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(OPENSSL), *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def write(folder: Path, kind: str, name: str, *ders: bytes) -> None:
    (folder / name).write_text("\n".join(PEM.encode(der, kind) for der in ders) + "\n", "ascii")


def revocations(made: Office, *serials: int) -> list[bytes]:
    x509 = X509(PROVIDERS[-1]())
    return [x509.revoke(issuer, key, dict.fromkeys(serials, NOW), number=1, this_update=NOW,
                        next_update=NOW + DAY)
            for issuer, key in ((made.root, made.root_key), (made.ca, made.ca_key))]


@pytest.mark.skipif(not OPENSSL, reason="openssl is not installed")
def test_openssl_accepts_them(tmp_path: Path, made: Office) -> None:
    write(tmp_path, "CERTIFICATE", "root.pem", made.root)
    write(tmp_path, "CERTIFICATE", "ca.pem", made.ca)
    write(tmp_path, "CERTIFICATE", "anna.pem", made.anna)
    command = (
        "verify", "-x509_strict", "-purpose", "sslclient", "-crl_check_all", "-attime",
        str(NOW // 10**6 + 60),
        "-CAfile", "root.pem", "-untrusted", "ca.pem", "-CRLfile", "crl.pem", "anna.pem")
    write(tmp_path, "X509 CRL", "crl.pem", *revocations(made))
    done = openssl(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    write(tmp_path, "X509 CRL", "crl.pem", *revocations(made, X509(PROVIDERS[0]()).read(made.anna).serial))
    done = openssl(tmp_path, *command)
    assert "certificate revoked" in done.stderr


@pytest.mark.skipif(not OPENSSL, reason="openssl is not installed")
def test_openssl_reads_what_is_in_them(tmp_path: Path, made: Office) -> None:
    (tmp_path / "anna.der").write_bytes(made.anna)
    text = openssl(tmp_path, "x509", "-inform", "DER", "-in", "anna.der", "-noout", "-text",
                   "-nameopt", "utf8")
    for words in ("URI:xmpp:anna@tulou.example", "DNS:anna.tulou.example", "IP Address:127.0.0.1", "安娜",
                  "TLS Web Client Authentication", "CA:FALSE"):
        assert words in text.stdout
    (tmp_path / "request.der").write_bytes(X509(PROVIDERS[0]()).request(ANNA, made.anna_key))
    text = openssl(tmp_path, "req", "-inform", "DER", "-in", "request.der", "-noout", "-verify", "-text")
    assert "verify OK" in text.stdout + text.stderr and "URI:xmpp:anna@tulou.example" in text.stdout
    (tmp_path / "bundle.der").write_bytes(X509(PROVIDERS[0]()).bundle([made.anna, made.ca]))
    text = openssl(tmp_path, "pkcs7", "-inform", "DER", "-in", "bundle.der", "-print_certs", "-noout")
    assert text.stdout.count("subject=") == 2


@pytest.mark.skipif(not OPENSSL, reason="openssl is not installed")
def test_what_openssl_makes_is_read(tmp_path: Path) -> None:
    for number, key in enumerate((["ed25519"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                                  ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"])):
        assert openssl(tmp_path, "genpkey", "-algorithm", *key, "-out", "key.pem").returncode == 0
        digest = [] if number == 0 else ["-sha256"]
        made = openssl(tmp_path, "req", "-new", "-key", "key.pem", *digest, "-subj", "/CN=Anna", "-addext",
                       "subjectAltName=URI:xmpp:anna@tulou.example", "-outform", "DER", "-out", "request.der")
        assert made.returncode == 0, made.stderr
        x509 = X509(PROVIDERS[number % len(PROVIDERS)]())
        request = x509.read_request((tmp_path / "request.der").read_bytes())
        assert request.subject == Subject("Anna", uris=("xmpp:anna@tulou.example",))
        openssl(tmp_path, "req", "-x509", "-new", "-key", "key.pem", *digest, "-subj", "/CN=Root",
                "-days", "1", "-outform", "DER", "-out", "root.der")
        root = (tmp_path / "root.der").read_bytes()
        assert x509.verify(root, [root], now=x509.read(root).not_before).subject.common_name == "Root"
        openssl(tmp_path, "x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem")
        openssl(tmp_path, "crl2pkcs7", "-nocrl", "-certfile", "root.pem", "-outform", "DER",
                "-out", "bundle.der")
        assert x509.unbundle((tmp_path / "bundle.der").read_bytes()) == (root,)


def test_cryptographys_verifier_accepts_them() -> None:
    """It refuses Ed25519 in certificates, and wants names of servers."""
    verification = pytest.importorskip("cryptography.x509.verification")
    from cryptography import x509 as theirs

    primitives = PROVIDERS[0]()
    made = office(X509(primitives), primitives, Algorithm.ECDSA_P256)
    server = X509(primitives).issue(
        Subject("Server", dns_names=("chat.tulou.example",)), primitives.public_key(made.anna_key),
        issuer=made.ca, issuer_key=made.ca_key, not_before=NOW, not_after=NOW + DAY,
        purposes=[Purpose.SERVER])
    builder = verification.PolicyBuilder().time(
        datetime.fromtimestamp(NOW / 1e6 + 60, timezone.utc)).store(
        verification.Store([theirs.load_der_x509_certificate(made.root)]))
    chain = builder.build_server_verifier(theirs.DNSName("chat.tulou.example")).verify(
        theirs.load_der_x509_certificate(server), [theirs.load_der_x509_certificate(made.ca)])
    assert len(chain) == 3
    client = builder.build_client_verifier().verify(
        theirs.load_der_x509_certificate(made.anna), [theirs.load_der_x509_certificate(made.ca)])
    assert "xmpp:anna@tulou.example" in {each.value for each in client.subjects}


def test_cryptography_reads_our_lists_and_requests(made: Office) -> None:
    theirs = pytest.importorskip("cryptography.x509")
    for der, issuer in zip(revocations(made, 5, 9), (made.root, made.ca), strict=True):
        crl = theirs.load_der_x509_crl(der)
        assert crl.is_signature_valid(theirs.load_der_x509_certificate(issuer).public_key())
        assert {each.serial_number for each in crl} == {5, 9}
    assert theirs.load_der_x509_csr(X509(PROVIDERS[0]()).request(ANNA, made.anna_key)).is_signature_valid


def test_dates_after_2049_have_the_other_form(made: Office) -> None:
    primitives = PROVIDERS[-1]()
    x509 = X509(primitives)
    der = x509.issue(Subject("Later"), primitives.public_key(made.anna_key), issuer=made.ca,
                     issuer_key=made.ca_key, not_before=NOW, not_after=NOW + 40 * 366 * DAY)
    assert x509.read(der).not_after == NOW + 40 * 366 * DAY
    assert asn1.Certificate.load(der)["tbs_certificate"]["validity"]["not_after"].name == "general_time"


def test_a_long_list_is_a_set(made: Office) -> None:
    x509 = X509(PROVIDERS[-1]())
    der = x509.revoke(made.ca, made.ca_key, dict.fromkeys(range(1, 501), NOW), number=3, this_update=NOW,
                      next_update=NOW + DAY)
    assert x509.read_revocations(der).serials == set(range(1, 501))


# Malformed and hostile ones, each signed by the CA all the same.

def der(tag: int, *contents: bytes) -> bytes:
    """One value in DER."""
    content = b"".join(contents)
    length = len(content)
    size = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
    return bytes([tag]) + size + content


def extension(name: str, content: bytes) -> bytes:
    """A critical extension with any content."""
    return der(0x30, asn1.ExtensionId(name).dump(), b"\x01\x01\xff", der(4, content))


def spoilt(office: Office, spoil: str, primitives: Primitives) -> bytes:
    """Anna's certificate with one thing wrong, and a right signature over that."""
    tbs = asn1.Certificate.load(office.anna)["tbs_certificate"]
    parts = {name: tbs[name].dump() for name in (
        "version", "serial_number", "signature", "issuer", "validity", "subject", "subject_public_key_info")}
    extensions = {each["extn_id"].native: [each.dump()] for each in tbs["extensions"]}
    algorithm = parts["signature"]
    how, _, what = spoil.partition(" ")
    if how == "double":
        extensions[what] *= 2
    elif how == "garble":
        extensions[what] = [extension(what, b"\x30\x03\x02\x01")]
    elif how == "empty":
        extensions[what] = [extension(what, b"")]
    elif how == "demand":
        extensions[what] = [extension(what, b"\x30\x00")]
    elif how == "algorithm":
        parts["signature"] = asn1.SignedDigestAlgorithm({"algorithm": what}).dump()
    else:
        parts[how] = bytes.fromhex(what)
    signed = der(0x30, *parts.values(), der(0xA3, der(0x30, *sum(extensions.values(), []))))
    return der(0x30, signed, algorithm, der(3, b"\0", signing.sign(primitives, office.ca_key, signed)))


KNOWN = ("basic_constraints", "key_usage", "extended_key_usage", "subject_alt_name")
SPOILT = [
    *(f"{how} {each}" for each in KNOWN for how in ("double", "garble", "empty")),
    *(f"demand {each}" for each in ("1.2.3.4", "name_constraints", "policy_constraints", "inhibit_any_policy",
                                    "policy_mappings", "1.3.6.1.4.1.99999.1")),
    "algorithm sha1_rsa", "algorithm sha256_rsa", "algorithm ed25519",
    "issuer 3000", "issuer 0500", "subject 0500", "subject 310030003000", "serial_number 0200",
    "serial_number 0500", "validity 3000", "validity 30041700" "1700", "version a003020107",
    "version 0500", "subject_public_key_info 3000", "subject_public_key_info 0500",
]
"""A part, and what stands in its place."""


def test_a_certificate_that_is_not_spoilt_holds() -> None:
    primitives = PROVIDERS[-1]()
    made = office(X509(primitives), primitives, Algorithm.ECDSA_P256)
    X509(primitives).verify(spoilt(made, "version a003020102", primitives), [made.ca], now=NOW)


@pytest.mark.parametrize("spoil", SPOILT)
def test_malformed_certificates_are_refused_though_signed(spoil: str) -> None:
    primitives = PROVIDERS[-1]()
    x509 = X509(primitives)
    made = office(x509, primitives, Algorithm.ECDSA_P256)
    with pytest.raises(CertificateRefused) as caught:
        x509.verify(spoilt(made, spoil, primitives), [made.ca], now=NOW, purpose=Purpose.CLIENT)
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_never_crashes(seed: int) -> None:
    chance = random.Random(seed)
    primitives = PROVIDERS[-1]()
    x509 = X509(primitives)
    made = office(x509, primitives, Algorithm.ECDSA_P256)
    whole = {
        x509.read: made.anna, x509.read_request: x509.request(ANNA, made.anna_key),
        x509.read_revocations: revocations(made, 5, 6)[0], x509.unbundle: x509.bundle([made.anna, made.ca])}
    for read, der in whole.items():
        for _ in range(20):
            wrong = bytearray(der)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(wrong))
                how = chance.randrange(3)
                if how == 0:
                    wrong[at] = chance.randrange(256)
                elif how == 1:
                    del wrong[at:at + chance.randint(1, 20)]
                else:
                    wrong[at:at] = chance.randbytes(chance.randint(1, 20))
            try:
                read(bytes(wrong))
            except CertificateRefused as error:
                assert str(error)


def test_a_list_with_unknown_demands_is_not_taken() -> None:
    primitives = PROVIDERS[-1]()
    x509 = X509(primitives)
    made = office(x509, primitives, Algorithm.ECDSA_P256)
    tbs = asn1_crl.CertificateList.load(revocations(made)[1])["tbs_cert_list"]
    names = ("version", "signature", "issuer", "this_update", "next_update")
    demand = extension("1.2.3.4", b"\x05\0")
    signed = der(0x30, *(tbs[name].dump() for name in names), der(0xA0, der(0x30, demand)))
    revoked = der(0x30, signed, tbs["signature"].dump(),
                  der(3, b"\0", signing.sign(primitives, made.ca_key, signed)))
    with pytest.raises(CertificateRefused, match="demands what is not known here: 1.2.3.4"):
        x509.verify(made.anna, [made.ca], now=NOW, revocations=[x509.read_revocations(revoked)])
