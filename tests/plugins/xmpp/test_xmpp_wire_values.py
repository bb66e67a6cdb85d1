"""JIDs, times, acknowledgement arithmetic and SCRAM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulou_xmpp.wire import JID, WireError
from tulou_xmpp.wire import scram
from tulou_xmpp.wire.acks import MODULUS, Inbound, Outbound, parse_h
from tulou_xmpp.wire.errors import BadJID, BadStamp
from tulou_xmpp.wire.stamps import format_stamp, parse_stamp

# ---- JIDs (RFC 7622, section 3.5 and beyond) ----

GOOD_JIDS = {
    "juliet@example.com": "juliet@example.com",
    "juliet@example.com/foo": "juliet@example.com/foo",
    "juliet@example.com/foo bar": "juliet@example.com/foo bar",
    "juliet@example.com/foo@bar": "juliet@example.com/foo@bar",
    "foo\\20bar@example.com": "foo\\20bar@example.com",
    "fussball@example.com": "fussball@example.com",
    "fu\u00dfball@example.com": "fu\u00dfball@example.com",
    "\u03c0@example.com": "\u03c0@example.com",
    "\u03a3@example.com/foo": "\u03c3@example.com/foo",
    "king@example.com/\u265a": "king@example.com/\u265a",
    "example.com": "example.com",
    "example.com/foobar": "example.com/foobar",
    "a.example.com/b@example.net": "a.example.com/b@example.net",
    "Juliet@EXAMPLE.com./Balcony": "juliet@example.com/Balcony",
    "王小明@例子.公司/手机": "王小明@例子.公司/手机",
    "ｗａｎｇ@example.com": "wang@example.com",
    "x@xn--fsqu00a.xn--55qx5d": "x@例子.公司",
    "x@[::1]": "x@[::1]",
    "x@127.0.0.1": "x@127.0.0.1",
}
BAD_JIDS = [
    "", "@", "/", "@example.com", "juliet@", "juliet@example.com/", "\"juliet\"@example.com",
    "foo bar@example.com", "a@b@c", "a@b/\x00", "henry\u2163@example.com", "\u265a@example.com",
    "juliet@@example.com", "@/x", "a@exa mple.com", "a@-x.com", "a@x..com", "a@<b>", "a\ud800@x.com",
    "x" * 1024 + "@example.com", "a@" + "x" * 64 + ".com", "a@x.com/" + "r" * 1024, "a@b:5222", "a\n@b",
]


@pytest.mark.parametrize("text,normal", GOOD_JIDS.items())
def test_good_addresses_are_normalised(text, normal):
    assert str(JID.parse(text)) == normal
    assert str(JID.parse(normal)) == normal


@pytest.mark.parametrize("text", BAD_JIDS)
def test_bad_addresses_are_refused_in_a_sentence(text):
    with pytest.raises(BadJID) as caught:
        JID.parse(text)
    assert len(str(caught.value).split()) >= 4


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_an_address_or_not_and_normalising_is_stable(text):
    try:
        jid = JID.parse(text)
    except BadJID:
        return
    assert JID.parse(str(jid)) == jid


# ---- times ----

@pytest.mark.parametrize("text,micros", [
    ("1970-01-01T00:00:00Z", 0),
    ("1969-07-21T02:56:15Z", -14159025_000_000),
    ("1969-07-20T21:56:15-05:00", -14159025_000_000),
    ("2026-07-14T09:30:00.123456789Z", 1784021400_123456),
    ("2026-07-14T09:30:00.5+08:00", 1783992600_500000),
    ("20260714T09:30:00", 1784021400_000000),
    ("2016-12-31T23:59:60Z", 1483228800_000000),
])
def test_stamps_are_read(text, micros):
    assert parse_stamp(text) == micros


@pytest.mark.parametrize("text", ["", "now", "2026-07-14", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                                  "2026-07-14T24:00:00Z", "2026-07-14T09:30:00X", "٢٠٢٦-07-14T09:30:00Z",
                                  "2026-07-14T09:30:61Z", "0000-01-01T00:00:00Z"])
def test_what_is_no_stamp_is_refused(text):
    with pytest.raises(BadStamp):
        parse_stamp(text)


@given(st.integers(-62135596800_000000, 253402300799_999999))
def test_stamps_come_back_as_they_went(micros):
    assert parse_stamp(format_stamp(micros)) == micros


def test_times_beyond_the_calendar_are_refused():
    with pytest.raises(BadStamp):
        format_stamp(10**18)


# ---- acknowledgements ----

@given(st.integers(0, MODULUS - 1), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_every_stanza_is_acknowledged_once_in_order_also_over_the_wrap(start, rounds):
    outbound, handled, sent, taken = Outbound(start), start, [], []
    for to_send, to_ack in rounds:
        for _ in range(to_send):
            sent.append(len(sent))
            outbound.sent(sent[-1])
        handled = (handled + min(to_ack, len(outbound))) % MODULUS
        taken += outbound.acknowledge(handled)
        assert outbound.acknowledge(handled) == [], "the same h again acknowledges nothing"
        assert taken + outbound.unacknowledged() == sent


@given(st.integers(0, MODULUS - 1), st.integers(0, 5), st.integers(1, 100))
def test_acknowledging_what_was_never_sent_is_an_error_and_changes_nothing(start, count, beyond):
    outbound = Outbound(start)
    for number in range(count):
        outbound.sent(number)
    with pytest.raises(WireError) as caught:
        outbound.acknowledge((start + count + beyond) % MODULUS)
    assert caught.value.condition == "undefined-condition"
    assert len(outbound) == count


def test_the_inbound_counter_wraps():
    inbound = Inbound(MODULUS - 1)
    assert (inbound.handled(), inbound.handled(3)) == (0, 3)


@pytest.mark.parametrize("text", ["", "-1", "x", "1.0", " 1", "4294967296", "99999999999", "١"])
def test_counters_that_are_none_are_refused(text):
    with pytest.raises(WireError):
        parse_h(text)


# ---- SCRAM: the published vectors ----

VECTORS = [
    ("SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
     b"s=QSXCR+Q6sek8bf92,i=4096", "QSXCR+Q6sek8bf92", b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
    ("SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
     b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "W22ZaJ0SNY7soEsUEjb6gQ==",
     b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
]


@pytest.mark.parametrize("mechanism,client_nonce,server_nonce,rest,salt,proof,verifier", VECTORS)
def test_published_vectors_both_sides(mechanism, client_nonce, server_nonce, rest, salt, proof, verifier):
    import base64
    client = scram.ScramClient(mechanism, "user", "pencil", client_nonce)
    server = scram.ScramServer(mechanism, server_nonce)
    first = client.first()
    assert first == f"n,,n=user,r={client_nonce}".encode()
    assert server.receive_first(first) == "user"
    keys = scram.derive_keys(mechanism, "pencil", base64.b64decode(salt), 4096)
    challenge = server.challenge(keys)
    assert challenge == f"r={client_nonce}{server_nonce},".encode() + rest
    final = client.final(client.challenged(challenge).run())
    assert final == f"c=biws,r={client_nonce}{server_nonce},p=".encode() + proof
    assert server.receive_final(final) == verifier
    client.verify(verifier)


def exchange(mechanism, name, password, right):
    client, server = scram.ScramClient(mechanism, name, password), scram.ScramServer(mechanism)
    assert server.receive_first(client.first()) == scram.saslprep(name)
    keys = scram.derive_keys(mechanism, right, b"salt", 4096)
    client.verify(server.receive_final(client.final(client.challenged(server.challenge(keys)).run())))


@pytest.mark.parametrize("mechanism", scram.MECHANISMS)
@pytest.mark.parametrize("name,password", [
    ("林,a=b", "密码 пароль"), ("x", "I\u00adX"), ("x", "\u00aa"), ("=2C", "=,"),
])
def test_names_and_passwords_of_all_kinds(mechanism, name, password):
    exchange(mechanism, name, password, password)
    with pytest.raises(scram.ScramError) as caught:
        exchange(mechanism, name, password + "!", password)
    assert caught.value.condition == "not-authorized"


@pytest.mark.parametrize("text,prepared", [  # RFC 4013, section 3
    ("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"),
    ("a\u3000b", "a b"),
])
def test_saslprep(text, prepared):
    assert scram.saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "a\ue000", "\u0221"])
def test_saslprep_refuses(text):
    with pytest.raises(scram.ScramError):
        scram.saslprep(text)


CHALLENGES = {
    "not ours": b"r=other,s=QSXCR+Q6sek8bf92,i=4096",
    "nothing added": b"r=nonce,s=QSXCR+Q6sek8bf92,i=4096",
    "no salt": b"r=nonceX,s=,i=4096",
    "bad salt": b"r=nonceX,s=!!!,i=4096",
    "too few": b"r=nonceX,s=QSXC,i=1",
    "too many": b"r=nonceX,s=QSXC,i=999999999",
    "negative": b"r=nonceX,s=QSXC,i=-4096",
    "extension": b"m=x,r=nonceX,s=QSXC,i=4096",
    "twice": b"r=nonceX,r=nonceX,s=QSXC,i=4096",
    "empty": b"",
    "not utf-8": b"\xff\xff",
}


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=CHALLENGES)
def test_a_client_refuses_dishonest_challenges(challenge):
    with pytest.raises(scram.ScramError):
        scram.ScramClient("SCRAM-SHA-1", "user", "pencil", "nonce").challenged(challenge)


@pytest.mark.parametrize("final", [
    b"", b"v=", b"v=AAAA", b"e=other-error", b"v=smF9pqV8S7suAoZWja4dJRkFsKQ=",
])
def test_a_client_refuses_a_server_that_does_not_know_the_password(final):
    client = scram.ScramClient("SCRAM-SHA-1", "user", "pencil", "fyko+d2lbbFgONRv9qkxdawL")
    challenge = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    client.final(client.challenged(challenge).run())
    with pytest.raises(scram.ScramError):
        client.verify(final)


@pytest.mark.parametrize("first", [
    b"", b"n", b"n,,", b"n,,n=user", b"n,,r=x", b"p=tls-unique,,n=user,r=x", b"n,,n=us=er,r=x", b"z,,n=u,r=x",
    b"n,b=x,n=user,r=x", b"n,a=other,n=user,r=x", b"n,,m=ext,n=user,r=x", b"\xff",
])
def test_a_server_refuses_malformed_beginnings(first):
    with pytest.raises(scram.ScramError):
        scram.ScramServer("SCRAM-SHA-1").receive_first(first)


@given(st.binary(max_size=80))
def test_garbage_at_the_end_is_a_scram_error(final):
    server = scram.ScramServer("SCRAM-SHA-1", "abc")
    server.receive_first(b"n,,n=user,r=xyz")
    server.challenge(scram.decoy_keys("SCRAM-SHA-1", "user", b"secret"))
    with pytest.raises(scram.ScramError):
        server.receive_final(final)


def test_decoys_are_the_same_for_a_name_and_open_to_nobody():
    one, again = (scram.decoy_keys("SCRAM-SHA-256", "nobody", b"s") for _ in range(2))
    assert one == again
    client, server = scram.ScramClient("SCRAM-SHA-256", "nobody", ""), scram.ScramServer("SCRAM-SHA-256")
    server.receive_first(client.first())
    with pytest.raises(scram.ScramError):
        server.receive_final(client.final(client.challenged(server.challenge(one)).run()))


def test_keys_do_not_show_in_a_repr():
    keys = scram.derive_keys("SCRAM-SHA-1", "pencil", b"salt", 4096)
    assert "stored_key" not in repr(keys)
    assert "pencil" not in repr(scram.Derivation("SCRAM-SHA-1", "pencil", b"s", 4096))
