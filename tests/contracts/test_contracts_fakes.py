"""A fake that is kinder than the contract hides faults in every test on it, so it passes the suite too."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from tulou_contracts.testing.company import CompanyConformance, CompanyPlay, FakeCompany
from tulou_contracts.testing.fakes import FakeServer, FakeTransport
from tulou_contracts.testing.signalling import FakeSignals, SignalEnds, SignallingConformance
from tulou_contracts.testing.transport import TransportConformance, TransportPair

LIN = "lin@example.org"
WANG = "wang@example.org"


@pytest.mark.usefixtures("autojump_clock")
class TestFakeTransport(TransportConformance):
    @asynccontextmanager
    async def open(self):
        server = FakeServer()
        lin = FakeTransport(server, LIN, reconnect_after=5.0)
        wang = FakeTransport(server, WANG, reconnect_after=5.0)
        async with trio.open_nursery() as nursery:
            for transport in (lin, wang):
                nursery.start_soon(transport.run)
                transport.connect()
            yield TransportPair(lin, LIN, wang, WANG, cut=lin.disconnect)
            nursery.cancel_scope.cancel()


@pytest.mark.usefixtures("autojump_clock")
class TestFakeSignals(SignallingConformance):
    @asynccontextmanager
    async def open(self):
        host, events = FakeSignals(), []
        signalling = host.of(LIN, events.append)
        yield SignalEnds(
            signalling, LIN, host, events, cut=lambda: setattr(signalling, "online", False)
        )


@pytest.mark.usefixtures("autojump_clock")
class TestFakeCompany(CompanyConformance):
    @asynccontextmanager
    async def open(self):
        events = []
        company = FakeCompany(events.append)

        async def issue(kind, content):
            company.issue(kind, content)

        yield CompanyPlay(company, company, events, issue)
