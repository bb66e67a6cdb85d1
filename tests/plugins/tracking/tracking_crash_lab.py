"""A process to be killed: ``python tracking_crash_lab.py PROFILE MODE``.

Mode ``track``: tracks numbered events for ever and prints the number below which all are durable.
Mode ``withdraw``: tracks some, withdraws consent, says so and waits for its end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio
import tulou_store
import tulou_tracking
from tracking_world import declaring
from tulou.testing import boot
from tulou_contracts.testing.tracking import TABLE
from tulou_contracts.tracking import Consent, Tracker, TrackingControl


async def main(profile: Path, mode: str) -> None:
    config = {"tracking": {"consent": "full", "flush": 0.01}}
    async with boot(tulou_store.plugin, tulou_tracking.plugin, declaring(*TABLE), config=config,
                    profile=profile) as kernel:
        tracker, control = kernel.service(Tracker), kernel.service(TrackingControl)
        if mode == "withdraw":
            for number in range(100):
                tracker.track("kit.plain", whole=number)
            await control.flush()
            for number in range(100, 200):
                tracker.track("kit.plain", whole=number)
            await control.set_consent(Consent.OFF)
            print("withdrawn", flush=True)
            await trio.sleep_forever()
        number = 0
        while True:
            for _ in range(50):
                tracker.track("kit.plain", whole=number)
                number += 1
            await control.flush()
            print(number, flush=True)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
