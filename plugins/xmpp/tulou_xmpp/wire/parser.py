"""Text from the other side into elements, for WebSocket frames and for TCP streams.

One expat parser lives as long as the stream, with the root already open: nothing has to be set up a
stanza, and a DOCTYPE is an error of syntax there, so no entity can ever be declared. Comments and
processing instructions are refused as RFC 6120, section 11.1, demands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from tulou_xmpp.wire import namespaces
from tulou_xmpp.wire.element import Element
from tulou_xmpp.wire.errors import WireError

MAX_STANZA = 1 << 20
"""Default limit of a stanza's size: bytes of a stream, characters of a frame."""
MAX_DEPTH = 64
"""Default limit of elements inside elements, the stanza included."""

# A token that is not complete yet may stand at the end of what was fed; so much more is let in
# before a stanza counts as too large, for the final word is spoken at its end.
_SLACK = 4096
_XML_PREFIX = namespaces.XML + "}"


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The stream's header came; `header` has its attributes and no children."""

    header: Element


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The other side closed its stream in order."""


class _Builder:
    """Builds elements from expat's calls; what is complete directly below the root goes to `done`."""

    def __init__(self, max_stanza: int, max_depth: int, *, root: tuple[str, str]) -> None:
        self._root_name = root
        self.max_stanza = max_stanza
        self.max_depth = max_depth
        self.done: list[Element] = []
        self.root: Element | None = None
        self.closed = False
        self.start = 0
        self._path: list[Element] = []
        self._names: dict[str, tuple[str, str]] = {}
        parser = expat.ParserCreate("utf-8", "}")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = _refuse_comment
        parser.ProcessingInstructionHandler = _refuse_instruction
        parser.StartDoctypeDeclHandler = _refuse_doctype
        if hasattr(parser, "SetReparseDeferralEnabled"):
            # our limits bound the work; waiting for more bytes could hold back a stanza
            parser.SetReparseDeferralEnabled(False)
        self._parser = parser

    @property
    def depth(self) -> int:
        """Open elements, the root included."""
        return len(self._path)

    def feed(self, data: str | bytes) -> None:
        """Parse on. Raises `WireError`."""
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError as error:
            raise WireError("not-well-formed", f"what came is not well-formed XML: {error}") from None
        except UnicodeEncodeError:
            raise WireError("unsupported-encoding", "a frame holds half a character") from None

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        depth = len(path)
        element = Element.__new__(Element)
        try:
            element.namespace, element.name = self._names[name]
        except KeyError:
            element.namespace, element.name = self._split(name)
        for key in attributes:
            if "}" in key:
                attributes = {_attribute_name(k): value for k, value in attributes.items()}
                break
        element.attributes = attributes
        element.children = []
        element.text = ""
        if depth > 1:
            if depth > self.max_depth:
                raise WireError("policy-violation", f"a stanza nests deeper than {self.max_depth} elements")
            path[-1].children.append(element)
        elif depth == 1:
            self.start = self._parser.CurrentByteIndex
        elif (element.namespace, element.name) != self._root_name:
            raise WireError(
                "invalid-namespace", f"a stream begins with <{element.name}>, not <stream:stream>"
            )
        else:
            self.root = element
        path.append(element)

    def _close(self, name: str) -> None:
        element = self._path.pop()
        depth = len(self._path)
        if depth == 1:
            end = self._parser.CurrentByteIndex
            if end - self.start > self.max_stanza:
                raise too_large(self.max_stanza)
            self.start = end
            self.done.append(element)
        elif depth == 0:
            self.closed = True

    def _characters(self, data: str) -> None:
        path = self._path
        if len(path) > 1:
            path[-1].text += data
        elif data.strip(" \t\r\n"):
            raise WireError("bad-format", "there is text between stanzas")
        else:
            self.start = self._parser.CurrentByteIndex

    def _split(self, name: str) -> tuple[str, str]:
        namespace, _, local = name.rpartition("}")
        if len(self._names) > 2000:   # somebody invents names; stay small
            self._names.clear()
        self._names[name] = namespace, local
        return namespace, local


