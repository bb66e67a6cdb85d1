"""Files sealed to a public key: nobody reads them without the secret one, and nothing is missing."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import tulou_log
from tulou_log.config import Config
from tulou_log.reading import parse
from tulou_log.recorder import Recorder
from tulou_log.sealing import Sealed, lines_of

from tulou import Composition, Kernel
from tulou_contracts.crypto import CryptoError, PublicSeal
from tulou_contracts.logs import Logs

pytest.importorskip("tulou_crypto", reason="needs crypto, which seals")


def opened(provider: PublicSeal, key: str, folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.glob("log*.sealed")):
        lines, faults = lines_of(provider, key, path.read_bytes())
        assert not faults
        found += [line.message for line in map(parse, lines) if line is not None and line.module == "subject"]
    return found


async def test_a_profile_with_a_public_key_keeps_nothing_readable(
    tmp_path: Path, log: logging.Logger
) -> None:
    async with Kernel(Composition.of("crypto")).running() as desk:
        seal = desk.service(PublicSeal)
        secret = seal.new_secret_key()
        composition = Composition.of("crypto", "log").with_config("log", public_key=seal.public_key(secret))
        for turn in range(2):
            async with Kernel(composition, profile=tmp_path, plugins=[tulou_log.plugin]).running() as kernel:
                log.info("readable words, turn %d", turn)
                assert "readable words, turn" in (await kernel.service(Logs).read())[-1].message
        folder = tmp_path / "log"
        assert not list(folder.glob("*.jsonl*"))
        assert b"readable words" not in b"".join(path.read_bytes() for path in folder.iterdir())
        assert opened(seal, secret, folder) == ["readable words, turn 0", "readable words, turn 1"]
        with pytest.raises(CryptoError):
            opened(seal, seal.new_secret_key(), folder)

        key = tmp_path / "key"
        key.write_text(secret + "\n")
        done = subprocess.run(
            [sys.executable, "-m", "tulou", "logs", "open", str(folder / "log.sealed"), "--key", str(key)],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "readable words, turn 1" in done.stdout


async def test_without_anybody_who_seals_nothing_is_written(tmp_path: Path, log: logging.Logger) -> None:
    async with Kernel(Composition.of("crypto")).running() as desk:
        seal = desk.service(PublicSeal)
        secret = seal.new_secret_key()
        envelope = Sealed(seal.public_key(secret))
        recorder = Recorder(tmp_path, Config(ring_kb=64, flush_ms=1), envelope=envelope)
        recorder.open()
        log.info("first")
        assert not recorder.writer.flush()
        assert "crypto" in recorder.writer.trouble
        assert not any(path.stat().st_size for path in tmp_path.glob("*.sealed"))
        envelope.use(seal)
        assert recorder.writer.flush()
        recorder.close()
        assert opened(seal, secret, tmp_path) == ["first"]
        again = Recorder(tmp_path, Config(ring_kb=64, flush_ms=1), envelope=Sealed("no key at all"))
        again.open()
        log.info("second")
        assert not again.writer.flush() and again.writer.trouble
        again.close()
