"""What every plugin owes the house: the company service and the component."""

from __future__ import annotations

from typing import ClassVar

import pytest
import trio
from tulou_server.company import plugin as service_manifest
from tulou_server.component import plugin as component_manifest
from tulou_server.component.config import Config
from tulou_server.component.protocol import ComponentStream, Ended, Ready, Received, Stage
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

from tulou.testing.conformance import Conformance
from tulou.testing.kit import boot, states
from tulou_contracts.company import CompanyService
from tulou_contracts.crypto import CryptoError, Keyring, Signatures, SignedTexts
from tulou_contracts.storage import Storage
from tulou_contracts.testing.crypto import FakeSignatures, FakeSignedTexts, MemoryKeyring
from tulou_contracts.testing.memory_storage import MemoryStorage


class TestCompanyService(Conformance):
    plugin = service_manifest
    fakes: ClassVar = {Storage: MemoryStorage(), Keyring: MemoryKeyring(), Signatures: FakeSignatures(),
                       SignedTexts: FakeSignedTexts()}
    config: ClassVar = {"port": 0}


class TestComponentPlugin(Conformance):
    plugin = component_manifest
    config: ClassVar = {"secret": "x", "port": 9}


async def test_a_root_key_that_is_gone_is_never_made_anew(tmp_path):
    storage, keyring = MemoryStorage(), MemoryKeyring()
    fakes = {Storage: storage, Keyring: keyring, Signatures: FakeSignatures(), SignedTexts: FakeSignedTexts()}

    async with boot_with_host(fakes, tmp_path) as kernel:
        root = kernel.service(CompanyService).root_key
    kept = await keyring.get("company-root")
    await keyring.delete("company-root")
    async with boot_with_host(fakes, tmp_path) as kernel:
        assert states(kernel)["company-service"] == "failed"
        (status,) = [each for each in kernel.status() if each.name == "company-service"]
        assert "root key is gone" in status.reason
    await keyring.set("company-root", kept)
    async with boot_with_host(fakes, tmp_path) as kernel:
        assert kernel.service(CompanyService).root_key == root


def boot_with_host(fakes, folder):
    pytest.importorskip("tulou_net", reason="needs net, which serves")
    return boot("net", service_manifest, fakes=fakes, profile=folder,
                config={"company-service": {"port": 0}})


async def test_a_keyring_that_cannot_be_read_makes_no_second_key(tmp_path):
    class Locked(MemoryKeyring):
        async def get(self, name):
            await trio.lowlevel.checkpoint()
            raise CryptoError("the keyring is locked")

    fakes = {Storage: MemoryStorage(), Keyring: Locked(), Signatures: FakeSignatures(),
             SignedTexts: FakeSignedTexts()}
    async with boot_with_host(fakes, tmp_path) as kernel:
        assert states(kernel)["company-service"] == "failed"


# ---- the component's protocol ----

HEADER = (f'<?xml version="1.0"?><stream:stream xmlns="{ns.COMPONENT}" xmlns:stream="{ns.STREAMS}"'
          ' id="abc" from="company.example.org">').encode()


def test_the_handshake_is_that_of_the_specification():
    """XEP-0114, section 3: the SHA-1 of the stream's id and the secret, in hexadecimal digits."""
    stream = ComponentStream("company.example.org", "sekrit")
    opening = bytes(stream.output)
    assert b'to="company.example.org"' in opening and b"jabber:component:accept" in opening
    stream.output.clear()
    assert stream.receive(HEADER) == []
    import hashlib

    assert bytes(stream.output) == f"<handshake>{hashlib.sha1(b'abcsekrit').hexdigest()}</handshake>".encode()
    assert stream.receive(b"<handshake/>") == [Ready()]


def ready():
    stream = ComponentStream("company.example.org", "sekrit")
    stream.receive(HEADER + b"<handshake/>")
    stream.output.clear()
    return stream


def test_stanzas_have_the_namespace_of_clients_on_our_side_however_they_are_cut():
    text = b'<iq type="get" id="1" from="a@b/c" to="d"><signal xmlns="urn:tulou:signal:0" name="x"/></iq>'
    whole = ready().receive(text)
    stream = ready()
    pieces = [event for byte in text for event in stream.receive(bytes([byte]))]
    assert pieces == whole and isinstance(whole[0], Received)
    assert whole[0].stanza.namespace == ns.CLIENT
    assert whole[0].stanza.children[0].namespace == ns.SIGNAL
    stream.send(Element("iq", ns.CLIENT, Element("error", ns.CLIENT), type="error", id="1"))
    assert bytes(stream.output) == b'<iq type="error" id="1"><error/></iq>'


@pytest.mark.parametrize("bad", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff", b"<!DOCTYPE x><x/>",
    b"<iq type='get'><a>" + b"<b>" * 200, b"</stream:stream>", b"<iq>" + b"x" * (2 << 20) + b"</iq>",
    b"<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
])
def test_what_is_no_stream_ends_it_with_a_reason(bad):
    stream = ready()
    events = stream.receive(bad)
    assert isinstance(events[-1], Ended) and events[-1].reason
    assert stream.stage is Stage.CLOSED and stream.receive(b"<iq/>") == []


def test_a_stanza_before_the_handshake_means_nothing():
    stream = ComponentStream("company.example.org", "sekrit")
    assert stream.receive(HEADER + b'<iq type="get" id="1" from="a@b"><x/></iq>') == []
    assert stream.stage is Stage.SHAKING


@pytest.mark.parametrize(("settings", "fault"), [
    ({"host": "xmpp.example.org"}, "no encryption"), ({"port": 0}, "port"),
    ({"secret": "x", "secret_file": "y"}, "two ways"), ({"retry_cap": 0.0}, "retry_cap"),
])
def test_a_wrong_setting_of_the_component_is_a_sentence(settings, fault):
    with pytest.raises(ValueError, match=fault):
        Config(**settings)


@pytest.mark.parametrize("manifest", [service_manifest, component_manifest], ids=lambda each: each.name)
def test_the_page_names_every_setting_and_contract(manifest):
    import dataclasses
    import importlib
    import re
    from pathlib import Path

    page = Path(__file__).parents[3] / "plugins" / "server" / "README.md"
    if not page.exists():
        pytest.skip("the tests stand alone")
    text = page.read_text("utf-8").split("\n# The company service\n")[1]
    module, _, name = manifest.config.partition(":")
    for each in dataclasses.fields(getattr(importlib.import_module(module), name)):
        assert re.search(rf"^\|[^|]*`{each.name}`", text, re.M), f"the setting {each.name} is not named"
    assert all(each.__name__ in text for each in manifest.provides)
