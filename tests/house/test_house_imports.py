"""Rules 1 to 4 of the house: who may import what. Read from the source, so nothing has to run."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(each.name for each in (ROOT / "plugins").iterdir() if (each / "setup.cfg").is_file())

KERNEL_LIBRARIES = {"trio", "pluggy", "stevedore", "packaging"}
TEST_LIBRARIES = {"pytest", "hypothesis", "_pytest"}

SHARED = {("tulou_server", "tulou_xmpp"): "tulou_xmpp.wire"}
"""The one declared exception to rule 3: importer and imported -> the only module it may use."""

OWNERS = {
    "sqlite3": {"store"}, "apsw": {"store"}, "tinydb": {"store"},
    "pypac": {"net"}, "socks": {"net"}, "truststore": {"net"},
    "requests": {"net"}, "psutil": {"net"}, "dns": {"net"}, "starlette": {"net"}, "hypercorn": {"net"},
    "trio_websocket": {"net", "server"}, "wsproto": {"net", "server"},
    "Crypto": {"crypto"}, "keyring": {"crypto"}, "asn1crypto": {"crypto"},
    "cryptography": {"crypto"},
    "opentelemetry": {"tracking"},
}
"""Rule 4, where a library must stay in its room even if nobody else declares it."""


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every absolute import below a folder, also those inside functions."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module


def foreign(folder: Path, allowed: set[str]) -> list[str]:
    """Imports that are neither the standard library's nor allowed, as sentences."""
    return [
        f"{path.relative_to(ROOT)} imports {module}" for path, module in imports(folder)
        if module.split(".")[0] not in allowed | set(sys.stdlib_module_names)
    ]


def declared(plugin: str) -> set[str]:
    """Distributions that a plugin's setup.cfg requires (extras included), normalised."""
    config = configparser.ConfigParser()
    config.read(ROOT / "plugins" / plugin / "setup.cfg", "utf-8")
    lines = config["options"]["install_requires"].splitlines()
    if config.has_section("options.extras_require"):
        lines += [line for value in config["options.extras_require"].values() for line in value.splitlines()]
    names = (re.match(r"[A-Za-z0-9._-]+", line.strip()) for line in lines if not line.strip().startswith("#"))
    return {match.group().lower().replace("_", "-") for match in names if match}


def test_the_scan_sees_the_house() -> None:
    assert {"store", "net", "xmpp", "im", "shell", "server", "auth", "crypto"} <= set(PLUGINS)
    assert any(module == "trio" for _, module in imports(ROOT / "kernel" / "tulou"))


def test_rule_1_the_kernel_imports_no_feature_and_no_contract() -> None:
    testing = ROOT / "kernel" / "tulou" / "testing"
    bad = [each for each in foreign(ROOT / "kernel" / "tulou", KERNEL_LIBRARIES | {"tulou"})
           if not each.startswith(str(testing.relative_to(ROOT)))]
    bad += foreign(testing, KERNEL_LIBRARIES | TEST_LIBRARIES | {"tulou"})
    assert not bad, "\n".join(bad)


def test_rule_2_contracts_import_only_the_standard_library_and_the_kernel() -> None:
    contracts = ROOT / "kernel" / "tulou_contracts"
    bad = [each for each in foreign(contracts, {"tulou", "tulou_contracts"})
           if not each.startswith("kernel/tulou_contracts/testing/")]
    bad += foreign(contracts / "testing", TEST_LIBRARIES | {"tulou", "tulou_contracts", "trio"})
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_rule_3_a_plugin_imports_only_what_it_declares_and_never_another_plugin(plugin: str) -> None:
    package = f"tulou_{plugin}"
    providers = packages_distributions()
    bad = []
    for path, module in imports(ROOT / "plugins" / plugin / package):
        top = module.split(".")[0]
        if top in {"tulou", "tulou_contracts", package} or top in sys.stdlib_module_names:
            continue
        shared = SHARED.get((package, top))
        if shared is not None and (module == shared or module.startswith(shared + ".")):
            continue
        offers = {each.lower().replace("_", "-") for each in providers.get(top, [])}
        if top.startswith("tulou_") or not offers & declared(plugin):
            bad.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not bad, "\n".join(bad)


def test_rule_4_a_library_is_imported_by_the_one_plugin_that_owns_it() -> None:
    users: dict[str, set[str]] = {}
    for plugin in PLUGINS:
        for _, module in imports(ROOT / "plugins" / plugin / f"tulou_{plugin}"):
            top = module.split(".")[0]
            if top in OWNERS or top not in sys.stdlib_module_names and not top.startswith("tulou"):
                users.setdefault(top, set()).add(plugin)
    bad = [
        f"{library} is imported by {', '.join(sorted(plugins))}" for library, plugins in sorted(users.items())
        if library != "trio" and not plugins <= OWNERS.get(library, plugins if len(plugins) == 1 else set())
    ]
    assert not bad, "\n".join(bad)


def test_nothing_names_a_place_outside_the_project() -> None:
    """The project stands alone: no absolute home or workplace path in what it ships."""
    bad = []
    for folder in ("kernel", "plugins", "plugin_template", "docs", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".md", ".cfg", ".toml", ".js", ".css", ".html"} and path.is_file():
                text = path.read_text("utf-8", errors="replace")
                if re.search(r"/(home|Users)/\w+/|/root/", text) and path != Path(__file__):
                    bad.append(str(path.relative_to(ROOT)))
    assert not bad, "\n".join(bad)
