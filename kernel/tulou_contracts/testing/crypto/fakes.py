"""Fakes for tests of other rooms, of the standard library alone. Fit for tests, not for secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

import trio

from tulou_contracts.crypto import Algorithm, CryptoError, Unsealed


class MemoryKeyring:
    """A `Keyring` that lives as long as the dictionary it is given."""

    def __init__(self, secrets_by_name: dict[str, str] | None = None) -> None:
        self.where = "the memory of a test"
        self._secrets = {} if secrets_by_name is None else secrets_by_name

    async def get(self, name: str) -> str | None:
        """The secret, or None."""
        await trio.lowlevel.checkpoint()
        return self._secrets.get(name)

    async def set(self, name: str, secret: str) -> None:
        """Keep a secret."""
        await trio.lowlevel.checkpoint()
        for text in (name, secret):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise CryptoError("the name or the secret is no Unicode text") from None
        self._secrets[name] = secret

    async def delete(self, name: str) -> None:
        """Forget a secret."""
        await trio.lowlevel.checkpoint()
        self._secrets.pop(name, None)


class FakeCipher:
    """A `Cipher` of the standard library alone: fit for tests, not for secrets."""

    def new_key(self) -> bytes:
        """32 random bytes."""
        return secrets.token_bytes(32)

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Encrypt and authenticate."""
        nonce = secrets.token_bytes(12)
        text = self._mask(key, nonce, plaintext)
        return nonce + text + self._tag(key, nonce + text, associated)

    def open(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """The plaintext. Raises `CryptoError`."""
        body, tag = sealed[:-16], sealed[-16:]
        if len(sealed) < 28 or not hmac.compare_digest(tag, self._tag(key, body, associated)):
            raise CryptoError("the sealed text does not authenticate")
        return self._mask(key, body[:12], body[12:])

    async def derive_key(self, password: str, salt: bytes) -> bytes:
        """32 bytes from a password by scrypt (RFC 7914, N=2**15, r=8, p=1)."""
        return await trio.to_thread.run_sync(lambda: hashlib.scrypt(
            password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32))

    @staticmethod
    def _mask(key: bytes, nonce: bytes, text: bytes) -> bytes:
        if len(key) != 32:
            raise CryptoError(f"the key has {len(key)} bytes; it needs 32")
        mask = hashlib.shake_256(key + nonce).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, mask, strict=True))

    @staticmethod
    def _tag(key: bytes, body: bytes, associated: bytes) -> bytes:
        framed = len(associated).to_bytes(8, "big") + associated + body
        return hmac.digest(key, framed, "sha256")[:16]


class FakeSignatures:
    """`Signatures` by HMAC: a public key holds its private one, so it is worth nothing as a secret."""

    def new_private_key(self, algorithm: Algorithm = Algorithm.ED25519) -> bytes:
        """A fresh private key."""
        return f"fake private key {algorithm.value} {secrets.token_hex(32)}".encode()

    def public_key(self, private_key: bytes) -> bytes:
        """The public half."""
        algorithm, secret = self._parts(private_key, b"private")
        return f"fake public key {algorithm.value} {secret}".encode()

    def algorithm(self, public_key: bytes) -> Algorithm:
        """Which algorithm a public key is for."""
        return self._parts(public_key, b"public")[0]

    def sign(self, private_key: bytes, data: bytes) -> bytes:
        """Sign."""
        return self._tag(*self._parts(private_key, b"private"), data)

    def verify(self, public_key: bytes, data: bytes, signature: bytes) -> None:
        """Returns when the signature is right."""
        if not hmac.compare_digest(self._tag(*self._parts(public_key, b"public"), data), signature):
            raise CryptoError("the signature is not right")

    @staticmethod
    def _parts(key: bytes, half: bytes) -> tuple[Algorithm, str]:
        words = key.split(b" ")
        if words[:3] != [b"fake", half, b"key"] or len(words) != 5 or len(words[4]) != 64:
            raise CryptoError(f"this is no {half.decode()} key")
        try:
            return Algorithm(words[3].decode()), words[4].decode()
        except ValueError:
            raise CryptoError(f"this is no {half.decode()} key") from None

    @staticmethod
    def _tag(algorithm: Algorithm, secret: str, data: bytes) -> bytes:
        return hmac.digest(secret.encode(), algorithm.value.encode() + data, "sha512")


