"""`tulou check`: everything that is wrong, at once, each in one sentence with file, key and advice."""

from __future__ import annotations

import json

from cli_site import Site

CONFIG = """
    from dataclasses import dataclass
    from typing import Literal

    @dataclass(frozen=True)
    class Config:
        server: str
        port: int = 5222
        ratio: float = 1.0
        colour: Literal["red", "blue"] = "red"

        def __post_init__(self):
            if not 0 < self.port < 65536:
                raise ValueError(f"port {self.port} is out of range; use 1 to 65535")
"""


def problems(site: Site, *arguments: str) -> list[str]:
    ended = site.main("check", *arguments)
    listed: list[str] = json.loads(site.main("check", "--json", *arguments).out)["problems"]
    assert ended.status == (1 if listed else 0)
    assert all(each in ended.out for each in listed)
    return listed


def test_a_right_composition_has_nothing_wrong(site: Site) -> None:
    site.plugin("post", 'config="tulou_post.config:Config"', config=CONFIG)
    site.composition('[plugins.post.config]\nserver = "a.example"\n')
    assert problems(site) == []
    assert site.main("check").out == "tulou.toml: 1 plugins, nothing wrong\n"
    assert site.command("check").status == 0


def test_all_that_is_wrong_is_told_at_once(site: Site) -> None:
    site.plugin("post", 'config="tulou_post.config:Config", grants=("mail.send",)', config=CONFIG)
    site.plugin("plain")
    site.plugin("thirsty", "requires=(Water,)")
    site.plugin("unloadable", start="pass")
    site.write("tulou_unloadable/service.py", "import no_such_library")
    site.composition("""
        colour = "red"
        device = "tablet"
        discover = "some"
        essential = ["hart"]
        [plugins.post]
        grant = []
        priority = "high"
        grants = ["mail.send", "mail.read"]
        [plugins.post.config]
        sever = "a.example"
        port = "5222"
        colour = "green"
        [plugins.plain.config]
        key = 1
        [plugins.thirsty]
        [plugins.unloadable]
        [plugins.pst]
    """)
    found = "\n".join(problems(site))
    for sentence in (
        "tulou.toml: unknown key 'colour'",
        "tulou.toml.device: 'tablet' is a text; it should be one of 'pc', 'pad', 'phone'",
        "tulou.toml.discover: 'some' should be 'listed' or 'all'",
        "tulou.toml: essential plugin 'hart' is not part of it; add [plugins.hart]",
        "[plugins.post]: unknown key 'grant'; did you mean 'grants'?",
        "[plugins.post].priority: 'high' is a text; it should be a whole number",
        "[plugins.post].grants: the plugin does not ask for 'mail.read'; it asks for 'mail.send'",
        "[plugins.post.config]: unknown key 'sever'; did you mean 'server'?",
        "[plugins.post.config]: 'server' is missing; give it a text",
        "[plugins.post.config].port: '5222' is a text; it should be a whole number",
        "[plugins.post.config].colour: 'green' is a text; it should be one of 'red', 'blue'",
        "[plugins.plain.config]: plugin 'plain' has no settings",
        "plugin 'thirsty' cannot start: it requires elements.Water, which no installed plugin provides",
        "plugin 'unloadable': importing tulou_unloadable.service:run raises ModuleNotFoundError",
        "plugin 'pst' is not installed; did you mean 'post'?",
    ):
        assert sentence in found, f"{sentence}\n--- not in ---\n{found}"
    assert all("tulou.toml" in line for line in found.splitlines())


def test_a_provider_that_is_disabled_is_told(site: Site) -> None:
    site.plugin("well", "provides=(Water,)", start="ctx.provide(Water, object())")
    site.plugin("thirsty", "requires=(Water,)")
    site.composition("[plugins.thirsty]\n[plugins.well]\nenabled = false\n")
    assert problems(site) == [
        "tulou.toml: plugin 'thirsty' cannot start: it requires elements.Water; plugin 'well' provides it,"
        " but it is disabled: enable it"]


def test_a_config_class_may_refuse_in_its_own_words(site: Site) -> None:
    site.plugin("post", 'config="tulou_post.config:Config"', config=CONFIG)
    site.composition('[plugins.post.config]\nserver = "x"\nport = 70000\n')
    assert problems(site) == ["tulou.toml: [plugins.post.config]: port 70000 is out of range; use 1 to 65535"]


def test_files_that_cannot_be_read_are_sentences(site: Site) -> None:
    site.composition("= broken", "broken.toml")
    (site.work / "binary.toml").write_bytes(b"\xff\xfe\x00")
    site.composition('include = ["broken.toml", "gone.toml", "loop.toml"]\n', "loop.toml")
    assert "not a TOML file" in problems(site, "broken.toml")[0]
    assert "not a TOML file" in problems(site, "binary.toml")[0]
    found = problems(site, "loop.toml")
    assert len(found) == 3
    assert any("gone.toml" in each for each in found) and any("includes itself" in each for each in found)
    assert site.main("check", "gone.toml").status == 1


def test_an_included_file_is_named_in_the_sentence(site: Site) -> None:
    site.plugin("plain")
    site.composition("[plugins.plain.config]\nkey = 1\n", "inner.toml")
    site.composition('include = ["inner.toml"]\n')
    assert problems(site)[0].startswith("inner.toml: [plugins.plain.config]")


def test_duplicates_and_disabled_essentials_count(site: Site) -> None:
    site.plugin("spring")
    site.write("other_spring.py", "from tulou_spring import plugin")
    site.distribution("a-spring", plugins={"spring": "other_spring:plugin"})
    site.composition('essential = ["spring"]\n[plugins.spring]\nenabled = false\n')
    found = problems(site)
    assert any("two distributions install a plugin 'spring'" in each for each in found)
    assert any("essential and has enabled = false" in each for each in found)


def test_broken_plugins_outside_the_composition_do_not_count(site: Site) -> None:
    site.plugin("spring")
    site.write("tulou_broken.py", "1 / 0")
    site.distribution("tulou-broken", plugins={"broken": "tulou_broken:plugin"})
    site.composition("[plugins.spring]\n")
    assert problems(site) == []
    site.composition("[plugins.broken]\n")
    assert "ZeroDivisionError" in problems(site)[0]


def test_run_tells_the_same_settings_at_once_and_does_not_start(site: Site) -> None:
    site.plugin("post", 'config="tulou_post.config:Config"', config=CONFIG)
    site.composition('[plugins.post.config]\nsever = "x"\nport = "y"\n')
    ended = site.main("run")
    assert ended.status == 1
    assert len(ended.err.splitlines()) == 3 and "Traceback" not in ended.err
