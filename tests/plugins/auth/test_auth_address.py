"""Addresses as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulou_auth.address import account_address, check_password, server_address
from tulou_contracts.identity import AddressInvalid


@pytest.mark.parametrize(("typed", "meant"), [
    ("lin@example.org", "lin@example.org"),
    ("  Lin.Wu+office@EXAMPLE.Org.  ", "lin.wu+office@example.org"),
    ("lin@localhost", "lin@localhost"),
    ("lin@127.0.0.1", "lin@127.0.0.1"),
    ("lin@[::1]", "lin@[::1]"),
    ("林小明@example.org", "林小明@example.org"),
    ("lin@公司.中国", "lin@公司.中国"),
    ("lin@xn--55qx5d.xn--fiqs8s", "lin@公司.中国"),
    ("lin＠example。org", "lin@example.org"),
    ("ｌｉｎ@ｅｘａｍｐｌｅ．ｏｒｇ", "lin@example.org"),
    ("lin@公司。中国", "lin@公司.中国"),
    ("JOSÉ@example.org", "josé@example.org"),
    ("jose\u0301@example.org", "josé@example.org"),
    ("\u200blin@example.org\ufeff", "lin@example.org"),
    ("lin@Bücher.example", "lin@bücher.example"),
])
def test_an_address_has_one_form(typed: str, meant: str) -> None:
    assert account_address(typed) == meant


@pytest.mark.parametrize(("typed", "sentence"), [
    ("", "is empty"),
    ("   ", "is empty"),
    ("lin", "lacks an @"),
    ("@", "no name before"),
    ("@example.org", "no name before"),
    ("lin@", "no domain after"),
    ("lin@.", "no domain"),
    ("lin@example.org/phone", "has a /"),
    ("lin@@example.org", "more than one @"),
    ("lin wu@example.org", "has a space before the @"),
    ("lin@exa mple.org", "has a space after the @"),
    ("lin\u3000wu@example.org", "has a space before the @"),
    ("lin:wu@example.org", "has the character ':' before"),
    ("<lin@example.org>", "has the character '<' before"),
    ("lin\0@example.org", "has the character"),
    ("😀@example.org", "has the character '😀'"),
    ("lin\ud800@example.org", "has the character"),
    ("lin@example.org:5222", "port belongs into the server address"),
    ("lin@exa_mple.org", "is no domain"),
    ("lin@-example.org", "is no domain"),
    ("lin@example..org", "is no domain"),
    ("lin@" + "a" * 64 + ".org", "is no domain"),
    ("lin@example.org\ud800", "is no domain"),
    ("lin@xn--zzzzzzzzz--.org", "is no domain"),
    ("lin@[::1", "no proper IP address"),
    ("lin@[::x]", "no proper IP address"),
    ("l" * 1024 + "@example.org", "too long: 1024 bytes, 1023 are allowed"),
])
def test_what_is_wrong_is_said(typed: str, sentence: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        account_address(typed)
    assert sentence in str(caught.value)


@given(st.text() | st.from_regex(r"[\w.＠@。-]+@[\w.。-]+", fullmatch=True))
def test_any_text_is_an_address_of_one_form_or_invalid(typed: str) -> None:
    try:
        address = account_address(typed)
    except AddressInvalid:
        return
    assert account_address(address) == address
    assert address.count("@") == 1 and address == address.strip()
    address.encode()


@given(st.from_regex(r"[\w.+-]{1,10}@[\w-]{1,10}(\.[\w-]{1,5})?", fullmatch=True))
def test_the_wire_has_the_same_form(typed: str) -> None:
    jid = pytest.importorskip("tulou_xmpp.wire.jid", reason="needs xmpp, to compare with its addresses")
    try:
        address = account_address(typed)
    except AddressInvalid:
        return
    assert jid.bare(address) == address


@pytest.mark.parametrize("password", ["x", " ", "密码", "🔑" * 100, "a\nb"])
def test_passwords_are_free(password: str) -> None:
    check_password(password)


@pytest.mark.parametrize("password", ["", "canary\ud800"])
def test_impossible_passwords_are_told_without_quoting(password: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        check_password(password)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("endpoint", [
    "", "ws://127.0.0.1:5280/xmpp-websocket", "wss://chat.example.org/ws?x=1", "wss://[::1]:443/",
    "xmpp://chat.example.org", "xmpps://[::1]:5223"])
def test_server_addresses(endpoint: str) -> None:
    assert server_address(f"  {endpoint} ") == endpoint


@pytest.mark.parametrize(("endpoint", "sentence"), [
    ("chat.example.org", "does not begin with wss://, xmpp:// or xmpps://"),
    ("http://chat.example.org", "does not begin with"),
    ("wss://", "names no server"),
    ("wss://exa mple.org/", "names no server"),
    ("wss://example.org/\ud800", "names no server"),
    ("wss://example.org:port/", "is no address of a server"),
    ("wss://example.org:99999/", "is no address of a server"),
    ("wss://[::1/", "is no address of a server"),
    ("wss://lin:canary@example.org/", "leave it out"),
    ("http://lin:canary@example.org/", "does not begin with"),
    ("wss://lin:canary@[::1/", "is no address of a server"),
    ("lin:canary@example.org", "does not begin with"),
])
def test_wrong_server_addresses_are_told_without_quoting_secrets(endpoint: str, sentence: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        server_address(endpoint)
    assert sentence in str(caught.value)
    assert "canary" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_server_address_or_invalid(typed: str) -> None:
    try:
        assert server_address(server_address(typed)) == server_address(typed)
    except AddressInvalid:
        pass
