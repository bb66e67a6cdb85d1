"""Log lines for people: one a line, with colours where the terminal has some."""

from __future__ import annotations

import json
import os
import time
from typing import IO

from tulou_contracts.logs import LogLine, Verbosity
from tulou_log.reading import shown

_COLOURS = {
    Verbosity.DEBUG: "2", Verbosity.INFO: "", Verbosity.WARNING: "33", Verbosity.ERROR: "31",
    Verbosity.CRITICAL: "1;31",
}


def colourful(stream: IO[str]) -> bool:
    """Whether colours are wanted there (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def lines_of(line: LogLine, colours: bool) -> str:
    """A record as text, its exception below it."""
    moment = time.localtime(line.at // 1_000_000)
    at = f"{time.strftime('%m-%d %H:%M:%S', moment)}.{line.at // 1000 % 1000:03d}"
    more = "".join(f" {shown(str(name))}={shown(_short(value))}" for name, value in line.fields.items())
    act = f" [{shown(line.correlation)}]" if line.correlation else ""
    texts = [f"{at} {line.level.name.lower():<8} {shown(line.module)}: {line.message}{more}{act}"]
    for each in line.error:
        texts.append(f"    {shown(str(each.get('text') or each.get('type')))}")
        frames = each.get("frames")
        texts += [f"      {shown(str(frame))}" for frame in (frames if isinstance(frames, list) else [])]
    code = _COLOURS.get(line.level, "") if colours else ""
    return "\n".join(f"\x1b[{code}m{text}\x1b[0m" if code else text for text in texts)


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
