"""Places to draw in that are empty as soon as something else is drawn there.

Streamlit leaves what was drawn before in its place until a run ends; with a reply that is written for a minute, another
chat's messages would stand below it for as long.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["clear_below", "fresh_slot"]

SHOWN, HEIGHT = "on_stage", "height"


def fresh_slot(of: str | None, name: str) -> DeltaGenerator:
    """Where what is named by `of` is drawn: the first of two places, or the second if the first held something else.

    An element that takes a container's place takes its children away; another container would inherit them.
    """
    kept = f"{SHOWN}-{name}"
    number, before = st.session_state.get(kept, (0, of))
    if before != of:
        number = 1 - number
    st.session_state[kept] = (number, of)
    if number:
        st.empty()
        return st.container()
    place = st.container()
    st.empty()
    return place


def clear_below(name: str, drawn: int) -> None:
    """Take away what stood in a place below so many elements; asked at its end, in each run."""
    kept = f"{HEIGHT}-{name}"
    for _ in range(st.session_state.get(kept, 0) - drawn):
        st.empty()
    st.session_state[kept] = drawn
