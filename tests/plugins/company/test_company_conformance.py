"""What every plugin owes the house, and what a company's client owes everybody."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import ClassVar

import trio
from company_office import KEY, office, signed
from tulou.testing.conformance import Conformance
from tulou_company import plugin as manifest

from tulou_contracts.crypto import SignedTexts
from tulou_contracts.storage import Storage
from tulou_contracts.testing.company import CompanyConformance, CompanyPlay
from tulou_contracts.testing.crypto import FakeSignedTexts
from tulou_contracts.testing.memory_storage import MemoryStorage

REAL_TIME = True


class TestPlugin(Conformance):
    plugin = manifest
    fakes: ClassVar = {Storage: MemoryStorage(), SignedTexts: FakeSignedTexts()}
    config: ClassVar = {"root_keys": [KEY.public]}


class TestPluginWithoutCompany(Conformance):
    plugin = manifest
    fakes: ClassVar = {Storage: MemoryStorage(), SignedTexts: FakeSignedTexts()}


class TestCompany(CompanyConformance):
    @asynccontextmanager
    async def open(self):
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            async with office(Path(folder)) as it:
                versions = {}

                async def issue(kind, content):
                    version = versions[kind] = versions.get(kind, 0) + 1
                    it.service.texts = [signed(
                        kind, version, content or {}, withdrawn=content is None)]
                    await it.company.refresh(kind)
                    await trio.sleep(0.01)

                yield CompanyPlay(it.company, it.flags, it.events, issue)


async def test_what_was_kept_is_checked_in_a_thread_and_holds_at_once(tmp_path):
    storage = MemoryStorage()
    async with office(tmp_path, texts=[signed()], storage=storage, threads=True) as it:
        await it.company.refresh("policy")
    async with office(tmp_path, storage=storage, wire=False, threads=True) as it:
        assert it.company.document("policy").version == 1
