"""Where each stands in a picture of who is related to whom: somebody in the middle, the others in rings around.

The same people always stand in the same places, and nothing moves. Pure; draws nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import cos, pi, sin

__all__ = ["rings"]

FIRST, MORE = 8, 6  # how many have room in the first ring, and in each further one besides
Place = tuple[float, float]


def rings(names: Sequence[str], links: Collection[tuple[str, str]], centre: str) -> dict[str, Place]:
    """A place for each name: nearer to the middle the fewer steps lead there, and beside whom it is related to."""
    beside: dict[str, list[str]] = {each: [] for each in names}
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    if not names:
        return {}
    middle = centre if centre in beside else names[0]
    places: dict[str, Place] = {middle: (0.0, 0.0)}
    angles, number = {middle: 0.0}, 0
    for layer in _layers(names, beside, middle):
        # Around the circle in the order of those through whom they are known, so that few lines cross.
        layer.sort(key=lambda name: min((angles[each] for each in beside[name] if each in angles), default=0.0))
        while layer:
            number += 1
            room = FIRST + MORE * (number - 1)
            ring, layer = layer[:room], layer[room:]
            for place, name in enumerate(ring):
                angles[name] = 2 * pi * place / len(ring) + 0.4 * number
                places[name] = (number * cos(angles[name]), number * sin(angles[name]))
    return places


def _layers(names: Sequence[str], beside: dict[str, list[str]], middle: str) -> list[list[str]]:
    """The others by how many steps lead to them; last, those to whom no step leads."""
    met, layers, here = {middle}, [], [middle]
    while here:
        here = [each for each in dict.fromkeys(other for name in here for other in beside[name]) if each not in met]
        met.update(here)
        if here:
            layers.append(here)
    alone = [each for each in names if each not in met]
    return [*layers, alone] if alone else layers
