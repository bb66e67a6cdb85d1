"""The compositions this distribution ships; the entry points name the paths of their files."""

from __future__ import annotations

from pathlib import Path

server = Path(__file__).with_name("server.toml")
"""The chat server alone, with its storage."""
