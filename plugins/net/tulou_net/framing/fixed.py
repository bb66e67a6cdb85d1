"""Frames of one size."""

from __future__ import annotations

from tulou_contracts.tcp import BadFrame, Framing

from tulou_net.framing.base import Cutter
from tulou_net.framing.options import Options


class Fixed(Cutter):
    """Every frame has `size` bytes."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing)
        options = Options(framing)
        size = options.number("size", None, 1, framing.max_frame)
        options.done()
        if size is None:
            raise ValueError("framer 'fixed': size must be given, in bytes")
        self._frame = self._need = size

    def _cut(self, data: bytes, frames: list[bytes], position: int) -> int:
        step = self._frame
        end = len(data) - (len(data) - position) % step
        frames += [data[start:start + step] for start in range(position, end, step)]
        return end

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        if len(frame) != self._frame:
            raise BadFrame(f"a frame of {len(frame):,} bytes where every frame has {self._frame:,}")
        return frame
