"""Who starts the server in a terminal is told where it listens; a program that embeds it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tulou import Composition, Kernel
from tulou_contracts.server import ChatServer

pytest.importorskip("tulou_store", reason="needs store in the kernel")


async def started(composition: Composition, profile: Path) -> str:
    quick = composition.with_config("server", port=0, scram_iterations=4096)
    async with Kernel(quick, profile=profile).running() as kernel:
        return kernel.service(ChatServer).endpoint


async def test_the_shipped_composition_says_where_it_listens(tmp_path: Path, capsys: Any) -> None:
    endpoint = await started(Composition.load("server"), tmp_path)
    told = capsys.readouterr()
    assert told.err.count(f"Chat server for tulou.localhost at {endpoint} (Ctrl-C stops it)\n") == 1
    assert told.out == ""


async def test_a_server_inside_another_program_says_nothing(tmp_path: Path, capsys: Any) -> None:
    await started(Composition.of("store", "server"), tmp_path)
    shell = pytest.importorskip("tulou_shell.demo", reason="needs the demo's composition")
    await started(Composition.load(shell.SERVER), tmp_path / "demo")
    assert "Chat server" not in "".join(capsys.readouterr())
