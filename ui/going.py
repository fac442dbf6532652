"""Brings a message into view: the one a link names, marked for a moment; or the one that was read, where it stood."""

from __future__ import annotations

import streamlit as st

__all__ = ["go_to", "going"]

WANTED, ROUND = "go_to", "went"
SCRIPT = """
const done = new Set();
let top = 0;  // where the messages began when somebody asked for others
const RIM = 60;

const first = () => document.querySelector('[class*="st-key-message-"]');
document.addEventListener("click", (event) => {
  if (event.target.closest?.(".st-key-earlier-messages")) top = first()?.getBoundingClientRect().top ?? 0;
}, true);

function mark(at) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const colours = [{ backgroundColor: "rgb(200 85 59 / 0.28)" }, { backgroundColor: "rgb(200 85 59 / 0)" }];
  at.animate(still ? [colours[0], colours[0]] : colours, { duration: 2600, easing: "ease-in" });
}

function go(data) {
  const at = document.querySelector(`.st-key-message-${data.message}`);
  if (!at) return;
  const scroller = at.closest('[data-testid="stMain"]') ?? document.scrollingElement;
  const wanted = data.mark ? Math.max(RIM, innerHeight / 4) : data.end ? innerHeight / 2 : top;
  const off = at.getBoundingClientRect().top - wanted;
  if (Math.abs(off) > 2) scroller.scrollTop += off;
  if (data.mark && !done.has(`marked ${data.once}`)) {
    done.add(`marked ${data.once}`);
    mark(at);
  }
}

export default function ({ data }) {
  if (!data?.message || done.has(data.once)) return;
  done.add(data.once);
  // For a moment: what is drawn late, and the page's own scrolling, may still move it.
  let until = performance.now() + 1200;
  for (const each of ["wheel", "touchmove", "keydown"]) {
    addEventListener(each, () => { until = 0; }, { once: true, passive: true });
  }
  const step = () => {
    go(data);
    if (performance.now() < until) requestAnimationFrame(step);
  };
  step();
}
"""
_browser = st.components.v2.component("keepsake_going", js=SCRIPT)


def go_to(message_id: str, *, mark: bool = False, end: bool = False) -> None:
    """Bring a message into view with the page that is drawn next; where it stood before, unless told otherwise."""
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.session_state[WANTED] = {"message": message_id, "mark": mark, "end": end, "once": st.session_state[ROUND]}


def going() -> None:
    """Go where the page was told to; drawn after the messages."""
    with st.container(key="errand-going"):
        _browser(key="going", data=st.session_state.pop(WANTED, None) or {}, height=1)
