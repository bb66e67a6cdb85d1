"""Ways out: proxies of the settings, of the system, of a PAC file, of SOCKS; and proxies that lie."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from tulou_net import pac
from tulou_net.config import Config
from tulou_net.connector import Connector
from tulou_net.host import LoopbackHost
from tulou_net.http.client import RequestsClient
from tulou_net.proxies import Proxies

from tulou_contracts.network import HttpRequest, NetworkError, Unreachable
from tulou_contracts.testing.network.peers import PATIENCE, echo, read_head, scripted_server


async def relay(one: trio.abc.ReceiveStream, other: trio.abc.SendStream) -> None:
    try:
        while data := await one.receive_some():
            await other.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


async def join(one: trio.SocketStream, other: trio.SocketStream) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(relay, one, other)
        await relay(other, one)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def tunnelling_proxy(port: int, asked: list[bytes]) -> AsyncIterator[str]:
    """A proxy that takes every name for 127.0.0.1:`port`."""
    async def script(stream: trio.SocketStream) -> None:
        head = await read_head(stream)
        asked.append(head)
        if not head.startswith(b"CONNECT"):
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")
            return
        async with await trio.open_tcp_stream("127.0.0.1", port) as onward:
            await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            await join(stream, onward)

    async with scripted_server(script) as at:
        yield f"http://me:s3cret@127.0.0.1:{at}"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    ca, path = trustme.CA(), tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return ca, str(path)


@asynccontextmanager
async def tls_site(certificate: trustme.LeafCert) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def script(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsite")

    async with scripted_server(script) as port:
        yield port


async def test_https_goes_through_a_tunnel_and_is_checked_end_to_end(
    authority: tuple[trustme.CA, str]
) -> None:
    ca, path = authority
    asked: list[bytes] = []
    with trio.fail_after(PATIENCE):
        async with tls_site(ca.issue_cert("files.example")) as port:
            async with tunnelling_proxy(port, asked) as proxy:
                client = RequestsClient(Config(proxy=proxy, ca_file=path, retries=0))
                assert (await client.send(HttpRequest(url="https://files.example/x"))).body == b"site"
                with pytest.raises(NetworkError, match="another host name"):  # the proxy put itself between
                    await client.send(HttpRequest(url="https://bank.example/"))
                client.close()
    assert asked[0].startswith(b"CONNECT files.example:443")
    assert b"Proxy-Authorization: Basic bWU6czNjcmV0" in asked[0]


async def test_sockets_go_through_a_tunnel_too(host: LoopbackHost) -> None:
    asked: list[bytes] = []
    with trio.fail_after(PATIENCE):
        async with host.serve(hosts=("chat.example",)) as site:
            site.socket("/echo", echo)
            async with tunnelling_proxy(site.port, asked) as proxy:
                connector = Connector(Config(close_patience=0.2), proxies=Proxies(proxy))
                async with connector.connect(f"ws://chat.example:{site.port}/echo") as socket:
                    await socket.send("你好")
                    assert await socket.receive() == "你好"
    assert asked[0].startswith(b"CONNECT chat.example:%d HTTP/1.1\r\n" % site.port)
    assert b"Proxy-Authorization: Basic bWU6czNjcmV0" in asked[0]


LIES = [
    (b"HTTP/1.1 407 Authentication Required\r\nContent-Length: 0\r\n\r\n", "user name or password"),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", "does not allow"),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "cannot reach the server"),
    (b"HTTP/1.1 418 Teapot\r\n\r\n", "Teapot"),
    (b"", "proxy"), (b"\x05\x00", "proxy"), (b"SSH-2.0-OpenSSH\r\n\r\n", "proxy"),
]


@pytest.mark.parametrize(("answer", "said"), LIES)
async def test_a_proxy_that_refuses_or_lies_is_told_in_words(answer: bytes, said: str) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(answer)

    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            proxy = f"http://me:s3cret@127.0.0.1:{port}"
            client = RequestsClient(Config(proxy=proxy, retries=0))
            with pytest.raises(NetworkError, match=said) as of_client:
                await client.send(HttpRequest(url="https://files.example/"))
            client.close()
            with pytest.raises(NetworkError, match=said) as of_socket:
                async with Connector(proxies=Proxies(proxy)).connect("wss://files.example/"):
                    pass
    for error in (of_client, of_socket):
        assert "files.example" in str(error.value) and "s3cret" not in str(error.value)


async def test_a_proxy_that_says_yes_and_then_no_tls_is_told(authority: tuple[trustme.CA, str]) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        await stream.receive_some()
        await stream.send_all(b"<html>please log in</html>")

    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            client = RequestsClient(Config(proxy=f"http://127.0.0.1:{port}", retries=0))
            with pytest.raises(NetworkError, match="files.example"):
                await client.send(HttpRequest(url="https://files.example/"))
            client.close()


async def test_socks(host: LoopbackHost) -> None:
    """The name is looked up by the proxy (socks5h, RFC 1928)."""
    asked: list[bytes] = []

    async def script(stream: trio.SocketStream) -> None:
        assert (await stream.receive_some()).startswith(b"\x05")
        await stream.send_all(b"\x05\x00")
        asked.append(await stream.receive_some())
        await stream.send_all(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsocks")

    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            client = RequestsClient(Config(proxy=f"socks5h://127.0.0.1:{port}", retries=0))
            assert (await client.send(HttpRequest(url="http://files.example/"))).body == b"socks"
            client.close()
    assert b"files.example" in asked[0]


async def test_a_socks_proxy_that_lies(unused_port: Callable[[], int]) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with trio.fail_after(PATIENCE):
        async with scripted_server(script) as port:
            for at in (port, unused_port()):
                client = RequestsClient(Config(proxy=f"socks5h://127.0.0.1:{at}", retries=0))
                with pytest.raises(Unreachable, match="files.example"):
                    await client.send(HttpRequest(url="http://files.example/"))
                client.close()


# whom to ask

async def test_the_systems_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    proxies = Proxies("system")

    async def way(url: str) -> str:
        known = proxies.known(url)
        return await proxies.find(url) if known is None else known

    assert await way("https://files.example/") == "http://proxy.example:3128"
    assert await way("wss://chat.example/") == "http://proxy.example:3128"
    for url in ("http://files.example/", "https://intranet.example/", "https://127.0.0.1:1/",
                "https://localhost/", "https://a.localhost/", "https://[::1]/"):
        assert await way(url) == ""
    assert proxies.known("https://files.example/again") == "http://proxy.example:3128"
    proxies.forget()
    assert proxies.known("https://files.example/") is None


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "nonsense", "ftp://proxy.example"])
def test_a_proxy_that_is_none_is_named(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        Proxies(proxy)


SCRIPT = """
function FindProxyForURL(url, host) {
    if (dnsDomainIs(host, ".intranet.example") || isPlainHostName(host)) return "DIRECT";
    if (host == "nothing.example") return "";
    if (host == "odd.example") return 5;
    if (host == "socks.example") return "SOCKS5 socks.example:1080";
    if (url.substring(0, 6) == "https:") return "PROXY secure.example:3128; DIRECT";
    return "PROXY proxy.example:8080";
}
"""


async def test_a_pac_file_says_the_way(tmp_path: Path) -> None:
    path = tmp_path / "代理.pac"
    path.write_text(SCRIPT, encoding="utf-8")
    proxies = Proxies("direct", str(path))
    assert await proxies.find("http://files.example/secret?token=s3cret") == "http://proxy.example:8080"
    assert await proxies.find("wss://chat.example/") == "http://secure.example:3128"
    assert await proxies.find("https://a.intranet.example/") == ""
    assert await proxies.find("https://nothing.example/") == ""
    assert await proxies.find("http://socks.example/") == "socks5://socks.example:1080"
    assert proxies.known("http://127.0.0.1/") == ""
    with pytest.raises(NetworkError, match="代理.pac"):
        await proxies.find("http://odd.example/")


@pytest.mark.parametrize("script", ["", "function (", "function FindProxyForURL() { return nobody(); }"])
async def test_a_broken_pac_file_is_named(tmp_path: Path, script: str) -> None:
    path = tmp_path / "broken.pac"
    path.write_text(script)
    with pytest.raises(NetworkError, match="broken.pac"):
        await Proxies("direct", str(path)).find("http://files.example/")


async def test_an_endless_pac_file_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pac, "_PATIENCE", 1.0)
    path = tmp_path / "endless.pac"
    path.write_text("function FindProxyForURL() { for (;;); }")
    with trio.fail_after(PATIENCE), pytest.raises(NetworkError, match="no answer within 1 seconds"):
        await Proxies("direct", str(path)).find("http://files.example/")


async def test_a_pac_file_on_a_server_and_out_of_reach(caplog: pytest.LogCaptureFixture) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await read_head(stream)
        text = SCRIPT.replace("proxy.example:8080", f"127.0.0.1:{proxy_port}").encode()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

    async def proxy(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")

    with trio.fail_after(PATIENCE):
        async with scripted_server(proxy) as proxy_port, scripted_server(script) as port:
            client = RequestsClient(Config(pac=f"http://127.0.0.1:{port}/proxy.pac"))
            assert (await client.send(HttpRequest(url="http://files.example/"))).body == b"proxy"
            client.close()
        lost = RequestsClient(Config(pac=f"http://127.0.0.1:{port}/proxy.pac", retries=0))
        with pytest.raises(Unreachable, match="no host of this name"):
            await lost.send(HttpRequest(url="http://nobody.invalid/"))
        lost.close()
    assert "we go directly" in caplog.text


async def test_a_pac_files_next_way_is_taken_when_a_proxy_is_gone(
    tmp_path: Path, unused_port: Callable[[], int]
) -> None:
    async def proxy(stream: trio.SocketStream) -> None:
        await read_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")

    path = tmp_path / "two.pac"
    with trio.fail_after(PATIENCE):
        async with scripted_server(proxy) as port:
            ways = f"PROXY 127.0.0.1:{unused_port()}; PROXY 127.0.0.1:{port}"
            path.write_text(f"function FindProxyForURL() {{ return '{ways}'; }}")
            client = RequestsClient(Config(pac=str(path)))
            assert (await client.send(HttpRequest(url="http://files.example/"))).body == b"proxy"
            client.close()


async def test_a_system_without_proxies_is_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    assert Proxies("system").known("https://files.example/") == ""
