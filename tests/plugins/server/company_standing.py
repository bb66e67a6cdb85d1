"""Run by tests: the composition `server` with its company service, until standard input ends.

``python company_standing.py PROFILE SECONDS SETTINGS``: its clock is ahead by so many seconds.
"""

import json
import sys
import time

import trio

from tulou import Composition, Kernel
from tulou_contracts.company import CompanyService
from tulou_contracts.identity import AccountTaken
from tulou_contracts.server import ChatServer


async def main(profile: str, settings: str) -> None:
    composition = (
        Composition.load("server")
        .with_config("server", port=0, scram_iterations=4096, announce=False)
        .with_config("company-service", **{"port": 0, "announce": False, **json.loads(settings)}))
    async with Kernel(composition, profile=profile).running() as kernel:
        chat, company = kernel.service(ChatServer), kernel.service(CompanyService)
        for name in ("lin", "wang"):
            try:
                await chat.create_account(name, "secret")
            except AccountTaken:
                pass  # it runs again
        print(json.dumps({"endpoint": chat.endpoint, "root_key": company.root_key, "url": company.url}),
              flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


ahead, now_ns, now = float(sys.argv[2]), time.time_ns, time.time
if ahead:
    time.time_ns = lambda: now_ns() + round(ahead * 1e9)
    time.time = lambda: now() + ahead
trio.run(main, sys.argv[1], sys.argv[3])
