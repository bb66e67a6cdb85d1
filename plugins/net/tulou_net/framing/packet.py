"""Packets: magic number, version, length, frame, checksum. They can be found again in damage."""

from __future__ import annotations

from zlib import crc32

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame

from tulou_net.framing.base import Cutter, too_large
from tulou_net.framing.options import Options
from tulou_net.framing.prefixed import WIDTHS, number_struct

FALSE_STARTS = 64
"""So many damaged packets in a row end the stream: each may cost a checksum over the largest frame,
which a hostile peer could otherwise ask for with every few bytes."""


class Packet(Cutter):
    """``magic [version] length frame [crc32]``; the checksum covers version, length and frame."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        options = Options(framing)
        self._magic = options.data("magic")
        version = options.number("version", None, 0, 255)
        self._version = b"" if version is None else bytes([version])
        order = options.one_of("order", "big", ("big", "little"))
        width = options.one_of("width", 4, WIDTHS)
        checked = options.one_of("checksum", "crc32", ("crc32", "none")) == "crc32"
        options.done()
        self._number = number_struct(width, order)
        self._sum = number_struct(4, order)
        self._at_length = len(self._magic) + len(self._version)
        self._head = self._need = self._at_length + width
        self._trailer = 4 if checked else 0
        self._largest = min(self._limit, (1 << 8 * width) - 1)
        self._searching = False
        self._false_starts = 0

    def _cut(self, data: bytes, frames: list[bytes], position: int) -> int:
        size, head, magic = len(data), self._head, self._magic
        self._need = head
        while True:
            if self._searching:
                position = self._search(data, position)
            if position + head > size:
                return position
            if not data.startswith(magic, position):
                position = self._damaged(BadFrame("a frame does not begin with its magic number"), position)
                continue
            (length,) = self._number.unpack_from(data, position + self._at_length)
            end = position + head + length + self._trailer
            if length > self._limit:
                position = self._bad(too_large(length, self._limit), position, end, size)
                continue
            if end > size:
                self._need = end - position
                return position
            fault = self._fault(data, position, end)
            if fault is not None:
                self._count_false_start()
                position = self._bad(fault, position, end, size)
                continue
            frames.append(data[position + head:end - self._trailer])
            position = end
            self._false_starts = 0

    def _fault(self, data: bytes, position: int, end: int) -> BadFrame | None:
        covered = position + len(self._magic)
        version = data[covered:position + self._at_length]
        if self._trailer:
            (told,) = self._sum.unpack_from(data, end - 4)
            if told != crc32(memoryview(data)[covered:end - 4]):
                return BadFrame("a frame is damaged: its checksum is wrong")
        if version != self._version:
            return BadFrame(f"a frame is of version {version[0]}, we speak {self._version[0]}")
        return None

    def _bad(self, fault: BadFrame, position: int, end: int, size: int) -> int:
        if self._on_bad is OnBadFrame.RESYNCHRONISE:
            return self._damaged(fault, position)
        return self._pass_over(fault, end, size)

    def _damaged(self, fault: BadFrame, position: int) -> int:
        if self._on_bad is not OnBadFrame.RESYNCHRONISE:
            raise fault
        self.dropped += 1
        self._searching = True
        return position + 1

    def _search(self, data: bytes, position: int) -> int:
        """The next place where the magic number begins, or may begin with what comes."""
        found = data.find(self._magic, position)
        if found >= 0:
            self._searching = False
            return found
        keep = len(self._magic) - 1
        return max(position, len(data) - keep)

    def _count_false_start(self) -> None:
        self._false_starts += 1
        if self._false_starts >= FALSE_STARTS:
            raise BadFrame(f"{FALSE_STARTS} frames in a row were damaged; this is no stream of frames")

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        if len(frame) > self._largest:
            raise too_large(len(frame), self._largest)
        covered = self._version + self._number.pack(len(frame)) + frame
        trailer = self._sum.pack(crc32(covered)) if self._trailer else b""
        return self._magic + covered + trailer
