"""`tulou plugins` list, graph, why, timeline; broken, cyclic, duplicate and outdated distributions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_site import Site


def waterworks(site: Site) -> None:
    """spring gives water, mill requires it and gives fire, garden wants both."""
    site.plugin("spring", "level=Level.BASE, provides=(Water,), summary='a 泉'",
                start="ctx.provide(Water, object())")
    site.plugin("mill", "requires=(Water,), provides=(Fire,)", start="ctx.provide(Fire, object())")
    site.plugin("garden", "requires=(Water,), wants=(Fire,)")
    site.composition("""
        essential = ["spring"]
        [plugins.garden]
        [plugins.mill]
        priority = 5
        [plugins.spring]
    """)


def listed(site: Site, *arguments: str) -> dict[str, dict[str, Any]]:
    ended = site.main("plugins", "list", "--json", *arguments)
    assert ended.status == 0, ended.err
    return {each["name"]: each for each in json.loads(ended.out)["plugins"]}


# -- list ---------------------------------------------------------------------------------------


def test_the_list_has_what_starts_in_order_and_what_does_not_with_the_reason(site: Site) -> None:
    waterworks(site)
    site.plugin("idle")
    site.composition("""
        essential = ["spring"]
        [plugins.garden]
        [plugins.spring]
        [plugins.mill]
        enabled = false
        [plugins.gardn]
    """)
    found = listed(site)
    assert [(each["name"], each["state"]) for each in found.values()] == [
        ("spring", "starts"), ("garden", "starts"), ("gardn", "not installed"), ("idle", "not in it"),
        ("mill", "disabled")]
    assert found["spring"]["essential"] and found["spring"]["distribution"] == "tulou-spring"
    assert "did you mean 'garden'?" in found["gardn"]["reason"]
    assert "enabled = false" in found["mill"]["reason"]
    assert "a 泉" in site.main("plugins").out


def test_without_a_composition_the_list_is_what_is_installed(site: Site) -> None:
    site.plugin("spring")
    assert listed(site)["spring"]["state"] == "installed"
    assert "no plugins" not in site.main("plugins", "list").out


def test_an_empty_installation_is_told(site: Site) -> None:
    assert "no plugins are installed" in site.main("plugins", "list").out


def test_the_list_sees_what_was_installed_a_moment_ago(site: Site) -> None:
    site.plugin("spring")
    assert set(listed(site)) == {"spring"}
    site.plugin("mill")
    assert set(listed(site)) == {"spring", "mill"}


@pytest.mark.parametrize(("code", "error"), [
    ("import no_such_library", "ModuleNotFoundError"), ("this is no Python", "SyntaxError"),
    ("assert False, 'no'", "AssertionError"), ("raise SystemExit(3)", "SystemExit"),
    ("plugin = 3", "not a tulou.Plugin"), ("nothing = 1", "AttributeError"),
    ("from tulou import Plugin\nplugin = Plugin(name='other', run='a:b')", "make the two names equal"),
    ("from tulou import Plugin\nplugin = Plugin(name='Bad Name', run='a:b')", "lower-case words"),
])
def test_a_broken_distribution_is_named_and_hides_no_other(site: Site, code: str, error: str) -> None:
    site.plugin("spring")
    site.write("tulou_broken/__init__.py", code)
    site.distribution("tulou-broken", "2.5", plugins={"broken": "tulou_broken:plugin"})
    found = listed(site)
    assert found["spring"]["state"] == "installed"
    assert found["broken"]["state"] == "broken"
    assert error in found["broken"]["reason"]
    assert "tulou-broken 2.5" in found["broken"]["reason"]
    assert "tulou-broken 2.5" in site.main("plugins", "list").out


def test_damaged_records_of_another_distribution_hide_nothing(site: Site) -> None:
    site.plugin("spring")
    (site.folder / "wreck-1.0.dist-info").mkdir()
    site.write("worse-1.0.dist-info/entry_points.txt", "[tulou.plugins\nx == y = z")
    site.write("nameless-1.0.dist-info/METADATA", "")
    site.write("nameless-1.0.dist-info/entry_points.txt", "[tulou.plugins]\nnobody = nowhere:plugin\n")
    found = listed(site)
    assert found["spring"]["state"] == "installed"
    assert found["nobody"]["state"] == "broken"


def test_two_distributions_with_one_plugin_are_reported_loudly(site: Site) -> None:
    site.plugin("spring")
    site.write("other_spring.py", "from tulou_spring import plugin")
    site.distribution("a-spring", "3.0", plugins={"spring": "other_spring:plugin"})
    [problem] = json.loads(site.main("plugins", "list", "--json").out)["problems"]
    assert "two distributions install a plugin 'spring'" in problem
    assert "a-spring 3.0" in problem and "tulou-spring 1.0" in problem and "uninstall one" in problem
    assert problem in site.main("plugins", "list").out


def test_an_older_copy_further_down_the_path_is_no_second_plugin(site: Site, monkeypatch: Any) -> None:
    site.plugin("spring", version="2.0")
    import sys

    older = site.work / "older"
    info = older / "tulou_spring-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tulou-spring\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tulou.plugins]\nspring = tulou_spring:plugin\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older)])
    document = json.loads(site.main("plugins", "list", "--json").out)
    assert document["problems"] == [] and document["plugins"][0]["version"] == "2.0"


# -- graph --------------------------------------------------------------------------------------


def test_the_tree_goes_from_consumers_down_to_providers(site: Site) -> None:
    waterworks(site)
    assert site.main("plugins", "graph").out.splitlines() == [
        "garden", "└─ spring", "mill", "└─ spring"]


def test_the_tree_shows_a_shared_branch_once_and_what_nobody_provides(site: Site) -> None:
    site.plugin("a", "requires=(Water,)")
    site.plugin("b", "requires=(Water,)")
    site.plugin("mid", "requires=(Fire,), provides=(Water,)", start="ctx.provide(Water, object())")
    site.composition("[plugins.a]\n[plugins.b]\n[plugins.mid]\n")
    assert site.main("plugins", "graph").out.splitlines() == [
        "a  [cannot start]", "└─ mid  [cannot start]", "   └─ ! elements.Fire: nobody provides it",
        "b  [cannot start]", "└─ mid  [cannot start]  (see above)"]


def test_dot_has_an_edge_for_each_requirement_and_dashes_for_wishes(site: Site) -> None:
    waterworks(site)
    out = site.main("plugins", "graph", "--dot").out
    assert out.startswith("digraph tulou {") and out.rstrip().endswith("}")
    assert '"mill" -> "spring" [label="Water"];' in out
    assert '"garden" -> "mill" [label="Fire", style=dashed];' in out


def test_a_cycle_is_drawn_and_ends(site: Site) -> None:
    cycle(site)
    assert site.main("plugins", "graph").out.splitlines() == [
        "cook  [cannot start]", "└─ egg  [cannot start]", "   └─ hen  [cannot start]",
        "      └─ egg  [cannot start]  (see above)"]


def test_a_long_chain_is_drawn_without_recursion(site: Site) -> None:
    length = 1200
    site.write("chain.py", f"""
        from typing import Protocol
        kinds = [type(f"K{{i}}", (Protocol,), {{}}) for i in range({length})]
    """)
    site.write("links.py", f"""
        from tulou import Plugin
        from chain import kinds
        for i in range({length}):
            globals()[f"p{{i}}"] = Plugin(name=f"p{{i}}", run="links:run", provides=(kinds[i],),
                                          requires=(kinds[i + 1],) if i + 1 < {length} else ())
    """)
    site.distribution("links", plugins={f"p{i}": f"links:p{i}" for i in range(length)})
    site.composition('discover = "all"\n')
    assert len(site.main("plugins", "graph").out.splitlines()) == length
    assert "number 1 of 1200" in site.main("why", f"p{length - 1}").out


# -- why ----------------------------------------------------------------------------------------


def test_why_tells_who_named_it_who_needs_it_and_its_place(site: Site) -> None:
    waterworks(site)
    out = site.main("plugins", "why", "spring").out
    assert "spring (tulou-spring 1.0): a 泉" in out
    assert "starts as number 1 of 3" in out
    assert "tulou.toml names it, and it is essential" in out
    assert "mill requires it for elements.Water" in out and "garden requires it for elements.Water" in out
    assert "level BASE, priority 0" in out
    assert "'spring' comes before 'mill': 'mill' requires what it provides" in out


def test_why_compares_with_the_neighbours_in_the_order(site: Site) -> None:
    waterworks(site)
    out = site.main("why", "mill").out
    assert "'mill' comes before 'garden': same level, higher priority (5 against 0)" in out
    assert "garden wants it for elements.Fire" in out
    assert "it requires elements.Water from spring" in out
    assert "it wants elements.Fire from mill" in site.main("why", "garden").out
    site.plugin("early", "level=Level.BASE + 5")
    site.plugin("late", "level=Level.BASE + 5")
    site.composition("[plugins.early]\n[plugins.late]\n[plugins.spring]")
    out = site.main("why", "early").out
    assert "'spring' comes before 'early': its level is lower (BASE before BASE+5)" in out
    assert "'early' comes before 'late': same level and priority, then the alphabet decides" in out


def test_why_names_the_including_file(site: Site) -> None:
    waterworks(site)
    site.composition('include = ["tulou.toml"]\n', "outer.toml")
    assert "tulou.toml names it" in site.main("why", "spring", "outer.toml").out


def test_why_follows_the_chain_to_the_first_cause(site: Site) -> None:
    site.plugin("top", "requires=(Water,)")
    site.plugin("middle", "requires=(Fire,), provides=(Water,)")
    site.plugin("bottom", "requires=(Wood,), provides=(Fire,)")
    site.plugin("forest", "provides=(Wood,)")
    site.composition("[plugins.top]\n[plugins.middle]\n[plugins.bottom]\n")
    answer = json.loads(site.main("why", "top", "--json").out)
    assert [step["plugin"] for step in answer["chain"]] == ["top", "middle", "bottom"]
    assert answer["chain"][0]["reason"] == (
        "it requires elements.Water, which 'middle' provides, but that cannot start")
    assert answer["chain"][-1]["reason"].endswith(
        "nobody in the composition provides; add [plugins.forest]")


def cycle(site: Site) -> None:
    site.plugin("hen", "requires=(Water,), provides=(Fire,)")
    site.plugin("egg", "requires=(Fire,), provides=(Water,)")
    site.plugin("cook", "requires=(Water,)")
    site.composition("[plugins.hen]\n[plugins.egg]\n[plugins.cook]\n")


def test_why_spells_out_a_cycle_and_who_is_behind_it(site: Site) -> None:
    cycle(site)
    out = site.main("why", "hen").out
    assert "cycle of requirements" in out and "`wants`" in out
    answer = json.loads(site.main("why", "cook", "--json").out)
    assert [step["plugin"] for step in answer["chain"]] == ["cook", "egg"]


def test_why_of_outdated_plugins_says_what_to_install(site: Site) -> None:
    site.plugin("old", 'api=">=0.1,<0.2"')
    site.plugin("spring", 'provides=(Water,), version="1.0"')
    site.plugin("picky", 'requires=(Needs(Water, ">=2"),)')
    site.composition("[plugins.old]\n[plugins.picky]\n[plugins.spring]")
    assert "written for plugin API >=0.1,<0.2, this kernel speaks" in site.main("why", "old").out
    out = site.main("why", "picky").out
    assert "requires elements.Water >=2" in out and "has spring 1.0; install a version in that range" in out


def test_why_of_what_is_not_there(site: Site) -> None:
    waterworks(site)
    ended = site.main("why", "sprung")
    assert ended.status == 1 and "did you mean 'spring'?" in ended.out
    site.composition("[plugins.sprin]\n")
    assert "did you mean 'spring'?" in site.main("why", "sprin").out
    assert "does not name it; add [plugins.mill]" in site.main("why", "mill").out


def test_why_can_start_the_app_and_tell_what_came_of_it(site: Site) -> None:
    site.plugin("faulty", "provides=(Water,)", start="raise ValueError('没有运气')")
    site.plugin("user", "requires=(Water,)")
    site.composition("[plugins.faulty]\n[plugins.user]\n")
    assert "没有运气" in site.main("why", "user", "--start").out


# -- timeline -----------------------------------------------------------------------------------


def test_the_timeline_has_every_plugin_and_the_critical_path(site: Site) -> None:
    site.plugin("slow", "provides=(Water,)", start="await trio.sleep(0.05); ctx.provide(Water, object())")
    site.plugin("user", "requires=(Water,)")
    site.plugin("aside")
    site.composition("[plugins.slow]\n[plugins.user]\n[plugins.aside]\n[plugins.absent]\n")
    ended = site.main("plugins", "timeline")
    assert ended.status == 0
    assert "critical path (*): slow -> user" in ended.out
    assert "█" in ended.out and "missing: plugin 'absent'" in ended.out
    document = json.loads(site.main("plugins", "timeline", "--json").out)
    bills = {each["name"]: each for each in document["plugins"]}
    assert bills["user"]["started"] >= bills["slow"]["ready"] >= bills["slow"]["started"] + 0.05
    assert document["critical_path"] == ["slow", "user"]


def test_the_timeline_of_an_app_that_does_not_start_says_why(site: Site) -> None:
    site.plugin("faulty", "restart=Restart(attempts=0)", start="raise ValueError('no luck')")
    site.composition('essential = ["faulty"]\n[plugins.faulty]\n')
    ended = site.main("plugins", "timeline")
    assert ended.status == 1
    assert "no luck" in ended.out and "essential plugin 'faulty' is failed" in ended.err


def test_the_timeline_uses_the_profile_it_is_given(site: Site) -> None:
    site.plugin("writer", start="(ctx.data / 'note').write_text('你好', 'utf-8')")
    site.composition("[plugins.writer]\n")
    assert site.main("plugins", "timeline", "--profile", "here").status == 0
    assert (site.work / "here" / "writer" / "note").read_text("utf-8") == "你好"
