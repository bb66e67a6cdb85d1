"""TCP: connections, the frames on them, and where a domain's services are. Implemented by `net`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tulou_contracts.network import NetworkError


class BadFrame(NetworkError):
    """Bytes are no frame, or a frame cannot be sent this way; the text says why."""


class ResolveFailed(NetworkError):
    """The name system gave no usable answer; the text says which question, and why."""


class NotOffered(NetworkError):
    """The domain says that it does not offer the service (RFC 2782, a target of ".")."""


class NoAnswer(NetworkError):
    """A request got no answer within its time."""


# ---- frames ----

class OnBadFrame(Enum):
    """What a framer does about a frame that is too large or damaged."""

    CLOSE = "close"
    """Give up: the stream is dead."""
    SKIP = "skip"
    """Drop the frame, by the length it claims or up to the next delimiter; the next one counts again."""
    RESYNCHRONISE = "resynchronise"
    """Look for the next beginning of a frame (a magic number, a delimiter) within what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """Which framer, and how it is set; may come from a configuration file.

    Framers and their `options` (name: default):

    - ``fixed``: size
    - ``delimiter``: delimiter
    - ``line``: nothing; ends with LF or CR LF
    - ``length-prefix``: width (4; 1, 2, 4 or 8 bytes), order ("big" or "little"), counts_header
      (false: the length is the payload's alone)
    - ``varint``: nothing; a LEB128 length as protocol buffers write it
    - ``packet``: magic, version (none; 0 to 255), width, order, checksum ("crc32" or "none")
    - ``xml-stream``: nothing; a frame is an element directly below the root, as it was written
    - whatever an entry point in the group ``tulou.framers`` is called: a function that takes this
      object and gives a `Framer`
    """

    framer: str
    max_frame: int = 1 << 20
    """Bytes of the largest frame, without its header."""
    on_bad: OnBadFrame = OnBadFrame.CLOSE
    options: Mapping[str, object] = field(default_factory=dict)


class Framer(Protocol):
    """Cuts one direction of one connection into frames; pure: no clock, no socket.

    The frames are the same however the stream is cut into pieces.
    """

    @property
    def failed(self) -> BadFrame | None:
        """The fault that ended the stream, if one did."""

    @property
    def dropped(self) -> int:
        """Frames that were skipped, and places where the beginning had to be searched."""

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The frames that became complete with these bytes, in order.

        A fault that ends the stream raises `BadFrame`, but only when no frame before it is left to be
        handed out: else those come, `failed` is set at once, and the next call raises.
        """

    def end(self) -> Sequence[bytes]:
        """The stream ended: the frames that only its end completes.

        Raises `BadFrame` when it ended inside a frame.
        """

    def encode(self, frame: bytes) -> bytes:
        """The frame as it goes on the wire. Raises `BadFrame` when it is too large or would be cut
        differently on the other side."""


class Framers(Protocol):
    """Framers by name."""

    def names(self) -> Sequence[str]:
        """Those that can be made here, third parties' included."""

    def framer(self, framing: Framing) -> Framer:
        """A new one for one direction. Raises `ValueError` for a name or an option that is none."""


# ---- connections ----

