"""What concerns people or opens doors is not kept, in whatever way it is logged."""

from __future__ import annotations

import enum
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tulou_log.redaction import LONGEST, Redactor
from tulou_log.rendering import Renderer

from tulou.errors import TulouError
from tulou_contracts.logs import Personal, Public, Secret

REDACTOR = Redactor(b"k" * 32)


def rendered(
    message: Any, *arguments: Any, error: BaseException | None = None, **extra: Any
) -> dict[str, Any]:
    record = logging.LogRecord("tulou.plugin.subject", 20, "/some/where.py", 1, message, arguments,
                               (type(error), error, error.__traceback__) if error is not None else None)
    vars(record).update(extra)
    raw = Renderer(REDACTOR).render(record, 1)
    assert raw.endswith(b"\n") and raw.count(b"\n") == 1
    found: dict[str, Any] = json.loads(raw)
    return found


@pytest.mark.parametrize("text, gone", [
    ("zhang.san@example.org said so", "zhang"),
    ("to 张三@公司.cn/手机", "张三"),
    ("mailto:li@example.org", "li@"),
    ("li@[192.0.2.1]", "li@"),
    ("https://li:hunter2@example.org/x", "hunter2"),
    ("https://example.org/reset?token=abc123", "abc123"),
    ("wss://example.org/files/名单.xlsx", "名单"),
    ("file:///data/li/secret", "li/"),
    ("open /data/li/Documents/my secret plan.docx failed", "secret"),
    (r"C:\Users\li\Desktop\plan.docx is there", "li"),
    (r"\\server\share\plan", "share"),
    ("~/letters/anna", "anna"),
    ("工资表 Q7.xlsx", "Q7"),
    ("看sk-abcdef123456这里", "abcdef"),
    ("report_final.PDF was sent", "report_final"),
    ("call +86 138-0013-8000 now", "8000"),
    ("手机13800138000", "13800138000"),
    ("110101199003078515", "19900307"),
    ("password: hunter2", "hunter2"),
    ('{"password": "hunter two", "x": 1}', "two"),
    ("密码：天王盖地虎", "天王"),
    ("access_token=abc", "abc"),
    ("Authorization: Bearer abc.def", "abc"),
    ("basic dXNlcjpwYXNz", "dXNl"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sflKxw", "sflKxw"),
    ("key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "9f86"),
    ("k3v8Zq+1Yw/9uXh2Bm4pRt6sNn0aQe5c=", "k3v8"),
    ("SESSION=canary; path=/", "canary"),
    ("theme=canary; HttpOnly", "canary"),
    ("Cookie: a=b; c=canary; d=e", "canary"),
    ("JSESSIONID=canary", "canary"),
    ("data:image/png;base64,iVBORw0KGgo=", "iVBOR"),
    ("ValueError: the text of a letter", "letter"),
    ("plugin failed: RuntimeError: 今晚吃什么", "今晚"),
])
def test_by_its_shape(text: str, gone: str) -> None:
    kept = REDACTOR.scrub(text)
    assert gone not in kept
    assert gone not in json.dumps(rendered("said %s", text), ensure_ascii=False)
    assert gone not in json.dumps(rendered(f"said {text}"), ensure_ascii=False)


@pytest.mark.parametrize("text", [
    "the server refuses the stored password", "0199c2a1-7b3e-7abc-8def-0123456789ab", "im", "3 of 4",
    "running: store, net, crypto", "ws://127.0.0.1:5280", "2026-11-24T10:00:00.123", "第三次重试，十秒后",
    "session: closed", "mode=fast; then stop", "a=1; b=2",
    "a_long_function_name_without_digits", "tulou.plugin.net.http", "not-authorized", "1.2.3", "3.5 s",
])
def test_what_harms_nobody_stays(text: str) -> None:
    assert REDACTOR.scrub(text) == text


def test_people_can_be_told_apart_and_related() -> None:
    one, same, other = map(REDACTOR.scrub, ("Li@Example.org", "li@example.org", "li@example.com"))
    assert one == same != other
    assert Redactor(b"x" * 32).scrub("li@example.org") != one


class Colour(enum.Enum):
    RED = "rouge"


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Rich:
    def __repr__(self) -> str:
        return "the text of a message"

    __str__ = __repr__


@pytest.mark.parametrize("value, kept", [
    (3, 3), (True, True), (None, None), (2.5, 2.5), (float("nan"), "nan"), (1 << 80, "<number>"),
    (Colour.RED, "Colour.RED"), (b"\x00abc", "<4 bytes>"), (Path("/data/li"), "<path>"),
    (Rich(), "<Rich>"), (Rich, "Rich"), (Text("fine"), "fine"),
    (Secret("x"), "<secret>"), (Public("1.0"), {"public": "1.0"}),
    ([1, Secret("x"), [Rich()]], [1, "<secret>", ["<Rich>"]]),
    ({"a": Secret("x"), 3: 4}, {"a": "<secret>", "<key>": 4}), ((1, 2), [1, 2]),
    (len, "<builtin_function_or_method>"),
])
def test_values_keep_their_kind(value: Any, kept: Any) -> None:
    assert rendered("%s and %d", value, 1)["arguments"][0] == kept
    assert rendered("x", thing=value)["fields"]["thing"] == kept


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


CANARY = "kanarienvogel im dunkeln"


def chained() -> BaseException:
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            raise TulouError(f"it was not sent: {error}") from error
    except TulouError as caught:
        return caught


@pytest.mark.parametrize("error", [
    ValueError(CANARY), RuntimeError(f"cannot do {CANARY}"), KeyError(CANARY), AssertionError(CANARY),
    FileNotFoundError(2, "No such file", f"/home/{CANARY}"), OSError(CANARY),
    UnicodeEncodeError("ascii", CANARY, 0, 1, CANARY), chained(), Exception(CANARY, CANARY),
    ExceptionGroup(CANARY, [ValueError(CANARY), TypeError(f"bad '{CANARY}'")]),
    StopIteration(CANARY), json.JSONDecodeError("x", CANARY, 0), AttributeError(f"'{CANARY}' has no x"),
])
def test_exceptions_do_not_tell_what_they_were_given(error: BaseException) -> None:
    found = rendered("failed: %s", error, error=raised(error))
    assert CANARY not in json.dumps(found, ensure_ascii=False)
    assert found["error"][0]["frames"] and type(error).__qualname__ in found["error"][0]["type"]


def test_a_sentence_of_ours_stays() -> None:
    said = "the disk is full; make room"
    assert rendered("%s", TulouError(said))["arguments"] == [said]


def test_a_long_text_is_cut() -> None:
    found = rendered("%s", "字" * 100_000)["arguments"][0]
    assert len(found) < LONGEST + 30 and found.endswith(f"<{100_000 - LONGEST} more>")


def test_marked_texts_tell_nothing_to_anybody_else() -> None:
    for each in (Secret("x-y"), Personal("x-y")):
        assert "x-y" not in f"{each} {each!r} {each!s:>20} %s" % each


@pytest.mark.parametrize("piece", [
    "/a", "a", "a@", "1 ", "_", "-", "a.", ":", "A1", "=", "'", "://", "/", "\\", "token=", "(1", "eyJ.",
    "aA", "x:/", "~/", "字", "0123-", "a=", "a=b;", "session"])
def test_no_text_takes_long(piece: str) -> None:
    """By counting nothing but that it ends: a pattern that backtracks would take minutes."""
    REDACTOR.scrub(piece * (8000 // len(piece)))
    REDACTOR.scrub(piece * (8000 // len(piece)) + "\n!")


@given(st.text(max_size=300), st.text(max_size=300))
def test_anything_becomes_one_line_without_control_characters(template: str, argument: str) -> None:
    record = logging.LogRecord("tulou.plugin.subject", 20, "", 1, template, (argument,), None)
    raw = Renderer(REDACTOR).render(record, 1).decode("utf-8")
    assert raw.endswith("}\n") and raw[:-1].isprintable() or not any(
        ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in raw[:-1])
    json.loads(raw)


@given(st.text(alphabet="abcXYZ019@/:.=+-_ %\\'\"名", max_size=200))
def test_scrubbing_twice_changes_nothing_more_about_addresses(text: str) -> None:
    once = REDACTOR.scrub(f"{text} li.secret@example.org {text}")
    assert "li.secret@" not in once


SECRET_NAMES = [
    "password", "Password", "db_password", "old-password", "passphrase", "pwd", "secret", "client_secret",
    "token", "access_token", "accessToken", "refresh-token", "api_key", "apiKey", "X-Api-Key", "private_key",
    "privateKey", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "credentials", "session",
    "session_id", "jwt", "密码", "登录密码", "令牌",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", ["canary", 4711, ["canary"], {"x": "canary"}, ("canary", 1), 47.11])
def test_what_has_the_name_of_a_secret(name: str, value: Any) -> None:
    for shape in ({name: value}, {"a": {name: value}}, [{name: value}], [name, value], (name, value),
                  [(name, value), ("x", 1)], {"headers": [[name, value]]}):
        for kept in (rendered("%s", shape), rendered("%s %s", 1, shape), rendered("x", field=shape)):
            text = json.dumps(kept, ensure_ascii=False)
            assert "<secret>" in text and name in text
            assert "canary" not in text and "47" not in text.partition('"message"')[2]
    assert rendered("x", **{name: value})["fields"] == {name: "<secret>"}


@pytest.mark.parametrize("values", [
    {"tokens": 3, "key": "im", "passed": 4, "name": "passwords", "bypass": "no", "sidebar": "left",
     "keyboard": "de", "secretary": "on", "sessions": 2, "side": "x", "compass": "north"},
    {"password": None, "token": True, "cookie": False},
])
def test_what_only_resembles_the_name_of_a_secret_stays(values: dict[str, Any]) -> None:
    assert rendered("%s", values)["arguments"] == values
    assert rendered("x", **{"values": values})["fields"] == {"values": values}


def test_a_pair_of_words_stays() -> None:
    assert rendered("%s %s", ["store", "net"], ("a", "b"))["arguments"] == [["store", "net"], ["a", "b"]]


def test_a_long_name_takes_no_long() -> None:
    for name in ("x" * 1_000_000, "_" * 100_000 + "!", "a_" * 100_000 + "password"):
        rendered("x", field={name: "canary"})


@pytest.mark.parametrize("template, arguments, kept", [
    ("password=%s", ("canary",), ["<secret>"]),
    ("%s has password: %r, 100%% of %d", ("x", "canary", 3), ["x", "<secret>", 3]),
    ("Authorization: Bearer %s", ("canary",), ["<secret>"]),
    ("%*d token=%-8s", (5, 1, "canary"), [5, 1, "<secret>"]),
    ("密码：%s", ("canary",), ["<secret>"]),
    ("password=%(p)s", ({"p": "canary"},), "<secret>"),
    ("the password of %s is refused", ("x",), ["x"]),
    ("%d tokens: %d", (1, 2), [1, 2]),
])
def test_what_a_template_puts_behind_the_name_of_a_secret(
    template: str, arguments: tuple[Any, ...], kept: Any
) -> None:
    assert rendered(template, *arguments)["arguments"] == kept


def test_a_secret_argument_is_hidden_however_many_templates_there_are() -> None:
    renderer = Renderer(REDACTOR)
    for number in (*range(5000), *range(5000)):
        record = logging.LogRecord("x", 20, "", 1, f"{number} password=%s", ("canary",), None)
        assert b"canary" not in renderer.render(record, 1)
