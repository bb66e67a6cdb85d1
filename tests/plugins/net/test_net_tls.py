"""TLS: our own authority is trusted, and every bad certificate is an error that says why."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trustme
from hypothesis import given
from hypothesis import strategies as st
from tulou_net import trust
from tulou_net.config import Config
from tulou_net.connector import Connector
from tulou_net.http.client import RequestsClient
from tulou_net.pins import Pins, pin_of

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


# keys known beforehand

def pin(certificate: trustme.LeafCert) -> str:
    """Worked out by another library."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    loaded = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())
    key = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256/" + base64.b64encode(hashlib.sha256(key).digest()).decode()


async def test_a_pinned_server_must_show_its_key(authority: trustme.CA, trusting: Config) -> None:
    ours, theirs = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    with trio.fail_after(20):
        async with tls_server(ours) as port:
            for pins, good in (((pin(theirs), pin(ours)), True), ((pin(theirs),), False)):
                config = replace(trusting, pins={f"https://127.0.0.1:{port}": pins})
                client = RequestsClient(config)
                if good:
                    assert (await client.send(HttpRequest(url=f"https://127.0.0.1:{port}/x"))).body == b"/x"
                    async with Connector(config).connect(f"wss://127.0.0.1:{port}/") as socket:
                        assert await socket.receive() == "你好"
                    continue
                with pytest.raises(CertificateRefused, match="another key"):
                    await client.send(HttpRequest(url=f"https://127.0.0.1:{port}/"))
                with pytest.raises(CertificateRefused, match="another key"):
                    async with Connector(config).connect(f"wss://127.0.0.1:{port}/"):
                        pass


@pytest.mark.parametrize("table", [
    {"http://h": ("sha256/" + "A" * 43 + "=",)}, {"https://h": ()}, {"https://h": ("sha1/x",)},
    {"https://h": ("sha256/短",)}, {"h": ("sha256/" + "A" * 43 + "=",)},
])
def test_a_pin_that_can_never_hold_is_named(table: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="pins"):
        Pins(table)


@given(st.binary(max_size=200))
def test_nonsense_instead_of_a_certificate_has_no_pin(data: bytes) -> None:
    assert pin_of(data) == "" or data


async def test_the_systems_own_judgement(
    authority: trustme.CA, trusting: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows and macOS; truststore runs everywhere."""
    monkeypatch.setattr(trust, "_NATIVE", True)
    with trio.fail_after(20):
        async with tls_server(authority.issue_cert("127.0.0.1")) as port:
            answer = await RequestsClient(trusting).send(HttpRequest(url=f"https://127.0.0.1:{port}/x"))
            assert answer.body == b"/x"
            with pytest.raises(CertificateRefused):
                await RequestsClient(Config()).send(HttpRequest(url=f"https://127.0.0.1:{port}/x"))


async def test_a_certificate_that_is_not_valid_yet(authority: trustme.CA, trusting: Config) -> None:
    in_future = datetime.datetime(2999, 1, 1, tzinfo=datetime.timezone.utc)
    later = authority.issue_cert(
        "127.0.0.1", not_before=in_future, not_after=in_future + datetime.timedelta(days=9)
    )
    for said in await refusal(trusting, later):
        assert "not valid yet" in said and "clock" in said
