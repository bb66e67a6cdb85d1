"""An XML stream, cut into the elements directly below its root, each as it was written."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame

from tulou_net.framing.base import too_large
from tulou_net.framing.options import Options

_SLACK = 4096
_ROOT_IS_OPEN = expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]
_PATIENCE = 64
"""Tries to finish one tag by its first '>' before waiting for twice as many bytes: a '>' may stand in
an attribute, and parsing a huge tag anew for each would take forever."""


class XmlStream:
    """Implements `Framer`. A frame does not repeat namespaces that its root declares.

    There is no next frame after XML that is not well-formed, so the only policy is to close.
    """

    def __init__(self, framing: Framing) -> None:
        Options(framing).done()
        if framing.on_bad is not OnBadFrame.CLOSE:
            raise ValueError("framer 'xml-stream': nothing can be found after bad XML; use on_bad = 'close'")
        self.failed: BadFrame | None = None
        self.dropped = 0
        self._limit = framing.max_frame
        self._frames: list[bytes] = []
        self._parts: list[bytes] = []
        self._waiting = 0
        self._window = bytearray()
        self._base = 0          # where in the stream the window begins
        self._fed = 0
        self._start = 0         # of the element that is open, or of what stands before the next one
        self._depth = 0
        self._just_opened = False
        self._ended = False
        self._moved = True
        self._tries = 0
        self._enough = 0
        self._parser = self._new_parser()

    def _new_parser(self) -> Any:
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        if hasattr(parser, "SetReparseDeferralEnabled"):
            parser.SetReparseDeferralEnabled(False)  # it could hold a frame back; `_PATIENCE` does its work
        return parser

    def feed(self, data: bytes) -> list[bytes]:
        """As the contract says."""
        if self.failed is not None:
            raise self.failed
        self._parts.append(data)
        self._waiting += len(data)
        pending = self._fed + self._waiting - self._start
        # nothing can become complete without a '>'
        if pending <= self._limit + _SLACK and (b">" not in data or self._waiting < self._enough):
            return []
        return self._parse()

    def end(self) -> list[bytes]:
        """As the contract says; an open root is an end like any other."""
        if self.failed is not None:
            raise self.failed
        frames = self._parse() if self._parts else []
        if self.failed is None and not self._ended and not self._is_between():
            self.failed = BadFrame("the stream ended inside an element")
            if not frames:
                raise self.failed
        return frames

    def _is_between(self) -> bool:
        if self._depth > 1:
            return False
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            return error.code == _ROOT_IS_OPEN  # and nothing else is
        return True

    def _parse(self) -> list[bytes]:
        piece = b"".join(self._parts)
        self._parts.clear()
        self._waiting = 0
        self._window += piece
        self._fed += len(piece)
        self._moved = False
        try:
            self._parser.Parse(piece, False)
            if self._fed - self._start > self._limit + _SLACK and not self._ended:
                raise too_large(self._fed - self._start, self._limit)
        except BadFrame as fault:
            self.failed = fault
        except expat.ExpatError as error:
            self.failed = BadFrame(f"what came is not well-formed XML: {error}")
        self._be_patient()
        del self._window[:self._start - self._base]
        self._base = self._start
        frames, self._frames = self._frames, []
        if self.failed is not None and not frames:
            raise self.failed
        return frames

    def _be_patient(self) -> None:
        if self._moved:
            self._tries = self._enough = 0
            return
        self._tries += 1
        if self._tries >= _PATIENCE:
            self._enough = len(self._window)

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._moved = True
        if self._depth == 1:
            self._start = self._parser.CurrentByteIndex
        self._depth += 1
        self._just_opened = True

    def _close(self, name: str) -> None:
        self._moved = True
        self._depth -= 1
        here = self._parser.CurrentByteIndex
        if self._depth == 1:
            begin, at = self._start - self._base, here - self._base
            # for <a/> expat stands behind the tag already, else before the </a>
            empty = self._just_opened and self._window[at - 2:at] == b"/>"
            stop = at if empty else self._window.index(b">", at) + 1
            if stop - begin > self._limit:
                raise too_large(stop - begin, self._limit)
            self._frames.append(bytes(self._window[begin:stop]))
            self._start = self._base + stop
        elif self._depth == 0:
            self._ended = True
            self._start = self._fed
        self._just_opened = False

    def _text(self, data: str) -> None:
        self._just_opened = False
        self._moved = True
        if self._depth > 1:
            return
        if data.strip():
            raise BadFrame("there is text between the elements of a stream")
        self._start = self._parser.CurrentByteIndex

    def _refuse(self, *about: object) -> None:
        raise BadFrame("a stream may not hold a DOCTYPE")

    def encode(self, frame: bytes) -> bytes:
        """The frame itself; whether it is an element is for who wrote it to know, except for its size."""
        if len(frame) > self._limit:
            raise too_large(len(frame), self._limit)
        if not frame.startswith(b"<") or not frame.endswith(b">"):
            raise BadFrame("a frame of an XML stream is an element: it begins with '<' and ends with '>'")
        return frame
