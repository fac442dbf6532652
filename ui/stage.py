"""A place to draw in that is empty as soon as something else is drawn there.

Streamlit leaves what was drawn before in its place until a run ends; with a reply that is written for a minute, another
chat's messages would stand below it for as long.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["stage"]

SHOWN = "on_stage"


def stage(of: str | None) -> DeltaGenerator:
    """Where what is named by `of` is drawn: the first of two places, or the second if the first held something else.

    An element that takes a container's place takes its children away; another container would inherit them.
    """
    number, before = st.session_state.get(SHOWN, (0, of))
    if before != of:
        number = 1 - number
    st.session_state[SHOWN] = (number, of)
    if number:
        st.empty()
        return st.container()
    place = st.container()
    st.empty()
    return place
