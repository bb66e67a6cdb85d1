"""The plugin's life: the service answers while the plugin runs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from tulou.context import Context
from tulou.flow import Signal as Wake
from tulou.services import Wanted
from tulou_contracts.company import CompanyService
from tulou_contracts.crypto import Keyring, Signatures, SignedTexts
from tulou_contracts.network import HttpHost, Site, TlsIdentity
from tulou_contracts.server import SignalHost
from tulou_contracts.storage import Storage, StorageError
from tulou_server.company.admin import open_admin
from tulou_server.company.archive import Archive
from tulou_server.company.collector import Collector
from tulou_server.company.config import Config
from tulou_server.company.running import TOKEN, Running
from tulou_server.company.schema import MIGRATIONS, NAMESPACE
from tulou_server.company.signing import RootKeys
from tulou_server.company.site import Front
from tulou_server.company.tokens import Tokens


_HOUR = 3600.0


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Serve where the configuration says. Raises `PortTaken`, `NetworkError`, `CryptoError`."""
    config: Config = ctx.config
    host = ctx.service(HttpHost)
    database = await ctx.service(Storage).database(NAMESPACE, MIGRATIONS)
    keys = RootKeys(
        ctx.service(Keyring), ctx.service(Signatures), ctx.service(SignedTexts), database)
    await keys.open()
    archive = Archive(database, lambda: keys.signer, ctx.now)
    tokens = Tokens(database, ctx.now, config.token_life)
    await tokens.open()
    collector = Collector(
        database, ctx.now, quota_events=config.quota_events, quota_logs=config.quota_logs,
        keep_logs=config.keep_logs,
    )
    front = Front(config, tokens, archive, collector, ctx.log)
    tls = TlsIdentity(chain=config.certificate, key=config.key) if config.certificate else None
    async with host.serve(
        port=config.port, guard=front.guard, hosts=config.hosts, address=config.address, tls=tls,
    ) as site:
        front.open(site)
        service = Running(config, _url(config, site), keys, archive, tokens, collector, ctx.log)
        async with open_admin(host, service, ctx.data):
            ctx.log.info("company service at %s, root key %s", service.url, service.root_key)
            if config.announce:
                print(f"Company service at {service.url}; clients pin its root key {service.root_key}",
                      file=sys.stderr, flush=True)
            ctx.provide(CompanyService, service)
            ctx.spawn(_watch_validity, archive, ctx, name="validity")
            ctx.spawn(_on_the_wire, ctx.wanted(SignalHost), service, name="signals")
            yield


def _url(config: Config, site: Site) -> str:
    """Where clients find the site."""
    if config.url:
        return config.url.rstrip("/")
    if config.hosts and not config.hosts[0].startswith("*"):
        scheme = "https" if config.certificate else "http"
        return f"{scheme}://{config.hosts[0]}:{site.port}"
    return site.url


async def _watch_validity(archive: Archive, ctx: Context) -> None:
    """Tell the log in time what is about to run out: a policy that ends unnoticed helps nobody."""
    told: set[tuple[str, str, str, int]] = set()
    while True:
        now = ctx.now()
        try:
            issues = await archive.newest()
        except StorageError as error:
            ctx.log.error("what is issued cannot be looked at: %s", error)
            issues = ()
        for each in issues:
            name = (each.kind, each.audience, each.account, each.version)
            if each.ends_soon(now) and name not in told:
                told.add(name)
                ctx.log.warning(
                    "the %s for %s, version %d, %s: publish it anew, or withdraw it", each.kind,
                    each.account or "everybody", each.version,
                    "has run out" if each.valid_until <= now else "runs out within a week")
        await trio.sleep(_HOUR)


async def _on_the_wire(wanted: Wanted[SignalHost], service: Running) -> None:
    """Answer at whatever host is there; it may come later, go, and come again."""
    changed = Wake()
    unwatch = wanted.watch(changed.set)
    try:
        while True:
            host = wanted.get()
            if host is None:
                await changed.wait()
                continue
            end = host.answer(TOKEN, partial(service.token, host))
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(service.tell, host)
                    while wanted.get() is host:
                        await changed.wait()
                    nursery.cancel_scope.cancel()
            finally:
                end()
    finally:
        unwatch()
