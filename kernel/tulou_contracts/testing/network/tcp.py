"""Conformance of `TcpConnector`, against scripted peers on a raw port."""

from __future__ import annotations

from collections.abc import Hashable

import pytest
import trio

from tulou_contracts.network import ConnectionLost, NetworkError, Unreachable
from tulou_contracts.tcp import (
    BadFrame, Framing, Heartbeat, NoAnswer, TcpConnector, Tls,
)
from tulou_contracts.testing.network.peers import PATIENCE, WORDS, forever, reset, scripted_server

FRAMES = Framing(framer="length-prefix", max_frame=1000, options={"width": 2})
HOST = "127.0.0.1"


async def echo(stream: trio.SocketStream) -> None:
    """A script: send everything back."""
    async for data in stream:
        await stream.send_all(data)


def packed(*frames: bytes) -> bytes:
    """Frames as `FRAMES` has them."""
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)


def id_of(frame: bytes) -> Hashable | None:
    """Answers begin with "=" and their id, one byte."""
    return frame[1:2] if frame[:1] == b"=" else None


class TcpConformance:
    """Define the fixture `connector`."""

    @pytest.fixture
    def connector(self) -> TcpConnector:
        """The implementation under test."""
        raise NotImplementedError("define the fixture `connector`")

    # ---- bytes ----

    async def test_bytes_go_both_ways_in_order(self, connector: TcpConnector) -> None:
        pieces = [f"{number} {WORDS}".encode() for number in range(500)]
        async with scripted_server(echo) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port) as connection:
                    assert str(port) in connection.peer and not connection.secure
                    for piece in pieces:
                        await connection.send(piece)
                    got = b""
                    while len(got) < len(b"".join(pieces)):
                        got += await connection.receive()
                    assert got == b"".join(pieces)

    async def test_many_writers_never_mix_their_pieces(self, connector: TcpConnector) -> None:
        async with scripted_server(echo) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port, buffer=1000) as connection:

                    async def write(letter: bytes) -> None:
                        for _ in range(50):
                            await connection.send(letter * 99 + b"\n")

                    got = b""
                    async with trio.open_nursery() as nursery:
                        for letter in (b"a", b"b", b"c"):
                            nursery.start_soon(write, letter)
                        while got.count(b"\n") < 150:
                            got += await connection.receive()
                    assert {*got.splitlines()} == {b"a" * 99, b"b" * 99, b"c" * 99}

    async def test_a_peer_that_reads_slowly_holds_the_sender_back(self, connector: TcpConnector) -> None:
        asleep = trio.Event()
        got = 0

        async def sleepy(stream: trio.SocketStream) -> None:
            nonlocal got
            await asleep.wait()
            async for data in stream:
                got += len(data)

        async with scripted_server(sleepy) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port, buffer=1 << 16) as connection:
                    sent = 0
                    while True:
                        with trio.move_on_after(0.3) as scope:
                            await connection.send(b"x" * (1 << 15))
                            sent += 1 << 15
                        if scope.cancelled_caught:
                            break
                    asleep.set()
                    await connection.send(b"!")
                    await connection.flush()
                while got < sent + 1:
                    await trio.sleep(0.01)
                assert got == sent + 1

    async def test_the_peers_farewell_is_an_empty_piece(self, connector: TcpConnector) -> None:
        async def greet(stream: trio.SocketStream) -> None:
            await stream.send_all(b"bye")
            await stream.send_eof()
            await forever(stream)

        async with scripted_server(greet) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port) as connection:
                    assert await connection.receive() == b"bye"
                    assert await connection.receive() == b""
                    assert await connection.receive() == b""
                    await connection.send(b"you too")
                    await connection.flush()

    async def test_a_connection_that_breaks_off_says_so(self, connector: TcpConnector) -> None:
        async def rude(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            reset(stream)

        async with scripted_server(rude) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port) as connection:
                    await connection.send(b"hello")
                    with pytest.raises(ConnectionLost, match=str(port)):
                        await connection.receive()
                    with pytest.raises(ConnectionLost):
                        await connection.send(b"again")

    async def test_abort_wakes_everybody_and_gives_the_reason(self, connector: TcpConnector) -> None:
        async with scripted_server(forever) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port) as connection:
                    async with trio.open_nursery() as nursery:

                        async def listen() -> None:
                            with pytest.raises(ConnectionLost, match="enough of it"):
                                await connection.receive()

                        nursery.start_soon(listen)
                        await trio.testing.wait_all_tasks_blocked()
                        connection.abort("enough of it")

    async def test_what_was_sent_before_the_close_arrives(self, connector: TcpConnector) -> None:
        got = b""
        done = trio.Event()

        async def collect(stream: trio.SocketStream) -> None:
            nonlocal got
            await stream.send_all(b"something that nobody reads")
            async for data in stream:
                got += data
            done.set()

        async with scripted_server(collect) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port) as connection:
                    await connection.send(b"last ")
                    await connection.send(b"words")
                await done.wait()
        assert got == b"last words"

    async def test_silence_ends_a_connection_that_listens(self, connector: TcpConnector) -> None:
        async with scripted_server(forever) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect(HOST, port, idle=0.1) as connection:
                    with pytest.raises(ConnectionLost, match="sign of life"):
                        await connection.receive()

    async def test_nobody_there(self, connector: TcpConnector) -> None:
        async with scripted_server(forever) as port:
            pass
        with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match=str(port)):
            async with connector.connect(HOST, port):
                pass

    @pytest.mark.parametrize("where", [("", 1), (HOST, 0), (HOST, 65536), (HOST, -1), ("a\0b", 1)])
    async def test_no_address(self, connector: TcpConnector, where: tuple[str, int]) -> None:
        with pytest.raises(NetworkError):
            async with connector.connect(*where):
                pass

    @pytest.mark.parametrize("said", [b"", b"SSH-2.0-hello\r\n"])
    async def test_a_peer_that_speaks_no_tls(self, connector: TcpConnector, said: bytes) -> None:
        async def other(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await stream.send_all(said) if said else None

        async with scripted_server(other) as port:
            with trio.fail_after(PATIENCE), pytest.raises(NetworkError, match="TLS"):
                async with connector.connect(HOST, port, tls=Tls()):
                    pass

    async def test_a_peer_that_never_answers_the_tls_handshake(self, connector: TcpConnector) -> None:
        async with scripted_server(forever) as port:
            with trio.fail_after(PATIENCE), pytest.raises(Unreachable, match="agreeing on TLS"):
                async with connector.connect(HOST, port, tls=Tls(), timeout=0.2):
                    pass

    # ---- frames ----

    async def test_frames_go_both_ways(self, connector: TcpConnector) -> None:
        frames = [b"", b"x", WORDS.encode(), b"y" * 1000]
        async with scripted_server(echo) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES) as connection:
                    for frame in frames:
                        await connection.send(frame)
                    assert [await connection.receive() for _ in frames] == frames
                    with pytest.raises(BadFrame):
                        await connection.send(b"z" * 1001)

    async def test_a_framing_that_is_none(self, connector: TcpConnector) -> None:
        with pytest.raises(ValueError, match="no-such"):
            async with connector.connect_framed(HOST, 1, Framing(framer="no-such")):
                pass

    async def test_answers_find_their_requests_in_any_order(self, connector: TcpConnector) -> None:
        async def reversed_answers(stream: trio.SocketStream) -> None:
            asked = b""
            while asked.count(b"?") < 3:
                asked += await stream.receive_some()
            await stream.send_all(packed(b"news", b"=3c", b"=2b", b"more", b"=1a"))
            await forever(stream)

        got: dict[bytes, bytes] = {}
        async with scripted_server(reversed_answers) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES, id_of=id_of) as connection:

                    async def ask(id: bytes) -> None:
                        got[id] = await connection.request(b"?" + id, id)

                    async with trio.open_nursery() as nursery:
                        for id in (b"1", b"2", b"3"):
                            nursery.start_soon(ask, id)
                    assert [await connection.receive() for _ in "ab"] == [b"news", b"more"]
        assert got == {b"1": b"=1a", b"2": b"=2b", b"3": b"=3c"}

    async def test_a_late_answer_is_dropped_and_counted(self, connector: TcpConnector) -> None:
        release = trio.Event()

        async def late(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await release.wait()
            await stream.send_all(packed(b"=1 too late", b"=9 never asked", b"news"))
            await forever(stream)

        async with scripted_server(late) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES, id_of=id_of) as connection:
                    with pytest.raises(NoAnswer, match="0.1 seconds"):
                        await connection.request(b"?1", b"1", timeout=0.1)
                    release.set()
                    assert await connection.receive() == b"news"
                    assert connection.counts.late == 2

    async def test_an_id_is_awaited_by_one_only(self, connector: TcpConnector) -> None:
        async with scripted_server(forever) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES, id_of=id_of) as connection:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(connection.request, b"?1", b"1")
                        await trio.testing.wait_all_tasks_blocked()
                        with pytest.raises(ValueError, match="awaited"):
                            await connection.request(b"?1", b"1")
                        nursery.cancel_scope.cancel()

    async def test_requests_learn_that_the_connection_is_lost(self, connector: TcpConnector) -> None:
        async def hang_up(stream: trio.SocketStream) -> None:
            await stream.receive_some()

        async with scripted_server(hang_up) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES, id_of=id_of) as connection:
                    with pytest.raises(ConnectionLost):
                        await connection.request(b"?1", b"1")
                    with pytest.raises(ConnectionLost):
                        await connection.request(b"?2", b"2")
                    with pytest.raises(ConnectionLost):
                        await connection.receive()

    async def test_push_frames_go_to_the_handler_one_by_one(self, connector: TcpConnector) -> None:
        async def pushy(stream: trio.SocketStream) -> None:
            await stream.send_all(packed(*(b"%d" % number for number in range(200))))
            await forever(stream)

        got: list[int] = []
        done = trio.Event()

        async def take(frame: bytes) -> None:
            await trio.lowlevel.checkpoint()
            got.append(int(frame))
            if len(got) == 200:
                done.set()

        async with scripted_server(pushy) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES, push=take):
                    await done.wait()
        assert got == list(range(200))

    async def test_heartbeats_are_no_data(self, connector: TcpConnector) -> None:
        heard: list[bytes] = []

        async def beating(stream: trio.SocketStream) -> None:
            await stream.send_all(packed(b"ping", b"one", b"pong", b"ping", b"two"))
            async for data in stream:
                heard.append(bytes(data))

        async with scripted_server(beating) as port:
            with trio.fail_after(PATIENCE):
                beat = Heartbeat(beat=b"ping", answer=b"pong", interval=3600)
                async with connector.connect_framed(HOST, port, FRAMES, heartbeat=beat) as connection:
                    assert [await connection.receive() for _ in "ab"] == [b"one", b"two"]
                    assert connection.counts.beats == 3
                    while b"".join(heard) != packed(b"pong", b"pong"):
                        await trio.sleep(0.01)

    async def test_a_peer_without_a_beat_is_lost_and_one_with_is_not(self, connector: TcpConnector) -> None:
        async def answer(stream: trio.SocketStream) -> None:
            async for data in stream:
                await stream.send_all(packed(b"pong") * data.count(b"ping"))

        beat = Heartbeat(beat=b"ping", answer=b"pong", interval=0.1)
        with trio.fail_after(PATIENCE):
            async with scripted_server(forever) as port:
                async with connector.connect_framed(HOST, port, FRAMES, heartbeat=beat) as connection:
                    with pytest.raises(ConnectionLost, match="sign of life"):
                        await connection.receive()
            async with scripted_server(answer) as port:
                async with connector.connect_framed(HOST, port, FRAMES, heartbeat=beat) as connection:
                    while connection.counts.beats < 4:
                        await trio.sleep(0.05)

    async def test_damage_is_told_after_the_frames_before_it(self, connector: TcpConnector) -> None:
        async def damaged(stream: trio.SocketStream) -> None:
            await stream.send_all(packed(b"good") + b"\xff\xff" + b"bad")
            await forever(stream)

        async with scripted_server(damaged) as port:
            with trio.fail_after(PATIENCE):
                async with connector.connect_framed(HOST, port, FRAMES) as connection:
                    assert await connection.receive() == b"good"
                    for _ in "ab":
                        with pytest.raises(BadFrame, match="larger"):
                            await connection.receive()
