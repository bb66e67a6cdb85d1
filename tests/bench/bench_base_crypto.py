"""What the room `crypto` adds to its library: the chunked file cipher, sealed log lines, signed texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from tulou_crypto.jws import JwsTexts
from tulou_crypto.providers.pycryptodome import Pycryptodome
from tulou_crypto.public_seal import HpkeSeal
from tulou_crypto.signatures import KeySignatures
from tulou_crypto.stream import DEFAULT, StreamCipher

from tests.bench.harness import Measurement, at_most, in_turn
from tulou_contracts.crypto import Algorithm, FileSealer, Primitives

FILE = os.urandom(16 * 2**20)
KEY = os.urandom(32)
LINES = [b"2026-01-01 00:00:00 INFO tulou.im: message stored, number %d, state sent" % number
         for number in range(2_000)]


def measure() -> Iterator[Measurement]:
    """The figures, for each provider that is installed."""
    providers: list[type[Primitives]] = [Pycryptodome]
    if find_spec("cryptography"):
        from tulou_crypto.providers.pyca import Pyca

        providers.append(Pyca)
    for provider in providers:
        primitives = provider()
        yield from files(primitives)
        yield lines(primitives)
        yield texts(primitives)


def files(primitives: Primitives) -> Iterator[Measurement]:
    """A file of 16 MiB in chunks, against one call of AES-GCM for all of its bytes."""
    whole = primitives.gcm_seal(KEY, bytes(12), FILE)
    cipher = StreamCipher(primitives)
    sealer = cipher.begin(KEY)
    chunks = list(seal(sealer))
    last = len(chunks) - 1

    def open_all() -> object:
        opener = cipher.open(KEY, sealer.header)
        return [opener.open_chunk(index, chunk, index == last) for index, chunk in enumerate(chunks)]

    medians = in_turn({
        "tulou": lambda: list(seal(cipher.begin(KEY))),
        "AES-GCM": lambda: primitives.gcm_seal(KEY, bytes(12), FILE),
    }, rounds=7)
    yield at_most(f"file cipher seals 16 MiB / AES-GCM, {primitives.name}", 1.5, medians,
                  ours="tulou", floor="AES-GCM")
    medians = in_turn({
        "tulou": open_all, "AES-GCM": lambda: primitives.gcm_open(KEY, bytes(12), whole)}, rounds=7)
    yield at_most(f"file cipher opens 16 MiB / AES-GCM, {primitives.name}", 1.5, medians,
                  ours="tulou", floor="AES-GCM")


def seal(sealer: FileSealer) -> Iterator[bytes]:
    """All chunks of the file."""
    for index, at in enumerate(range(0, len(FILE), DEFAULT)):
        yield sealer.seal_chunk(index, FILE[at:at + DEFAULT], at + DEFAULT >= len(FILE))


def lines(primitives: Primitives) -> Measurement:
    """Log lines sealed one by one, against AES-GCM of each."""
    seal = HpkeSeal(primitives)
    part = seal.begin(seal.public_key(seal.new_secret_key()), b"log")

    def plain() -> object:
        return [primitives.gcm_seal(KEY, number.to_bytes(12, "big"), line)
                for number, line in enumerate(LINES)]

    medians = in_turn({"tulou": lambda: list(map(part.seal, LINES)), "AES-GCM": plain})
    return at_most(f"sealed log lines / AES-GCM of each, {primitives.name}", 1.5, medians,
                   ours="tulou", floor="AES-GCM")


def texts(primitives: Primitives) -> Measurement:
    """A signed document of 100 KiB checked, against its bare signature and json.loads."""
    signatures = KeySignatures(primitives)
    signed = JwsTexts(signatures)
    private_key = signatures.new_private_key(Algorithm.ED25519)
    keys = {"root": signatures.public_key(private_key)}
    payload = json.dumps([{"route": f"page/{number}", "title": "标题"} for number in range(2_200)]).encode()
    text = signed.sign(payload, private_key, "root", "routes")
    body, _, _ = text.rpartition(".")
    signature = signatures.sign(private_key, body.encode())

    def repeated(work: Callable[[], object]) -> Callable[[], object]:
        return lambda: [work() for _ in range(20)]

    def bare() -> object:
        signatures.verify(keys["root"], body.encode(), signature)
        return json.loads(payload)

    medians = in_turn({
        "tulou": repeated(lambda: json.loads(signed.verify(text, keys, "routes"))), "bare": repeated(bare)})
    name = f"signed document of 100 KiB / its bare signature and JSON, {primitives.name}"
    return at_most(name, 2.0, medians, ours="tulou", floor="bare")
