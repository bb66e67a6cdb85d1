"""Conformance of `Framers`: the same frames however the stream is cut, whatever frames hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tulou_contracts.tcp import BadFrame, Framer, Framers, Framing, OnBadFrame

BASIC: tuple[Framing, ...] = (
    Framing(framer="fixed", max_frame=7, options={"size": 7}),
    Framing(framer="delimiter", max_frame=300, options={"delimiter": b"\0"}),
    Framing(framer="delimiter", max_frame=300, options={"delimiter": "<完>"}),
    Framing(framer="delimiter", max_frame=300, options={"delimiter": b"aab"}),
    Framing(framer="line", max_frame=300),
    *(Framing(framer="length-prefix", max_frame=255 if width == 1 else 300,
              options={"width": width, "order": order})
      for width in (1, 2, 4, 8) for order in ("big", "little")),
    Framing(framer="length-prefix", max_frame=300, options={"width": 2, "counts_header": True}),
    Framing(framer="varint", max_frame=300),
    Framing(framer="packet", max_frame=300, options={"magic": b"\xfeTU", "version": 1}),
    Framing(framer="packet", max_frame=300, on_bad=OnBadFrame.RESYNCHRONISE,
            options={"magic": b"aab", "width": 2, "order": "little"}),
    Framing(framer="xml-stream", max_frame=300),
)
"""Every framer of the contract, in every way that changes what goes over the wire."""

ANY_SIZE = tuple(each for each in BASIC if each.framer not in ("fixed", "xml-stream"))
"""Those whose frames may have any number of bytes."""
LARGE = tuple(each for each in ANY_SIZE if each.options.get("width") != 1)

PATIENT = settings(
    deadline=None, max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)

words = st.text(alphabet="ab>/ 土楼'\"", max_size=20)
elements = st.builds(
    lambda name, value, text, empty: (
        f"<{name} a='{value.replace(chr(39), '')}'/>" if empty
        else f"<{name} b=\"{value.replace(chr(34), '')}\">{text}<c/></{name}>"
    ).encode(),
    st.sampled_from(["m", "iq", "土"]), words, words, st.booleans(),
)


def frames_for(framing: Framing) -> st.SearchStrategy[list[bytes]]:
    """Frames that can be sent with this framing."""
    if framing.framer == "xml-stream":
        return st.lists(elements, max_size=8)
    if framing.framer == "fixed":
        return st.lists(st.binary(min_size=7, max_size=7), max_size=8)
    alphabet = st.one_of(
        st.binary(max_size=40), st.binary(min_size=framing.max_frame, max_size=framing.max_frame),
        st.lists(st.sampled_from([b"a", b"b", b"\r", b"<", b"\xfe", b"T"]), max_size=30).map(b"".join),
    )
    return st.lists(alphabet.filter(lambda frame: _can_be_sent(framing, frame)), max_size=8)


def _can_be_sent(framing: Framing, frame: bytes) -> bool:
    if framing.framer == "line":
        return b"\n" not in frame and frame[-1:] != b"\r"
    if framing.framer == "delimiter":
        delimiter = framing.options["delimiter"]
        mark = delimiter.encode() if isinstance(delimiter, str) else delimiter
        assert isinstance(mark, bytes)
        return (frame + mark).find(mark) == len(frame)
    return True


def stream_of(framing: Framing, framer: Framer, frames: Sequence[bytes]) -> bytes:
    """What goes over the wire."""
    stream = b"".join(map(framer.encode, frames))
    return b"<s:s xmlns:s='urn:s' to='a>b'>" + stream if framing.framer == "xml-stream" else stream


def in_pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The stream, cut at these places."""
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[a:b] for a, b in zip(places, places[1:], strict=False)] or [b""]


def everything(framer: Framer, pieces: Sequence[bytes]) -> tuple[list[bytes], str, int]:
    """All frames, the fault that ended the stream, and how many were dropped."""
    got: list[bytes] = []
    fault = ""
    try:
        for piece in pieces:
            got += framer.feed(piece)
        got += framer.end()
    except BadFrame as error:
        fault = str(error) and "bad"
    return got, fault or ("bad" if framer.failed else ""), framer.dropped


