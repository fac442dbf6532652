"""Every kind of memory has a name, a heading and a colour wherever the app shows kinds."""

from __future__ import annotations

from memory.facts import KINDS
from ui import elements
from ui.health import findings
from ui.memories import profile, time_line


def test_every_place_that_shows_kinds_knows_all_of_them() -> None:
    places = {
        "elements": elements.KINDS,
        "findings": findings.KINDS,
        "profile": profile.HEADINGS,
        "time line": time_line.DOTS,
    }
    assert {name: set(known) ^ set(KINDS) for name, known in places.items() if set(known) != set(KINDS)} == {}
