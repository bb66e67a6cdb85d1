"""Resolution: order, cycles, missing providers, versions - each refusal one sentence that helps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulou import Level, ManifestError, Needs, Plugin
from tulou.resolution import Candidate, resolve


class A:
    pass


class B:
    pass


class C:
    pass


def candidate(name: str, priority: int = 0, **settings: Any) -> Candidate:
    return Candidate(Plugin(name=name, run="m:run", **settings), priority)


def test_order_is_dependencies_then_level_then_priority_then_name() -> None:
    plan = resolve([
        candidate("zebra", requires=(A,)), candidate("apple", requires=(A,)),
        candidate("late", level=Level.SHELL), candidate("core", level=Level.CORE),
        candidate("eager", priority=5, requires=(A,)), candidate("a", provides=(A,), level=Level.SHELL),
    ])
    assert plan.order == ("core", "a", "eager", "apple", "zebra", "late")


def test_a_cycle_is_spelled_out_and_who_is_behind_it_is_told() -> None:
    plan = resolve([
        candidate("x", requires=(B,), provides=(A,)), candidate("y", requires=(A,), provides=(B,)),
        candidate("behind", requires=(A,)), candidate("free"),
    ])
    assert plan.order == ("free",)
    assert "x -> y -> x" in plan.rejected["x"] or "y -> x -> y" in plan.rejected["x"]
    assert "`wants`" in plan.rejected["y"]
    assert "'x'" in plan.rejected["behind"]


def test_a_plugin_may_not_satisfy_itself() -> None:
    plan = resolve([candidate("self", requires=(A,), provides=(A,))])
    assert "no installed plugin provides" in plan.rejected["self"]


def test_a_missing_provider_is_told_with_what_to_add() -> None:
    plan = resolve([candidate("user", requires=(A,))], {A: "supplier"})
    assert plan.rejected["user"].endswith("add [plugins.supplier]")
    plan = resolve([candidate("user", requires=(A,))])
    assert "install one that does" in plan.rejected["user"]


def test_rejection_travels_along_the_chain_with_its_reason() -> None:
    plan = resolve([candidate("c", requires=(B,)), candidate("b", provides=(B,), requires=(A,))])
    assert "'b' provides, but that cannot start" in plan.rejected["c"]
    assert "install one that does" in plan.rejected["c"]


def test_versions_out_of_range() -> None:
    plan = resolve([
        candidate("user", requires=(Needs(A, ">=2"),)), candidate("old", provides=(A,), version="1.4"),
        candidate("fits", requires=(Needs(A, ">=1,<2"),)), candidate("ancient", api=">=0.1,<0.9"),
    ])
    assert "old 1.4" in plan.rejected["user"] and ">=2" in plan.rejected["user"]
    assert "this kernel speaks" in plan.rejected["ancient"]
    assert plan.order == ("old", "fits")


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_whatever_the_graph_everybody_is_ordered_or_rejected_and_order_respects_requirements(
    edges: list[tuple[int, int]],
) -> None:
    contracts = [type(f"K{n}", (), {}) for n in range(12)]
    needs: dict[int, set[int]] = {n: set() for n in range(12)}
    for user, provider in edges:
        needs[user].add(provider)
    plan = resolve(
        candidate(f"p{n}", provides=(contracts[n],), requires=tuple(contracts[m] for m in sorted(needs[n])))
        for n in range(12))
    assert set(plan.order) | set(plan.rejected) == {f"p{n}" for n in range(12)}
    assert not set(plan.order) & set(plan.rejected)
    place = {name: at for at, name in enumerate(plan.order)}
    for name in plan.order:
        assert all(place[f"p{m}"] < place[name] for m in needs[int(name[1:])])


@pytest.mark.parametrize("settings, words", [
    ({"name": "Bad Name"}, "lower-case words"),
    ({"name": "ok", "run": "no colon"}, "package.module:function"),
    ({"name": "ok", "requires": A}, "did you forget a comma"),
])
def test_a_manifest_that_cannot_be_right_says_why(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        Plugin(**{"run": "m:run", **settings})
