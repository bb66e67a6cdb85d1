"""TOML that somebody wrote by hand: whatever is wrong with it is a `ValueError` with a sentence."""

from __future__ import annotations

from typing import Any


def parse(text: str) -> dict[str, Any]:
    """The text as tables. Raises `ValueError`."""
    import tomllib  # costs five milliseconds, and most starts read what was kept

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError("lists or tables stand in each other too deeply") from None
    except ValueError:
        # int() speaks of the interpreter's settings
        raise ValueError("a number in it has thousands of digits") from None
