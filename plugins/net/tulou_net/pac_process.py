"""The process that runs a PAC file's script: a question as JSON on standard input, the answer on output."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The ways that the script names: ``{"ways": [address, ""]}``, "" for none."""
    from pypac.parser import PACFile, parse_pac_value  # type: ignore[import-untyped]

    try:
        said = PACFile(question["script"]).find_proxy_for_url(question["url"], question["host"])
        if not isinstance(said, str):
            return {"problem": f"it answers {said!r}"}
        ways = parse_pac_value(said)
    except Exception as error:  # whatever the interpreter finds wrong with it
        return {"problem": str(error)[:500]}
    if not ways:
        return {"ways": [""]} if not said.strip() else {"problem": f"it answers {said[:100]!r}"}
    return {"ways": ["" if way == "DIRECT" else way for way in ways]}


def main() -> None:
    """Answer once."""
    warnings.simplefilter("ignore")
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
