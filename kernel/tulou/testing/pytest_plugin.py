"""Options for plugin authors, registered with pytest by the distribution. Kept light on purpose:
pytest loads it in every run of an environment that has Tulou."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that says which plugin the conformance suite is about."""
    parser.addoption("--tulou-plugin", metavar="NAME",
                     help="the installed plugin that tulou.testing.conformance examines")
