"""Rule 5: remove any plugin, or any two, and block their imports: what is left starts, and says
what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import pytest
import trio

from tulou import Composition, Kernel, PluginFailed

OFFICE = Composition.load("office")
DEMO_PORTS = {"shell": {"port": 0}}
NAMES = sorted(OFFICE.plugins)
CASES = [*combinations(NAMES, 1), *combinations(NAMES, 2)]


@contextmanager
def blocked(*names: str) -> Iterator[None]:
    """Importing the packages of these plugins fails, as if they were not installed."""
    packages = {f"tulou_{name}" for name in names}
    taken = {key: module for key, module in sys.modules.items() if key.split(".")[0] in packages}
    sys.modules.update({key: None for key in {*taken, *packages}})  # type: ignore[misc]
    try:
        yield
    finally:
        for key in [key for key in sys.modules if key.split(".")[0] in packages]:
            del sys.modules[key]
        sys.modules.update(taken)


def test_the_office_is_what_the_house_says() -> None:
    assert OFFICE.essential == {"store", "net", "crypto", "auth", "xmpp", "im", "shell"}


@pytest.mark.parametrize("removed", CASES, ids="+".join)
async def test_what_is_left_starts_and_says_what_is_missing(removed: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is held essential here, so this covers more than the house promises."""
    composition = OFFICE._replace(essential=frozenset())
    with blocked(*removed), trio.fail_after(60):
        kernel = Kernel(composition, profile=tmp_path, blocked_after=0)
        async with kernel.running():
            missing = kernel.missing()
            assert set(missing) == set(removed)
            assert all(f"'{name}'" in sentence for name, sentence in missing.items())
            for status in kernel.status():
                if status.state.value != "running":
                    assert status.state.value in ("unresolved", "waiting"), status
                    assert "tulou_contracts" in status.reason or "waits for" in status.reason, status


@pytest.mark.parametrize("removed", sorted(OFFICE.essential))
async def test_without_an_essential_plugin_it_refuses_with_a_sentence(removed: str, tmp_path: Path) -> None:
    with blocked(removed), trio.fail_after(60):
        kernel = Kernel(OFFICE, profile=tmp_path, blocked_after=0)
        with pytest.raises(PluginFailed, match=f"plugin '{removed}'"):
            async with kernel.running():
                raise AssertionError("it must not start")


@pytest.mark.parametrize("removed", [
    *combinations(sorted(set(NAMES) - OFFICE.essential), 1),
    *combinations(sorted(set(NAMES) - OFFICE.essential), 2)] or [()])
async def test_every_plugin_that_is_not_essential_can_go(removed: tuple[str, ...], tmp_path: Path) -> None:
    with blocked(*removed), trio.fail_after(60):
        kernel = Kernel(OFFICE, profile=tmp_path, blocked_after=0)
        async with kernel.running():
            running = {each.name for each in kernel.status() if each.state.value == "running"}
            assert running >= OFFICE.essential
