"""What is offered to others is documented and has a test; what the docs say is so."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tulou
import tulou_contracts
from tulou import Composition
from tulou.hookspec import SPEC_ATTRIBUTE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CONTRACTS = (DOCS / "contracts.md").read_text("utf-8")
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
sys.path.insert(0, str(Path(__file__).parent))


def modules() -> list[Any]:
    """The contract modules."""
    return [importlib.import_module(f"tulou_contracts.{each.name}")
            for each in pkgutil.iter_modules(tulou_contracts.__path__) if each.name != "testing"]


def hooks() -> list[Callable[..., Any]]:
    """Every hook specification of the contracts."""
    return [member for module in modules() for member in vars(module).values()
            if hasattr(member, SPEC_ATTRIBUTE)]


def provided() -> list[type]:
    """Every contract that some plugin of the house provides."""
    from tulou import discovery
    manifests = [entry.load() for entry in discovery.scan().plugins.values()
                 if entry.target.startswith("tulou_")]
    found = {contract for manifest in manifests for contract in manifest.provides
             if contract.__module__.startswith("tulou_contracts.")}
    return sorted(found, key=lambda contract: contract.__name__)


def section(name: str) -> str:
    """The part of the page under a name's heading."""
    match = re.search(rf"^### `{name}`\n(.*?)(?=^##|\Z)", CONTRACTS, re.S | re.M)
    return match.group(1) if match else ""


def test_there_is_something_to_check() -> None:
    assert {each.__name__ for each in hooks()} >= {"outgoing_message", "incoming_message", "contribute_ui"}
    assert len(provided()) >= 10


@pytest.mark.parametrize("spec", hooks(), ids=lambda spec: spec.__name__)
def test_every_hook_has_words_an_example_and_a_test(spec: Callable[..., Any]) -> None:
    assert spec.__doc__
    assert "```" in section(spec.__name__), f"docs/contracts.md lacks an example of {spec.__name__}"
    assert re.search(rf"\b{spec.__name__}\b", TESTS), f"no test mentions {spec.__name__}"


@pytest.mark.parametrize("contract", provided(), ids=lambda contract: contract.__name__)
def test_every_contract_has_words_an_example_and_a_suite_that_runs(contract: type) -> None:
    assert contract.__doc__
    for name, member in vars(contract).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            assert member.__doc__, f"{contract.__name__}.{name} lacks a docstring"
    assert "```" in section(contract.__name__), f"docs/contracts.md lacks an example of {contract.__name__}"
    row = re.search(rf"^\| `{contract.__name__}` .*\| (?:`(\w+)`|-) \|$", CONTRACTS, re.M)
    assert row, f"docs/contracts.md does not list {contract.__name__} in its table"
    suite = row.group(1)
    if suite:
        assert re.search(rf"class Test\w+\(.*\b{suite}\b", TESTS), f"no test runs {suite}"


@pytest.mark.parametrize("path", sorted([*DOCS.glob("*.md"), ROOT / "README.md"]), ids=lambda path: path.name)
def test_python_in_the_docs_is_python(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.S):
        wrapped = "async def _():\n" + "\n".join("    " + line for line in block.splitlines()) + "\n    pass"
        ast.parse(wrapped)


@pytest.mark.parametrize("path", sorted([*DOCS.glob("*.md"), ROOT / "README.md"]), ids=lambda path: path.name)
def test_links_in_the_docs_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_deployers_guide_lists_what_the_compositions_hold() -> None:
    guide = (DOCS / "deploying.md").read_text("utf-8")
    for name in ("office", "chat-only", "headless", "server", "company", "demo"):
        row = re.search(rf"^\| `{name}` \| ([^|]*)\|", guide, re.M)
        assert row and set(row.group(1).replace(",", " ").split()) == set(Composition.load(name).plugins)


@pytest.mark.parametrize("name", [
    "store", "net", "crypto", "log", "router", "tracking", "company", "auth", "xmpp", "im", "shell", "server",
])
def test_a_plugins_page_names_its_contracts_and_settings_and_has_an_example(name: str) -> None:
    from tulou import discovery
    entry = discovery.scan().plugins.get(name)
    if entry is None:
        pytest.skip(f"plugin {name!r} is not installed")
    manifest, page = entry.load(), (ROOT / "plugins" / name / "README.md").read_text("utf-8")
    assert isinstance(manifest.config, str)
    module, _, kind = manifest.config.partition(":")
    settings = dataclasses.fields(getattr(importlib.import_module(module), kind))
    missing = [each.name for each in settings if not re.search(rf"^\|[^|]*`{each.name}`", page, re.M)]
    assert not missing, f"plugins/{name}/README.md lacks the settings {missing}"
    lacking = [each.__name__ for each in manifest.provides if each.__name__ not in page]
    assert not lacking, f"plugins/{name}/README.md lacks the contracts {lacking}"
    assert "```python" in page


def test_the_diagram_of_a_plugins_life_is_the_table() -> None:
    import draw_states
    assert draw_states.PAGE.read_text("utf-8") == draw_states.page()


def test_every_public_name_of_the_kernel_has_words_and_loads() -> None:
    for name in tulou.__all__:
        member = getattr(tulou, name)
        assert name == "API_VERSION" or member.__doc__, f"tulou.{name} lacks a docstring"
