"""Makes a fragment run again by itself: after a while, or once nothing is open that a new page would close.

Whoever draws the fragment says how many seconds; the browser keeps the time. A hidden tab asks for nothing, and waiting
can end without drawing the whole page again, which would close an open dialog.
"""

from __future__ import annotations

import streamlit as st

from ui.browser import component, invisible

__all__ = ["run_again"]

_timer = component("keepsake_look_again", "timer.js")
COUNT = "timer_count"


def run_again(name: str, seconds: float = 0.05, *, calm: bool = False) -> bool:
    """Make the calling fragment run again after so many seconds.

    With `calm` the browser waits until no dialog is open and nobody writes. Return True in the run that follows such a
    wait: then the whole page may be drawn again.
    """
    count = st.session_state[COUNT] = st.session_state.get(COUNT, 0) + 1
    data = {"after": round(1000 * seconds), "calm": calm, "once": count}
    with invisible(name):
        state = _timer(key=f"timer-{name}", data=data, on_due_change=_do_nothing, height=1)
    return bool(calm and state.get("due") == "calm")


def _do_nothing() -> None:
    """A callback is what makes Streamlit report the timer; the fragment runs anyway."""
