"""Provides containers that are emptied as soon as something else is drawn in them.

Streamlit leaves what an earlier run drew in its place until the new run ends. While a reply is written, which may take
a minute, the messages of another chat would stand below it.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

__all__ = ["clear_below", "fresh_slot"]

SLOT, COUNT = "on_stage", "height"


def fresh_slot(content: str | None, name: str) -> DeltaGenerator:
    """Return a container for this content, without the children that other content left there.

    Two places take turns. An element that takes a container's place removes its children; a container would inherit
    them.
    """
    key = f"{SLOT}-{name}"
    number, before = st.session_state.get(key, (0, content))
    if before != content:
        number = 1 - number
    st.session_state[key] = (number, content)
    if number:
        st.empty()
        return st.container()
    slot = st.container()
    st.empty()
    return slot


def clear_below(name: str, drawn: int) -> None:
    """Remove what an earlier run drew in a place below this many elements; to be called at the end of the place."""
    key = f"{COUNT}-{name}"
    for _ in range(st.session_state.get(key, 0) - drawn):
        st.empty()
    st.session_state[key] = drawn
