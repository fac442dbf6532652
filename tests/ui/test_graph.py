"""Where people and things are placed in the chart of the graph."""

from __future__ import annotations

from itertools import combinations
from math import atan2, hypot

import pytest

from ui.memories.graph import RING, rings

WIDE, HIGH = 80.0, 30.0  # of a name with its dot


def _places(names: list[str], links: list[tuple[str, str]], centre: str) -> dict[str, tuple[float, float]]:
    return rings(names, links, centre, lambda _: WIDE)


def test_the_chosen_name_is_in_the_middle_and_the_fewer_the_links_away_the_nearer_the_others() -> None:
    # Twenty friends of "a", each with a dog, and one that nothing leads to.
    friends, dogs = [f"friend {n}" for n in range(20)], [f"dog {n}" for n in range(20)]
    links = [*(("a", each) for each in friends), *zip(friends, dogs, strict=True)]
    far = {name: hypot(*place) for name, place in _places(["a", *friends, *dogs, "alone"], links, "a").items()}
    assert far["a"] == 0
    near, further = ({round(far[each]) for each in several} for several in (friends, dogs))
    assert len(near) == len(further) == 1
    assert RING <= min(near) <= min(further) - RING < far["alone"] - 2 * RING + 1


@pytest.mark.parametrize("number", [2, 5, 9, 25, 60])
def test_names_around_the_middle_do_not_touch(number: int) -> None:
    names = [str(each) for each in range(number)]
    places = _places(names, [("0", each) for each in names[1:]], "0")
    touching = [
        (one, other)
        for (one, (x, y)), (other, (u, v)) in combinations(places.items(), 2)
        if abs(x - u) < WIDE and abs(y - v) < HIGH
    ]
    assert touching == []


def test_neighbours_of_one_name_stand_beside_each_other() -> None:
    friends = ["ana", "ben", "eva"]
    pets = [f"{pet} of {friend}" for pet in ("cat", "dog", "hen") for friend in friends]
    links = [*(("me", each) for each in friends), *((each.split()[-1], each) for each in pets)]
    places = _places(["me", *friends, *pets], links, "me")
    around = sorted(pets, key=lambda name: atan2(places[name][1], places[name][0]))
    owners = [each.split()[-1] for each in around]
    assert sum(owner != owners[number - 1] for number, owner in enumerate(owners)) == 3


@pytest.mark.parametrize(
    ("names", "links", "centre"),
    [([], [], "me"), (["a"], [], "gone"), (["a", "b"], [("a", "a"), ("a", "b"), ("b", "a")], "a")],
)
def test_odd_graphs_are_placed_too(names: list[str], links: list[tuple[str, str]], centre: str) -> None:
    assert set(names) <= set(_places(names, links, centre))
