"""Between the contract's data classes and stanzas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_contracts.transport import (
    ContactChanged, IncomingMessage, IncomingReceipt, IncomingRefusal, Outgoing, Presence, ReceiptKind,
)

from tulou_xmpp.stanzas.answers import answer
from tulou_xmpp.stanzas.archive import ArchiveAnswer, archive_query
from tulou_xmpp.stanzas.messages import Own, decode_message, encode_message, encode_receipt
from tulou_xmpp.stanzas.payload import MAX_FIELDS, MAX_TOTAL, decode_payload, encode_payload, fits
from tulou_xmpp.stanzas.roster import Roster
from tulou_xmpp.wire import Element, FrameParser, serialise
from tulou_xmpp.wire import namespaces as ns

E = Element
LIN, WANG = "lin@example.org", "wang@example.org"
OWN = Own(LIN, "example.org")
NOW = 1_784_021_400_000_000
LEGAL = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
TEXT = st.text(LEGAL, max_size=30)


def over_the_wire(stanza, sender):
    got = FrameParser().parse_frame(serialise(stanza))
    got.attributes["from"] = sender
    return got


@given(TEXT, TEXT.filter(bool), st.dictionaries(TEXT.filter(bool), TEXT, max_size=5), TEXT.filter(bool))
def test_a_message_comes_out_as_it_went_in(body, kind, data, message_id):
    sent = Outgoing(id=message_id, to=LIN, body=body, kind=kind, data=data)
    (got,) = decode_message(over_the_wire(encode_message(sent), f"{WANG}/x"), OWN, NOW)
    assert (got.id, got.body, got.kind, dict(got.data)) == (message_id, body, kind, data)
    assert (got.sender, got.conversation, got.outgoing, got.at) == (WANG, WANG, False, NOW)


@pytest.mark.parametrize("kind", ReceiptKind)
def test_receipts_come_out_as_they_went_in(kind):
    (got,) = decode_message(over_the_wire(encode_receipt(LIN, "m 1", kind), f"{WANG}/x"), OWN, NOW)
    assert got == IncomingReceipt(kind=kind, message_id="m 1", conversation=WANG)


def test_addresses_are_normalised_so_that_a_conversation_has_one_name():
    stanza = E("message", ns.CLIENT, E("body", ns.CLIENT, "x"), from_="Wang@EXAMPLE.org/X", id="1")
    (got,) = decode_message(stanza, OWN, NOW)
    assert got.conversation == WANG


def test_the_body_without_a_language_of_its_own_is_taken():
    german = E("body", ns.CLIENT, "Hallo", **{"xml:lang": "de"})
    stanza = E("message", ns.CLIENT, german, E("body", ns.CLIENT, "你好"), from_=WANG, id="1")
    assert decode_message(stanza, OWN, NOW)[0].body == "你好"
    stanza.children.pop()
    assert decode_message(stanza, OWN, NOW)[0].body == "Hallo"


def test_a_message_without_an_id_gets_one_that_stays():
    stanza = E("message", ns.CLIENT, E("body", ns.CLIENT, "x"),
               E("stanza-id", ns.STANZA_IDS, by=LIN, id="archive-7"), from_=WANG)
    one, again = (decode_message(stanza, OWN, at)[0] for at in (NOW, NOW + 5))
    assert one.id == again.id and one.id and one.archive_id == "archive-7"


@pytest.mark.parametrize("said_by,believed", [
    ("example.org", True), (LIN, True), (None, True), (WANG, False),
])
def test_whose_word_on_time_is_believed(said_by, believed):
    delay = E("delay", ns.DELAY, stamp="2020-01-01T00:00:00Z", from_=said_by)
    stanza = E("message", ns.CLIENT, E("body", ns.CLIENT, "x"), delay, from_=WANG, id="1")
    assert (decode_message(stanza, OWN, NOW)[0].at != NOW) is believed


def test_a_broken_time_is_no_reason_to_lose_a_message():
    delay = E("delay", ns.DELAY, stamp="yesterday", from_="example.org")
    stanza = E("message", ns.CLIENT, E("body", ns.CLIENT, "x"), delay, from_=WANG, id="1")
    assert decode_message(stanza, OWN, NOW)[0].at == NOW


def test_errors_name_the_message_in_words_and_our_receipts_errors_are_nobodys_business():
    error = E("error", ns.CLIENT, E("service-unavailable", ns.STANZAS), type="cancel")
    stanza = E("message", ns.CLIENT, error, type="error", from_=WANG, id="m1")
    (got,) = decode_message(stanza, OWN, NOW)
    assert isinstance(got, IncomingRefusal) and (got.message_id, got.conversation) == ("m1", WANG)
    assert "no such recipient" in got.reason
    for message_id in ("receipt-read-m1", None):
        stanza = E("message", ns.CLIENT, error, type="error", from_=WANG, id=message_id)
        assert decode_message(stanza, OWN, NOW) == []


def payload_with(*fields, kind="x"):
    return E("payload", ns.TULOU_MESSAGE, *fields, kind=kind)


BAD_PAYLOADS = {
    "no kind": payload_with(kind=None),
    "long kind": payload_with(kind="k" * 65),
    "no name": payload_with(E("field", ns.TULOU_MESSAGE, "v")),
    "twice": payload_with(*(E("field", ns.TULOU_MESSAGE, "v", name="n") for _ in range(2))),
    "many": payload_with(*(E("field", ns.TULOU_MESSAGE, name=str(n)) for n in range(MAX_FIELDS + 1))),
    "large": payload_with(E("field", ns.TULOU_MESSAGE, "x" * (MAX_TOTAL + 1), name="n")),
    "foreign": payload_with(E("other", ns.TULOU_MESSAGE, "v", name="n")),
}


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS)
def test_payloads_we_would_not_send_are_left_aside_and_the_body_shown(payload):
    assert decode_payload(payload) is None
    stanza = E("message", ns.CLIENT, E("body", ns.CLIENT, "fallback"), payload, from_=WANG, id="1")
    (got,) = decode_message(stanza, OWN, NOW)
    assert (got.kind, got.body, dict(got.data)) == ("text", "fallback", {})


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=4))
def test_what_fits_is_exactly_what_is_understood(kind, data):
    payload = encode_payload(kind, data)
    if payload is not None:
        assert (decode_payload(payload) == (kind, data)) is (fits(kind, data) == "")


NAMES = st.sampled_from([
    "message", "body", "payload", "field", "delay", "sent", "received", "forwarded", "result", "error",
    "stanza-id", "origin-id", "displayed", "query", "item", "set", "first", "fin", "text", "show", "ping",
    "service-unavailable",
])
SPACES = st.sampled_from([
    ns.CLIENT, ns.CARBONS, ns.FORWARD, ns.DELAY, ns.MAM, ns.RECEIPTS, ns.MARKERS, ns.PING, ns.STANZA_IDS,
    ns.TULOU_MESSAGE, ns.STANZAS, ns.ROSTER, ns.RSM, ns.DISCO_INFO,
])
VALUES = st.sampled_from(["", LIN, WANG, f"{WANG}/x", f"{LIN}/y", "@@", "\x00", "example.org", "error", "get",
                          "set", "subscribe", "unavailable", "2026-07-14T09:30:00Z", "remove", "x" * 100])
KEYS = st.sampled_from([
    "from", "to", "id", "type", "by", "stamp", "kind", "name", "jid", "subscription", "queryid",
])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=6)


def build(parts):
    name, namespace, attributes, text, children = parts
    element = E(name, namespace, text, *children)
    element.attributes = dict(attributes)
    return element


TREES = st.recursive(
    st.tuples(NAMES, SPACES, ATTRIBUTES, VALUES, st.just([])).map(build),
    lambda inner: st.tuples(NAMES, SPACES, ATTRIBUTES, VALUES, st.lists(inner, max_size=4)).map(build),
    max_leaves=10)


@given(st.lists(TREES, max_size=4), ATTRIBUTES)
def test_no_stanza_whatever_is_in_it_can_do_harm(children, attributes):
    roster = Roster(OWN)
    for name in ("message", "presence", "iq"):
        stanza = E(name, ns.CLIENT, *children)
        stanza.attributes = dict(attributes)
        for item in decode_message(stanza, OWN, NOW):
            assert item.conversation
            if isinstance(item, IncomingMessage):
                assert item.id and item.outgoing == (item.sender == LIN)
        answer(stanza)
        roster.presence(stanza)
        roster.push(stanza)
        roster.replace(stanza)
        roster.subscription(stanza, False)
        roster.contacts()
        collecting = ArchiveAnswer("q", OWN)
        for child in children:
            collecting.add(child)
        assert all(not m.live for m in collecting.finish(stanza).messages)


def test_an_archive_question_asks_for_one_page():
    query = archive_query("q", conversation="Wang@example.org", after=None, before="", limit=7)
    rsm = query.child("set", ns.RSM)
    assert rsm.child_text("max") == "7" and rsm.child("before") is not None and rsm.child("after") is None
    values = [f.child_text("value") for f in query.child("x", ns.DATA_FORMS).children]
    assert values == [ns.MAM, WANG]


def roster_iq(*items, version="v1"):
    return E("iq", ns.CLIENT, E("query", ns.ROSTER, *items, ver=version), type="result")


def item(address, **more):
    return E("item", ns.ROSTER, jid=address, **more)


def presence(sender, kind=None, show=None):
    shown = E("show", ns.CLIENT, show) if show else None
    return E("presence", ns.CLIENT, shown, from_=sender, type=kind)


def test_the_contact_list_changes_and_says_exactly_what_changed():
    roster = Roster(OWN)
    assert len(roster.replace(roster_iq(item(WANG, name="王", subscription="both"), item("a@b")))) == 2
    assert roster.replace(E("iq", ns.CLIENT, type="result")) == [], "nothing new since our version"
    assert roster.query().get("ver") == "v1"
    (change,) = roster.replace(roster_iq(item(WANG, name="王", subscription="both"), version="v2"))
    assert change.removed and change.contact.address == "a@b"
    (change,) = roster.push(roster_iq(item(WANG, name="王师傅", subscription="both")))
    assert change == ContactChanged(contact=roster.contacts()[0]) and change.contact.name == "王师傅"
    (change,) = roster.push(roster_iq(item(WANG, subscription="remove")))
    assert change.removed and roster.contacts() == []


def test_a_contact_is_as_reachable_as_their_best_device():
    roster = Roster(OWN)
    roster.replace(roster_iq(item(WANG, subscription="both")))

    def after(*stanzas):
        changes = [c.contact.presence for s in stanzas for c in roster.presence(s)]
        assert roster.contacts()[0].presence is (changes[-1] if changes else roster.contacts()[0].presence)
        return changes

    assert after(presence(f"{WANG}/pc", show="away")) == [Presence.AWAY]
    assert after(presence(f"{WANG}/phone", show="dnd")) == [Presence.BUSY]
    assert after(presence(f"{WANG}/pad"), presence(f"{WANG}/pad")) == [Presence.ONLINE]
    assert after(presence(f"{WANG}/pad", "unavailable")) == [Presence.BUSY]
    assert after(presence(f"{WANG}/phone", "unavailable"), presence(f"{WANG}/pc", "unavailable")) == [
        Presence.AWAY, Presence.OFFLINE]
    assert after(presence("stranger@x/y"), presence(f"{WANG}/z", "error")) == []


def test_who_may_see_our_presence():
    roster = Roster(OWN)
    roster.replace(roster_iq(item(WANG, subscription="to"), item("asked@x.org", ask="subscribe")))
    for known in (WANG, "asked@x.org"):
        (reply,) = roster.subscription(presence(known, "subscribe"), accept_all=False)
        assert (reply.get("to"), reply.get("type")) == (known, "subscribed")
    assert roster.subscription(presence("stranger@x.org", "subscribe"), accept_all=False) == []
    assert roster.requests == {"stranger@x.org"}
    assert roster.subscription(presence("stranger@x.org", "subscribe"), accept_all=True)
