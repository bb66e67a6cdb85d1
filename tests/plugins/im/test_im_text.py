"""Addresses and text, made proper or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_contracts.messaging import Draft, MessageInvalid
from tulou_im.text import clean, decode_data, encode_data, normal_address, proper, stored_address


@pytest.mark.parametrize(("written", "stored"), [
    ("Lin@Example.ORG", "lin@example.org"),
    (" lin@example.org. ", "lin@example.org"),
    ("Ｌｉｎ@example.org", "lin@example.org"),
    ("王伟@例子.中国", "王伟@例子.中国"),
    ("e\u0301mile@example.org", "\u00e9mile@example.org"),
])
def test_one_person_has_one_address(written, stored):
    assert normal_address(written) == stored
    assert normal_address(stored) == stored


@pytest.mark.parametrize("written", [
    "", "lin", "@", "lin@", "@example.org", "a@b@c", "lin@example.org/phone", "l in@example.org",
    "lin\x00@example.org", "l'in@example.org", "x" * 1024 + "@example.org", "\ud800@example.org",
])
def test_what_is_no_address_is_refused_with_an_example(written):
    with pytest.raises(MessageInvalid, match="name@domain"):
        normal_address(written)


def test_a_server_may_write_from_its_domain():
    assert stored_address("example.org") == "example.org"


@given(st.text())
def test_any_text_is_cleaned_or_refused_never_a_crash(text):
    stored_address(text).encode()
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in cleaned)


def test_what_can_travel_is_left_alone():
    text = "a\tb\nc  \u200b\u0301 👩‍👩‍👧‍👦 \u202e"
    assert clean(text) == text
    assert clean("a\r\nb\rc\x00\x1b[31m") == "a\nb\nc[31m"


@given(st.dictionaries(st.text(), st.text()))
def test_data_comes_back(data):
    assert decode_data(encode_data(data)) == data


@pytest.mark.parametrize("changes", [
    {"body": "x" * 101}, {"kind": ""}, {"kind": "a b"}, {"kind": "k" * 65}, {"data": {"a": 1}},
    {"data": {"a": "x" * 101}}, {"body": "\x00"},
])
def test_an_improper_draft_is_refused(changes):
    fields = {"conversation": "wang@example.org", "body": "hi", **changes}
    with pytest.raises(MessageInvalid):
        proper(Draft(**fields), 100)


def test_the_longest_message_is_allowed():
    assert len(proper(Draft(conversation="w@example.org", body="字" * 100), 100).body) == 100
