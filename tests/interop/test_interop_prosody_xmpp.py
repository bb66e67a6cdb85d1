"""The wire against a real Prosody, over real WebSockets on loopback."""

from __future__ import annotations

import itertools
import random
import time
from contextlib import asynccontextmanager

import pytest
import trio
from tulou_contracts.identity import (
    Account, AccountTaken, Credential, ServerUnavailable, WrongPassword,
)
from tulou_contracts.network import ConnectionLost
from tulou_contracts.testing.transport import (
    Collector, TransportConformance, TransportPair, outgoing, submit_until_accepted,
)
from tulou_contracts.transport import ConnectionChanged, ConnectionState, Presence

from tulou_net.connector import Connector
from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.config import Config
from tulou_xmpp.transport import XmppTransport

pytestmark = pytest.mark.interop

WORDS = "土楼里的人说：你好 👋"


class CuttableConnector:
    """The real connector; its connections can be cut without a good-bye."""

    def __init__(self):
        self._connector = Connector()
        self._current = None
        self.attempts = 0

    @asynccontextmanager
    async def connect(self, url, **options):
        self.attempts += 1
        async with self._connector.connect(url, **options) as socket:
            self._current = socket
            yield socket

    def cut(self):
        """As when somebody pulls the cable."""
        self._current._stream.abort()


class FixedCredentials:
    def __init__(self, credential):
        self.credential = credential
        self.rejections = []

    async def current(self):
        return self.credential

    async def rejected(self, reason):
        self.rejections.append(reason)


class Client:
    def __init__(self, prosody, name, password="pw", resource="tulou-1"):
        self.connector = CuttableConnector()
        self.address = f"{name}@{prosody.domain}"
        account = Account(address=self.address, endpoint=prosody.endpoint)
        self.credentials = FixedCredentials(Credential(account=account, password=password))
        self.events = []
        self.news = trio.Event()
        self.transport = XmppTransport(
            self.connector, self.credentials, Config(retry_base=0.1, retry_cap=0.5), resource=resource,
            publish=self._publish, now=lambda: time.time_ns() // 1000, rng=random.Random(),
        )

    def _publish(self, event):
        self.events.append(event)
        self.news.set()
        self.news = trio.Event()

    async def reached(self, state, after=0):
        """The first event with this state at or after a place in `events`."""
        with trio.fail_after(20):
            while True:
                for event in self.events[after:]:
                    if isinstance(event, ConnectionChanged) and event.state is state:
                        return event
                await self.news.wait()


@asynccontextmanager
async def clients(prosody, *names, **options):
    async with trio.open_nursery() as nursery:
        started = [Client(prosody, name, **options) for name in names]
        for client in started:
            nursery.start_soon(client.transport.run)
        for client in started:
            await client.reached(ConnectionState.ONLINE)
        yield started
        for client in started:
            await client.transport.close()
        nursery.cancel_scope.cancel()


_names = itertools.count(1)


@pytest.fixture
def people(prosody):
    """Two accounts that no other test uses."""
    number = next(_names)
    names = f"lin{number}", f"wang{number}"
    for name in names:
        prosody.create_user(name, "pw")
    return names


class TestProsodyConforms(TransportConformance):
    @pytest.fixture(autouse=True)
    def _server(self, prosody, people):
        type(self).prosody, type(self).people = prosody, people

    @asynccontextmanager
    async def open(self):
        async with clients(self.prosody, *self.people) as (lin, wang):
            yield TransportPair(lin.transport, lin.address, wang.transport, wang.address,
                                cut=lin.connector.cut)


async def test_a_wrong_password_is_refused_and_not_tried_again(prosody, people):
    async with trio.open_nursery() as nursery:
        client = Client(prosody, people[0], password="wrong")
        nursery.start_soon(client.transport.run)
        await client.reached(ConnectionState.REFUSED)
        assert client.credentials.rejections
        client.transport.retry_now()
        await trio.testing.wait_all_tasks_blocked(0.2)
        assert client.connector.attempts == 1
        nursery.cancel_scope.cancel()


async def test_a_session_is_resumed_after_a_cut(prosody, people):
    async with clients(prosody, *people) as (lin, wang):
        at_lin = Collector()
        lin.transport.deliver_to(at_lin)
        first = outgoing(lin.address, WORDS)
        await wang.transport.submit(first).accepted()
        await at_lin.message(first.id)
        mark = len(lin.events)
        lin.connector.cut()
        second = outgoing(lin.address, "meanwhile")
        await submit_until_accepted(wang.transport, second)
        assert (await lin.reached(ConnectionState.ONLINE, mark)).resumed
        await at_lin.message(second.id)
        assert [m.id for m in at_lin.messages] == [first.id, second.id], "resumption repeats nothing"


