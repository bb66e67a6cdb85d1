"""The host over TLS and on other addresses: what the company service stands on."""

from __future__ import annotations

import datetime
import logging
import ssl
from pathlib import Path

import pytest
import trio
import trustme
from tulou_net.http.client import RequestsClient
from tulou_net.config import Config
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost

from tulou_contracts.network import (
    CertificateRefused, HttpRequest, NetworkError, Request, Response, TlsIdentity,
)
from tulou_contracts.testing.network.peers import PATIENCE, ask, echo, tell, ws

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write(certificate: trustme.LeafCert, folder: Path) -> TlsIdentity:
    chain, key = folder / "链.pem", folder / "key.pem"
    chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    return TlsIdentity(chain=str(chain), key=str(key))


@pytest.fixture
def identity(authority: trustme.CA, tmp_path: Path) -> TlsIdentity:
    return write(authority.issue_cert("127.0.0.1", "localhost", "127.0.0.2"), tmp_path)


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> Config:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return Config(ca_file=str(path), close_patience=0.2)


async def test_requests_and_sockets_over_tls(
    host: LoopbackHost, trusting: Config, identity: TlsIdentity
) -> None:
    client = RequestsClient(trusting)
    with trio.fail_after(PATIENCE):
        async with host.serve(tls=identity) as site:
            assert site.url == f"https://127.0.0.1:{site.port}"
            site.route("GET", "/院子", tell)
            site.route("POST", "/big", big)
            site.socket("/echo", echo)
            for _ in range(2):
                answer = await client.send(HttpRequest(url=f"https://localhost:{site.port}/院子?a=1"))
                assert answer.body.decode() == "GET /院子 a=1 "
            answer = await client.send(HttpRequest(
                url=site.url + "/big", method="POST", body=bytes(1 << 20), headers={"Origin": site.url}
            ))
            assert answer.body == bytes(2 << 20)
            async with Connector(trusting).connect(ws(site, "/echo")) as socket:
                await socket.send("你好")
                assert await socket.receive() == "你好"
    client.close()


async def big(request: Request) -> Response:
    return Response(body=request.body * 2)


async def test_a_foreign_origin_and_the_same_site_without_tls_are_refused(
    host: LoopbackHost, trusting: Config, identity: TlsIdentity
) -> None:
    client = RequestsClient(trusting)
    with trio.fail_after(PATIENCE):
        async with host.serve(tls=identity) as site:
            site.route("POST", "/", tell)
            for origin in (site.url.replace("https", "http"), "https://evil.example"):
                answer = await client.send(HttpRequest(
                    url=site.url + "/", method="POST", headers={"Origin": origin}
                ))
                assert answer.status == 403
    client.close()


async def test_a_client_that_speaks_no_tls_or_nothing_harms_nobody(
    trusting: Config, identity: TlsIdentity
) -> None:
    client = RequestsClient(trusting)
    host = LoopbackHost(Config(host_handshake=0.2, host_grace=0.1))
    with trio.fail_after(PATIENCE):
        async with host.serve(tls=identity) as site:
            site.route("GET", "/", tell)
            for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", b""):
                async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
                    await stream.send_all(data)
                    try:
                        while await stream.receive_some():
                            pass
                    except trio.BrokenResourceError:
                        pass
            assert (await client.send(HttpRequest(url=site.url + "/"))).status == 200
    client.close()


async def test_a_renewed_certificate_is_shown_without_a_restart(
    host: LoopbackHost, authority: trustme.CA, trusting: Config, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    identity = write(authority.issue_cert("127.0.0.1", not_after=LONG_AGO), tmp_path)
    with trio.fail_after(PATIENCE):
        async with host.serve(tls=identity) as site:
            site.route("GET", "/", tell)
            with pytest.raises(CertificateRefused, match="expired"):
                await RequestsClient(trusting).send(HttpRequest(url=site.url + "/"))
            write(authority.issue_cert("127.0.0.1"), tmp_path)
            assert (await RequestsClient(trusting).send(HttpRequest(url=site.url + "/"))).status == 200
            Path(identity.key).write_text("half a ke")
            with caplog.at_level(logging.WARNING):
                assert (await RequestsClient(trusting).send(HttpRequest(url=site.url + "/"))).status == 200
            assert "former certificate" in caplog.text


async def test_another_address(host: LoopbackHost, trusting: Config, identity: TlsIdentity) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve(address="127.0.0.2", tls=identity) as site:
            site.route("GET", "/", tell)
            assert site.url == f"https://127.0.0.2:{site.port}"
            assert (await RequestsClient(trusting).send(HttpRequest(url=site.url + "/"))).status == 200
            with pytest.raises(NetworkError):
                await RequestsClient(trusting).send(HttpRequest(url=f"https://127.0.0.1:{site.port}/"))


async def test_every_address_answers_to_its_hosts_only(host: LoopbackHost) -> None:
    with trio.fail_after(PATIENCE):
        async with host.serve(address="0.0.0.0", hosts=("company.example",)) as site:
            site.route("GET", "/", tell)
            assert site.url == f"http://127.0.0.1:{site.port}"
            assert (await ask(site.port, "/", host=f"company.example:{site.port}")).status == 200
            assert (await ask(site.port, "/", host=f"evil.example:{site.port}")).status == 421


@pytest.mark.parametrize("address", ["", "everywhere", "203.0.113.7", "1.2.3"])
async def test_an_address_that_is_not_ours(host: LoopbackHost, address: str) -> None:
    with trio.fail_after(PATIENCE), pytest.raises(NetworkError, match="cannot listen"):
        async with host.serve(address=address):
            pass


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_a_certificate_that_is_none_is_named(
    host: LoopbackHost, identity: TlsIdentity, content: bytes | None
) -> None:
    Path(identity.chain).unlink()
    if content is not None:
        Path(identity.chain).write_bytes(content)
    with trio.fail_after(PATIENCE), pytest.raises(NetworkError, match="链.pem"):
        async with host.serve(tls=identity):
            pass


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(host: LoopbackHost, identity: TlsIdentity) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with trio.fail_after(PATIENCE):
        async with host.serve(tls=identity) as site:
            tcp = await trio.open_tcp_stream("127.0.0.1", site.port)
            with pytest.raises(trio.BrokenResourceError):
                await trio.SSLStream(tcp, context, server_hostname="127.0.0.1").do_handshake()
