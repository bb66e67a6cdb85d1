"""Framers: what the contract's suite does not ask, above all that their work grows with the bytes."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from tulou_net.framing import registry
from tulou_net.framing.registry import FramerTable

from tulou_contracts.tcp import BadFrame, Framing, OnBadFrame
from tulou_contracts.testing.network.framers import FramersConformance


class TestFramers(FramersConformance):
    @pytest.fixture
    def framers(self) -> FramerTable:
        return FramerTable()


class Shouting:
    """What a third party may write."""

    failed = None
    dropped = 0

    def __init__(self, framing: Framing) -> None:
        self.framing = framing

    def feed(self, data: bytes) -> list[bytes]:
        return [data.upper()]

    def end(self) -> list[bytes]:
        return []

    def encode(self, frame: bytes) -> bytes:
        return frame


@pytest.fixture
def with_others(monkeypatch: pytest.MonkeyPatch) -> FramerTable:
    found = [
        EntryPoint("shouting", f"{__name__}:Shouting", registry.GROUP),
        EntryPoint("line", f"{__name__}:Shouting", registry.GROUP),
        EntryPoint("broken", "no_such_module:x", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda: found)
    return FramerTable()


def test_a_third_partys_framer_is_found_by_name(with_others: FramerTable) -> None:
    assert "shouting" in with_others.names()
    framing = Framing(framer="shouting", options={"loud": True})
    assert with_others.framer(framing).feed(b"hello") == [b"HELLO"]


def test_our_own_names_cannot_be_taken(with_others: FramerTable) -> None:
    assert with_others.framer(Framing(framer="line")).feed(b"hello\n") == [b"hello"]
    assert list(with_others.names()).count("line") == 1


def test_one_that_cannot_be_loaded_is_told(with_others: FramerTable) -> None:
    with pytest.raises(ValueError, match="no_such_module"):
        with_others.framer(Framing(framer="broken"))


@pytest.mark.parametrize("framing", [
    Framing(framer="length-prefix", max_frame=1 << 21),
    Framing(framer="varint", max_frame=1 << 21),
    Framing(framer="delimiter", max_frame=1 << 21, options={"delimiter": b"--end--"}),
    Framing(framer="line", max_frame=1 << 21),
    Framing(framer="packet", max_frame=1 << 21, options={"magic": b"TU"}),
], ids=lambda framing: framing.framer)
def test_a_huge_frame_in_tiny_pieces(framing: Framing) -> None:
    """Quadratic work would take minutes here."""
    frame = b"x" * (1 << 20)
    framer = FramerTable().framer(framing)
    stream = framer.encode(frame)
    got = [each for at in range(0, len(stream), 7) for each in framer.feed(stream[at:at + 7])]
    assert got == [frame]


@pytest.mark.parametrize("stanza", [
    b"<m>" + b"<a/>" * (1 << 17) + b"</m>",
    b"<m>" + b"text > text " * (1 << 15) + b"</m>",
    b"<m a='" + b">" * (1 << 18) + b"'/>",
    b"<m><!--" + b"<a>" * (1 << 17) + b"--></m>",
], ids=["children", "text", "attribute", "comment"])
def test_a_huge_stanza_in_tiny_pieces(stanza: bytes) -> None:
    framer = FramerTable().framer(Framing(framer="xml-stream"))
    stream = b"<s>" + stanza
    got = [each for at in range(0, len(stream), 5) for each in framer.feed(stream[at:at + 5])]
    assert [*got, *framer.end()] == [stanza]


@pytest.mark.parametrize(("stream", "said"), [
    (b"<!DOCTYPE s [<!ENTITY a 'b'>]><s><m/>", "DOCTYPE"),
    (b"<s>text<m/>", "text between"),
    (b"<s><m></n>", "well-formed"),
    (b"<s><m>" + b"x" * 6000 + b"</m>", "larger"),
    (b"<s><m>" + b"x" * 1100 + b"</m>", "larger"),
    (b"<s><m>\xff</m>", "well-formed"),
])
def test_hostile_xml(stream: bytes, said: str) -> None:
    framer = FramerTable().framer(Framing(framer="xml-stream", max_frame=1000))
    with pytest.raises(BadFrame, match=said):
        framer.feed(stream)


def test_stanzas_come_one_by_one_and_spaces_between_them_are_nothing() -> None:
    framer = FramerTable().framer(Framing(framer="xml-stream"))
    assert framer.feed("<?xml version='1.0'?><s:s xmlns:s='x'>\n".encode()) == []
    assert framer.feed("<m>你好</m> \n <r/>".encode()) == ["<m>你好</m>".encode(), b"<r/>"]
    assert framer.feed(b" ") == []
    assert framer.feed(b"<a></a><b") == [b"<a></a>"]
    assert framer.feed(b">/></b><c/></s:s>") == [b"<b>/></b>", b"<c/>"]
    assert framer.end() == []
    with pytest.raises(BadFrame):
        framer.feed(b"<more/>")


def test_packets_that_only_pretend_cost_no_endless_checksums() -> None:
    framing = Framing(framer="packet", on_bad=OnBadFrame.RESYNCHRONISE, options={"magic": b"TU"})
    hostile = (b"TU" + (1 << 15).to_bytes(4, "big")) * (1 << 14)
    framer = FramerTable().framer(framing)
    with pytest.raises(BadFrame, match="in a row"):
        framer.feed(hostile)


def test_a_varint_without_end_is_none() -> None:
    with pytest.raises(BadFrame, match="varint"):
        FramerTable().framer(Framing(framer="varint")).feed(b"\xff" * 6)


def test_a_length_that_counts_itself_cannot_be_less() -> None:
    framing = Framing(framer="length-prefix", options={"width": 2, "counts_header": True})
    with pytest.raises(BadFrame, match="header"):
        FramerTable().framer(framing).feed(b"\x00\x01")
    assert FramerTable().framer(framing).encode(b"ab") == b"\x00\x04ab"


def test_a_width_that_cannot_tell_the_length_refuses_to_send() -> None:
    framing = Framing(framer="length-prefix", options={"width": 1})
    with pytest.raises(BadFrame):
        FramerTable().framer(framing).encode(b"x" * 256)
