"""Hands an address from outside - `tulou open URL`, a link that the desktop opens - to a running app.

Whoever may write into the folder of the app's shell may hand something over: the sender leaves a ticket
there, a file whose name is the hash of a secret, and asks for it by the secret on the shell's port. The
answer says in words what became of it, and may have an entry link for a browser.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from tulou.errors import TulouError
from tulou_contracts.network import Request, Response
from tulou_contracts.routing import SCHEME
from tulou_shell.door import digest
from tulou_shell.link import NotRunning
from tulou_shell.opening import LONGEST
from tulou_shell.remembered import Remembered, replace_file

PATH = "/handover"
FOLDER = "handovers"
LIFE = 60.0
"""Seconds for which a ticket is good."""
LARGEST = 20_000
PATIENCE = 30.0
"""Seconds that the app may take; it may have to start an account first."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

Arrive = Callable[[str, str], Awaitable[str]]
"""`Shell.arrive`."""


class HandedOver(NamedTuple):
    """What became of it: an entry link to open, or '' when an open page shows it."""

    link: str


class Refused(TulouError):
    """The running app did not open the address; the text is its own."""


def is_address(text: str) -> bool:
    """As against the name or file of a composition, which may begin with a drive: ours is never a file."""
    if text[: len(SCHEME) + 1].lower() == f"{SCHEME}:":
        return True
    return bool(_URL.match(text)) and (len(text) > LONGEST or not os.path.exists(text))


class Counter:
    """The app's side: answers requests on `PATH`."""

    def __init__(self, folder: Path, arrive: Arrive) -> None:
        self._folder = folder / FOLDER
        self._arrive = arrive

    async def answer(self, request: Request) -> Response:
        """Take what the ticket says and follow it."""
        ticket = self._taken(request.query.get("ticket", ""))
        if ticket is None:
            return _json(404, {"error": "There is nothing to hand over under this ticket."})
        try:
            return _json(200, {"link": await self._arrive(*ticket)})
        except TulouError as error:
            return _json(409, {"error": str(error)})

    def _taken(self, secret: str) -> tuple[str, str] | None:
        """The ticket's address and account; removing the file decides that it is used once."""
        path = self._folder / digest(secret)
        try:
            made, text = path.stat().st_mtime, path.read_text("utf-8")[:LARGEST]
            path.unlink()
            ticket = json.loads(text)
            found = str(ticket["url"]), str(ticket["account"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if made >= time.time() - LIFE else None


def hand_over(folder: Path, url: str, account: str = "") -> HandedOver:
    """The sender's side. `folder` is the one of the shell (or launcher) in a profile.

    Raises `NotRunning` when nobody serves there, `Refused` with the app's own words.
    """
    remembered = Remembered(folder)
    port = remembered.now or remembered.port
    if not port:
        raise NotRunning(f"Tulou is not running on {folder}; start it first.")
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(32)
    ticket = place / digest(secret)
    replace_file(ticket, json.dumps({"url": url, "account": account}))
    try:
        status, answer = _ask(port, secret)
    except (OSError, http.client.HTTPException, ValueError):
        raise NotRunning(f"Tulou does not answer on {folder}; start it first.") from None
    finally:
        with contextlib.suppress(OSError):
            ticket.unlink()
    if status == 200:
        return HandedOver(str(answer.get("link", "")))
    if status == 409:
        raise Refused(str(answer.get("error", "")))
    # another program has the port by now
    raise NotRunning(f"Tulou does not answer on {folder}; start it first.")


def _ask(port: int, secret: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{PATH}?ticket={secret}")
        response = connection.getresponse()
        answer = json.loads(response.read(LARGEST)) if response.status in (200, 409) else {}
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise ValueError("no answer of ours")
    return response.status, answer


def _json(status: int, value: dict[str, str]) -> Response:
    return Response(status=status, body=json.dumps(value), content_type="application/json",
                    headers={"cache-control": "no-store"})
