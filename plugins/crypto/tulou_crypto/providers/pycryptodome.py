"""The default provider: pycryptodome."""

from __future__ import annotations

from functools import lru_cache

from Crypto.Cipher import AES, PKCS1_OAEP
from Crypto.Hash import SHA256
from Crypto.Protocol import DH, KDF
from Crypto.PublicKey import ECC, RSA
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import DSS, eddsa, pkcs1_15, pss

from tulou_contracts.crypto import Algorithm, CryptoError, RsaPadding
from tulou_crypto.providers import forms
from tulou_crypto.providers.shared import Shared

_CURVES = {Algorithm.ED25519: "Ed25519", Algorithm.ECDSA_P256: "NIST P-256"}
_FAULTS = (ValueError, IndexError, TypeError, KeyError, OverflowError)
"""What parsing hostile bytes was seen to raise."""


class Pycryptodome(Shared):
    """`Primitives` on pycryptodome."""

    name = "pycryptodome"

    def x25519_new(self) -> bytes:
        """A fresh private key."""
        return self.random(forms.KEY_BYTES)

    def x25519_public(self, private_key: bytes) -> bytes:
        """The public half."""
        return _x25519(private_key).public_key().export_key(format="raw")

    def x25519(self, private_key: bytes, public_key: bytes) -> bytes:
        """The shared secret."""
        forms.check_length(public_key, forms.KEY_BYTES, "public key")
        ours = _x25519(private_key)
        try:
            secret = DH.key_agreement(
                kdf=bytes, static_priv=ours, static_pub=DH.import_x25519_public_key(public_key))
        except _FAULTS:
            secret = bytes(forms.KEY_BYTES)
        if not any(secret):
            raise CryptoError("this public key of X25519 is of low order: it gives no secret")
        return secret

    def new_private_key(self, algorithm: Algorithm) -> bytes:
        """A fresh key for signatures."""
        if algorithm is Algorithm.RSA_PSS:
            return RSA.generate(forms.RSA_BITS, e=forms.RSA_EXPONENT).export_key("DER", pkcs=8)
        key = ECC.generate(curve=_CURVES[algorithm])
        return key.export_key(format="DER", use_pkcs8=True)

    def public_key(self, private_key: bytes) -> bytes:
        """The public half."""
        return _spki(_private(private_key))

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for."""
        _public(public_key)
        return forms.algorithm_of(public_key, "public key")

    def sign(self, private_key: bytes, data: bytes, padding: RsaPadding = RsaPadding.PSS) -> bytes:
        """Sign; ECDSA with the nonce of RFC 6979."""
        key = _private(private_key)
        if isinstance(key, RsaKey):
            digest = SHA256.new(data)
            if padding is RsaPadding.PKCS1:
                return pkcs1_15.new(key).sign(digest)
            return pss.new(key, salt_bytes=32).sign(digest)
        if key.curve == "Ed25519":
            return eddsa.new(key, "rfc8032").sign(data)
        return DSS.new(key, "deterministic-rfc6979").sign(SHA256.new(data))

    def verify(
        self, public_key: bytes, data: bytes, signature: bytes, padding: RsaPadding = RsaPadding.PSS
    ) -> None:
        """Returns when the signature is right."""
        key = _public(public_key)
        try:
            if isinstance(key, RsaKey):
                digest = SHA256.new(data)
                if padding is RsaPadding.PKCS1:
                    pkcs1_15.new(key).verify(digest, signature)
                else:
                    pss.new(key, salt_bytes=32).verify(digest, signature)
            elif key.curve == "Ed25519":
                eddsa.new(key, "rfc8032").verify(data, signature)
            else:
                DSS.new(key, "fips-186-3").verify(SHA256.new(data), signature)
        except _FAULTS:
            raise forms.not_right() from None

    def rsa_encrypt(self, public_key: bytes, plaintext: bytes, label: bytes = b"") -> bytes:
        """RSAES-OAEP."""
        key = _rsa(_public(public_key))
        most = key.size_in_bytes() - 66
        if len(plaintext) > most:
            raise CryptoError(f"this RSA key takes at most {most} bytes, not {len(plaintext)}")
        return PKCS1_OAEP.new(key, SHA256, label=label).encrypt(plaintext)

    def rsa_decrypt(self, private_key: bytes, sealed: bytes, label: bytes = b"") -> bytes:
        """The plaintext."""
        key = _rsa(_private(private_key))
        try:
            return PKCS1_OAEP.new(key, SHA256, label=label).decrypt(sealed)
        except _FAULTS:
            raise forms.not_authentic() from None

    def gcm_seal(self, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """AES-256-GCM; the text and then the tag."""
        forms.check_length(key, forms.KEY_BYTES, "key")
        forms.check_length(nonce, forms.NONCE_BYTES, "nonce")
        gcm = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=forms.TAG_BYTES)
        if associated:
            gcm.update(associated)
        text, tag = gcm.encrypt_and_digest(plaintext)
        return text + tag

    def gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext."""
        forms.check_length(key, forms.KEY_BYTES, "key")
        forms.check_length(nonce, forms.NONCE_BYTES, "nonce")
        gcm = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=forms.TAG_BYTES)
        if associated:
            gcm.update(associated)
        view = memoryview(sealed)
        try:
            return gcm.decrypt_and_verify(view[:-forms.TAG_BYTES], view[-forms.TAG_BYTES:])
        except ValueError:
            raise forms.not_authentic() from None

    def scrypt(self, password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
        """scrypt (RFC 7914)."""
        try:
            derived = KDF.scrypt(password, salt, length, n, r, p)
        except ValueError as error:
            raise CryptoError(f"scrypt does not take these parameters: {error}") from None
        assert isinstance(derived, bytes)  # a list only when several keys are asked for
        return derived

    def _cbc_encrypt(self, key: bytes, iv: bytes, padded: bytes) -> bytes:
        return AES.new(key, AES.MODE_CBC, iv=iv).encrypt(padded)

    def _cbc_decrypt(self, key: bytes, iv: bytes, text: bytes) -> bytes:
        return AES.new(key, AES.MODE_CBC, iv=iv).decrypt(text)


def _x25519(private_key: bytes) -> EccKey:
    forms.check_length(private_key, forms.KEY_BYTES, "private key")
    # Not `import_x25519_private_key`: it also computes the public half, which takes as long as the secret.
    return EccKey(curve="Curve25519", seed=private_key)


def _rsa(key: EccKey | RsaKey) -> RsaKey:
    if not isinstance(key, RsaKey):
        raise CryptoError("only an RSA key can encrypt; use X25519 for others")
    return key


def _spki(key: EccKey | RsaKey) -> bytes:
    if isinstance(key, RsaKey):
        return key.public_key().export_key("DER")
    return key.public_key().export_key(format="DER")


def _private(der: bytes) -> EccKey | RsaKey:
    if not isinstance(der, bytes):
        raise forms.no_key("private key")
    return _parsed_private(der)


# Checking an RSA key takes longer than signing with it, so the few keys in use stay parsed.
@lru_cache(maxsize=16)
def _parsed_private(der: bytes) -> EccKey | RsaKey:
    key = _imported(der, "private key")
    if not key.has_private():
        raise CryptoError("this is a public key, and a private one is needed")
    return key


def _public(der: bytes) -> EccKey | RsaKey:
    if not isinstance(der, bytes):
        raise forms.no_key("public key")
    return _parsed(der)


@lru_cache(maxsize=256)
def _parsed(der: bytes) -> EccKey | RsaKey:
    key = _imported(der, "public key")
    # One key has one form: no compressed point, nothing before or behind, no certificate around it.
    if key.has_private() or _spki(key) != der:
        raise forms.no_key("public key")
    if isinstance(key, EccKey) and key.curve == "Ed25519":
        forms.check_ed25519(der[-forms.KEY_BYTES:])
    return key


def _imported(der: bytes, what: str) -> EccKey | RsaKey:
    algorithm = forms.algorithm_of(der, what)
    try:
        if algorithm is Algorithm.RSA_PSS:
            rsa = RSA.import_key(der)
            forms.check_rsa(rsa.n, rsa.e)
            return rsa
        key = ECC.import_key(der)
    except _FAULTS:
        raise forms.no_key(what) from None
    if key.curve != _CURVES[algorithm]:
        raise forms.no_key(what)
    return key
