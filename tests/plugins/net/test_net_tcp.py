"""TCP connections and names: the contracts' suites, and TLS with good and bad certificates."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from tulou_net.config import Config
from tulou_net.tcp.connector import TcpOpener
from tulou_net.tcp.matching import Matcher
from tulou_net.tcp.name_server import name_server as parse_name_server
from tulou_net.tcp.resolver import DnsResolver

from tulou_contracts.network import CertificateRefused, ConnectionLost
from tulou_contracts.tcp import Resolver, ServiceTarget, Tls
from tulou_contracts.testing.network.names import ZONE, FakeResolver, ResolverConformance, name_server
from tulou_contracts.testing.network.peers import scripted_server
from tulou_contracts.testing.network.tcp import TcpConformance, echo

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


class TestConnector(TcpConformance):
    @pytest.fixture
    def connector(self, config: Config) -> TcpOpener:
        return TcpOpener(config)


class TestResolver(ResolverConformance):
    @pytest.fixture
    async def resolver(self) -> AsyncIterator[Resolver]:
        async with name_server(ZONE) as address:
            yield DnsResolver([address])


class TestFakeResolver(ResolverConformance):
    @pytest.fixture
    async def resolver(self) -> Resolver:
        return FakeResolver(ZONE)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def opener(authority: trustme.CA, tmp_path: Path) -> TcpOpener:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return TcpOpener(Config(ca_file=str(path), close_patience=0.3))


@asynccontextmanager
async def secured(certificate: trustme.LeafCert, *, late: bool = False, alpn: list[str] | None = None
                  ) -> AsyncIterator[int]:
    """An echo under TLS, at once or after a line in clear."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if alpn:
        context.set_alpn_protocols(alpn)

    async def talk(tcp: trio.SocketStream) -> None:
        if late:
            assert await tcp.receive_some() == b"STARTTLS\n"
            await tcp.send_all(b"OK\n")
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        async for data in stream:
            await stream.send_all(data)

    async with scripted_server(talk) as port:
        yield port


async def test_tls_at_once_with_a_protocol(opener: TcpOpener, authority: trustme.CA) -> None:
    async with secured(authority.issue_cert("localhost"), alpn=["other", "xmpp-client"]) as port:
        with trio.fail_after(20):
            async with opener.connect("localhost", port, tls=Tls(alpn=("xmpp-client",))) as connection:
                assert connection.secure and connection.alpn == "xmpp-client"
                await connection.send("你好".encode())
                assert await connection.receive() == "你好".encode()


async def test_tls_later(opener: TcpOpener, authority: trustme.CA) -> None:
    async with secured(authority.issue_cert("chat.example"), late=True) as port:
        with trio.fail_after(20):
            async with opener.connect("localhost", port) as connection:
                await connection.send(b"STARTTLS\n")
                assert await connection.receive() == b"OK\n"
                await connection.start_tls(Tls(name="chat.example"))
                assert connection.secure and connection.alpn is None
                await connection.send(b"x" * 300_000)
                got = 0
                while got < 300_000:
                    got += len(await connection.receive())


@pytest.mark.parametrize(("names", "said"), [
    ({}, "not an authority"),
    ({"other": "elsewhere.example"}, "another host name"),
])
async def test_bad_certificates(
    opener: TcpOpener, authority: trustme.CA, names: dict[str, str], said: str
) -> None:
    certificate = authority.issue_cert(names["other"]) if names else trustme.CA().issue_cert("localhost")
    async with secured(certificate) as port:
        with trio.fail_after(20), pytest.raises(CertificateRefused, match=said):
            async with opener.connect("localhost", port, tls=Tls()):
                pass


async def test_an_expired_certificate(opener: TcpOpener, authority: trustme.CA) -> None:
    async with secured(authority.issue_cert("localhost", not_after=LONG_AGO)) as port:
        with trio.fail_after(20), pytest.raises(CertificateRefused, match="expired"):
            async with opener.connect("localhost", port, tls=Tls()):
                pass