def _attribute_name(key: str) -> str:
    namespace, separator, local = key.rpartition("}")
    if not separator:
        return key
    return f"xml:{local}" if namespace == namespaces.XML else f"{{{namespace}}}{local}"


def _refuse_comment(text: str) -> None:
    raise WireError("restricted-xml", "XMPP allows no comment")


def _refuse_instruction(target: str, data: str) -> None:
    raise WireError("restricted-xml", "XMPP allows no processing instruction")


def _refuse_doctype(*about: Any) -> None:
    raise WireError("restricted-xml", "XMPP allows no DOCTYPE")


def too_large(limit: int) -> WireError:
    """The error for a stanza above the limit."""
    return WireError("policy-violation", f"a stanza is larger than {limit} bytes")


class FrameParser:
    """Parses WebSocket frames, each one whole element (RFC 7395, section 3.3).

    A frame that raised leaves no trace: the next one is parsed as if it had not been.
    """

    def __init__(self, max_stanza: int = MAX_STANZA, max_depth: int = MAX_DEPTH) -> None:
        self._limits = (max_stanza, max_depth)
        self._builder = self._fresh()

    def _fresh(self) -> _Builder:
        builder = _Builder(*self._limits, root=("", "frames"))
        builder.feed("<frames>")
        return builder

    def parse_frame(self, text: str) -> Element:
        """The element in one frame. Raises `WireError`."""
        if not isinstance(text, str):
            raise WireError("bad-format", "a binary frame came where XMPP uses text frames")
        if text[:1] != "<":
            raise WireError("bad-format", "a frame does not begin with '<'")
        if len(text) > self._limits[0]:
            raise too_large(self._limits[0])
        builder = self._builder
        try:
            builder.feed(text)
            if builder.closed or builder.depth != 1 or len(builder.done) != 1:
                raise WireError("bad-format", "a frame does not hold exactly one whole element")
        except WireError:
            self._builder = self._fresh()
            raise
        return builder.done.pop()


class StreamParser:
    """Parses a TCP stream, however its bytes are cut (RFC 6120, section 4).

    A restart of the stream (after TLS, after SASL) takes a new parser. After an error it is dead.
    """

    def __init__(self, max_stanza: int = MAX_STANZA, max_depth: int = MAX_DEPTH) -> None:
        self._builder = _Builder(max_stanza, max_depth, root=(namespaces.STREAMS, "stream"))
        self._fed = 0
        self._opened = False
        self._dead: WireError | None = None

    def feed(self, data: bytes) -> list[StreamOpened | Element | StreamClosed]:
        """What became complete with these bytes, in order.

        Raises `WireError` once nothing before the fault is left to be handed out: elements that
        were complete before it come first, and the error on the next call (or now, if there are none).
        """
        if self._dead is not None:
            raise self._dead
        builder = self._builder
        try:
            self._parse(data)
        except WireError as error:
            self._dead = error
        events: list[StreamOpened | Element | StreamClosed] = []
        if builder.root is not None and not self._opened:
            self._opened = True
            events.append(StreamOpened(builder.root))
        events += builder.done
        builder.done.clear()
        if builder.closed and self._dead is None:
            events.append(StreamClosed())
        if self._dead is not None and not events:
            raise self._dead
        return events

    @property
    def failed(self) -> WireError | None:
        """The error that ended parsing, if one did."""
        return self._dead

    def _parse(self, data: bytes) -> None:
        builder = self._builder
        if builder.closed:
            if data.strip():
                raise WireError("bad-format", "bytes came after the end of the stream")
            return
        self._fed += len(data)
        builder.feed(data)
        if not builder.closed and self._fed - builder.start > builder.max_stanza + _SLACK:
            raise too_large(builder.max_stanza)