@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to secure a connection.

    The certificate must come from an authority that is trusted here and be issued for `name`. With
    `fingerprints` (SHA-256 of the certificate, hexadecimal) it must be one of these as well.
    """

    name: str = ""
    """Whom the certificate must name; empty: the host that was connected to."""
    alpn: Sequence[str] = ()
    """Protocols offered (RFC 7301); a server that takes none of them may go on without."""
    fingerprints: Sequence[str] = ()


class TcpConnection(Protocol):
    """One open connection: bytes both ways. Safe for one reader and many writers."""

    @property
    def peer(self) -> str:
        """host:port, for people."""

    @property
    def secure(self) -> bool:
        """Whether it is under TLS."""

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on by ALPN, if any."""

    async def send(self, data: bytes) -> None:
        """Put bytes behind those that wait to be written; waits while too many do.

        One task writes them, many pieces at once. Cancelling never tears a piece. Raises
        `ConnectionLost`.
        """

    async def flush(self) -> None:
        """Returns when everything was handed to the system. Raises `ConnectionLost`."""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What came, at least a byte; b"" when the peer has said that nothing more will come.

        Raises `ConnectionLost`.
        """

    async def start_tls(self, tls: Tls) -> None:
        """Go on under TLS. Nobody may be receiving or sending meanwhile.

        Raises `CertificateRefused`, `NetworkError`, `ConnectionLost`.
        """

    async def close(self) -> None:
        """Write what waits, say that it is over, and close; takes a few seconds at most."""

    def abort(self, why: str) -> None:
        """Close at once; `receive` and `send` then raise `ConnectionLost` and say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Frames that only say "I am here": they are sent and taken beside the data.

    `beat` goes out when nothing was sent for `interval` seconds. A frame that equals `beat` or
    `answer` is never handed out as data; a `beat` is answered with `answer`, unless that is empty.
    Two intervals in which nothing at all came are the end of the connection.
    """

    beat: bytes
    answer: bytes = b""
    interval: float = 25.0


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What happened to frames that came in and were not simply handed out."""

    dropped: int = 0
    """Bad ones, skipped."""
    late: int = 0
    """Answers to requests that nobody waits for any more."""
    beats: int = 0


class FramedConnection(Protocol):
    """Frames over one connection, with answers matched to requests."""

    @property
    def peer(self) -> str:
        """host:port, for people."""

    @property
    def counts(self) -> FrameCounts:
        """What was dropped or came late so far."""

    async def send(self, frame: bytes) -> None:
        """Send one frame, whole. Raises `BadFrame`, `ConnectionLost`."""

    async def request(self, frame: bytes, id: Hashable, *, timeout: float = 30.0) -> bytes:
        """Send a frame and await the one whose id is `id`; any number may wait at once.

        Raises `NoAnswer`, `BadFrame`, `ConnectionLost`, `ValueError` (the id is waited for already).
        """

    async def receive(self) -> bytes:
        """The next frame that answers no request. Those that came before the end are still given out.

        Raises `ConnectionLost`, `BadFrame` (the stream is damaged).
        """

    async def close(self) -> None:
        """Write what waits and close."""


IdOf = Callable[[bytes], Hashable | None]
"""The id of the request that a frame answers; None for a push frame. May raise `BadFrame`."""
Push = Callable[[bytes], Awaitable[None]]
"""Takes one push frame; the next one waits until it returns."""


class TcpConnector(Protocol):
    """Opens TCP connections. Sizes are in bytes, times in seconds."""

    def connect(
        self, host: str, port: int, *, tls: Tls | None = None, timeout: float = 15.0,
        idle: float = 0.0, buffer: int = 1 << 18,
    ) -> AbstractAsyncContextManager[TcpConnection]:
        """Connect, and agree on TLS if `tls` is given, within `timeout`.

        `idle`: so long without a byte from the peer, while somebody receives, ends the connection (0:
        never). `buffer`: so much may wait to be written before `send` waits.

        Raises `Unreachable`, `CertificateRefused`, `NetworkError`.
        """

    def connect_framed(
        self, host: str, port: int, framing: Framing, *, tls: Tls | None = None, timeout: float = 15.0,
        heartbeat: Heartbeat | None = None, id_of: IdOf | None = None, push: Push | None = None,
    ) -> AbstractAsyncContextManager[FramedConnection]:
        """The same with frames. `id_of` finds answers among them; `push` takes all others, and nothing
        is left to `receive` then. Slow takers slow the peer down.

        Raises as `connect`, and `ValueError` for a framing that is none.
        """


# ---- names ----

@dataclass(frozen=True, slots=True, order=True)
class ServiceTarget:
    """Where a service may be found (RFC 2782); `host` has no dot at its end."""

    priority: int
    weight: int
    host: str
    port: int


class Resolver(Protocol):
    """Asks the name system (DNS). Answers are not signed: trust certificates, not names."""

    async def services(self, service: str, domain: str, *, timeout: float = 5.0) -> Sequence[ServiceTarget]:
        """The targets of ``_service._tcp.domain``, in no order; empty when the domain says nothing.

        Raises `NotOffered`, `ResolveFailed`.
        """
