"""Run by tests: a company service on the profile given; issues documents, prints what clients get."""

import sys

import trio

from tulou import Composition, Kernel
from tulou_contracts.company import CompanyService


async def main(profile: str) -> None:
    composition = (
        Composition.of("store", "net", "crypto", "company-service")
        .with_config("crypto", keyring="file").with_config("company-service", port=0)
        ._replace(essential=frozenset({"store", "net", "crypto", "company-service"}))
    )
    async with Kernel(composition, profile=profile).running() as kernel:
        service = kernel.service(CompanyService)
        number = 0
        while True:
            number += 1
            await service.publish("policy", {"n": number})
            for text in await service.archive.texts("lin@example.org", "tulou", "policy"):
                print(text, flush=True)


trio.run(main, sys.argv[1])
