"""SCRAM (RFC 5802) with SHA-1 and SHA-256 (RFC 7677), both sides, without channel binding.

Nothing here waits, but `Derivation.run` and `derive_keys` compute for tens of milliseconds and
are meant for a thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from dataclasses import dataclass, field

_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")
"""Strongest first."""
MIN_ITERATIONS = 4096
MAX_ITERATIONS = 1_000_000
"""More would let a hostile server keep a client busy for minutes."""


class ScramError(Exception):
    """The exchange failed; `condition` is the SASL failure to answer with (RFC 6120, 6.5)."""

    def __init__(self, condition: str, message: str) -> None:
        self.condition = condition
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """What a server keeps of a password (RFC 5802, section 3); it cannot be used to sign in."""

    mechanism: str
    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Derivation:
    """PBKDF2 waiting to be run, somewhere it may take its time."""

    mechanism: str
    password: str = field(repr=False)
    salt: bytes
    iterations: int

    def run(self) -> bytes:
        """The salted password."""
        return _salted(self.mechanism, self.password, self.salt, self.iterations)


def saslprep(text: str) -> str:
    """A password or name, prepared for comparison (RFC 4013). Raises `ScramError`."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c)
    )
    result = unicodedata.normalize("NFKC", mapped)
    for c in result:
        if any(table(c) for table in _PROHIBITED):
            raise ScramError(
                "malformed-request", f"a name or password holds the character {c!r}, which is not allowed"
            )
    _check_direction(result)
    return result


_PROHIBITED = (
    stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22,
    stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
    stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
)


def _check_direction(text: str) -> None:
    """RFC 3454, section 6."""
    if not any(stringprep.in_table_d1(c) for c in text):
        return
    mixed = any(stringprep.in_table_d2(c) for c in text)
    if mixed or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ScramError("malformed-request", "a name or password mixes directions of writing")


def derive_keys(mechanism: str, password: str, salt: bytes, iterations: int = 10_000) -> StoredKeys:
    """The keys a server stores. Slow on purpose: call it in a thread. Raises `ScramError`."""
    salted = _salted(mechanism, password, salt, iterations)
    client_key = _hmac(mechanism, salted, b"Client Key")
    return StoredKeys(
        mechanism, salt, iterations, _hash(mechanism, client_key), _hmac(mechanism, salted, b"Server Key")
    )


def decoy_keys(mechanism: str, username: str, secret: bytes, iterations: int = 10_000) -> StoredKeys:
    """Keys nobody knows the password of, always the same for a name.

    A server that goes on with them does not tell a stranger which accounts exist.
    """
    digest = _hmac(mechanism, secret, username.encode())
    stored, server = _hash(mechanism, digest + b"stored"), _hash(mechanism, digest + b"server")
    return StoredKeys(mechanism, digest[:16], iterations, stored, server)


