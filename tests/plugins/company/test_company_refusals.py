"""Documents that must not count: forged, for others, wrong, huge, deep, hostile, out of time."""

from __future__ import annotations

import base64
import json

import pytest
import trio
from company_office import DAY, KEY, LIN, FakeSignedTexts, Key, office, payload, signed, signed_text
from hypothesis import given
from hypothesis import strategies as st
from tulou_company.reading import Reader, parse, pinned

from tulou.testing.kit import EPOCH
from tulou_contracts.company import DocumentRefused

OTHER = Key()


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def without_signature(**header):
    head = encoded(json.dumps({"alg": "none", "typ": "company.policy", "kid": KEY.id, **header}).encode())
    return f"{head}.{encoded(json.dumps(payload()).encode())}."


def deep(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


def raw(**changes):
    """A genuine signature over what is not a document."""
    fields = payload()
    for name, value in changes.items():
        if value is None:
            del fields[name]
        else:
            fields[name] = value
    return signed_text(json.dumps(fields).encode(), "company.policy")


BAD = {
    "another key": (signed(key=OTHER), "no pinned key"),
    "another key under our id": (FakeSignedTexts().sign(
        json.dumps(payload()).encode(), OTHER.private, KEY.id, "company.policy"), "no pinned key"),
    "alg none": (without_signature(), "no pinned key"),
    "a key of its own": (without_signature(jwk={"kty": "OKP"}, alg="EdDSA"), "no pinned key"),
    "cut": (signed()[:-8], "no pinned key"),
    "changed": (signed().replace(".", ".A", 1), "no pinned key"),
    "kind in another kind's signature": (signed("routes", typ="company.policy"), "of the kind 'routes'"),
    "another signed text": (signed(typ="token"), "no signed text of a company"),
    "another audience": (signed(audience="acme"), "it is for 'acme'"),
    "another account": (signed(account="wang@example.org"), "another account"),
    "a part of our account": (signed(account="lin@example.org.evil"), "another account"),
    "expired": (signed(version=2, issued_at=EPOCH - 9 * DAY, valid_until=EPOCH), "not valid any more"),
    "from the future": (signed(version=2, issued_at=EPOCH + 3 * DAY), "clock"),
    "ends before it begins": (signed(issued_at=EPOCH, valid_until=EPOCH - 1), "out of order"),
    "version 0": (signed(version=0), "version"), "version -1": (signed(version=-1), "version"),
    "version true": (raw(version=True), "version"), "version 1.5": (raw(version=1.5), "version"),
    "version text": (raw(version="9"), "version"), "version huge": (signed(version=1 << 60), "version"),
    "no content": (raw(content=None), "content"), "content a list": (raw(content=[1]), "content"),
    "no account": (raw(account=None), "account"), "valid for ever": (raw(valid_until=1 << 63), "times"),
    "withdrawn maybe": (raw(withdrawn="no"), "withdrawn"),
    "no object": (signed_text(b"[1]", "company.policy"), "no JSON object"),
    "no JSON": (signed_text(b"\xff\xfe{}", "company.policy"), "not JSON"),
    "NaN": (signed(content={"x": float("nan")}), "not JSON"),
    "infinite": (signed_text(json.dumps(payload()).replace('{"v": 1}', '{"v": 1e999}').encode(),
                             "company.policy"), "too large"),
    "twice": (signed_text(json.dumps(payload()).replace('"version": 1', '"version": 1, "version": 2')
                          .encode(), "company.policy"), "one name twice"),
    "half a character": (signed(content={"x": "\ud800"}), "half a character|not JSON"),
    "deep": (signed_text(b'{"content":' + deep(50) + b"}", "company.policy"), "deeper"),
    "very deep": (signed_text(deep(100_000), "company.policy"), "not JSON"),
    "huge": (signed(content={"x": "土" * 900_000}), "longer than"),
    "a bad name of a kind": (signed(typ="company.../x"), "no proper name"),
    "a very long name": (signed(typ="company." + "x" * 3000), "no signed text"),
    "no text": ({"a": 1}, "no text"), "null": (None, "no text"), "number": (7, "no text"),
    "nothing": ("", "no signed text"), "dots": ("...", "no signed text"),
    "one part": ("abc", "no signed text"),
    "Chinese": ("土楼.土楼.土楼", "no signed text"),
}


@pytest.mark.parametrize("text", [each[0] for each in BAD.values()], ids=list(BAD))
async def test_it_is_refused_with_a_reason_and_harms_no_other(tmp_path, text, request):
    reason = next(why for each, why in BAD.values() if each is text)
    async with office(tmp_path, texts=[signed(content={"good": 1})]) as it:
        await it.asked(1)
        it.service.texts = [text, signed("routes", content={"also": "good"})]
        with pytest.raises(DocumentRefused, match=reason):
            await it.company.refresh("policy")
        assert it.company.document("policy").content == {"good": 1}
        assert it.company.document("routes").content == {"also": "good"}
        it.service.texts = [signed(version=3)]
        assert (await it.company.refresh("policy")).version == 3
        assert it.company.refusals == {}


@given(st.binary(max_size=200))
def test_no_bytes_make_parsing_fail_otherwise_than_by_refusing(data):
    try:
        parse(data)
    except DocumentRefused:
        pass


@given(st.text(max_size=200) | st.tuples(*[st.binary(max_size=60).map(encoded)] * 3).map(".".join))
def test_no_text_makes_reading_fail_otherwise_than_by_refusing(text):
    reader = Reader(FakeSignedTexts(), pinned([KEY.public]), "tulou", 10_000)
    with pytest.raises(DocumentRefused):
        reader.read(text, LIN)


@given(st.integers(0, 400), st.integers(0, 63))
def test_no_changed_character_goes_unnoticed(place, other):
    text = signed()
    place %= len(text)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = text[:place] + alphabet[other] + text[place + 1:]
    reader = Reader(FakeSignedTexts(), pinned([KEY.public]), "tulou", 10_000)
    try:
        read = reader.read(changed, LIN)
    except DocumentRefused:
        return
    # the last character of base64 has bits that mean nothing
    assert read.document == reader.read(text, LIN).document


async def test_the_status_says_what_was_refused_and_the_command_prints_it(tmp_path, capsys):
    from tulou_company.command import main

    async with office(tmp_path, texts=[signed(version=3)]) as it:
        await it.asked(1)
        it.service.texts = [signed(key=OTHER, version=4), signed("routes", account=LIN)]
        with pytest.raises(DocumentRefused):
            await it.company.refresh("policy")
        await trio.sleep(1)
        assert main(["status", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "policy           version 3  for everybody" in printed and "no pinned key" in printed
    assert f"routes           version 1  for {LIN}" in printed
    assert KEY.public not in printed and "token-number" not in printed


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"configured": true}', "\x00", '{"configured": 1, "url": []}',
])
def test_a_status_file_that_is_none_is_a_sentence(tmp_path, capsys, text):
    from tulou_company.command import main

    assert main(["status", str(tmp_path)]) == 1
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "status.json").write_text(text)
    assert main(["status", str(tmp_path)]) == 1
    assert "says nothing of a company" in capsys.readouterr().err
