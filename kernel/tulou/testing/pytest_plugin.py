"""Fixtures for plugin authors, registered with pytest by the distribution."""

from __future__ import annotations
