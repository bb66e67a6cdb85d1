"""The codec between page and Python: any text gets an answer, none breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulou_shell.methods import METHODS, Params, method_named
from tulou_shell.protocol import (
    MAX_DEPTH, MAX_REQUEST, Call, Fault, decode_request, encode_error, encode_push, encode_result,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10,
)


@given(
    st.integers(0, 2**53 - 1), st.sampled_from(sorted(METHODS)), st.dictionaries(st.text(), JSON, max_size=4)
)
def test_a_request_is_read_as_it_was_written(number: int, method: str, params: dict[str, Any]) -> None:
    text = json.dumps({"id": number, "method": method, "params": params})
    assert decode_request(text) == Call(number, method, params)


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_any_text_is_a_request_or_a_fault(text: str | bytes) -> None:
    try:
        call = decode_request(text)
    except Fault as fault:
        assert fault.code in ("malformed", "too-large") and fault.text
    else:
        assert isinstance(call.params, dict)


@given(JSON)
def test_answers_are_json_that_utf8_can_carry(value: Any) -> None:
    for text in (encode_result(1, value), encode_push("messages", value)):
        assert json.loads(text.encode().decode())


def test_a_lone_surrogate_in_a_message_still_travels() -> None:
    assert encode_result(1, "half \ud83d an emoji").encode()


def test_limits() -> None:
    with pytest.raises(Fault) as caught:
        decode_request(" " * (MAX_REQUEST + 1))
    assert caught.value.code == "too-large"
    with pytest.raises(Fault):
        decode_request("[" * 100_000)
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 1):
        deep = {"a": deep}
    with pytest.raises(Fault) as caught:
        decode_request(json.dumps({"id": 7, "method": "a.b", "params": deep}))
    assert caught.value.request_id == 7


@pytest.mark.parametrize("request_id", [None, -1, 2**53, 1.0, True, "1", []])
def test_an_id_is_a_whole_number(request_id: Any) -> None:
    with pytest.raises(Fault) as caught:
        decode_request(json.dumps({"id": request_id, "method": "session.state"}))
    assert caught.value.request_id is None


def test_an_error_has_its_code_and_sentence() -> None:
    assert json.loads(encode_error(3, "wrong-password", "帐号或密码不正确。")) == {
        "id": 3, "error": {"code": "wrong-password", "text": "帐号或密码不正确。"}}


def test_an_unknown_method_is_a_fault() -> None:
    with pytest.raises(Fault, match="reload"):
        method_named("messenger.steal")


@pytest.mark.parametrize("read, values", [
    (lambda p: p.text("a"), {}), (lambda p: p.text("a"), {"a": 1}),
    (lambda p: p.text("a", limit=2), {"a": "abc"}),
    (lambda p: p.number("a"), {"a": True}), (lambda p: p.number("a"), {"a": 1.5}),
    (lambda p: p.optional_number("a"), {"a": "1"}), (lambda p: p.texts("a"), {"a": {"b": 1}}),
    (lambda p: p.texts("a"), {"a": [1]}),
])
def test_params_are_checked(read: Any, values: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        read(Params(values))
