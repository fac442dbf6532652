"""Has a piece of the page look again by itself: after a while, or once nothing is open that a new page would close.

The browser keeps the time, so that a tab nobody looks at asks for nothing and looking can end without the whole page
being drawn anew, which would close an open dialog. It knows nothing of what is looked for.
"""

from __future__ import annotations

import streamlit as st

__all__ = ["look_again"]

SCRIPT = """
const OPEN = '[role="dialog"], [data-testid="stPopoverBody"]';

// Somebody is doing something: a request between theirs could cost them one.
const PAUSE = 1200;
let pressed = -PAUSE;
for (const each of ["keydown", "pointerdown", "pointerup"]) {
  document.addEventListener(each, () => { pressed = performance.now(); }, true);
}

// Nothing is open, and nobody is writing anywhere but into the box, which keeps its words.
function calm() {
  const at = document.activeElement;
  const writes = at?.matches("input:not([type=radio]):not([type=checkbox]), textarea");
  return !document.querySelector(OPEN) && (!writes || at.dataset.testid === "stChatInputTextArea");
}

export default function ({ data, setTriggerValue }) {
  if (!data) return;
  let timer;
  const look = () => {
    const busy = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running";
    if (document.hidden) return;
    if (busy || performance.now() - pressed < PAUSE || (data.calm && !calm())) {
      timer = setTimeout(look, 300);
    } else {
      setTriggerValue("due", data.calm ? "calm" : "time");
    }
  };
  const back = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, 50);
  };
  timer = setTimeout(look, data.after);
  document.addEventListener("visibilitychange", back);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", back);
  };
}
"""
_timer = st.components.v2.component("keepsake_look_again", js=SCRIPT)
ROUND = "looked"


def look_again(name: str, seconds: float = 0.05, *, calm: bool = False) -> bool:
    """Have the fragment that calls this run again; true if it runs because all is calm, and the page may be drawn."""
    once = st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    with st.container(key=f"errand-{name}"):
        told = _timer(
            key=f"timer-{name}",
            data={"after": round(1000 * seconds), "calm": calm, "once": once},
            on_due_change=_due,
            height=1,
        )
    return bool(calm and told.get("due") == "calm")


def _due() -> None:
    """Nothing more to do: the fragment runs."""
