"""Conformance of `Messenger`: what every implementation owes the rest of the house.

Subclass the suite in a test module and open your implementation on the profile folder and the
transport that it is given::

    class TestMine(MessengerConformance):
        @asynccontextmanager
        async def open(self, place):
            async with MyRoom(place.profile, place.transport, place.bus) as room:
                yield room.messenger

Every test runs on trio's virtual clock, against `FakeServer`.
"""

from tulou_contracts.testing.messaging.place import LIN, WANG, Bus, Place, until
from tulou_contracts.testing.messaging.reading import ReadingConformance
from tulou_contracts.testing.messaging.receiving import ReceivingConformance
from tulou_contracts.testing.messaging.sending import SendingConformance

__all__ = ["LIN", "WANG", "Bus", "MessengerConformance", "Place", "until"]


class MessengerConformance(SendingConformance, ReceivingConformance, ReadingConformance):
    """Give `open`; the rest is here."""