def _salted(mechanism: str, password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(_hash_name(mechanism), saslprep(password).encode(), salt, iterations)


def _hash_name(mechanism: str) -> str:
    try:
        return _HASHES[mechanism]
    except KeyError:
        raise ScramError("invalid-mechanism", f"{mechanism!r} is not a mechanism we know") from None


def _hash(mechanism: str, data: bytes) -> bytes:
    return hashlib.new(_hash_name(mechanism), data).digest()


def _hmac(mechanism: str, key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, _hash_name(mechanism))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _nonce() -> str:
    return base64.b64encode(secrets.token_bytes(18)).decode()


def _attributes(message: str) -> dict[str, str]:
    """``r=...,s=...`` taken apart. Raises `ScramError`."""
    found: dict[str, str] = {}
    for part in message.split(","):
        key, equals, value = part.partition("=")
        if len(key) != 1 or not equals or key in found:
            raise ScramError("malformed-request", "a SCRAM message is not made of name=value pairs")
        found[key] = value
    if "m" in found:
        raise ScramError("malformed-request", "the other side demands a SCRAM extension that nobody knows")
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ScramError("malformed-request", "a SCRAM message is not UTF-8") from None


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ScramError("malformed-request", "a SCRAM message holds what is not base64") from None


class ScramClient:
    """The client's side: `first`, `challenged`, `final`, `verify`, in this order."""

    def __init__(self, mechanism: str, username: str, password: str, nonce: str | None = None) -> None:
        _hash_name(mechanism)
        self.mechanism = mechanism
        self._password = password
        self._nonce = nonce or _nonce()
        name = saslprep(username).replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={self._nonce}"
        self._server_first = ""
        self._full_nonce = ""
        self._server_signature = b""

    def first(self) -> bytes:
        """The client-first message."""
        return f"n,,{self._first_bare}".encode()

    def challenged(self, server_first: bytes) -> Derivation:
        """Take the server-first message; what to derive from the password. Raises `ScramError`."""
        self._server_first = _text(server_first)
        parts = _attributes(self._server_first)
        self._full_nonce = parts.get("r", "")
        if not self._full_nonce.startswith(self._nonce) or len(self._full_nonce) == len(self._nonce):
            raise ScramError("aborted", "the server did not continue our nonce")
        salt, iterations = _decode(parts.get("s", "")), parts.get("i", "")
        if not salt or not (iterations.isascii() and iterations.isdigit() and len(iterations) < 10):
            raise ScramError("aborted", "the server's SCRAM message lacks a salt or a number of iterations")
        if not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise ScramError("aborted", f"the server asks for {iterations} iterations, outside what is safe")
        return Derivation(self.mechanism, self._password, salt, int(iterations))

    def final(self, salted_password: bytes) -> bytes:
        """The client-final message, from what the derivation gave."""
        without_proof = f"c=biws,r={self._full_nonce}"
        auth = f"{self._first_bare},{self._server_first},{without_proof}".encode()
        client_key = _hmac(self.mechanism, salted_password, b"Client Key")
        signature = _hmac(self.mechanism, _hash(self.mechanism, client_key), auth)
        server_key = _hmac(self.mechanism, salted_password, b"Server Key")
        self._server_signature = _hmac(self.mechanism, server_key, auth)
        proof = base64.b64encode(_xor(client_key, signature)).decode()
        return f"{without_proof},p={proof}".encode()

    def verify(self, server_final: bytes) -> None:
        """Check that the server knows the password too. Raises `ScramError` when it does not."""
        parts = _attributes(_text(server_final))
        if "e" in parts:
            raise ScramError("not-authorized", f"the server refuses: {parts['e'][:80]}")
        signature = _decode(parts.get("v", ""))
        if not self._server_signature or not hmac.compare_digest(signature, self._server_signature):
            raise ScramError("aborted", "the server could not prove that it knows the password")


class ScramServer:
    """The server's side: `receive_first`, `challenge`, `receive_final`, in this order."""

    def __init__(self, mechanism: str, nonce: str | None = None) -> None:
        _hash_name(mechanism)
        self.mechanism = mechanism
        self._own_nonce = nonce or _nonce()
        self._gs2 = ""
        self._first_bare = ""
        self._server_first = ""
        self._nonce = ""
        self._keys: StoredKeys | None = None

    def receive_first(self, client_first: bytes) -> str:
        """Take the client-first message; the user name in it. Raises `ScramError`."""
        text = _text(client_first)
        flag, comma, rest = text.partition(",")
        authzid, comma2, bare = rest.partition(",")
        if flag.startswith("p="):
            raise ScramError("malformed-request", "channel binding is not offered here")
        if not (comma and comma2 and flag in ("n", "y") and (not authzid or authzid.startswith("a="))):
            raise ScramError("malformed-request", "the first SCRAM message has no proper header")
        parts = _attributes(bare)
        name, nonce = parts.get("n", ""), parts.get("r", "")
        if not name or not nonce:
            raise ScramError("malformed-request", "the first SCRAM message lacks a name or a nonce")
        if name.replace("=2C", "").replace("=3D", "").count("="):
            raise ScramError("malformed-request", "the user name is not escaped as RFC 5802 says")
        username = saslprep(name.replace("=2C", ",").replace("=3D", "="))
        if authzid and authzid[2:].split("@", 1)[0] != name:
            raise ScramError("invalid-authzid", "nobody may act for somebody else here")
        self._gs2 = f"{flag},{authzid},"
        self._first_bare = bare
        self._nonce = nonce + self._own_nonce
        return username

    def challenge(self, keys: StoredKeys) -> bytes:
        """The server-first message for the user's keys."""
        self._keys = keys
        salt = base64.b64encode(keys.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={keys.iterations}"
        return self._server_first.encode()

    def receive_final(self, client_final: bytes) -> bytes:
        """Check the proof; the server-final message. Raises `ScramError`: not-authorized."""
        keys = self._keys
        if keys is None:
            raise ScramError("malformed-request", "a SCRAM message came out of order")
        text = _text(client_final)
        without_proof, separator, proof_text = text.rpartition(",p=")
        parts = _attributes(without_proof) if separator else {}
        binding = base64.b64encode(self._gs2.encode()).decode()
        if parts.get("r") != self._nonce or parts.get("c") != binding:
            raise ScramError("malformed-request", "the last SCRAM message does not continue the exchange")
        auth = f"{self._first_bare},{self._server_first},{without_proof}".encode()
        signature = _hmac(self.mechanism, keys.stored_key, auth)
        proof = _decode(proof_text)
        if len(proof) != len(signature):
            raise ScramError("not-authorized", "the password is wrong")
        client_key = _xor(proof, signature)
        if not hmac.compare_digest(_hash(self.mechanism, client_key), keys.stored_key):
            raise ScramError("not-authorized", "the password is wrong")
        return b"v=" + base64.b64encode(_hmac(self.mechanism, keys.server_key, auth))
