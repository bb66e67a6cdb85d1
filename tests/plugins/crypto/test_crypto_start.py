"""The plugin as the kernel sees it."""

import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tulou.schema import bind
from tulou_contracts.crypto import Cipher, Keyring
from tulou_crypto import plugin
from tulou_crypto.config import Config
from tulou_crypto.service import run


@pytest.mark.parametrize("threads", [True, False])
async def test_it_provides_what_its_manifest_says(tmp_path: Path, threads: bool) -> None:
    provided: dict[Any, Any] = {}
    context = SimpleNamespace(
        config=Config(keyring="file", threads=threads), data=tmp_path, log=logging.getLogger("crypto"),
        provide=provided.__setitem__,
    )
    async with run(context):  # type: ignore[arg-type]
        assert set(provided) == set(plugin.provides) >= {Keyring, Cipher}
        await provided[Keyring].set("password", "密码")
        assert await provided[Keyring].get("password") == "密码"
        assert len(await provided[Cipher].derive_key("密码", b"salt")) == 32


def test_starting_imports_no_library() -> None:
    code = (
        "import logging, pathlib, sys, types, trio\n"
        "import tulou_crypto.service as s, tulou_crypto.config as c\n"
        "from tulou.services import mismatches\n"
        "def provide(contract, provider): assert not mismatches(contract, provider)\n"
        "async def main():\n"
        "    context = types.SimpleNamespace(\n"
        "        config=c.Config(), data=pathlib.Path('.'), log=logging.getLogger(), provide=provide)\n"
        "    async with s.run(context): pass\n"
        "trio.run(main)\n"
        "early = {'Crypto', 'keyring', 'cryptography', 'asn1crypto'} & set(sys.modules)\n"
        "assert not early, early\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_manifest_imports_neither_trio_nor_the_service() -> None:
    code = "import sys, tulou_crypto; assert not {'trio', 'tulou_crypto.service'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("table", "sentence"), [
    ({"keyring": "plain"}, "'auto', 'system', 'file'"),
    ({"deadline": 0}, "more than 0 seconds"),
    ({"deadline": float("nan")}, "more than 0 seconds"),
    ({"key_file": 3}, "a text"),
    ({"passphrase_from": "WORD=secret"}, "the name, not the passphrase"),
])
def test_wrong_settings_are_told(table: dict[str, Any], sentence: str) -> None:
    config, problems = bind(Config, table, "tulou.toml: plugins.crypto")
    assert config is None
    assert sentence in problems[0]


def test_settings_have_defaults() -> None:
    assert bind(Config, {}, "x") == (Config(
        keyring="auto", key_file="", passphrase_from="", deadline=10.0, threads=True, provider="auto"), [])
