"""Fixtures of the kernel's tests."""

from cli_site import libraries, site

__all__ = ["libraries", "site"]
