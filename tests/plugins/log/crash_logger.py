"""Logs as fast as it can until it is killed, and says on stdout what it has logged."""

import logging
import os
import sys
import threading
from pathlib import Path

from tulou_log import handler
from tulou_log.config import Config
from tulou_log.recorder import Recorder


def work(who: int) -> None:
    log = logging.getLogger(f"tulou.plugin.worker{who}")
    log.setLevel(logging.INFO)
    number = 0
    while True:
        log.info("%d said %d", who, number)
        os.write(1, f"{who} {number}\n".encode())
        number += 1


if __name__ == "__main__":
    handler.PATIENCE = 60.0  # the machine may be busy
    recorder = Recorder(Path(sys.argv[1]), Config(ring_kb=1024, file_mb=1, flush_ms=int(sys.argv[2])))
    recorder.open()
    for each in range(int(sys.argv[3])):
        threading.Thread(target=work, args=(each,), daemon=True).start()
    threading.Event().wait()
