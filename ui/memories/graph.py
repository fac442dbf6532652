"""Draws the graph of the people and things in the memories: a chart to press on, and the same relations as a list.

The whole graph is read at once, so that choosing somebody needs no second read. `rings` places the nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import cos, pi, sin
from typing import Any

import streamlit as st

from auth.guard import User
from memory.rows.graph import Entity, Relation
from services import services
from ui import elements
from ui.memories import memory_list

__all__ = ["draw_graph", "rings"]

MAX_NODES, MAX_RELATIONS, MAX_MENTIONS = 60, 100, 10
CROWD, LABELLED = 20, 12  # many nodes; the most lines that are labelled
CHOSEN, HOPS, CHART = "graph-chosen", "graph-hops", "graph-picture"
ME = "me"
INK = {"dark": "#f0e8df", "light": "#2c2420"}
LINE = {"dark": "#7d6f63", "light": "#b7a896"}
CENTRE, OTHERS = "#c8553b", "#8a9a7b"
FIRST, MORE = 8, 6  # how many names fit into the first ring, and how many more into each next one


def draw_graph(user: User) -> None:
    """Draw the choice, the chart, the list, and the memories about whoever is chosen."""
    entities, relations = services().memory.graph.whole(user.id)
    if not [each for each in entities if each.name != ME]:
        st.markdown("Nobody and nothing yet. People, places and things that you tell me of will stand here.")
        return
    st.caption("Whom and what your memories speak of. Press one, or choose it, to see what is around it.")
    by_name = {each.name: each for each in entities}
    chosen, hops = _draw_choice(by_name)
    near = _around(relations, chosen, hops) if chosen else list(relations)
    drawn = _names_to_draw(by_name, near, chosen)
    _draw_graph_chart(drawn, near, chosen)
    if not chosen and len(by_name) > len(drawn):
        st.caption(f"The {len(drawn)} with the most relations are drawn, of {len(by_name):,}.")
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
        format_func=_display_name,
        placeholder="Everybody and everything",
        key=CHOSEN,
    )
    far = {1: "Beside it", 2: "One step further"}
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


def _draw_graph_chart(drawn: Sequence[str], near: Sequence[Relation], chosen: str | None) -> None:
    links = _links(drawn, near)
    # Another key after each press: a selection that is kept would press the same place again in the next chart.
    st.echarts_chart(
        _spec(drawn, links, chosen),
        height=420,
        key=f"{CHART}-{st.session_state.get(CHART, 0)}",
        on_select=_on_press(tuple(drawn)),
        alt=(
            f"A picture of {len(drawn)} people and things and {len(links)} relations between them; the "
            "same stands below as a list."
        ),
    )


def _on_press(drawn: Sequence[str]) -> Any:
    def pressed() -> None:
        # As a dictionary: after a click, any other access to the session's state may end this callback.
        held = st.session_state.to_dict()
        number = held.get(CHART, 0)
        event = held.get(f"{CHART}-{number}") or {}
        places = [
            place
            for each in event.get("selection", {}).get("selected", [])
            if each.get("data_type") in ("node", "main")
            for place in each.get("data_indices", [])
        ]
        names = [drawn[place] for place in places if isinstance(place, int) and 0 <= place < len(drawn)]
        st.session_state[CHART] = number + 1
        if names:
            st.session_state[CHOSEN] = None if names[-1] == held.get(CHOSEN) else names[-1]

    return pressed


def _links(drawn: Collection[str], near: Sequence[Relation]) -> dict[tuple[str, str], list[str]]:
    """Return the words on each line; several relations between the same two share one line."""
    links: dict[tuple[str, str], list[str]] = {}
    for relation in near:
        subject, other = relation.subject, relation.object
        if subject in drawn and other in drawn and subject != other:
            links.setdefault((subject, other), []).append(relation.relation)
    return links


def _spec(drawn: Sequence[str], links: Mapping[tuple[str, str], Sequence[str]], chosen: str | None) -> dict[str, Any]:
    """Return the chart's specification, which holds no script."""
    ink, line = (each["dark" if st.context.theme.type == "dark" else "light"] for each in (INK, LINE))
    place = {name: number for number, name in enumerate(drawn)}
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
        "roam": False,
        "edgeSymbol": ["none", "arrow"],
        "edgeSymbolSize": 6,
        "lineStyle": {"color": line, "opacity": 0.9, "curveness": 0.06},
        "label": {"show": True, "position": "bottom", "distance": 3, "color": ink, "fontSize": 12},
        "edgeLabel": {"show": len(links) <= LABELLED, "color": ink, "fontSize": 11, "opacity": 0.85},
        "emphasis": {"focus": "adjacency", "label": {"color": ink}},
        "select": {"itemStyle": {"borderColor": ink, "borderWidth": 2}, "label": {"color": ink}},
    }
    # Among many, only names that have room are drawn. Not among a few: this setting misplaces the words on lines.
    series |= {"labelLayout": {"hideOverlap": True}} if len(drawn) > CROWD else {}
    return {"series": [series], "tooltip": {"show": False}, "animation": False}


def _nodes(drawn: Sequence[str], links: Mapping[tuple[str, str], Any], centre: str) -> list[dict[str, Any]]:
    ties = Counter(end for pair in links for end in pair)
    places, size = rings(drawn, list(links), centre), 12 if len(drawn) > CROWD else 18
    return [
        {
            "id": str(number),
            "name": _short_name(_display_name(name)),
            "x": round(100 * places[name][0]),
            "y": round(100 * places[name][1]),
            "symbolSize": size + min(16, 2 * ties[name]),
            "itemStyle": {"color": CENTRE if name == centre else OTHERS},
        }
        for number, name in enumerate(drawn)
    ]


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
            st.markdown(f"Nothing I know says how {_escaped_name(chosen or ME)} is related to others.")


def _draw_mentions(user: User, entity: Entity) -> None:
    st.markdown(f"##### What I remember of {_escaped_name(entity.name)}")
    if others := entity.names[1:]:
        st.caption(f"Also called {elements.escape(', '.join(others[:10]))}")
    facts = services().memory.graph.mentions(user.id, entity.memory_ids, MAX_MENTIONS)
    for fact in facts:
        memory_list.draw_memory(user, fact.result())
    if not facts:
        st.caption("The memories that spoke of it are no longer there.")


def _display_name(name: str) -> str:
    return "You" if name == ME else name


def _escaped_name(name: str) -> str:
    return elements.escape(_display_name(name))


def _short_name(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def rings(names: Sequence[str], links: Collection[tuple[str, str]], centre: str) -> dict[str, tuple[float, float]]:
    """Return a place for each name: few steps from the centre near the middle, and beside its neighbours."""
    beside: dict[str, list[str]] = {each: [] for each in names}
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    if not names:
        return {}
    middle = centre if centre in beside else names[0]
    places: dict[str, tuple[float, float]] = {middle: (0.0, 0.0)}
    angles, number = {middle: 0.0}, 0
    for layer in _layers(names, beside, middle):
        # In the order of the neighbours they are known through, so that few lines cross.
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
