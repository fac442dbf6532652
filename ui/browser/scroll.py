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

function scroller(at) {
  for (let each = at.parentElement; each; each = each.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(each).overflowY) && each.scrollHeight > each.clientHeight + 1) return each;
  }
  return document.scrollingElement;
}

function mark(at) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const colours = [{ backgroundColor: "rgb(200 85 59 / 0.28)" }, { backgroundColor: "rgb(200 85 59 / 0)" }];
  at.animate(still ? [colours[0], colours[0]] : colours, { duration: 2600, easing: "ease-in" });
}

// Whether it had to be moved.
function go(data) {
  const at = document.querySelector(`.st-key-message-${data.message}`);
  if (!at) return true;
  const wanted = data.mark || data.write ? Math.max(RIM, innerHeight / 4) : data.end ? innerHeight / 2 : top;
  const off = at.getBoundingClientRect().top - wanted;
  const within = scroller(at);
  const before = within.scrollTop;
  if (Math.abs(off) > 2) within.scrollTop += off;
  const field = data.write && at.querySelector("textarea");
  if (field && document.activeElement !== field) field.focus({ preventScroll: true });
  if (data.mark && !done.has(`marked ${data.once}`)) {
    done.add(`marked ${data.once}`);
    mark(at);
  }
  return Math.abs(within.scrollTop - before) > 1;  // not where there is no further to go
}

export default function ({ data }) {
  if (!data?.message || done.has(data.once)) return;
  done.add(data.once);
  // Until it has stood still for a moment: what is drawn late, and the page's own way to its end, may still move it.
  const until = performance.now() + 8000;
  let [still, left] = [performance.now(), false];
  for (const each of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    addEventListener(each, () => { left = true; }, { once: true, passive: true });
  }
  const step = () => {
    const now = performance.now();
    if (left || now > until || now - still > 1500) return;
    if (go(data) || document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running") still = now;
    requestAnimationFrame(step);
  };
  step();
}
"""
_browser = st.components.v2.component("keepsake_going", js=SCRIPT)


def go_to(message_id: str, *, mark: bool = False, end: bool = False, write: bool = False) -> None:
    """Bring a message into view with the page that is drawn next; where the first stood, unless told otherwise.

    `mark` it for a moment, at the `end` of what was read, or to `write` in it.
    """
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    how = {"mark": mark, "end": end, "write": write}
    st.session_state[WANTED] = {"message": message_id, "once": st.session_state[ROUND], **how}


def going() -> None:
    """Go where the page was told to; drawn after the messages."""
    with st.container(key="errand-going"):
        _browser(key="going", data=st.session_state.pop(WANTED, None) or {}, height=1)
