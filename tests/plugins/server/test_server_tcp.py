"""XMPP over TCP: the same server behind streams, with STARTTLS where there is a certificate."""

from __future__ import annotations

import random
import ssl
import time
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from tulou_contracts.identity import Account, Credential
from tulou_contracts.network import NetworkError, PortTaken
from tulou_contracts.testing.transport import TransportConformance, TransportPair
from tulou_contracts.transport import ConnectionState

pytest.importorskip("tulou_net", reason="needs net, which opens connections")

from tulou_net.config import Config as NetConfig  # noqa: E402
from tulou_net.tcp.connector import TcpOpener  # noqa: E402
from tulou_server.config import Config  # noqa: E402
from tulou_server.tcp import listen  # noqa: E402
from tulou_xmpp.config import Config as XmppConfig  # noqa: E402
from tulou_xmpp.reach.opener import Opener  # noqa: E402
from tulou_xmpp.transport import XmppTransport  # noqa: E402

DOMAIN = "tulou.localhost"


@pytest.fixture
def certificate(tmp_path):
    authority = trustme.CA()
    made = authority.issue_cert(DOMAIN)
    folder = tmp_path / "tls"
    folder.mkdir()
    made.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder


class Client:
    def __init__(self, port, name, ca_file="", **settings):
        net = NetConfig(ca_file=ca_file, close_patience=0.3)
        config = XmppConfig(retry_base=0.05, retry_cap=0.2, connect_timeout=5.0, **settings)
        self.opener = Opener(None, config, tcp=lambda: TcpOpener(net))
        self.address = f"{name}@{DOMAIN}"
        self.credential = Credential(
            account=Account(address=self.address, endpoint=f"xmpp://127.0.0.1:{port}"), password="secret")
        self.connections = []
        self.news = trio.Event()
        self.transport = XmppTransport(
            None, self, config, resource="r1", publish=self._publish, opener=self.opener,
            now=lambda: time.time_ns() // 1000, rng=random.Random(1),
        )
        connect = self.opener._stream

        @asynccontextmanager
        async def remember(*args):
            async with connect(*args) as channel:
                self.connections.append(channel._connection)
                yield channel

        self.opener._stream = remember

    async def current(self):
        return self.credential

    async def rejected(self, reason):
        pass

    def _publish(self, event):
        self.news.set()
        self.news = trio.Event()

    def cut(self):
        self.connections[-1].abort("the test cut it")

    async def reached(self, state):
        with trio.fail_after(20):
            while self.transport.state.state is not state:
                await self.news.wait()
        return self.transport.state


class TestOverTcp(TransportConformance):
    settings = {}
    client_settings = {"allow_cleartext": True}

    @pytest.fixture(autouse=True)
    def _server(self, serving, certificate):
        type(self).serving, type(self).folder = staticmethod(serving), certificate

    @asynccontextmanager
    async def open(self):
        async with self.serving(tcp=True, tcp_port=0, **self.settings) as server:
            for name in ("lin", "wang"):
                await server.create_account(name, "secret")
            lin, wang = (
                Client(server.tcp_port, name, str(self.folder / "ca.pem"), **self.client_settings)
                for name in ("lin", "wang")
            )
            async with trio.open_nursery() as nursery:
                for each in (lin, wang):
                    nursery.start_soon(each.transport.run)
                    await each.reached(ConnectionState.ONLINE)
                yield TransportPair(lin.transport, lin.address, wang.transport, wang.address, cut=lin.cut)
                for each in (lin, wang):
                    await each.transport.close()
                nursery.cancel_scope.cancel()


class TestWithStartTls(TestOverTcp):
    client_settings = {}

    @pytest.fixture(autouse=True)
    def _tls(self, _server):
        type(self).settings = {"tls_certificate": str(self.folder / "server.pem")}


async def said(port, *texts):
    """What the server says to a client that says these, until it hangs up."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        got = b""
        with trio.fail_after(20):
            for text in texts:
                try:
                    await stream.send_all(text)
                except trio.BrokenResourceError:
                    break
            try:
                async for data in stream:
                    got += data
            except trio.BrokenResourceError:
                pass
        return got.decode()


HEADER = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='tulou.localhost' version='1.0'"
          b" xmlns:stream='http://etherx.jabber.org/streams'>")


@pytest.mark.parametrize(("text", "condition"), [
    (b"<message", None), (b"GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
    (HEADER + b"<a><b></a>", "not-well-formed"),
    (HEADER + b"<message/>", "not-authorized"), (HEADER + b"<!DOCTYPE x>", "not-well-formed"),
    (HEADER + b"<message>" + b"x" * 5_000_000, "not-well-formed"),
    (HEADER + b"<message>" + b"x" * 300_000 + b"</message>", "policy-violation"),
    (HEADER + b"</stream:stream>", None), (HEADER + b"<a>\xff</a>", "not-well-formed"),
])
async def test_bad_clients_are_told_and_leave_no_trace(serving, text, condition):
    async with serving(tcp=True, tcp_port=0, login_timeout=0.5) as server:
        answer = await said(server.tcp_port, text)
        if condition is not None:
            assert f"<{condition} " in answer
        assert not answer or answer.endswith("</stream:stream>")


async def test_before_tls_nothing_else_is_listened_to(serving, certificate):
    async with serving(tcp=True, tcp_port=0, login_timeout=1.0,
                       tls_certificate=str(certificate / "server.pem")) as server:
        answer = await said(server.tcp_port, HEADER, b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        assert "<required" in answer and "policy-violation" in answer and "mechanism" not in answer
        for text in (b"x" * 100_000, b"", HEADER + b"<!-- -->"):
            assert "mechanism" not in await said(server.tcp_port, text)
        context = ssl.create_default_context(cafile=str(certificate / "ca.pem"))
        async with await trio.open_tcp_stream("127.0.0.1", server.tcp_port) as stream:
            await stream.send_all(HEADER + b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><injected/>")
            got = b""
            while b"<proceed" not in got:
                got += await stream.receive_some()
            tls = trio.SSLStream(stream, context, server_hostname=DOMAIN)
            await tls.send_all(HEADER)
            got = await tls.receive_some()
            while b"</stream:features>" not in got:
                got += await tls.receive_some()
            assert b"SCRAM-SHA-256" in got and b"error" not in got


def test_clear_text_for_others_is_no_setting():
    with pytest.raises(ValueError, match="in clear"):
        Config(tcp=True, host="0.0.0.0")
    Config(tcp=True, host="0.0.0.0", tls_certificate="x.pem")


async def test_a_bad_certificate_or_a_taken_port_is_told(serving, tmp_path):
    with pytest.raises(NetworkError, match="none.pem"):
        await listen(Config(tcp=True, tcp_port=0, tls_certificate=str(tmp_path / "none.pem")))
    async with serving(tcp=True, tcp_port=0) as server:
        with pytest.raises(PortTaken, match="tcp_port"):
            await listen(Config(tcp=True, tcp_port=server.tcp_port))
