"""What the chain costs: 1 KiB from a loopback server, against `requests` in a thread by itself.

Both sides keep one connection open and call one after the other. The server is a process of its own that
knows one answer, so that what is measured is the client. Ten links stand around the exchange, all built in.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import requests
import trio
from tulou_net.config import Config
from tulou_net.http.client import RequestsClient

from tests.bench.harness import Measurement, at_most, reported_in_turn
from tulou_contracts.network import HttpRequest, HttpSignIn

CALLS = 400  # a round
BAR = 1.15
SERVER = r"""
import socket
body = bytes(range(256)) * 4
head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
import threading
def serve(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = b""
    while data := peer.recv(65536):
        asked += data
        while b"\r\n\r\n" in asked:
            asked = asked.partition(b"\r\n\r\n")[2]
            peer.sendall(head + body)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def measure() -> Iterator[Measurement]:
    """Seconds a call."""
    with server() as port:
        url = f"http://127.0.0.1:{port}/file"
        medians = reported_in_turn({
            "tulou, ten links": lambda: trio.run(chain, url),
            "requests in a thread": lambda: trio.run(bare, url, True),
            "requests, blind to the environment": lambda: trio.run(bare, url, False),
            "tulou, nothing but the exchange": lambda: trio.run(wire, url),
        })
    yield at_most(
        "HTTP call through ten links / bare requests by trio.to_thread, 1 KiB", BAR, medians,
        ours="tulou, ten links", floor="requests in a thread",
        peers=("requests, blind to the environment", "tulou, nothing but the exchange"),
    )


@contextmanager
def server() -> Iterator[int]:
    """The port of a server that runs for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def client(url: str) -> RequestsClient:
    """All ten links at work: the rate is counted but never reached, a token is added."""
    async def token(refused: str | None) -> str:
        return "token"

    made = RequestsClient(Config(proxy="direct", rate=1e9, burst=1_000_000_000))
    made.contribute([HttpSignIn(origin=url.rpartition("/")[0], token=token)])
    return made


async def chain(url: str) -> float:
    """Through the client as rooms use it."""
    made = client(url)
    request = HttpRequest(url=url)
    await made.send(request)
    begin = time.perf_counter()
    for _ in range(CALLS):
        response = await made.send(request)
        assert len(response.body) == 1024
    taken = time.perf_counter() - begin
    made.close()
    return taken / CALLS


async def wire(url: str) -> float:
    """The innermost function alone."""
    made = client(url)
    request = HttpRequest(url=url)
    await made.send(request)
    assert made._stack is not None
    exchange = made._stack.wire.exchange
    begin = time.perf_counter()
    for _ in range(CALLS):
        assert len((await exchange(request)).body) == 1024
    taken = time.perf_counter() - begin
    made.close()
    return taken / CALLS


async def bare(url: str, environment: bool) -> float:
    """The peer: a session of `requests`, each call in a thread."""
    with requests.Session() as session:
        session.trust_env = environment
        call = partial(session.get, url, timeout=30)
        await trio.to_thread.run_sync(call)
        begin = time.perf_counter()
        for _ in range(CALLS):
            assert len((await trio.to_thread.run_sync(call)).content) == 1024
        return (time.perf_counter() - begin) / CALLS
