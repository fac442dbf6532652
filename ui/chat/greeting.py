"""What an empty chat shows: a word of welcome, and things one could say. It knows no chat."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from texts import text

__all__ = ["greeting"]

SUGGESTIONS = ("known", "week", "short")
WITHOUT_MEMORY = ("week",)  # what makes sense where nothing is used or kept


def greeting(say: Callable[[str], None], *, keeps: bool, temporary: bool = False) -> None:
    """Welcome the person, and say whether what they tell stays; a press on a suggestion says it in a new chat."""
    st.title(text("greeting.title"), anchor=False)
    unkept = text("greeting.temporary") if temporary else text("greeting.not_kept")
    st.caption(text("greeting.stays") if keeps and not temporary else unkept)
    for number, name in enumerate(WITHOUT_MEMORY if temporary else SUGGESTIONS):
        suggestion = text(f"greeting.suggestions.{name}")
        st.button(suggestion, key=f"suggestion-{number}", on_click=say, args=(suggestion,))
