"""The fixture `room`: a tracking room on the test's own folder."""

from __future__ import annotations

from tracking_world import room

__all__ = ["room"]