async def test_a_pinned_certificate(opener: TcpOpener, authority: trustme.CA) -> None:
    certificate = authority.issue_cert("localhost")
    pem = certificate.cert_chain_pems[0].bytes().decode()
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    coloned = ":".join(pin[at:at + 2] for at in range(0, 64, 2)).upper()
    async with secured(certificate) as port:
        with trio.fail_after(20):
            async with opener.connect("localhost", port, tls=Tls(fingerprints=("00", coloned))):
                pass
            with pytest.raises(CertificateRefused, match=pin):
                async with opener.connect("localhost", port, tls=Tls(fingerprints=("00" * 32,))):
                    pass


async def test_cancelling_a_sender_never_tears_a_piece(config: Config) -> None:
    got = b""

    async def collect(stream: trio.SocketStream) -> None:
        nonlocal got
        async for data in stream:
            got += data
            await trio.sleep(0.001)

    piece = b"<" + b"x" * 9998 + b">"
    async with scripted_server(collect) as port:
        with trio.fail_after(20):
            async with TcpOpener(config).connect("127.0.0.1", port, buffer=20_000) as connection:
                for _ in range(50):
                    with trio.move_on_after(0.001):
                        while True:
                            await connection.send(piece)
                            await trio.lowlevel.checkpoint()
            await trio.sleep(0)
    assert got and got == piece * (len(got) // len(piece))


async def test_cancelling_the_owner_ends_everything(config: Config) -> None:
    async with scripted_server(echo) as port:
        with trio.fail_after(20), trio.move_on_after(0.1) as scope:
            async with TcpOpener(config).connect("127.0.0.1", port) as connection:
                while True:
                    await connection.send(b"x" * 10_000)
    assert scope.cancelled_caught


@pytest.mark.parametrize("half_closed", [False, True])
async def test_a_peer_that_takes_nothing_is_lost(half_closed: bool) -> None:
    async def deaf(stream: trio.SocketStream) -> None:
        if half_closed:
            await stream.send_eof()
        await trio.sleep_forever()

    async with scripted_server(deaf) as port:
        opener = TcpOpener(Config(send_stall=0.2, close_patience=0.1))
        with trio.fail_after(20):
            async with opener.connect("127.0.0.1", port) as connection:
                if half_closed:
                    assert await connection.receive() == b""
                with pytest.raises(ConnectionLost):
                    while True:
                        await connection.send(b"x" * 100_000)


def test_a_matcher_forgets_what_was_given_up() -> None:
    matcher = Matcher()
    matcher.expect(1)
    matcher.give_up(1)
    matcher.give_up(1)
    matcher.answered(1, b"late")
    matcher.answered(2, b"unknown")
    assert matcher.late == 2
    waiter = matcher.expect(1)
    matcher.answered(1, b"here")
    assert waiter.answer == b"here" and matcher.late == 2


@pytest.mark.parametrize(("text", "meant"), [
    ("192.0.2.53", ("192.0.2.53", 53)),
    ("192.0.2.53:5353", ("192.0.2.53", 5353)),
    ("2001:db8::53", ("2001:db8::53", 53)),
    ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
])
def test_name_servers(text: str, meant: tuple[str, int]) -> None:
    assert parse_name_server(text) == meant


@pytest.mark.parametrize("text", [
    "", "dns.example", "192.0.2.53:0", "192.0.2.53:99999", "1.2.3", "::x", "[::1",
])
def test_what_is_no_name_server(text: str) -> None:
    with pytest.raises(ValueError, match="name_servers"):
        Config(name_servers=(text,))


async def test_answers_are_kept_until_the_network_is_another_one() -> None:
    zone = {"_x._tcp.a.test": (ServiceTarget(1, 2, "one.test", 7),)}
    with trio.fail_after(20):
        async with name_server(zone) as address:
            resolver = DnsResolver([address])
            before = await resolver.services("x", "a.test")
            zone["_x._tcp.a.test"] = (ServiceTarget(1, 2, "two.test", 7),)
            assert await resolver.services("x", "a.test") == before
            resolver.forget()
            assert (await resolver.services("x", "a.test"))[0].host == "two.test"


async def test_host_names_are_given_in_small_letters_without_the_last_dot() -> None:
    zone = {"_x._tcp.a.test": (ServiceTarget(1, 2, "H.A.test.", 7),)}
    with trio.fail_after(20):
        async with name_server(zone) as address:
            found = await DnsResolver([address]).services("x", "a.test")
    assert found == (ServiceTarget(1, 2, "h.a.test", 7),)
