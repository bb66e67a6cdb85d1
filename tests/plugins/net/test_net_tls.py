"""TLS: our own authority is trusted, and every bad certificate is an error that says why."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from tulou_net.http.client import RequestsClient
from tulou_net.config import Config
from tulou_net.connector import Connector

from tulou_contracts.network import CertificateRefused, HttpRequest, NetworkError
from tulou_contracts.testing.network.peers import accept_upgrade, read_head

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> Config:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return Config(ca_file=str(path), close_patience=0.2)


@asynccontextmanager
async def tls_server(certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """Greets WebSockets, and answers other requests with their path."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def talk(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        try:
            await serve(stream)
        except trio.BrokenResourceError:
            pass
        finally:
            await trio.aclose_forcefully(tcp)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        head = await read_head(stream)
        if b"pgrade: " in head:
            await accept_upgrade(stream, head)
            await stream.send_all(b"\x81\x06" + "你好".encode())
        elif head:
            body = head.split()[1]
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await read_head(stream)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, talk, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def refusal(config: Config, certificate: trustme.LeafCert, host: str = "127.0.0.1") -> list[str]:
    """What both clients say about a server with this certificate."""
    said = []
    async with tls_server(certificate) as port:
        with trio.fail_after(20), pytest.raises(CertificateRefused) as refused:
            async with Connector(config).connect(f"wss://{host}:{port}/"):
                pass
        said.append(str(refused.value))
        with trio.fail_after(20), pytest.raises(CertificateRefused) as refused:
            await RequestsClient(config).send(HttpRequest(url=f"https://{host}:{port}/"))
        said.append(str(refused.value))
        assert all(f"{host}:{port}" in each for each in said)
    return said


async def test_our_own_authority_is_trusted(authority: trustme.CA, trusting: Config) -> None:
    with trio.fail_after(20):
        async with tls_server(authority.issue_cert("127.0.0.1", "localhost")) as port:
            for host in ("127.0.0.1", "localhost"):
                async with Connector(trusting).connect(f"wss://{host}:{port}/") as socket:
                    assert await socket.receive() == "你好"
                answer = await RequestsClient(trusting).send(HttpRequest(url=f"https://{host}:{port}/x"))
                assert answer.body == b"/x"


async def test_an_unknown_issuer(authority: trustme.CA) -> None:
    for said in await refusal(Config(), authority.issue_cert("127.0.0.1")):
        assert "issuer is not an authority that this computer trusts" in said


async def test_another_host_name(authority: trustme.CA, trusting: Config) -> None:
    for said in await refusal(trusting, authority.issue_cert("chat.example"), "localhost"):
        assert "issued for another host name" in said
        assert "localhost" in said


async def test_another_address(authority: trustme.CA, trusting: Config) -> None:
    for said in await refusal(trusting, authority.issue_cert("127.0.0.2")):
        assert "issued for another" in said


async def test_an_expired_certificate(authority: trustme.CA, trusting: Config) -> None:
    expired = authority.issue_cert("127.0.0.1", not_after=LONG_AGO)
    for said in await refusal(trusting, expired):
        assert "expired" in said


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
async def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "公司.pem"
    if content is not None:
        path.write_text(content)
    config = Config(ca_file=str(path))
    ca = trustme.CA().issue_cert("127.0.0.1")
    async with tls_server(ca) as port:
        with trio.fail_after(20), pytest.raises(NetworkError, match="公司.pem"):
            async with Connector(config).connect(f"wss://127.0.0.1:{port}/"):
                pass
        with trio.fail_after(20), pytest.raises(NetworkError, match="公司.pem"):
            await RequestsClient(config).send(HttpRequest(url=f"https://127.0.0.1:{port}/"))


async def test_plain_addresses_need_no_authorities(tmp_path: Path) -> None:
    """A bad `ca_file` does not stop ws:// (a company server beside a broken set-up can still be tested)."""
    from tulou_net.host import LoopbackHost

    from tulou_contracts.testing.network.peers import echo, ws

    config = Config(ca_file=str(tmp_path / "none.pem"))
    with trio.fail_after(20):
        async with LoopbackHost(config).serve() as site:
            site.socket("/echo", echo)
            async with Connector(config).connect(ws(site, "/echo")) as socket:
                await socket.send("x")
                assert await socket.receive() == "x"