class FramersConformance:
    """Define the fixture `framers`."""

    @pytest.fixture
    def framers(self) -> Framers:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `framers`")

    @pytest.mark.parametrize("framing", BASIC, ids=repr)
    @PATIENT
    @given(data=st.data(), cuts=st.lists(st.integers(0, 5000), max_size=20))
    def test_any_split_gives_the_frames_that_were_sent(
        self, framers: Framers, framing: Framing, data: st.DataObject, cuts: list[int]
    ) -> None:
        frames = data.draw(frames_for(framing))
        stream = stream_of(framing, framers.framer(framing), frames)
        assert everything(framers.framer(framing), in_pieces(stream, cuts)) == (frames, "", 0)

    @pytest.mark.parametrize("framing", BASIC, ids=repr)
    def test_byte_by_byte(self, framers: Framers, framing: Framing) -> None:
        own = {"fixed": b"1234567", "xml-stream": "<a b='>'>土楼</a>".encode()}
        frame = own.get(framing.framer, b"12345")
        stream = stream_of(framing, framers.framer(framing), [frame] * 3)
        assert everything(framers.framer(framing), [bytes([byte]) for byte in stream]) == ([frame] * 3, "", 0)

    @pytest.mark.parametrize("on_bad", OnBadFrame)
    @pytest.mark.parametrize("framing", BASIC, ids=repr)
    @PATIENT
    @given(stream=st.one_of(
        st.binary(max_size=700),
        st.lists(st.sampled_from([
            b"aab", b"aa", b"\0", b"\x00\x05", b"\xfeTU", b"\x01", b"\n", b"\r\n", b"<r>", b"<a/>", b"<a ",
            b"</r>", b" ", b"x" * 299, b"x" * 301, b"\x05\x00", b"\xff", "<完>".encode(), b">",
        ]), max_size=30).map(b"".join),
    ), cuts=st.lists(st.integers(0, 5000), max_size=20))
    def test_whatever_comes_the_cuts_do_not_matter(
        self, framers: Framers, framing: Framing, on_bad: OnBadFrame, stream: bytes, cuts: list[int]
    ) -> None:
        try:
            chosen = Framing(framer=framing.framer, max_frame=framing.max_frame, on_bad=on_bad,
                             options=framing.options)
            whole = framers.framer(chosen)
        except ValueError:
            return  # this framer has no such policy
        got = everything(whole, [stream])
        assert all(len(frame) <= framing.max_frame for frame in got[0])
        assert everything(framers.framer(chosen), in_pieces(stream, cuts)) == got

    @pytest.mark.parametrize("framing", ANY_SIZE, ids=repr)
    def test_frames_of_no_bytes_one_byte_the_most_and_one_too_many(
        self, framers: Framers, framing: Framing
    ) -> None:
        frames = [b"", b"x", b"x" * framing.max_frame, b""]
        stream = stream_of(framing, framers.framer(framing), frames)
        assert everything(framers.framer(framing), [stream]) == (frames, "", 0)
        with pytest.raises(BadFrame, match="larger than"):
            framers.framer(framing).encode(b"x" * (framing.max_frame + 1))

    @pytest.mark.parametrize("framing", LARGE, ids=repr)
    def test_a_frame_too_large_ends_the_stream_or_is_skipped(
        self, framers: Framers, framing: Framing
    ) -> None:
        generous = Framing(framer=framing.framer, max_frame=1000, options=framing.options)
        sender = framers.framer(generous)
        stream = sender.encode(b"before") + sender.encode(b"x" * 301) + sender.encode(b"after")
        closing = Framing(framer=framing.framer, max_frame=300, options=framing.options)
        framer = framers.framer(closing)
        assert framer.feed(stream) == [b"before"]
        assert "301" in str(framer.failed)
        with pytest.raises(BadFrame):
            framer.feed(b"")
        skipping = Framing(framer=framing.framer, max_frame=300, options=framing.options,
                           on_bad=OnBadFrame.SKIP)
        assert everything(framers.framer(skipping), [stream]) == ([b"before", b"after"], "", 1)

    @pytest.mark.parametrize("framing", BASIC, ids=repr)
    def test_half_a_frame_at_the_end_is_told(self, framers: Framers, framing: Framing) -> None:
        frame = {"fixed": b"1234567", "xml-stream": b"<a>b</a>"}.get(framing.framer, b"12345")
        framer = framers.framer(framing)
        assert framer.feed(stream_of(framing, framers.framer(framing), [frame])[:-1]) == []
        with pytest.raises(BadFrame, match="ended inside"):
            framer.end()

    def test_damage_is_stepped_over_by_the_magic_number(self, framers: Framers) -> None:
        framing = Framing(framer="packet", on_bad=OnBadFrame.RESYNCHRONISE, options={"magic": b"\xfe\xed"})
        sender = framers.framer(framing)
        one, two, three = (sender.encode(word.encode()) for word in ("一", "二", "三"))
        damaged = two[:-1] + bytes([two[-1] ^ 1])
        got, fault, dropped = everything(framers.framer(framing), [one, b"noise", damaged, three])
        assert got == ["一".encode(), "三".encode()] and not fault and dropped == 2

    def test_frames_that_would_arrive_otherwise_are_not_sent(self, framers: Framers) -> None:
        for framing, frame in (
            (BASIC[1], b"a\0b"), (BASIC[3], b"xaab"), (BASIC[4], b"a\nb"), (BASIC[4], b"a\r"),
            (BASIC[0], b"123456"), (BASIC[-1], b"text"),
        ):
            with pytest.raises(BadFrame):
                framers.framer(framing).encode(frame)

    @pytest.mark.parametrize(("name", "options", "said"), [
        ("no-such", {}, "no framer 'no-such'"),
        ("length-prefix", {"width": 3}, "width"),
        ("length-prefix", {"width": True}, "width"),
        ("length-prefix", {"wide": 3}, "wide"),
        ("length-prefix", {"order": "middle"}, "order"),
        ("delimiter", {}, "delimiter"),
        ("delimiter", {"delimiter": ""}, "delimiter"),
        ("fixed", {}, "size"),
        ("fixed", {"size": 0}, "size"),
        ("packet", {"magic": b"x", "version": 256}, "version"),
    ])
    def test_wrong_options_are_named(
        self, framers: Framers, name: str, options: dict[str, object], said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            framers.framer(Framing(framer=name, options=options))

    def test_the_names_are_told(self, framers: Framers) -> None:
        assert {each.framer for each in BASIC} <= set(framers.names())
