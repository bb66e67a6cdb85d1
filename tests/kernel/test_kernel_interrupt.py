"""Ctrl-C at any moment ends an embedding program: nothing is left that waits for ever."""

import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from contextlib import asynccontextmanager
import trio
from tulou import Composition, Kernel, Plugin

where = sys.argv[1]

def interrupt():
    # trio itself runs this, so the interrupt goes to the main task, wherever that waits
    trio.lowlevel.current_trio_token().run_sync_soon(signal.raise_signal, signal.SIGINT)

async def a_while():
    for _ in range(20):
        await trio.lowlevel.checkpoint()

@asynccontextmanager
async def run(ctx):
    yield
    if where in ("stop", "stop twice"):
        for _ in where.split():
            interrupt()
            await a_while()
    print("stopped in order", flush=True)

async def main():
    async with Kernel(Composition.of("one"), plugins=[Plugin(name="one", run=run)]).running():
        if where == "block":
            interrupt()
            await trio.sleep_forever()

try:
    trio.run(main)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("where", ["block", "stop", "stop twice"])
def test_an_interrupt_ends_the_program_in_order(where, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen([sys.executable, tmp_path / "program.py", where], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            out, err = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"it never ended: {process.communicate()}")
    assert out.split("\n")[:2] == ["stopped in order", "interrupted"] and not err
