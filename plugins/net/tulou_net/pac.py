"""Proxy auto-config: the company's script says which way out, run in a process of its own.

The interpreter holds Python's lock while it runs, so an endless loop in a script would stop the app; a
process can be ended. Answers are remembered by origin, so that it is seldom started.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tulou_contracts.network import NetworkError

from tulou_net.http.origin import origin_of

_PROCESS = Path(__file__).with_name("pac_process.py")
_PATIENCE = 5.0  # seconds for a script's answer
_LARGEST = 1 << 20
_SCHEMES = {"ws": "http", "wss": "https"}


class Pac:
    """A PAC file at an address or path; every method blocks but `forget`."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._script: str | None = None
        self._read: Callable[[str], bytes] | None = None
        self._log = logging.getLogger(__name__)

    def read_by(self, read: Callable[[str], bytes], log: logging.Logger) -> None:
        """Who reads what lies on a server."""
        self._read, self._log = read, log

    def forget(self) -> None:
        """Read it again at the next question."""
        self._script = None

    def ask(self, url: str) -> list[str]:
        """The proxies for `url`, "" for none, the best one first. Out of reach of the file (a laptop at
        home), none.

        Raises `NetworkError` for a script that is broken or gives no answer.
        """
        script = self._script
        if script is None:
            try:
                script = self._script = self._load()
            except (OSError, NetworkError) as error:
                self._log.warning("the PAC file %s cannot be read, so we go directly: %s", self._place, error)
                return [""]
        origin = origin_of(url)
        scheme, _, rest = origin.partition("://")
        question = {"script": script, "url": f"{_SCHEMES.get(scheme, scheme)}://{rest}/",
                    "host": urlsplit(origin).hostname or ""}
        return self._answer(question)

    def _load(self) -> str:
        if self._place.startswith(("http://", "https://")):
            if self._read is None:
                raise NetworkError("nobody is there to read it")
            raw = self._read(self._place)
        else:
            raw = Path(self._place.removeprefix("file://")).read_bytes()
        if len(raw) > _LARGEST:
            raise NetworkError(f"it is larger than {_LARGEST} bytes")
        return raw.decode("utf-8", "replace")

    def _answer(self, question: dict[str, str]) -> list[str]:
        import subprocess

        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_PROCESS)], input=json.dumps(question).encode(),
                capture_output=True, timeout=_PATIENCE, check=True,
            )
            answer: dict[str, Any] = json.loads(done.stdout)
        except subprocess.TimeoutExpired as error:
            raise NetworkError(
                f"the PAC file {self._place} gives no answer within {_PATIENCE:g} seconds"
            ) from error
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            raise NetworkError(f"the PAC file {self._place} cannot be asked: {error}") from error
        if "problem" in answer:
            raise NetworkError(f"the PAC file {self._place} is broken: {answer['problem']}")
        ways: list[str] = answer["ways"]
        return ways
