"""A company service in a kernel, its storage and keys fakes, its site and sockets real."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from tulou_server.company import plugin

from tulou.testing import boot
from tulou_contracts.company import CompanyService
from tulou_contracts.crypto import Keyring, Signatures, SignedTexts
from tulou_contracts.network import HttpClient, HttpRequest
from tulou_contracts.server import SignalHost
from tulou_contracts.storage import Storage
from tulou_contracts.testing.crypto import FakeSignatures, FakeSignedTexts, MemoryKeyring
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.signalling import FakeSignals

pytest.importorskip("tulou_net", reason="needs net, which serves and asks by HTTP")

LIN = "lin@example.org"
WANG = "wang@example.org"


class World:
    """The service, and what clients and administrators do with it."""

    def __init__(self, kernel, signals, storage, texts):
        self.kernel, self.signals, self.storage, self.texts = kernel, signals, storage, texts
        self.service = kernel.service(CompanyService)
        self.http = kernel.service(HttpClient)

    async def token(self, account=LIN):
        return (await self.signals.of(account).ask("", "company.token", {}))["token"]

    async def send(self, path, token, method="GET", body=b"", **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if method == "POST":
            headers["origin"] = self.service.url
        return await self.http.send(HttpRequest(
            url=f"{self.service.url}{path}", method=method, body=body, headers=headers, timeout=10))

    async def documents(self, account=LIN, path="/documents", **headers):
        response = await self.send(path, await self.token(account), **headers)
        assert response.status == 200, response
        return [self.opened(text) for text in json.loads(response.body)["documents"]]

    def opened(self, text):
        import base64

        public = base64.b64decode(self.service.root_key)
        kind = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))["kind"]
        from tulou_server.company.signing import key_id

        return json.loads(self.texts.verify(text, {key_id(public): public}, f"company.{kind}"))


@asynccontextmanager
async def company_world(profile, *, storage=None, keyring=None, **config):
    storage, keyring = storage or MemoryStorage(), keyring if keyring is not None else MemoryKeyring()
    signals, texts = FakeSignals(), FakeSignedTexts()
    fakes = {Storage: storage, Keyring: keyring, Signatures: FakeSignatures(), SignedTexts: texts,
             SignalHost: signals}
    async with boot("net", plugin, fakes=fakes, profile=profile, essential=["company-service"],
                    config={"company-service": {"port": 0, **config}, "net": {"retries": 0}}) as kernel:
        yield World(kernel, signals, storage, texts)
