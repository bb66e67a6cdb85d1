"""What framers with a header have in common: bytes are joined only when a frame may be whole."""

from __future__ import annotations

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame


def too_large(size: int, limit: int) -> BadFrame:
    """The fault of a frame above the limit."""
    return BadFrame(f"a frame of {size:,} bytes is larger than the {limit:,} allowed")


class Cutter:
    """Implements the receiving half of `Framer` around `_cut`.

    Pieces are kept in a list until `_need` bytes are there, so that a huge frame in tiny pieces
    is copied once, not once a piece.
    """

    def __init__(self, framing: Framing) -> None:
        self.failed: BadFrame | None = None
        self.dropped = 0
        self._limit = framing.max_frame
        self._on_bad = framing.on_bad
        self._parts: list[bytes] = []
        self._size = 0
        self._need = 1
        self._skip = 0

    def feed(self, data: bytes) -> list[bytes]:
        """As the contract says."""
        if self.failed is not None:
            raise self.failed
        if self._skip:
            cut = min(self._skip, len(data))
            self._skip -= cut
            data = data[cut:]
        self._parts.append(data)
        self._size += len(data)
        if self._size < self._need:
            return []
        whole = data if len(self._parts) == 1 else b"".join(self._parts)
        frames: list[bytes] = []
        try:
            position = self._cut(whole, frames)
        except BadFrame as fault:
            self.failed = fault
            self._parts.clear()
            if not frames:
                raise
            return frames
        rest = whole[position:]
        self._parts = [rest] if rest else []
        self._size = len(rest)
        return frames

    def end(self) -> list[bytes]:
        """As the contract says."""
        if self.failed is not None:
            raise self.failed
        if self._size or self._skip:
            self.failed = BadFrame(f"the stream ended inside a frame, after {self._size:,} bytes of it")
            raise self.failed
        return []

    def _cut(self, data: bytes, frames: list[bytes]) -> int:
        """Add the whole frames at the beginning of `data`; where the rest begins.

        Sets `_need` to the bytes of the rest with which more may be found. Raises `BadFrame`.
        """
        raise NotImplementedError

    def _pass_over(self, fault: BadFrame, end: int, size: int) -> int:
        """A bad frame reaches up to `end` in `size` bytes: skip it, or raise `fault`."""
        if self._on_bad is OnBadFrame.CLOSE:
            raise fault
        self.dropped += 1
        self._skip = max(0, end - size)
        return min(end, size)

    def _check_size(self, frame: bytes) -> None:
        if len(frame) > self._limit:
            raise too_large(len(frame), self._limit)
