"""Charts of the memories: how many are used, of which kinds, and when they were kept. Each has a text as well."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memory.upkeep.health import Health

__all__ = ["draw_charts"]

KINDS = {
    "fact": "Facts",
    "preference": "Preferences",
    "goal": "Goals",
    "instruction": "Instructions",
    "event": "Events",
}
SLIM, FLAT, TALL = 78, 40, 220
# Told apart in both themes, and by people who see no red.
COLOURS = ["#c0523a", "#c4ad8d"]
# Streamlit's own text colour is too pale for words this small.
INK = {"dark": "#cfc5ba", "light": "#5f554d"}


def draw_charts(health: Health) -> None:
    """Draw the charts, the simplest first."""
    _draw_use(health)
    _draw_kinds(health)
    if len(health.months) > 1:
        _draw_month_chart(health)


def _draw_use(health: Health) -> None:
    unused = health.total - health.recalled
    parts = (("used in answers", health.recalled), ("never used", unused))
    series = [
        {
            "name": f"{number:,} {name}",
            "type": "bar",
            "stack": "use",
            "data": [number],
            "barWidth": 18,
            "emphasis": {"disabled": True},
        }
        for name, number in parts
    ]
    spec = {
        "grid": {"left": 0, "right": 0, "top": 34, "bottom": 4},
        "legend": {"top": 0, "left": 0, "itemGap": 18},
        "xAxis": {"type": "value", "show": False, "max": health.total},
        "yAxis": {"type": "category", "show": False, "data": [""]},
        "series": series,
    }
    alt = f"A bar in two parts: {health.recalled} of {health.total} memories were used in an answer, {unused} never."
    _draw_chart("How much of it is used", spec, SLIM, alt)


def _draw_kinds(health: Health) -> None:
    counted = [(_kind_label(kind), number) for kind, number in health.kinds.items()]
    # The axis counts from below.
    names, numbers = [name for name, _ in counted[::-1]], [number for _, number in counted[::-1]]
    spec = {
        "grid": {"left": 0, "right": 40, "top": 4, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "show": False},
        "yAxis": {"type": "category", "data": names, "axisLine": {"show": False}, "axisTick": {"show": False}},
        "series": [{"type": "bar", "data": numbers, "barWidth": 14, "label": {"show": True, "position": "right"}}],
    }
    listed = ", ".join(f"{name} {number:,}" for name, number in counted)
    _draw_chart("What it is about", spec, FLAT + 30 * len(names), f"Bars by kind: {listed}.")


def _draw_month_chart(health: Health) -> None:
    months, numbers = [month for month, _ in health.months], [number for _, number in health.months]
    spec = {
        "grid": {"left": 0, "right": 8, "top": 24, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": months, "axisTick": {"show": False}},
        "yAxis": {"type": "value", "minInterval": 1, "splitNumber": 3},
        "series": [{"type": "bar", "data": numbers, "barMaxWidth": 28}],
    }
    most = max(numbers)
    alt = (
        f"Bars by month from {months[0]} to {months[-1]}: {sum(numbers)} memories, most of them, "
        f"{most}, in {months[numbers.index(most)]}."
    )
    _draw_chart("When it was kept", spec, TALL, alt)


def _draw_chart(title: str, spec: dict[str, Any], height: int, alt: str) -> None:
    st.markdown(f"**{title}**")
    ink = {"color": INK["dark" if st.context.theme.type == "dark" else "light"]}
    for part in ("legend", "xAxis", "yAxis"):
        if part in spec:
            spec[part] |= {"textStyle": ink} if part == "legend" else {"axisLabel": ink}
    st.echarts_chart({**spec, "animation": False, "color": COLOURS}, height=height, alt=alt, renderer="svg")


def _kind_label(kind: str) -> str:
    return KINDS.get(kind, "Others")
