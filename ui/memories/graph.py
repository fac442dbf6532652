"""Draws the graph of the people and things in the memories: a chart to press on, and the same relations as a list.

The whole graph is read at once, so that choosing somebody needs no second read. `rings` places the nodes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate
from math import cos, hypot, pi, sin, sqrt
from typing import Any

import streamlit as st

from auth.guard import User
from memory.rows.graph import ME, Entity, Relation
from services import services
from ui import elements
from ui.browser.page_scripts import scroll_past_graph
from ui.memories import memory_list

__all__ = ["draw_graph", "rings"]

MAX_NODES, MAX_RELATIONS, MAX_MENTIONS = 60, 100, 10
LABELLED = 6  # the most lines whose words stand on them; of more, they show under the pointer
CHOSEN, HOPS, CHART, ZOOM = "graph-chosen", "graph-hops", "graph-picture", "graph-zoom"
ZOOMS = (1.0, 1.6, 2.6, 4.2)
INK = {"dark": "#f0e8df", "light": "#2c2420"}
LINE = {"dark": "#7d6f63", "light": "#b7a896"}
CENTRE, OTHERS = "#c8553b", "#8a9a7b"
SMALLEST, LARGEST = 12, 40  # pixels of a node
LETTER, LINE_HEIGHT = 6.6, 18  # pixels of a name, on average
RING = 96  # pixels between two rings at least
TURN = 0.4  # by how much each ring is turned, so that few lines lie on each other
LEGEND = (
    "People and things in your memories. Larger dots have more memories; dots nearer the middle are more closely "
    "linked."
)


def draw_graph(user: User) -> None:
    """Draw the choice, the chart, the list, and the memories about whoever is chosen."""
    entities, relations = services().memory.graph.whole(user.id)
    if not [each for each in entities if each.name != ME]:
        st.markdown("Nothing yet. People, places and things you mention will appear here.")
        return
    st.caption(LEGEND)
    by_name = {each.name: each for each in entities}
    chosen, hops = _draw_choice(by_name)
    near = _around(relations, chosen, hops) if chosen else list(relations)
    drawn = _names_to_draw(by_name, near, chosen)
    _draw_graph_chart([by_name.get(each) or Entity(each, (each,), ()) for each in drawn], near, chosen)
    if not chosen and len(by_name) > len(drawn):
        st.caption(f"Showing the {len(drawn)} of {len(by_name):,} with the most links.")
    _draw_relations(near, chosen)
    if chosen:
        _draw_mentions(user, by_name[chosen])


def _draw_choice(by_name: Mapping[str, Entity]) -> tuple[str | None, int]:
    """Draw the choice of who or what is in the middle, and how many steps around it are shown."""
    # The chosen person or thing may be gone or have another name now.
    if st.session_state.get(CHOSEN) not in by_name:
        st.session_state[CHOSEN] = None
    chosen = st.selectbox(
        "Around",
        sorted(by_name, key=lambda name: _display_name(name).casefold()),
        index=None,
        format_func=lambda name: _label(by_name[name]),
        placeholder="Everyone and everything",
        key=CHOSEN,
    )
    far = {1: "Direct links", 2: "Two steps"}
    hops = st.segmented_control(
        "How far",
        list(far),
        format_func=far.__getitem__,
        default=1,
        key=HOPS,
        label_visibility="collapsed",
        disabled=chosen is None,
    )
    return chosen, hops or 1


def _around(relations: Sequence[Relation], name: str, hops: int) -> list[Relation]:
    """Return somebody's relations, and with two hops those of their neighbours; none leads through the person."""
    near = [each for each in relations if name in (each.subject, each.object)]
    if hops == 1:
        return near
    met = {end for each in near for end in (each.subject, each.object)} - {ME}
    return [each for each in relations if {each.subject, each.object} & (met | {name})]


def _names_to_draw(by_name: Mapping[str, Entity], near: Sequence[Relation], chosen: str | None) -> list[str]:
    """Return the names that are drawn: whoever is chosen, then those with the most relations."""
    ties = Counter(end for each in near for end in (each.subject, each.object))
    in_order = sorted(
        ties if chosen else by_name,
        key=lambda name: (name != chosen, -ties[name], -len(by_name[name].memory_ids) if name in by_name else 0),
    )
    return in_order[:MAX_NODES] if in_order else [chosen] if chosen else []


def _draw_graph_chart(drawn: Sequence[Entity], near: Sequence[Relation], chosen: str | None) -> None:
    names = [each.name for each in drawn]
    links = _links(names, near)
    with st.container(key="graph-chart"):
        # Another key after each press: a selection that is kept would press the same place again in the next chart.
        st.echarts_chart(
            _spec(drawn, links, chosen),
            height=460,
            key=f"{CHART}-{st.session_state.get(CHART, 0)}",
            on_select=_on_press(tuple(names)),
            alt=(
                f"A picture of {len(drawn)} people and things and {len(links)} links between them, also given as a "
                "list below."
            ),
        )
        _draw_zoom()
    scroll_past_graph()


