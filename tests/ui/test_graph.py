"""Where people and things are placed in the chart of the graph."""

from __future__ import annotations

from math import hypot

import pytest

from ui.memories.graph import FIRST, rings


def _far(place: tuple[float, float]) -> int:
    return round(hypot(*place))


def test_the_chosen_name_is_in_the_middle_and_the_others_at_their_distance() -> None:
    places = rings(["a", "b", "c", "d"], [("a", "b"), ("b", "c")], "a")
    assert [_far(places[each]) for each in "abcd"] == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [1, 2, FIRST + 1, 60])
def test_every_name_has_a_place_of_its_own(number: int) -> None:
    names = [str(each) for each in range(number)]
    places = rings(names, [("0", each) for each in names[1:]], "0")
    assert len({(round(x, 3), round(y, 3)) for x, y in places.values()}) == number


@pytest.mark.parametrize(
    ("names", "links", "centre"),
    [([], [], "me"), (["a"], [], "gone"), (["a", "b"], [("a", "a"), ("a", "b"), ("b", "a")], "a")],
)
def test_odd_graphs_are_placed_too(names: list[str], links: list[tuple[str, str]], centre: str) -> None:
    assert set(names) <= set(rings(names, links, centre))
