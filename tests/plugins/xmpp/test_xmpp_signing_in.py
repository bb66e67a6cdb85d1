"""Passwords: refused, verified, never sent bare; and accounts that are made."""

import pytest
import trio
from tulou import AccountChanged, NetworkChanged
from tulou_contracts.identity import (
    Account, AccountTaken, AddressInvalid, Credential, RegistrationRefused, ServerUnavailable, WrongPassword,
)
from tulou_contracts.testing.transport import outgoing
from tulou_contracts.transport import ConnectionState, ContactChanged, NotConnected

from fake_xmpp_session import DOMAIN
from xmpp_network import MemoryNetwork
from xmpp_world import ENDPOINT, LIN, WANG, derive_here
from tulou_xmpp.authenticator import XmppAuthenticator
from tulou_xmpp.config import Config
from tulou_xmpp.wire import Element

E = Element


async def test_a_refused_password_is_tried_once_until_somebody_signs_in_again(world):
    lin = world.client("lin", password="wrong")
    refused = await lin.reached(ConnectionState.REFUSED)
    assert lin.credentials.rejections == [refused.reason] and "password" in refused.reason
    lin.transport.retry_now()
    lin.transport.network_changed(NetworkChanged(up=True))
    await trio.sleep(10_000)
    assert lin.network.attempts == 1
    lin.credentials.credential = Credential(account=Account(address=LIN), password="pw")
    await lin.transport.account_changed(AccountChanged(account=LIN))
    await lin.online()


async def test_signing_out_goes_offline_and_nothing_more_is_tried(world):
    lin = world.client("lin")
    await lin.online()
    await lin.transport.add_contact(WANG, "王")
    lin.credentials.credential = None
    await lin.transport.account_changed(AccountChanged(account=None))
    await lin.reached(ConnectionState.OFFLINE)
    assert await lin.transport.contacts() == ()
    assert [e.contact.address for e in lin.events if isinstance(e, ContactChanged) and e.removed] == [WANG]
    attempts = lin.network.attempts
    await trio.sleep(10_000)
    assert lin.network.attempts == attempts


async def test_nobody_signed_in_is_offline(world):
    lin = world.client("lin", start=False)
    lin.credentials.credential = None
    world.nursery.start_soon(lin.transport.run)
    await lin.reached(ConnectionState.OFFLINE)
    assert lin.network.attempts == 0
    with pytest.raises(NotConnected):
        lin.transport.submit(outgoing(WANG, "x"))


async def test_a_server_that_only_takes_bare_passwords_never_gets_ours(world):
    world.server.mechanisms = ["PLAIN"]
    lin = world.client("lin")
    waiting = await lin.reached(ConnectionState.WAITING)
    assert "PLAIN" in waiting.reason
    assert not [e for e in world.server.seen if e.name == "auth"]


def authenticator(world):
    network = MemoryNetwork(world.nursery, world.server.serve)
    return XmppAuthenticator(network, Config(endpoint=ENDPOINT), derive_here)


def credential(name, password):
    return Credential(account=Account(address=name), password=password)


async def test_passwords_are_verified_without_becoming_a_session(world):
    asks = authenticator(world)
    await asks.verify(credential(LIN, "pw"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential(LIN, "wrong"))
    with pytest.raises(WrongPassword):
        await asks.verify(credential(f"nobody@{DOMAIN}", "pw"))
    for bad in ("", "nobody", "a@b@c", f"{LIN}/resource"):
        with pytest.raises(AddressInvalid):
            await asks.verify(credential(bad, "pw"))
    assert not world.server.live


async def test_accounts_are_made_once_and_only_where_that_is_allowed(world):
    asks = authenticator(world)
    newcomer = credential(f"陈师傅@{DOMAIN}", "密码")
    await asks.register(newcomer)
    await asks.verify(newcomer)
    with pytest.raises(AccountTaken):
        await asks.register(newcomer)
    world.server.registration = False
    with pytest.raises(RegistrationRefused):
        await asks.register(credential(f"other@{DOMAIN}", "pw"))


async def test_a_server_that_cannot_be_asked_is_unavailable_not_a_wrong_password(world):
    asks = authenticator(world)
    world.server.silent = True
    with pytest.raises(ServerUnavailable):
        await asks.verify(credential(LIN, "pw"))
    network = asks._opener._websockets
    network.unreachable = "nobody listens there"
    with pytest.raises(ServerUnavailable, match="nobody listens there"):
        await asks.verify(credential(LIN, "pw"))
    network.unreachable = ""
    network.subprotocol = None
    with pytest.raises(ServerUnavailable):
        await asks.register(credential(LIN, "pw"))