def _draw_zoom() -> None:
    """Draw the buttons that make the picture larger and smaller, for whoever has neither wheel nor two fingers."""
    level = _zoom_level()
    with st.container(horizontal=True, gap="xxsmall", vertical_alignment="center", key="graph-zooming"):
        for label, icon, step in (("Zoom out", "zoom_out", -1), ("Zoom in", "zoom_in", 1)):
            key, off = f"icon-graph-{icon}", not 0 <= level + step < len(ZOOMS)
            st.button(
                label, key=key, icon=f":material/{icon}:", type="tertiary", disabled=off, on_click=_zoom, args=(step,)
            )
        st.caption("Select a dot to see what it is linked to. Drag, scroll or pinch to move and zoom.")


def _zoom(step: int) -> None:
    st.session_state[ZOOM] = min(max(_zoom_level() + step, 0), len(ZOOMS) - 1)
    st.session_state[CHART] = st.session_state.get(CHART, 0) + 1  # another chart: what was zoomed by hand begins anew


def _zoom_level() -> int:
    level: int = st.session_state.get(ZOOM, 0)
    return level


def _on_press(drawn: Sequence[str]) -> Any:
    def pressed() -> None:
        number = st.session_state.get(CHART, 0)
        event = st.session_state.get(f"{CHART}-{number}") or {}
        places = [
            place
            for each in event.get("selection", {}).get("selected", [])
            if each.get("data_type") in ("node", "main")
            for place in each.get("data_indices", [])
        ]
        names = [drawn[place] for place in places if isinstance(place, int) and 0 <= place < len(drawn)]
        st.session_state[CHART] = number + 1
        if names:
            st.session_state[CHOSEN] = None if names[-1] == st.session_state.get(CHOSEN) else names[-1]

    return pressed


def _links(drawn: Collection[str], near: Sequence[Relation]) -> dict[tuple[str, str], list[str]]:
    """Return the words on each line; several relations between the same two share one line."""
    links: dict[tuple[str, str], list[str]] = {}
    for relation in near:
        subject, other = relation.subject, relation.object
        if subject in drawn and other in drawn and subject != other:
            links.setdefault((subject, other), []).append(relation.relation)
    return links


def _spec(
    drawn: Sequence[Entity], links: Mapping[tuple[str, str], Sequence[str]], chosen: str | None
) -> dict[str, Any]:
    """Return the chart's specification, which holds no script."""
    ink, line = (each["dark" if st.context.theme.type == "dark" else "light"] for each in (INK, LINE))
    place = {each.name: number for number, each in enumerate(drawn)}
    series = {
        "type": "graph",
        "layout": "none",
        "data": _nodes(drawn, links, chosen or ME),
        "links": [
            {"source": str(place[subject]), "target": str(place[other]), "label": _line_label(relations, len(links))}
            for (subject, other), relations in links.items()
        ],
        "left": "14%",
        "right": "14%",
        "top": "7%",
        "bottom": "10%",
        "preserveAspect": "contain",
        "selectedMode": "single",
        "roam": True,
        "zoom": ZOOMS[_zoom_level()],
        "scaleLimit": {"min": 0.7, "max": 8},
        "nodeScaleRatio": 0.3,
        "edgeSymbol": ["none", "arrow"],
        "edgeSymbolSize": 6,
        "lineStyle": {"color": line, "opacity": 0.9, "curveness": 0.06},
        "label": {"show": True, "position": "bottom", "distance": 3, "color": ink, "fontSize": 12},
        "edgeLabel": {"show": len(links) <= LABELLED, "color": ink, "fontSize": 11, "opacity": 0.85},
        "emphasis": {"focus": "adjacency", "label": {"color": ink, "show": True}, "edgeLabel": {"show": True}},
        "select": {"itemStyle": {"borderColor": ink, "borderWidth": 2}, "label": {"color": ink}},
    }
    # Names that have no room show once there is room. Not where lines have words: this setting misplaces those.
    series |= {"labelLayout": {"hideOverlap": True}} if len(links) > LABELLED else {}
    return {"series": [series], "tooltip": {"show": False}, "animation": False}


def _nodes(drawn: Sequence[Entity], links: Mapping[tuple[str, str], Any], centre: str) -> list[dict[str, Any]]:
    labels = {each.name: _short_name(_label(each)) for each in drawn}
    places = rings(list(labels), list(links), centre, lambda name: len(labels[name]) * LETTER)
    return [
        {
            "id": str(number),
            "name": labels[each.name],
            "x": round(places[each.name][0]),
            "y": round(places[each.name][1]),
            "symbolSize": _size(each),
            "itemStyle": {"color": CENTRE if each.name == centre else OTHERS},
        }
        for number, each in enumerate(drawn)
    ]


