"""An independent client, slixmpp, finds everything as it expects it."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import trio
from slixmpp_bridge import bridge

PROGRAM = Path(__file__).with_name("slixmpp_process.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("slixmpp") is None, reason="slixmpp is not installed (pip install slixmpp)"),
]


async def test_slixmpp_sees_what_it_expects(server, endpoint):
    await server.create_account("mei", "secret", "梅")
    await server.befriend("lin", "wang")
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, lambda stream: bridge(endpoint, stream), listeners)
        with trio.fail_after(120):
            done = await trio.run_process(
                [sys.executable, str(PROGRAM), str(port)], capture_stdout=True, capture_stderr=True,
                check=False,
            )
        nursery.cancel_scope.cancel()
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    assert told["carbon"] == told["offline"] == "在吗？"
    assert told["archive"] == ["在吗？"]
    assert "lin@tulou.localhost" in told["roster"]
    assert told["vcard"] == "梅"
    assert told["managed"] and told["ping"] and told["carbons offered"]
