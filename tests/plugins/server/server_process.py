"""Run by tests: the composition `server` on the profile folder given; says where it listens."""

import sys

import trio

from tulou import Composition, Kernel
from tulou_contracts.server import ChatServer


async def main(profile: str) -> None:
    composition = (Composition.load("server").with_config("server", port=0, scram_iterations=4096)
                   .without("company-service"))
    async with Kernel(composition, profile=profile).running() as kernel:
        print(kernel.service(ChatServer).endpoint, flush=True)
        await trio.sleep_forever()


trio.run(main, sys.argv[1])
