"""What an empty chat shows: a word of welcome, and things one could say. It knows no chat."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

__all__ = ["greeting"]

SUGGESTIONS = (
    "What do you remember about me?",
    "I'm planning my week. Ask me what matters.",
    "Remember that I prefer short answers.",
)


def greeting(say: Callable[[str], None]) -> None:
    """Welcome the person; a press on a suggestion says it in a new chat."""
    st.title("What is on your mind?", anchor=False)
    st.caption("What you tell me stays with me, for you alone. You can read and delete it under Memories.")
    for number, suggestion in enumerate(SUGGESTIONS):
        st.button(suggestion, key=f"suggestion-{number}", on_click=say, args=(suggestion,))
