"""What is pure about reaching a server: endpoints, the order of targets, host-meta, cut streams."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_contracts.tcp import ServiceTarget

from tulou_xmpp.reach import host_meta
from tulou_xmpp.reach.endpoint import Endpoint, Way, is_loopback, parse_endpoint
from tulou_xmpp.reach.ordering import in_order
from tulou_xmpp.reach.starttls import Stage, StartTls, TlsRefused
from xmpp_tcp import HEADER, OFFER, PROCEED


@pytest.mark.parametrize(("text", "meant"), [
    ("ws://127.0.0.1:5280/x", Endpoint(Way.WEBSOCKET, url="ws://127.0.0.1:5280/x")),
    ("wss://chat.example.org/x", Endpoint(Way.WEBSOCKET, url="wss://chat.example.org/x")),
    ("xmpp://chat.example.org", Endpoint(Way.STARTTLS, "chat.example.org", 5222)),
    ("xmpp://chat.example.org:15222/", Endpoint(Way.STARTTLS, "chat.example.org", 15222)),
    ("xmpps://[2001:db8::1]", Endpoint(Way.DIRECT_TLS, "2001:db8::1", 5223)),
])
def test_endpoints(text: str, meant: Endpoint) -> None:
    assert parse_endpoint(text) == meant
    assert parse_endpoint(str(meant)) == meant


@pytest.mark.parametrize("text", [
    "", "chat.example.org", "http://chat.example.org", "xmpp://", "xmpp://host:0", "xmpp://host:99999",
    "xmpp://host/path", "xmpp://lin:pw@host", "xmpp://[::1", "xmpp://host?x", "xmpp:lin@example.org",
    "ws:///x",
])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError, match="is no address of a server|only a host and a port"):
        parse_endpoint(text)


@pytest.mark.parametrize(("host", "local"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("Tulou.Localhost.", True),
    ("localhost.example", False), ("example.org", False), ("10.0.0.1", False), ("", False),
])
def test_what_is_this_computer(host: str, local: bool) -> None:
    assert is_loopback(host) is local


targets = st.builds(ServiceTarget, st.integers(0, 3), st.integers(0, 65535), st.just("h"), st.integers(1, 9))


@given(st.lists(targets, max_size=12), st.integers())
def test_targets_are_ordered_by_priority_and_none_is_lost(given_: list[ServiceTarget], seed: int) -> None:
    ordered = [target for target, _ in in_order([(each, None) for each in given_], random.Random(seed))]
    assert Counter(ordered) == Counter(given_)
    assert [each.priority for each in ordered] == sorted(each.priority for each in given_)


def test_weights_are_lots() -> None:
    rng = random.Random(1)
    group = [(ServiceTarget(1, weight, f"w{weight}", 1), None) for weight in (0, 10, 30, 60)]
    firsts = Counter(in_order(group, rng)[0][0].weight for _ in range(4000))
    assert 2100 < firsts[60] < 2700 and 950 < firsts[30] < 1450 and 250 < firsts[10] < 600
    assert 0 < firsts[0] < 150, "without weight: seldom, not never"


LINK = {"rel": "urn:xmpp:alt-connections:websocket", "href": "wss://chat.example.org/ws"}
XRD = ("<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"
       "<Link rel='urn:xmpp:alt-connections:xbosh' href='https://chat.example.org/bosh'/>{}</XRD>\n")


def xml(href: str) -> bytes:
    return XRD.format(f"<Link rel='{LINK['rel']}' href='{href}'/>").encode()


def test_host_meta_in_both_forms() -> None:
    document = {"links": [{"rel": "other", "href": "wss://no.example/"}, LINK, LINK]}
    assert host_meta.from_json(json.dumps(document).encode()) == ["wss://chat.example.org/ws"]
    assert host_meta.from_xml(xml("wss://chat.example.org/ws")) == ["wss://chat.example.org/ws"]


@pytest.mark.parametrize("href", [
    "ws://chat.example.org/ws", "http://x/", "wss://",
    "wss://user:pw@x/", "wss://x:99999/", "wss://x\n/", "", 7,
    None,
])
def test_addresses_that_are_left_aside(href: object) -> None:
    document = {"links": [{**LINK, "href": href}]}
    assert host_meta.from_json(json.dumps(document).encode()) == []
    assert host_meta.from_xml(xml(str(href).replace("\n", "&#9;"))) == []


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"{}", b'{"links": 5}', b'{"links": [5, null, {}]}', b"\xff\xfe", b"[" * 100_000,
    b"<!DOCTYPE x [<!ENTITY a 'b'>]><XRD/>", b"<XRD", b"<XRD/>", b"<html><body>404</body></html>",
    b"<a>" * 1000, xml("wss://x/")[:-9],
])
def test_what_is_no_host_meta(body: bytes) -> None:
    assert host_meta.from_json(body) == []
    assert host_meta.from_xml(body) == []


@given(st.lists(st.integers(0, 1000), max_size=10))
def test_the_agreement_on_tls_however_it_is_cut(cuts: list[int]) -> None:
    agreement = StartTls("example.org", "somewhere")
    assert agreement.begin().decode() == HEADER
    written = b""
    for said in ((HEADER + OFFER).encode(), PROCEED.encode()):
        places = sorted({0, len(said), *(cut % len(said) for cut in cuts)})
        for begin, end in zip(places, places[1:], strict=False):
            written += agreement.receive(said[begin:end])
    assert agreement.stage is Stage.AGREED
    assert written == b'<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>'


@given(st.binary(max_size=300))
def test_whatever_comes_before_tls_is_refused_or_waited_for(data: bytes) -> None:
    agreement = StartTls("example.org", "somewhere")
    try:
        assert agreement.receive(data) == b""
    except TlsRefused as error:
        assert "somewhere" in str(error)
    assert agreement.stage is Stage.GREETED
