"""What needs no network: the gate, paths, addresses, heads. Any input, no surprise."""

from __future__ import annotations

import posixpath

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tulou_net.address import parse
from tulou_net.assets import content_type, safe_parts
from tulou_net.gate import Gate
from tulou_net.table import Answer, Table
from tulou_net.upgrade import asks_for_websocket, parse_head

from tulou_contracts.network import NetworkError, Request, Response
from tulou_contracts.testing.network.peers import tell

HOSTISH = st.one_of(
    st.text(max_size=30),
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(["127.0.0.1", "localhost", ":", "8080", "80", ".", "evil", "*", "@", ","]),
            max_size=6,
        ),
    ),
)


def request(method: str = "GET", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, path="/", query={}, headers=named, cookies={})


# the gate


@given(HOSTISH)
@example("localhost:8080")
@example("LocalHost:8080")
def test_only_our_own_host_passes(host: str) -> None:
    refusal = Gate(8080).refuse(request(host=host), socket=False, origins=())
    ours = host.lower() in ("127.0.0.1:8080", "localhost:8080")
    assert (refusal is None) == ours
    assert refusal is None or refusal.status == 421


@given(HOSTISH, st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CUSTOM"]))
@example("http://localhost:8080", "POST")
@example("http://127.0.0.1:8080", "POST")
def test_only_our_own_origin_changes_anything(origin: str, method: str) -> None:
    head = request(method, host="localhost:8080", origin=origin, sec_fetch_site="same-origin")
    refusal = Gate(8080).refuse(head, socket=False, origins=())
    assert (refusal is None) == (origin.lower() == "http://localhost:8080")
    assert refusal is None or refusal.status == 403


def test_port_80_may_be_left_out() -> None:
    gate = Gate(80)
    for host in ("localhost", "127.0.0.1:80"):
        assert gate.refuse(request(host=host), socket=False, origins=()) is None
    assert gate.refuse(request(host="evil.example"), socket=False, origins=()) is not None


# paths


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "a", "b.js", "\\", "..\\..", "C:", "\0", "楼", "~", "...", " "]),
        max_size=6,
    ).map("/".join)
)
def test_a_safe_path_stays_below(path: str) -> None:
    parts = safe_parts(path)
    if parts is not None:
        whole = posixpath.normpath(posixpath.join("/assets/web", *parts))
        assert whole.startswith("/assets/web/")
        assert "/".join(parts) == path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "text/javascript; charset=utf-8"), ("A.MJS", "text/javascript; charset=utf-8"),
        ("页.html", "text/html; charset=utf-8"), ("a.min.css", "text/css; charset=utf-8"),
        ("a.wasm", "application/wasm"), ("noext", "application/octet-stream"),
        ("a.unknown-kind", "application/octet-stream"), (".js", "text/javascript; charset=utf-8"),
    ],
)
def test_content_types(name: str, kind: str) -> None:
    assert content_type(name) == kind


@given(
    st.lists(st.text("/ab*", max_size=6).map("/{}".format), max_size=6), st.text("/ab*", max_size=8)
)
def test_the_table_finds_what_the_rules_say(paths: list[str], asked: str) -> None:
    table = Table()
    for path in set(paths):
        table.add_route("GET", path, Answer(tell, ()))
    found = table.find(asked)
    below = [p for p in paths if p.endswith("/*") and asked.startswith(p[:-1])]
    if asked in paths and not asked.endswith("/*"):
        assert found is not None and found.path == asked
    elif below:
        assert found is not None and found.path == max(below, key=len)
    else:
        assert found is None


# addresses


@pytest.mark.parametrize(
    ("url", "where", "host_header", "resource"),
    [
        ("ws://chat.example", "chat.example:80", "chat.example", "/"),
        ("wss://chat.example/ws?a=1", "chat.example:443", "chat.example", "/ws?a=1"),
        ("wss://chat.example:5281/ws", "chat.example:5281", "chat.example:5281", "/ws"),
        ("ws://[::1]:80/", "[::1]:80", "[::1]", "/"),
        ("ws://公司.example/门?房间=一", "xn--55qx5d.example:80", "xn--55qx5d.example",
         "/%E9%97%A8?%E6%88%BF%E9%97%B4=%E4%B8%80"),
        ("ws://h/%7Ea%2Fb", "h:80", "h", "/%7Ea%2Fb"),
    ],
)
def test_addresses(url: str, where: str, host_header: str, resource: str) -> None:
    address = parse(url)
    assert (address.where, address.host_header, address.resource) == (where, host_header, resource)


@given(st.text())
@example("ws://a..b/")
@example("ws://a b/")
@example("ws://\udcff/")
@example("ws://h/\r\nX: y")
def test_any_text_is_an_address_or_an_error_in_words(text: str) -> None:
    for url in (text, "ws://" + text, "ws://h/" + text):
        try:
            address = parse(url)
        except NetworkError:
            continue
        for line in (address.host_header, address.resource):
            assert line.isascii() and line.isprintable() and " " not in line


# heads


HEADISH = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([
            b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Upgrade: websocket\r\n", b"upgrade:WEBSOCKET\r\n",
            b"Cookie: a=b; c\r\n", b"Cookie: \xff\r\n", b"Sec-WebSocket-Protocol: a,, b\r\n", b"\r\n",
            b": x\r\n", b"GET /%ff?%zz=&&a HTTP/1.1\r\n", b"x\x00y: 1\r\n",
        ])
    ).map(b"".join),
)


@given(HEADISH)
def test_any_head_is_a_request_or_a_protocol_error(head: bytes) -> None:
    asks_for_websocket(head)
    try:
        parsed, offered = parse_head(head)
    except h11.RemoteProtocolError:
        return
    assert isinstance(parsed, Request)
    assert all(offered)


def test_a_head_s_parts() -> None:
    head = (
        b"GET /%E6%A5%BC?a=1&b=%E4%BA%8C HTTP/1.1\r\nHost: h\r\nUPGRADE: WebSocket\r\nCookie: k=v; l=w\r\n"
        b"Sec-WebSocket-Protocol: xmpp, mqtt\r\nX: 1\r\nx: 2\r\n\r\n"
    )
    assert asks_for_websocket(head)
    parsed, offered = parse_head(head)
    assert (parsed.path, parsed.query, parsed.cookies) == ("/楼", {"a": "1", "b": "二"}, {"k": "v", "l": "w"})
    assert offered == ("xmpp", "mqtt")
    assert parsed.headers["x"] == "1, 2"


def test_a_response_s_own_header_wins() -> None:
    from tulou_net.exchange import merged

    headers = merged(Response(headers={"X-A": "own"}), {"x-a": "site", "X-B": "site"})
    assert headers == {"x-a": "own", "x-b": "site", "content-type": "text/plain; charset=utf-8"}
    with pytest.raises(ValueError, match="x-a"):
        merged(Response(headers={"X-A": "1\r\nX-B: 2"}), {})
