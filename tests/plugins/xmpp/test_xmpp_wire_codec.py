"""Elements, parsers and the serialiser."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tulou_xmpp.wire import (
    Element, FrameParser, StreamClosed, StreamOpened, StreamParser, WireError, serialise,
)
from tulou_xmpp.wire import namespaces as ns

E = Element

LEGAL = st.characters(codec="utf-8", exclude_characters="".join(
    map(chr, [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF])))
TEXT = st.text(LEGAL, max_size=20)
ANY_TEXT = st.text(max_size=20) | st.text(st.characters(), max_size=20)
NAMES = st.sampled_from(["message", "body", "x", "iq", "héllo", "a-b.c", "数据"])
NAMESPACES = st.sampled_from([ns.CLIENT, ns.STREAMS, ns.RECEIPTS, "urn:x&y", "", "urn:\"q\""])
KEYS = st.sampled_from(["to", "from", "id", "type", "xml:lang", "{urn:other}flag", "{urn:x&y}z"])
ATTRIBUTES = st.dictionaries(KEYS, TEXT, max_size=4)


def element_of(text):
    def build(parts):
        name, namespace, attributes, text, children = parts
        element = E(name, namespace, text, *children)
        element.attributes = dict(attributes)
        return element

    leaf = st.tuples(NAMES, NAMESPACES, ATTRIBUTES, text, st.just([])).map(build)

    def around(inner):
        return st.tuples(NAMES, NAMESPACES, ATTRIBUTES, text, st.lists(inner, max_size=3)).map(build)

    return st.recursive(leaf, around, max_leaves=8)


def stream_header(attributes=""):
    spaces = f"xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAMS}'"
    return f"<?xml version='1.0'?><stream:stream {spaces} {attributes}>"


@given(element_of(TEXT))
def test_what_is_serialised_parses_to_the_same(element):
    assert FrameParser().parse_frame(serialise(element)) == element


@given(element_of(TEXT))
def test_a_default_namespace_is_left_out_and_understood(element):
    wrapped = f"<w xmlns='{ns.CLIENT}'>{serialise(element, ns.CLIENT)}</w>"
    assert FrameParser().parse_frame(wrapped).children == [element]


@given(element_of(ANY_TEXT))
def test_any_text_at_all_can_be_sent(element):
    again = FrameParser().parse_frame(serialise(element))
    assert again.name == element.name
    assert len(again.text) == len(element.text)


def test_illegal_characters_are_replaced_and_the_rest_stays():
    text = "a\x00b\x1b\ud800\uffffc\r\n\t<&>'\"]]>"
    got = FrameParser().parse_frame(serialise(E("body", ns.CLIENT, text, x=text)))
    assert got.text == "a\ufffdb\ufffd\ufffd\ufffdc\r\n\t<&>'\"]]>"
    assert got.get("x") == got.text


@pytest.mark.parametrize("name", ["", "a b", "a>", "1a", "a:b", "xmlns", "a/", '"'])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(WireError):
        serialise(E(name, ns.CLIENT))
    with pytest.raises(WireError):
        bad = E("x", ns.CLIENT)
        bad.attributes[name] = "v"
        serialise(bad)


BAD_FRAMES = {
    "empty": "",
    "space first": " <a/>",
    "text": "hello",
    "two elements": "<a/><b/>",
    "unfinished": "<a><b></a>",
    "cut in a tag": "<a><b",
    "cut in text": "<a>text",
    "more than closed": "<a/></frames>",
    "escape and return": "</frames><frames><a/>",
    "doctype": "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
    "doctype after root": "<a/></frames><!DOCTYPE a>",
    "entity": "<a>&nbsp;</a>",
    "comment": "<a><!-- hello --></a>",
    "instruction": "<a><?php x ?></a>",
    "declaration": "<?xml version='1.0'?><a/>",
    "trailing text": "<a/>x",
    "half a character": "<a>\ud800</a>",
    "control character": "<a>\x00</a>",
    "unbound prefix": "<x:a/>",
    "duplicate attribute": "<a b='1' b='2'/>",
    "too deep": "<a>" * 65 + "</a>" * 65,
    "very deep": "<a>" * 100_000,
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames_are_refused_and_leave_no_trace(frame):
    parser = FrameParser()
    with pytest.raises(WireError) as caught:
        parser.parse_frame(frame)
    assert caught.value.condition
    assert parser.parse_frame("<a xmlns='urn:x'>好</a>") == E("a", "urn:x", "好")


def test_a_frame_above_the_limit_is_refused():
    parser = FrameParser(max_stanza=100)
    with pytest.raises(WireError) as caught:
        parser.parse_frame("<a>" + "x" * 100 + "</a>")
    assert caught.value.condition == "policy-violation"


def test_binary_frames_are_refused():
    with pytest.raises(WireError):
        FrameParser().parse_frame(b"<a/>")


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: "<" + b.decode("latin-1")))
def test_garbage_is_an_element_or_a_wire_error(text):
    try:
        assert isinstance(FrameParser().parse_frame(text), Element)
    except WireError:
        pass


def feed_in_pieces(raw, cuts, **limits):
    parser = StreamParser(**limits)
    events = []
    edges = sorted({0, *(min(c, len(raw)) for c in cuts), len(raw)})
    try:
        for start, end in zip(edges, edges[1:]):
            events += parser.feed(raw[start:end])
        parser.feed(b"")
    except WireError as error:
        events.append(error.condition)
    return [e.header.attributes if isinstance(e, StreamOpened) else e for e in events]


@settings(max_examples=60)
@given(st.lists(element_of(TEXT), max_size=4), st.lists(st.integers(0, 2000), max_size=12), st.booleans())
def test_any_split_of_the_bytes_gives_the_same_frames(elements, cuts, close):
    stanzas = " \n".join(serialise(e, ns.CLIENT) for e in elements)
    end = "</stream:stream>" if close else ""
    raw = (stream_header("version='1.0' id='x'") + stanzas + end).encode()
    whole = feed_in_pieces(raw, [])
    assert feed_in_pieces(raw, cuts) == whole
    assert whole[1:1 + len(elements)] == elements
    assert (whole[-1] == StreamClosed()) == close


@given(st.sampled_from(list(BAD_FRAMES.values())), st.lists(st.integers(0, 400), max_size=8))
def test_any_split_finds_the_same_fault_after_the_same_frames(bad, cuts):
    raw = (stream_header() + "<good/>" + bad).encode("utf-8", "surrogatepass")[:5000]
    whole = feed_in_pieces(raw, [])
    assert feed_in_pieces(raw, cuts) == whole
    assert whole[1] == E("good", ns.CLIENT)


def test_what_was_whole_before_a_fault_comes_out_before_it():
    parser = StreamParser()
    events = parser.feed((stream_header() + "<a/><b/><!-- no -->").encode())
    assert [type(e) for e in events] == [StreamOpened, Element, Element]
    assert parser.failed is not None
    with pytest.raises(WireError):
        parser.feed(b"<c/>")


@pytest.mark.parametrize("start", [
    "<!DOCTYPE x>" + stream_header()[21:], "<other/>", "<stream/>", "nonsense <a>", "<?pi?>", "</x>",
])
def test_streams_that_begin_wrongly_are_refused(start):
    with pytest.raises(WireError):
        StreamParser().feed(start.encode())


def test_a_stanza_that_never_ends_is_refused_before_it_fills_the_memory():
    parser = StreamParser(max_stanza=10_000)
    parser.feed(stream_header().encode())
    with pytest.raises(WireError) as caught:
        for _ in range(100):
            parser.feed(b"<a>" if _ == 0 else b"x" * 1000)
    assert caught.value.condition == "policy-violation"


def test_the_size_limit_is_for_one_stanza_not_for_the_stream():
    parser = StreamParser(max_stanza=1000)
    parser.feed(stream_header().encode())
    for _ in range(50):
        assert len(parser.feed(b"<a>" + b"x" * 900 + b"</a> ")) == 1


def test_white_space_between_stanzas_is_a_sign_of_life_and_text_a_fault():
    parser = StreamParser()
    parser.feed(stream_header().encode())
    assert parser.feed(b" \n ") == []
    with pytest.raises(WireError):
        parser.feed(b"text")


def test_building_and_finding_is_terse():
    nested = E("x", "urn:x", E("y", "urn:x", "deep"))
    message = E("message", ns.CLIENT, E("body", ns.CLIENT, "hi"), None, nested,
                to="a@b", from_="c@d", lang=None)
    assert message.attributes == {"to": "a@b", "from": "c@d"}
    assert message.child_text("body") == "hi"
    assert message.child("x") is None and message.child("x", "urn:x") is not None
    assert message.find(("x", "urn:x"), ("y", "urn:x")).text == "deep"
    assert [c.name for c in message.children_named("body")] == ["body"]
    twin = message.copy()
    twin.children[0].text = "other"
    assert message.child_text("body") == "hi" and twin != message


def test_a_repr_shows_no_words():
    secret = E("auth", ns.SASL, "AHVzZXIAcGVuY2ls")
    assert "AHVz" not in repr(secret) and "hello" not in repr(E("body", ns.CLIENT, "hello"))