class FakeSignedTexts:
    """`SignedTexts` on `FakeSignatures`, in the same compact form."""

    def __init__(self) -> None:
        self.signatures = FakeSignatures()

    def sign(self, payload: bytes, private_key: bytes, key_id: str, kind: str) -> str:
        """A compact JWS."""
        if not key_id or not kind or len(payload) > 6 * 2**20 - 16384:
            raise CryptoError("a signed text needs a key id, a kind and a payload that is not too long")
        algorithm = self.signatures.algorithm(self.signatures.public_key(private_key))
        header = json.dumps({"alg": algorithm.value, "kid": key_id, "typ": kind}).encode()
        signed = f"{_encode(header)}.{_encode(payload)}"
        return f"{signed}.{_encode(self.signatures.sign(private_key, signed.encode()))}"

    def verify(self, text: str, keys: Mapping[str, bytes], kind: str) -> bytes:
        """The payload."""
        parts = text.split(".") if len(text) <= 8 * 2**20 else []
        if len(parts) != 3:
            raise CryptoError("this is no signed text")
        header, payload, signature = map(_decode, parts)
        try:
            fields = json.loads(header)
            key = keys[fields["kid"]]
            right = fields["alg"] == self.signatures.algorithm(key).value and fields["typ"] == kind
        except (ValueError, KeyError, TypeError, RecursionError):
            right = False
        if not right or "crit" in fields or header.count(b'"alg"') != 1:
            raise CryptoError("the signed text is of another kind or algorithm, or of an unknown key")
        self.signatures.verify(key, f"{parts[0]}.{parts[1]}".encode(), signature)
        return payload


class FakePublicSeal:
    """`PublicSeal` that masks each record: a public key holds its secret one."""

    def new_secret_key(self) -> str:
        """A fresh secret key."""
        return f"tulou-seal-secret-1.{secrets.token_urlsafe(32)}"

    def public_key(self, secret_key: str) -> str:
        """The public half."""
        return f"tulou-seal-public-1.{_half(secret_key, 'secret')}"

    def begin(self, public_key: str, purpose: bytes) -> FakeSealedPart:
        """A new part."""
        return FakeSealedPart(_half(public_key, "public").encode() + b"\0" + purpose)

    def open(self, secret_key: str, sealed: bytes, purpose: bytes) -> Unsealed:
        """What a file holds."""
        key = _half(secret_key, "secret").encode() + b"\0" + purpose
        texts: list[bytes] = []
        faults: list[str] = []
        finished, opened, number, nonce = True, 0, 0, b""
        lines = sealed.split(b"\n")
        for line in lines[:-1]:
            if line == b"!":
                continue
            if line.startswith(FakeSealedPart.magic):
                complete_before, finished, number, nonce = finished, False, 0, line
                finished = False
                faults += [] if complete_before else ["unfinished"]
                continue
            text = _unmask(key, nonce, number, line)
            if text is None:
                faults.append("a damaged record")
                continue
            opened, number = opened + 1, number + 1
            finished = text == b"end"
            texts.append(text[1:] if text[:1] == b"+" else b"")
        if lines[-1]:
            faults.append("a record was not written to its end")
        if sealed and not opened:
            raise CryptoError("nothing in this file was sealed to this key for this purpose")
        real = tuple(each for each in faults if each != "unfinished")
        return Unsealed(b"".join(texts), finished and bool(opened) and not faults, real)


class FakeSealedPart:
    """One part, being written: a line a record."""

    magic = b"fake sealed part "

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._nonce = self.magic + secrets.token_hex(8).encode()
        self._number: int | None = 0
        self.header = b"!\n" + self._nonce + b"\n"

    def seal(self, record: bytes) -> bytes:
        """What to append for a record."""
        if len(record) > 2**20:
            raise CryptoError("the record is too long")
        return self._line(b"+" + record)

    def finish(self) -> bytes:
        """What to append at last."""
        line = self._line(b"end")
        self._number = None
        return line

    def _line(self, text: bytes) -> bytes:
        if self._number is None:
            raise CryptoError("this part is finished")
        line = _mask(self._key, self._nonce, self._number, text)
        self._number += 1
        return line + b"\n"


def _mask(key: bytes, nonce: bytes, number: int, text: bytes) -> bytes:
    seed = key + nonce + number.to_bytes(8, "big")
    stream = hashlib.shake_256(seed).digest(len(text))
    masked = bytes(a ^ b for a, b in zip(text, stream, strict=True))
    return base64.b64encode(hmac.digest(seed, text, "sha256")[:16] + masked)


def _unmask(key: bytes, nonce: bytes, number: int, line: bytes) -> bytes | None:
    try:
        masked = base64.b64decode(line, validate=True)[16:]
    except ValueError:
        return None
    stream = hashlib.shake_256(key + nonce + number.to_bytes(8, "big")).digest(len(masked))
    text = bytes(a ^ b for a, b in zip(masked, stream, strict=True))
    return text if _mask(key, nonce, number, text) == line else None


def _half(key: str, which: str) -> str:
    begin = f"tulou-seal-{which}-1."
    if not key.startswith(begin) or len(key) != len(begin) + 43 or not key.isascii():
        raise CryptoError(f"this is no {which} key")
    return key[len(begin):]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except ValueError:
        raise CryptoError("this is not base64url") from None
    if _encode(data) != part:
        raise CryptoError("this is not base64url as it should be")
    return data
