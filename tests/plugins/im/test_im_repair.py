"""A damaged database: what the server still has comes back, in its order, and what waits is sent."""

from __future__ import annotations

import pytest
import trio
from im_support import at, bodies, gaps, open_room, settle
from tulou_contracts.testing.fakes import FakeServer
from tulou_contracts.testing.messaging import LIN, WANG
from tulou_contracts.transport import Outgoing
from tulou_im.config import Config

pytest.importorskip("tulou_store", reason="needs store, which repairs")
PAGE = 4096
TEXTS = [f"{number} 土楼 " + "x" * 900 for number in range(200)]


def damage(folder, *, first, step):
    """Overwrite every `step`-th page from `first` on, and have the store look at all of them."""
    path = folder / "profile.db"
    content = bytearray(path.read_bytes())
    for page in range(first, len(content) // PAGE, step):
        content[page * PAGE:(page + 1) * PAGE] = b"\xa5" * PAGE
    path.write_bytes(content)
    path.with_name("profile.db.check").touch()


async def filled(server, tmp_path, config):
    async with at(server, tmp_path) as place, open_room(place, config) as room:
        place.transport.connect()
        await settle()
        for number, text in enumerate(TEXTS):
            server.take(WANG, Outgoing(id=f"m{number}", to=LIN, body=text))
            await trio.sleep(1)
        await settle()
        assert await bodies(room) == TEXTS


@pytest.mark.parametrize(("first", "step"), [(20, 7), (12, 3), (30, 1)])
async def test_what_was_lost_comes_back_from_the_archive(autojump_clock, tmp_path, first, step):
    server = FakeServer()
    config = Config(page=10, catch_up_limit=20)
    await filled(server, tmp_path, config)
    damage(tmp_path, first=first, step=step)
    async with at(server, tmp_path) as place:
        async with open_room(place, config) as room:
            assert room._database.repair is not None
            assert await bodies(room) != TEXTS, "nothing was damaged"
            place.transport.connect()
            await settle()
            assert await bodies(room) == TEXTS
            assert await gaps(room) == []
            assert room._database.repair is None
            sent = await room.messenger.send(WANG, "还能发")
            await settle()
            assert (await room.messenger.history(WANG, limit=1))[0].id == sent.id
        async with open_room(place, config) as room:
            assert room._database.repair is None, "it is dealt with once"


async def test_without_a_connection_it_stays_to_be_done(autojump_clock, tmp_path):
    server = FakeServer()
    config = Config(page=10)
    await filled(server, tmp_path, config)
    damage(tmp_path, first=20, step=7)
    for _ in range(2):
        async with at(server, tmp_path) as place, open_room(place, config) as room:
            await settle()
            assert room._database.repair is not None
    async with at(server, tmp_path) as place, open_room(place, config) as room:
        place.transport.connect()
        await settle()
        assert await bodies(room) == TEXTS
