"""The quicker provider: `cryptography`, which comes with ``tulou-crypto[fast]``."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding as paddings, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tulou_contracts.crypto import Algorithm, CryptoError, RsaPadding
from tulou_crypto.providers import forms
from tulou_crypto.providers.shared import Shared

_Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PSS = paddings.PSS(paddings.MGF1(_SHA256), 32)
_PADDINGS: dict[RsaPadding, paddings.AsymmetricPadding] = {
    RsaPadding.PSS: _PSS, RsaPadding.PKCS1: paddings.PKCS1v15()}
_DER = serialization.Encoding.DER
_PKCS8 = serialization.PrivateFormat.PKCS8
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_CLEAR = serialization.NoEncryption()
_FAULTS = (ValueError, TypeError, UnsupportedAlgorithm)


class Pyca(Shared):
    """`Primitives` on `cryptography`."""

    name = "cryptography"

    def x25519_new(self) -> bytes:
        """A fresh private key."""
        return self.random(forms.KEY_BYTES)

    def x25519_public(self, private_key: bytes) -> bytes:
        """The public half."""
        return _x25519(private_key).public_key().public_bytes_raw()

    def x25519(self, private_key: bytes, public_key: bytes) -> bytes:
        """The shared secret."""
        forms.check_length(public_key, forms.KEY_BYTES, "public key")
        try:
            return _x25519(private_key).exchange(X25519PublicKey.from_public_bytes(public_key))
        except ValueError:
            raise CryptoError("this public key of X25519 is of low order: it gives no secret") from None

    def new_private_key(self, algorithm: Algorithm) -> bytes:
        """A fresh key for signatures."""
        key: _Private
        if algorithm is Algorithm.RSA_PSS:
            key = rsa.generate_private_key(forms.RSA_EXPONENT, forms.RSA_BITS)
        elif algorithm is Algorithm.ED25519:
            key = ed25519.Ed25519PrivateKey.generate()
        else:
            key = ec.generate_private_key(ec.SECP256R1())
        return key.private_bytes(_DER, _PKCS8, _CLEAR)

    def public_key(self, private_key: bytes) -> bytes:
        """The public half."""
        return _private(private_key).public_key().public_bytes(_DER, _SPKI)

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for."""
        _public(public_key)
        return forms.algorithm_of(public_key, "public key")

    def sign(self, private_key: bytes, data: bytes, padding: RsaPadding = RsaPadding.PSS) -> bytes:
        """Sign."""
        key = _private(private_key)
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, _PADDINGS[padding], _SHA256)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        r, s = decode_dss_signature(key.sign(data, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verify(
        self, public_key: bytes, data: bytes, signature: bytes, padding: RsaPadding = RsaPadding.PSS
    ) -> None:
        """Returns when the signature is right."""
        key = _public(public_key)
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, _PADDINGS[padding], _SHA256)
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, data)
            elif len(signature) != 64:
                raise InvalidSignature
            else:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                key.verify(encode_dss_signature(r, s), data, _ECDSA)
        except (InvalidSignature, ValueError):
            raise forms.not_right() from None

    def rsa_encrypt(self, public_key: bytes, plaintext: bytes, label: bytes = b"") -> bytes:
        """RSAES-OAEP."""
        key = _public(public_key)
        if not isinstance(key, rsa.RSAPublicKey):
            raise CryptoError("only an RSA key can encrypt; use X25519 for others")
        most = (key.key_size + 7) // 8 - 66
        if len(plaintext) > most:
            raise CryptoError(f"this RSA key takes at most {most} bytes, not {len(plaintext)}")
        return key.encrypt(plaintext, _oaep(label))

    def rsa_decrypt(self, private_key: bytes, sealed: bytes, label: bytes = b"") -> bytes:
        """The plaintext."""
        key = _private(private_key)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise CryptoError("only an RSA key can encrypt; use X25519 for others")
        try:
            return key.decrypt(sealed, _oaep(label))
        except ValueError:
            raise forms.not_authentic() from None

    def gcm_seal(self, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """AES-256-GCM; the text and then the tag."""
        forms.check_length(key, forms.KEY_BYTES, "key")
        forms.check_length(nonce, forms.NONCE_BYTES, "nonce")
        return AESGCM(key).encrypt(nonce, plaintext, associated)

    def gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext."""
        forms.check_length(key, forms.KEY_BYTES, "key")
        forms.check_length(nonce, forms.NONCE_BYTES, "nonce")
        try:
            return AESGCM(key).decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise forms.not_authentic() from None

    def scrypt(self, password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
        """scrypt (RFC 7914)."""
        try:
            return Scrypt(salt, length, n, r, p).derive(password)
        except (ValueError, MemoryError) as error:
            raise CryptoError(f"scrypt does not take these parameters: {error}") from None

    def _cbc_encrypt(self, key: bytes, iv: bytes, padded: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        return encryptor.update(padded) + encryptor.finalize()

    def _cbc_decrypt(self, key: bytes, iv: bytes, text: bytes) -> bytes:
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        return decryptor.update(text) + decryptor.finalize()


def _oaep(label: bytes) -> paddings.OAEP:
    return paddings.OAEP(paddings.MGF1(_SHA256), _SHA256, label or None)


def _x25519(private_key: bytes) -> X25519PrivateKey:
    forms.check_length(private_key, forms.KEY_BYTES, "private key")
    return X25519PrivateKey.from_private_bytes(private_key)


def _private(der: bytes) -> _Private:
    if not isinstance(der, bytes):
        raise forms.no_key("private key")
    return _parsed_private(der)


# Checking an RSA key takes longer than signing with it, so the few keys in use stay parsed.
@lru_cache(maxsize=16)
def _parsed_private(der: bytes) -> _Private:
    forms.algorithm_of(der, "private key")
    try:
        key = serialization.load_der_private_key(der, None)
    except _FAULTS:
        raise forms.no_key("private key") from None
    if not isinstance(key, _Private):
        raise forms.no_key("private key")
    _check(key)
    return key


def _public(der: bytes) -> _Public:
    if not isinstance(der, bytes):
        raise forms.no_key("public key")
    return _parsed(der)


@lru_cache(maxsize=256)
def _parsed(der: bytes) -> _Public:
    forms.algorithm_of(der, "public key")
    try:
        key = serialization.load_der_public_key(der)
    except _FAULTS:
        raise forms.no_key("public key") from None
    # One key has one form: no compressed point, nothing before or behind.
    if not isinstance(key, _Public) or key.public_bytes(_DER, _SPKI) != der:
        raise forms.no_key("public key")
    _check(key)
    return key


def _check(key: _Private | _Public) -> None:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
        numbers = public.public_numbers()
        forms.check_rsa(numbers.n, numbers.e)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        forms.check_ed25519(key.public_bytes_raw())
    elif isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise CryptoError(f"the curve {key.curve.name} is not taken here; use P-256")
