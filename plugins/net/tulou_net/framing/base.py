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
        frames: list[bytes] = []
        try:
            position = self._complete(data, frames) if self._size or self._skip else 0
            if position < len(data):
                position = self._after_skip(data, self._cut(data, frames, position))
                if position < len(data):
                    self._parts.append(data[position:])
                    self._size = len(data) - position
        except BadFrame as fault:
            self.failed = fault
            self._parts.clear()
            if not frames:
                raise
        return frames

    def _complete(self, data: bytes, frames: list[bytes]) -> int:
        """Use the beginning of `data` for the frame that began before; where the next one begins.

        Only those bytes are joined to what is kept, not the whole piece.
        """
        position = self._after_skip(data, 0)
        while self._size and position < len(data):
            taken = data[position:position + self._need - self._size]
            position += len(taken)
            self._parts.append(taken)
            self._size += len(taken)
            if self._size < self._need:
                break
            whole = b"".join(self._parts)
            rest = whole[self._cut(whole, frames, 0):]
            self._parts = [rest] if rest else []
            self._size = len(rest)
            position = self._after_skip(data, position)
        return position

    def _after_skip(self, data: bytes, position: int) -> int:
        skipped = min(self._skip, len(data) - position)
        self._skip -= skipped
        return position + skipped

    def end(self) -> list[bytes]:
        """As the contract says."""
        if self.failed is not None:
            raise self.failed
        if self._size or self._skip:
            self.failed = BadFrame(f"the stream ended inside a frame, after {self._size:,} bytes of it")
            raise self.failed
        return []

    def _cut(self, data: bytes, frames: list[bytes], position: int) -> int:
        """Add the whole frames of `data` from `position` on; where the rest begins.

        Sets `_need` to the bytes of the rest with which more may be found, which are more than it has.
        Raises `BadFrame`.
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
