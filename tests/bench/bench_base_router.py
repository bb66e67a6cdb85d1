"""What finding the route of an address costs, against one compiled regular expression of all routes.

Both sides get the path as it stands in an address and answer which route it is, with the texts of its
parameters. 1,000 routes of three shapes, as an office with many plugins would have; addresses are asked
in a fixed random order. The second measurement begins with the address as a text and takes it apart, with
all that is checked there, while the expression's side stays the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from tulou_router.table import Table, pattern_of
from tulou_router.url import take_apart

from tests.bench.harness import Measurement, at_most, in_turn

ROUTES = 1_000
LOOKUPS = 2_000
BAR = 3.0


def patterns() -> list[str]:
    """1,000 paths: plain ones, ones that end in a parameter, and ones with two."""
    shapes = ("plugin{0}/page", "plugin{0}/item/{{id}}", "plugin{0}/{{room}}/seat/{{number}}")
    return [shapes[each % 3].format(each // 3) for each in range(ROUTES)]


def measure() -> Iterator[Measurement]:
    """Seconds for the same look-ups on both sides."""
    paths = patterns()
    table: Table[int] = Table()
    for number, path in enumerate(paths):
        assert table.add(pattern_of(path), number) is None
    whole = re.compile("|".join(
        f"(?P<r{number}>{re.sub(r'{(.+?)}', r'([^/]+)', path)})$" for number, path in enumerate(paths)))
    rng = random.Random(7)
    asked = [re.sub(r"{.+?}", lambda _: f"v{rng.randrange(100)}", path)
             for path in rng.choices(paths, k=LOOKUPS)]
    expected = [table.find(tuple(each.split("/"))) for each in asked]
    for path, match in zip(asked, expected):
        found = whole.match(path)
        assert match and found and f"r{match.value}" == _outermost(found)

    def ours() -> None:
        for path in asked:
            table.find(tuple(path.split("/")))

    def regex() -> None:
        for path in asked:
            found = whole.match(path)
            assert found is not None
            number = found.re.groupindex[_outermost(found)]
            found.groups()[number:number + 2]

    urls = [f"tulou://{path}" for path in asked]

    def whole_way() -> None:
        for url in urls:
            table.find(take_apart(url).segments)

    medians = in_turn({"tulou": ours, "tulou, from the address": whole_way, "one regex": regex})
    yield at_most("base_router_lookup_1000_routes", BAR, medians, ours="tulou", floor="one regex")
    yield at_most("base_router_address_1000_routes", BAR, medians, ours="tulou, from the address",
                  floor="one regex")


def _outermost(found: re.Match[str]) -> str:
    """The name of the route's own group: the one that closed last."""
    assert found.lastgroup is not None
    return found.lastgroup
