"""How `tulou company-service` reaches the process that runs: a loopback site, and a secret in the profile."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from tulou.errors import TulouError
from tulou_contracts.network import HttpHost, Request, Response
from tulou_server.company.forms import check_form
from tulou_server.company.running import Running

FILE = "admin.json"
HEADER = "x-tulou-admin"
PATH = "/admin"
JSON = "application/json"


@asynccontextmanager
async def open_admin(host: HttpHost, service: Running, folder: Path) -> AsyncIterator[None]:
    """Take orders for as long as the block lasts; who can read the profile may give them."""
    secret = secrets.token_urlsafe(32)
    orders = _Orders(service)

    def guard(request: Request) -> Response | None:
        given = request.headers.get(HEADER, "").encode("latin-1", "replace")
        if hmac.compare_digest(given, secret.encode()):
            return None
        return Response(status=401, body="This is for the administrator's command.\n")

    async with host.serve(guard=guard) as site:
        site.route("POST", PATH, orders.take)
        file = folder / FILE
        await trio.to_thread.run_sync(_write, file, {"url": site.url, "secret": secret})
        try:
            yield
        finally:
            with suppress(OSError):
                file.unlink()


def _write(file: Path, said: Mapping[str, str]) -> None:
    fresh = file.with_suffix(".new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(said, out)
    fresh.replace(file)


class _Orders:
    def __init__(self, service: Running) -> None:
        self._service = service
        self._known: Mapping[str, Callable[..., Awaitable[Any]]] = {
            "root-key": self._root_key, "publish": self._publish, "withdraw": self._withdraw,
            "list": self._list, "counts": self._counts, "logs": self._logs, "clear-logs": self._clear_logs,
            "log": self._log, "ask-logs": self._ask_logs,
            "new-root-key": self._new_root_key, "use-root-key": self._use_root_key,
        }

    async def take(self, request: Request) -> Response:
        """One order: {"do": NAME, ...} -> {"done": ...} or {"problem": "a sentence"}."""
        try:
            order = json.loads(request.body)
            work = self._known[order.pop("do")]
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return _said({"problem": "the service does not know this order; is it of another version?"}, 400)
        try:
            return _said({"done": await work(**order)})
        except TulouError as error:
            return _said({"problem": str(error)}, 422)
        except TypeError as error:
            return _said({"problem": f"the order is not understood: {error}"}, 400)

    async def _root_key(self) -> Any:
        return {"root_key": self._service.root_key, "url": self._service.url}

    async def _new_root_key(self) -> Any:
        return {"root_key": await self._service.new_root_key()}

    async def _use_root_key(self) -> Any:
        documents = await self._service.use_root_key()
        return {"root_key": self._service.root_key, "documents": len(documents)}

    async def _publish(
        self, kind: str, content: Any, account: str = "", audience: str = "",
        valid_for: float = 30 * 86_400.0, least: int = 0, force: bool = False,
    ) -> Any:
        if not force and audience in ("", self._service.audience):  # another product reads its own forms
            check_form(kind, content)
        document = await self._service.publish(
            kind, content, account=account, audience=audience, valid_for=valid_for, least=least)
        return {"version": document.version, "valid_until": document.valid_until}

    async def _withdraw(self, kind: str, account: str = "", audience: str = "") -> Any:
        await self._service.withdraw(kind, account=account, audience=audience)
        return {}

    async def _list(self) -> Any:
        return [{"kind": each.kind, "audience": each.audience, "account": each.account,
                 "version": each.version, "issued_at": each.issued_at, "valid_until": each.valid_until,
                 "withdrawn": each.withdrawn} for each in await self._service.archive.newest()]

    async def _counts(self) -> Any:
        return {each: dict(await self._service.counts(each)) for each in ("events", "logs")}

    async def _logs(self) -> Any:
        return [each._asdict() for each in await self._service.collector.logs()]

    async def _log(self, number: int) -> Any:
        body = await self._service.collector.log(number)
        if body is None:
            raise TulouError(f"there is no log report {number}")
        return {"hex": body.hex()}

    async def _ask_logs(self, account: str, since: int, until: int, reason: str) -> Any:
        return {"id": await self._service.ask_for_logs(account, since, until, reason)}

    async def _clear_logs(self) -> Any:
        return {"removed": await self._service.collector.clear_logs()}


def _said(what: Mapping[str, Any], status: int = 200) -> Response:
    return Response(status=status, body=json.dumps(what, ensure_ascii=False), content_type=JSON)
