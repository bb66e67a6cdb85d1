"""A client room in a kernel on a virtual clock, its company played by the test."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import trio
from tulou_company import plugin
from tulou_company.reading import key_id

from tulou import AccountChanged
from tulou.testing import boot
from tulou.testing.kit import EPOCH
from tulou_contracts.company import Company, DocumentChanged, Flags, FlagsChanged
from tulou_contracts.crypto import SignedTexts
from tulou_contracts.identity import Account, Identity
from tulou_contracts.network import HttpClient, HttpResponse, Unreachable
from tulou_contracts.storage import Storage
from tulou_contracts.testing.crypto import FakeSignatures, FakeSignedTexts
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.signalling import FakeSignals
from tulou_contracts.transport import ConnectionChanged, ConnectionState, Refused, Signalling

LIN = "lin@example.org"
DAY = 86_400 * 1_000_000
URL = "https://company.example.org:5281"


class Key:
    """A root key of a company's."""

    def __init__(self):
        self.private = FakeSignatures().new_private_key()
        self.der = FakeSignatures().public_key(self.private)
        self.public = base64.b64encode(self.der).decode()
        self.id = key_id(self.der)


KEY = Key()


def payload(kind="policy", version=1, content=None, **more):
    return {"kind": kind, "version": version, "audience": "tulou", "account": "", "withdrawn": False,
            "issued_at": EPOCH, "valid_until": EPOCH + 30 * DAY,
            "content": {"v": version} if content is None else content, **more}


def signed(kind="policy", version=1, content=None, *, key=KEY, typ=None, **more):
    fields = payload(kind, version, content, **more)
    return signed_text(json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass"),
                       typ or f"company.{kind}", key)


def signed_text(data, typ, key=KEY):
    return FakeSignedTexts().sign(data, key.private, key.id, typ)


class FakeService:
    """The company service as HTTP shows it; what it does wrong is the test's choice."""

    def __init__(self):
        self.texts = []
        self.requests = []
        self.tokens = {}
        self.down = False
        self.raw = None
        """Answers instead of the usual, one a request."""
        self.etags = True
        self.reports = []
        self.issued = 0

    async def token(self, account, content):
        self.issued += 1
        token = f"token-number-{self.issued:08d}"
        self.tokens[token] = account
        return {"token": token, "expires": "3600", "url": URL}

    async def send(self, request):
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        if self.down:
            raise Unreachable("no connection")
        if self.raw:
            answer = self.raw.pop(0)
            if answer is None:
                await trio.sleep_forever()
            return answer
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return HttpResponse(status=401)
        if request.method == "POST":
            self.reports.append((self.tokens[token], request))
            return HttpResponse(status=200, body=b"{}")
        body = json.dumps({"documents": self.texts}).encode()
        tag = f'"{hash(body)}"' if self.etags else ""
        if tag and request.headers.get("if-none-match") == tag:
            return HttpResponse(status=304)
        return HttpResponse(status=200, body=body, headers={"etag": tag} if tag else {})


class Office:
    """The room and everything around it."""

    def __init__(self, kernel, service, signals, wire, identity, storage):
        self.kernel, self.service, self.signals = kernel, service, signals
        self.wire, self.identity, self.storage = wire, identity, storage
        self.company = kernel.service(Company)
        self.flags = kernel.service(Flags)
        self.events = []
        for kind in (DocumentChanged, FlagsChanged):
            kernel._house.events.subscribe("test", kind, self.events.append)

    def publish(self, event):
        self.kernel._house.events.publish(event)

    def online(self):
        self.publish(ConnectionChanged(state=ConnectionState.ONLINE))

    async def asked(self, times):
        """Until the service was asked so often, and what came was dealt with."""
        with trio.fail_after(3000):
            while len(self.service.requests) < times:
                await trio.sleep(0.5)
        await trio.sleep(0.1)

    def sign_in(self, address):
        self.identity.account = Account(address=address) if address else None
        self.publish(AccountChanged(account=address))

    @property
    def changes(self):
        return [(each.kind, each.version) for each in self.events if isinstance(each, DocumentChanged)]


@asynccontextmanager
async def office(
    profile, *, texts=(), storage=None, service=None, account=LIN, wire=True, asked=None, identity=True,
    **config
):
    storage = storage or MemoryStorage()
    service = service or FakeService()
    if texts:
        service.texts = list(texts)
    signals = FakeSignals(asked or "example.org")
    signals.answer("company.token", service.token)
    known = SimpleNamespace(
        account=Account(address=account) if account else None, signed_in=bool(account),
        sign_in=_no, register=_no, sign_out=_no)
    published = []
    device = signals.of(account, lambda event: published[0].publish(event))
    fakes = {Storage: storage, SignedTexts: FakeSignedTexts(), HttpClient: service}
    if identity:
        fakes[Identity] = known
    if wire:
        fakes[Signalling] = device
    settings = {"root_keys": [KEY.public], "threads": False, "spread": 0.0, "service": asked or "", **config}
    async with boot(plugin, fakes=fakes, profile=profile, config={"company": settings},
                    essential=["company"]) as kernel:
        made = Office(kernel, service, signals, device, known, storage)
        published.append(made)
        yield made


async def _no(*given, **named):
    raise Refused("not in this test")