def _size(entity: Entity) -> int:
    """Return how large a node is: its area grows with the memories that mention it."""
    return min(LARGEST, round(SMALLEST * sqrt(max(1, len(entity.memory_ids)))))


def _line_label(relations: Sequence[str], lines: int) -> dict[str, Any]:
    """Return the label of a line; with many lines it is hidden."""
    return {"show": lines <= LABELLED, "formatter": _short_name(", ".join(dict.fromkeys(relations)))}


def _draw_relations(near: Sequence[Relation], chosen: str | None) -> None:
    with st.expander("As a list", key=f"graph-list-{chosen is not None}"):
        distinct = dict.fromkeys((each.subject, each.relation, each.object) for each in near)
        lines = [
            f"{_escaped_name(subject)} — {elements.escape(relation)} — {_escaped_name(other)}"
            for subject, relation, other in list(distinct)[:MAX_RELATIONS]
        ]
        if lines:
            st.markdown("\n".join(f"- {each}" for each in lines))
        else:
            st.markdown(f"I know of no links to {_escaped_name(chosen or ME)}.")


def _draw_mentions(user: User, entity: Entity) -> None:
    st.markdown(f"##### What I remember about {_escaped_name(entity.name)}")
    if others := entity.names[1:]:
        st.caption(f"Also called {elements.escape(', '.join(others[:10]))}")
    facts = services().memory.graph.mentions(user.id, entity.memory_ids, MAX_MENTIONS)
    for fact in facts:
        memory_list.draw_memory(user, fact.result())
    if not facts:
        st.caption("The memories about it have been deleted.")


def _display_name(name: str) -> str:
    return "You" if name == ME else name


def _label(entity: Entity) -> str:
    """Return the name of a node: of the person also their own name, if it is known."""
    own = next((name for name in entity.names if name != ME), "") if entity.name == ME else ""
    return f"You ({own})" if own else _display_name(entity.name)


def _escaped_name(name: str) -> str:
    return elements.escape(_display_name(name))


def _short_name(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def rings(
    names: Sequence[str], links: Collection[tuple[str, str]], centre: str, width: Callable[[str], float]
) -> dict[str, tuple[float, float]]:
    """Return a place for each name, in pixels: on a ring for each number of steps from the centre.

    `width` is that of a name. Each ring is so large that the names on it have room.
    """
    beside: dict[str, list[str]] = {each: [] for each in names}
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    if not names:
        return {}
    middle = centre if centre in beside else names[0]
    places: dict[str, tuple[float, float]] = {middle: (0.0, 0.0)}
    angles, radius = {middle: 0.0}, 0.0
    for number, layer in enumerate(_layers(names, beside, middle), 1):
        # In the order of the neighbours they are known through, so that few lines cross.
        layer.sort(key=lambda name: min((angles[each] for each in beside[name] if each in angles), default=0.0))
        wide = max(map(width, layer)) + 12
        radius = max(radius + RING, _round(layer, wide) / (2 * pi))
        for name, angle in zip(layer, _turns(len(layer), wide, TURN * number), strict=True):
            angles[name] = angle
            places[name] = (radius * cos(angles[name]), radius * sin(angles[name]))
    return places


def _round(layer: Sequence[str], wide: float) -> float:
    """Return how long a ring is on which so many names of this width do not touch."""
    return len(layer) * sum(_room(2 * pi * step / 24, wide) for step in range(24)) / 24


def _room(angle: float, wide: float) -> float:
    """Return the room that a name takes on a ring: its width at the top and the bottom, its height at the sides."""
    high = SMALLEST + LINE_HEIGHT + 12
    return min(wide / max(abs(sin(angle)), 0.01), high / max(abs(cos(angle)), 0.01), hypot(wide, high))


def _turns(number: int, wide: float, first: float) -> list[float]:
    """Return the angles of so many names on a ring from the first on: further apart where a name takes more room."""
    angles = [first + 2 * pi * step / 720 for step in range(720)]
    passed = list(accumulate((1 / _room(angle, wide) for angle in angles), initial=0.0))
    return [angles[bisect_left(passed, passed[-1] * each / number)] for each in range(number)]


def _layers(names: Sequence[str], beside: dict[str, list[str]], middle: str) -> list[list[str]]:
    """Return the other names by the number of steps that lead to them; those that no step leads to come last."""
    reached, layers, layer = {middle}, [], [middle]
    while layer:
        layer = [
            each for each in dict.fromkeys(other for name in layer for other in beside[name]) if each not in reached
        ]
        reached.update(layer)
        if layer:
            layers.append(layer)
    alone = [each for each in names if each not in reached]
    return [*layers, alone] if alone else layers
