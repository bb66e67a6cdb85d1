"""The stream a session speaks on (RFC 7395): its state, and the frames that wait to be written."""

from __future__ import annotations

from tulou_xmpp.session.states import TABLE, State, Step
from tulou_xmpp.wire import Element, WireError, serialise
from tulou_xmpp.wire import namespaces as ns


class Stream:
    """One stream after another, to the same domain."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.state = State.DISCONNECTED
        self.secure = False
        self._frames: list[str] = []

    @property
    def ready(self) -> bool:
        """Whether stanzas may be sent."""
        return self.state is State.READY

    @property
    def ended(self) -> bool:
        """Whether nothing more may be said."""
        return self.state in (State.DISCONNECTED, State.CLOSING)

    def go(self, step: Step) -> None:
        """Take a step of the table. Raises `WireError` where there is none from here."""
        try:
            self.state = TABLE[self.state, step]
        except KeyError:
            raise WireError(
                "bad-format", f"the server wants to {step.value} while we are {self.state.value}"
            ) from None

    def expect(self, *states: State) -> None:
        """Raises `WireError` when we are in none of these."""
        if self.state not in states:
            raise WireError("bad-format", f"something came out of order while we are {self.state.value}")

    def write(self, element: Element) -> None:
        """Put an element behind what waits."""
        self._frames.append(serialise(element))

    def write_frames(self, frames: list[str]) -> None:
        """Put what is serialised already behind what waits."""
        self._frames.extend(frames)

    def take(self) -> list[str]:
        """The frames to write now."""
        frames, self._frames = self._frames, []
        return frames

    def clear(self) -> None:
        """Forget what waits: its connection is gone."""
        self._frames.clear()

    def open(self) -> None:
        """Begin a stream."""
        self.write(Element("open", ns.FRAMING, to=self.domain, version="1.0", **{"xml:lang": "en"}))

    def close(self) -> None:
        """End the stream, or answer its end."""
        self.go(Step.CLOSE)
        self.write(Element("close", ns.FRAMING))
