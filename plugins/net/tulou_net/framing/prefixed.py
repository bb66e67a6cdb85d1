"""Frames behind their length: of fixed width, or as a varint."""

from __future__ import annotations

import struct

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame

from tulou_net.framing.base import Cutter, too_large
from tulou_net.framing.options import Options

CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
WIDTHS = tuple(CODES)
_LONGEST_VARINT = 5  # 35 bits


def number_struct(width: int, order: str) -> struct.Struct:
    """Packs an unsigned number of `width` bytes."""
    return struct.Struct((">" if order == "big" else "<") + CODES[width])


def refuse_search(framing: Framing) -> None:
    """A length alone is nothing that the next frame could be found by."""
    if framing.on_bad is OnBadFrame.RESYNCHRONISE:
        raise ValueError(
            f"framer {framing.framer!r} cannot resynchronise, for its frames begin with nothing special;"
            " use 'packet', which has a magic number, or on_bad = 'skip'"
        )


class LengthPrefix(Cutter):
    """A length of 1, 2, 4 or 8 bytes, then the frame."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        refuse_search(framing)
        options = Options(framing)
        width = options.one_of("width", 4, WIDTHS)
        order = options.one_of("order", "big", ("big", "little"))
        self._counted = width if options.flag("counts_header") else 0
        options.done()
        self._width = self._need = width
        self._number = number_struct(width, order)
        self._largest = min(self._limit, (1 << 8 * width) - 1 - self._counted)

    def _cut(self, data: bytes, frames: list[bytes], position: int) -> int:
        if self._counted or len(data) > self._limit:
            return self._cut_with_care(data, frames, position)
        # the inner loop of every such protocol: no call in it but struct's and append, and no look at
        # the limit, for what is too large cannot be whole here
        add, unpack, width = frames.append, self._number.unpack_from, self._width
        size = len(data)
        last = size - width
        end = position
        while end <= last:
            (length,) = unpack(data, end)
            start = end + width
            end = start + length
            if end > size:
                return self._cut_with_care(data, frames, start - width)
            add(data[start:end])
        self._need = width
        return end

    def _cut_with_care(self, data: bytes, frames: list[bytes], position: int) -> int:
        add, unpack, width = frames.append, self._number.unpack_from, self._width
        least = self._counted
        most = self._limit + least
        beyond = width - least
        size = len(data)
        last = size - width
        while position <= last:
            (length,) = unpack(data, position)
            end = position + beyond + length
            if length > most:
                position = self._pass_over(too_large(length - least, self._limit), end, size)
                continue
            if end > size:
                self._need = end - position
                return position
            if length < least:
                raise BadFrame(f"a frame claims {length} bytes, less than its own header of {width}")
            add(data[position + width:end])
            position = end
        self._need = width
        return position

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        if len(frame) > self._largest:
            raise too_large(len(frame), self._largest)
        return self._number.pack(len(frame) + self._counted) + frame


class Varint(Cutter):
    """A LEB128 length, then the frame, as protocol buffers' delimited messages."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        refuse_search(framing)
        Options(framing).done()

    def _cut(self, data: bytes, frames: list[bytes], position: int) -> int:
        add, limit, size = frames.append, self._limit, len(data)
        while position < size:
            length = data[position]
            start = position + 1
            if length > 127:
                if start < size and data[start] < 128:  # two bytes: nearly all that are not one
                    length += (data[start] << 7) - 128
                    start += 1
                else:
                    length, start = self._long(data, position)
                    if not start:
                        self._need = size - position + 1
                        return position
            end = start + length
            if length > limit:
                position = self._pass_over(too_large(length, limit), end, size)
            elif end > size:
                self._need = end - position
                return position
            else:
                add(data[start:end])
                position = end
        self._need = 1
        return position

    def _long(self, data: bytes, position: int) -> tuple[int, int]:
        """A length of several bytes and where it ends; 0 when that is not there yet."""
        length = shift = 0
        for start, byte in enumerate(data[position:position + _LONGEST_VARINT], position + 1):
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return length, start
        if shift == 7 * _LONGEST_VARINT:
            raise BadFrame(f"a length goes on after {_LONGEST_VARINT} bytes: this is no varint")
        return 0, 0

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        self._check_size(frame)
        length, head = len(frame), bytearray()
        while length > 127:
            head.append(length & 127 | 128)
            length >>= 7
        head.append(length)
        return bytes(head) + frame
