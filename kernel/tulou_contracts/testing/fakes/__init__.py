"""A server in memory and transports to it, with every fault a real wire has.

    server = FakeServer()
    lin = FakeTransport(server, "lin@example.org", publish=events.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lin.run)
        lin.connect()

The server never drops what it has taken: what a session did not acknowledge is delivered again at
the next one, also as a duplicate, as servers with offline storage and an archive (XEP-0313) do. It
does not know that two messages of one id are the same: that is the reader's part.
"""

from tulou_contracts.testing.fakes.faults import Fate, Faults
from tulou_contracts.testing.fakes.server import FakeServer
from tulou_contracts.testing.fakes.transport import FakeSubmission, FakeTransport

__all__ = ["FakeServer", "FakeSubmission", "FakeTransport", "Fate", "Faults"]
