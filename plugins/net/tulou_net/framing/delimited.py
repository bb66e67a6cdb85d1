"""Frames that end with something: a delimiter, or the end of a line."""

from __future__ import annotations

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame

from tulou_net.framing.base import too_large
from tulou_net.framing.options import Options


class Delimited:
    """Each frame ends with `delimiter`, which is not part of it.

    Every byte is searched once: what stands before the end of a piece is kept in a list, but for the
    few bytes that may begin a delimiter.
    """

    def __init__(self, framing: Framing) -> None:
        options = Options(framing)
        self._set_up(framing, options.data("delimiter"), framing.max_frame)
        options.done()

    def _set_up(self, framing: Framing, delimiter: bytes, limit: int) -> None:
        self.failed: BadFrame | None = None
        self.dropped = 0
        self._on_bad = framing.on_bad
        self._delimiter = delimiter
        self._overlap = len(delimiter) - 1
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._tail = b""
        self._losing = False

    def feed(self, data: bytes) -> list[bytes]:
        """As the contract says."""
        if self.failed is not None:
            raise self.failed
        if self._tail:
            data = self._tail + data
            self._tail = b""
        at_most = self._size + len(data)
        frames = data.split(self._delimiter)
        rest = frames.pop()
        if frames:
            self._complete(frames)
        if at_most > self._limit and frames and max(map(len, frames)) > self._limit:
            frames = self._without_large(frames)
        self._keep(rest)
        if self.failed is not None and not frames:
            raise self.failed
        return frames

    def _complete(self, frames: list[bytes]) -> None:
        """The first of `frames` is the end of what is kept."""
        if self._losing:
            self._losing = False
            del frames[0]
        elif self._size:
            self._parts.append(frames[0])
            frames[0] = b"".join(self._parts)
        self._parts.clear()
        self._size = 0

    def _keep(self, rest: bytes) -> None:
        if self._overlap:
            self._tail = rest[-self._overlap:]
            rest = rest[:-self._overlap]
        if self._losing or self.failed is not None:
            return
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > self._limit:
            self._bad(too_large(self._size, self._limit))
            self._losing = True
            self._parts.clear()
            self._size = 0

    def _bad(self, fault: BadFrame) -> None:
        if self._on_bad is OnBadFrame.CLOSE:
            self.failed = self.failed or fault
        else:
            self.dropped += 1

    def _without_large(self, frames: list[bytes]) -> list[bytes]:
        good: list[bytes] = []
        for frame in frames:
            if len(frame) <= self._limit:
                good.append(frame)
            else:
                self._bad(too_large(len(frame), self._limit))
                if self.failed is not None:
                    break
        return good

    def end(self) -> list[bytes]:
        """As the contract says."""
        if self.failed is None and (self._size or self._tail or self._losing):
            self.failed = BadFrame("the stream ended inside a frame, before its delimiter")
        if self.failed is not None:
            raise self.failed
        return []

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        if len(frame) > self._limit:
            raise too_large(len(frame), self._limit)
        whole = frame + self._delimiter
        if whole.find(self._delimiter) != len(frame):
            raise BadFrame("a frame holds its own delimiter; it would arrive as two")
        return whole


class Lines(Delimited):
    """Lines that end with LF or CR LF; neither is part of the frame."""

    def __init__(self, framing: Framing) -> None:
        Options(framing).done()
        self._set_up(framing, b"\n", framing.max_frame + 1)  # the CR is not known to be one before the LF
        self._longest = framing.max_frame

    def feed(self, data: bytes) -> list[bytes]:
        """As the contract says."""
        frames = super().feed(data)
        if not frames:
            return frames
        frames = [frame[:-1] if frame[-1:] == b"\r" else frame for frame in frames]
        if max(map(len, frames)) <= self._longest:
            return frames
        return self._without_long(frames)

    def _without_long(self, frames: list[bytes]) -> list[bytes]:
        # only a line of one byte too many without a CR gets here
        good: list[bytes] = []
        for frame in frames:
            if len(frame) <= self._longest:
                good.append(frame)
                continue
            self._bad(too_large(len(frame), self._longest))
            if self.failed is not None:
                break
        if self.failed is not None and not good:
            raise self.failed
        return good

    def encode(self, frame: bytes) -> bytes:
        """As the contract says."""
        if len(frame) > self._longest:
            raise too_large(len(frame), self._longest)
        if b"\n" in frame or frame[-1:] == b"\r":
            raise BadFrame("a line holds the end of a line; it would arrive as something else")
        return frame + b"\n"
