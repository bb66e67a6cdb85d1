"""What it costs to cut a stream into frames, against slicing the same bytes at places known before.

A stream of chat-sized frames comes in pieces of 64 KiB that end anywhere. The floor of the
length-prefix framer slices each frame out of the whole buffer by offsets that nobody had to
find; the delimiter's is `bytes.split` of each piece.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import accumulate

from tulou_net.framing.registry import FramerTable

from tests.bench.harness import Measurement, at_most, in_turn
from tulou_contracts.tcp import Framing

CHUNK = 1 << 16
CHUNKS = 64
SMALLEST, LARGEST = 20, 600
DELIMITER = b"\0"


def measure() -> Iterator[Measurement]:
    """The framers' figures, for the whole stream; nothing is promised of line and varint."""
    frames = made_frames()
    table = FramerTable()
    for name, framing, bar in (
        ("length-prefix", Framing(framer="length-prefix"), 3.0),
        ("delimiter", Framing(framer="delimiter", options={"delimiter": DELIMITER}), 2.0),
        ("line", Framing(framer="line"), None),
        ("varint", Framing(framer="varint"), None),
    ):
        encoded = list(map(table.framer(framing).encode, frames))
        stream = b"".join(encoded)
        pieces = [stream[at:at + CHUNK] for at in range(0, len(stream), CHUNK)]
        floor = split(pieces) if name == "delimiter" else slices(stream, frames, encoded)
        medians = in_turn({"tulou": cut(table, framing, pieces), "floor": floor}, rounds=41)
        title = f"framer {name}, {CHUNK >> 10} KiB pieces"
        if bar is None:
            yield Measurement(title, medians["tulou"] / medians["floor"], "-", None, {}, medians)
        else:
            yield at_most(title, bar, medians, ours="tulou", floor="floor")


def made_frames() -> list[bytes]:
    """The same frames every time, about as many bytes as the pieces have."""
    rng = random.Random(1)
    frames: list[bytes] = []
    size = 0
    while size < CHUNK * CHUNKS:
        frames.append(rng.randbytes(rng.randint(SMALLEST, LARGEST)).translate(None, b"\0\r\n"))
        size += len(frames[-1]) + 4
    return frames


def cut(table: FramerTable, framing: Framing, pieces: list[bytes]) -> Callable[[], object]:
    """Our side: feed the pieces, throw the frames away as a reader would."""

    def side() -> None:
        framer = table.framer(framing)
        for piece in pieces:
            framer.feed(piece)

    return side


def slices(stream: bytes, frames: list[bytes], encoded: list[bytes]) -> Callable[[], object]:
    """Slices at known places of the whole stream, kept no longer than those of one piece."""
    ends = list(accumulate(map(len, encoded)))
    if encoded[0].endswith(b"\n"):
        places = [(end - 1 - len(frame), end - 1) for frame, end in zip(frames, ends, strict=True)]
    else:
        places = [(end - len(frame), end) for frame, end in zip(frames, ends, strict=True)]
    a_piece = len(frames) // CHUNKS
    groups = [places[first:first + a_piece] for first in range(0, len(places), a_piece)]

    def floor() -> None:
        for group in groups:
            [stream[begin:end] for begin, end in group]

    return floor


def split(pieces: list[bytes]) -> Callable[[], object]:
    """`bytes.split` of each piece."""

    def floor() -> None:
        for piece in pieces:
            piece.split(DELIMITER)

    return floor