async def test_a_restarted_server_is_found_again(prosody, people):
    async with clients(prosody, *people) as (lin, wang):
        at_wang = Collector()
        wang.transport.deliver_to(at_wang)
        mark_lin, mark_wang = len(lin.events), len(wang.events)
        await trio.to_thread.run_sync(prosody.stop)
        await lin.reached(ConnectionState.WAITING, mark_lin)
        with pytest.raises(ServerUnavailable):
            await XmppAuthenticator(Connector(), Config()).verify(lin.credentials.credential)
        await trio.to_thread.run_sync(prosody.start)
        assert not (await lin.reached(ConnectionState.ONLINE, mark_lin)).resumed
        await wang.reached(ConnectionState.ONLINE, mark_wang)
        sent = outgoing(wang.address, WORDS)
        await submit_until_accepted(lin.transport, sent)
        assert (await at_wang.message(sent.id)).body == WORDS


async def test_what_was_sent_to_somebody_offline_waits_for_them(prosody, people):
    async with clients(prosody, people[0]) as (lin,):
        sent = outgoing(f"{people[1]}@{prosody.domain}", WORDS)
        before = time.time_ns() // 1000
        await lin.transport.submit(sent).accepted()
    async with clients(prosody, people[1]) as (wang,):
        at_wang = Collector()
        wang.transport.deliver_to(at_wang)
        got = await at_wang.message(sent.id)
        assert got.archive_id and abs(got.at - before) < 30_000_000
        page = await wang.transport.archive(before="", limit=5)
        assert [(m.id, m.archive_id) for m in page.messages] == [(sent.id, got.archive_id)]


async def test_what_was_not_stored_is_in_the_archive_at_the_next_start(prosody, people):
    # Prosody does not send an archived message again when its session is gone
    async with clients(prosody, *people) as (lin, wang):
        sent = outgoing(wang.address, "nobody stored this")
        await lin.transport.submit(sent).accepted()
        await trio.sleep(0.1)   # let it reach wang, who has no inbox
        wang.connector.cut()
    async with clients(prosody, people[1]) as (wang,):
        page = await wang.transport.archive(before="", limit=5)
        assert [m.id for m in page.messages] == [sent.id]


async def test_our_other_device_sees_what_we_send(prosody, people):
    async with clients(prosody, *people) as (lin, wang):
        async with clients(prosody, people[0], resource="tulou-2") as (pad,):
            at_pad = Collector()
            pad.transport.deliver_to(at_pad)
            # the pad's carbons are enabled when the server has answered something asked later
            await pad.transport.archive(before="", limit=1)
            sent = outgoing(wang.address, WORDS)
            await lin.transport.submit(sent).accepted()
            got = await at_pad.message(sent.id)
            assert got.outgoing and got.conversation == wang.address and got.sender == lin.address


async def test_the_same_resource_elsewhere_replaces_us(prosody, people):
    async with clients(prosody, people[0]) as (first,):
        async with clients(prosody, people[0]):
            event = await first.reached(ConnectionState.REPLACED)
            assert "another device" in event.reason


async def test_contacts_see_each_other_come_and_go(prosody, people):
    async with clients(prosody, people[0]) as (lin,):
        async with clients(prosody, people[1]) as (wang,):
            await lin.transport.add_contact(wang.address, "王师傅")
            await trio.sleep(0.1)
            await wang.transport.add_contact(lin.address, "林小姐")
            await _presence(lin, wang.address, Presence.ONLINE)
            await _presence(wang, lin.address, Presence.ONLINE)
        await _presence(lin, wang.address, Presence.OFFLINE)


async def _presence(client, address, presence):
    with trio.fail_after(20):
        while True:
            found = {c.address: c for c in await client.transport.contacts()}.get(address)
            if found is not None and found.presence is presence:
                return
            await client.news.wait()


async def test_accounts_are_registered_and_passwords_verified(prosody):
    asks = XmppAuthenticator(Connector(), Config())

    def credential(password):
        account = Account(address=f"newcomer@{prosody.domain}", endpoint=prosody.endpoint)
        return Credential(account=account, password=password)

    with pytest.raises(WrongPassword):
        await asks.verify(credential("secret-秘密"))
    await asks.register(credential("secret-秘密"))
    with pytest.raises(AccountTaken):
        await asks.register(credential("other"))
    await asks.verify(credential("secret-秘密"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential("other"))


async def test_cut_again_and_again_nothing_is_lost_or_repeated_by_resumption(prosody, people):
    async with clients(prosody, *people) as (lin, wang):
        at_wang = Collector()
        wang.transport.deliver_to(at_wang)
        sent = [outgoing(wang.address, f"{WORDS} {n}") for n in range(150)]

        async def cut_now_and_then():
            for client in (lin, wang, lin, wang):
                await trio.sleep(0.15)
                try:
                    client.connector.cut()
                except ConnectionLost:
                    pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut_now_and_then)
            for message in sent:
                await submit_until_accepted(lin.transport, message)
        for message in sent:
            await at_wang.message(message.id)
        assert list(dict.fromkeys(m.id for m in at_wang.messages)) == [m.id for m in sent]
