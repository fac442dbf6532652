"""Minds the box in the browser: half of a sign, a file that would stay behind, and where the keyboard goes on.

It sends nothing itself.
"""

from __future__ import annotations

import streamlit as st

__all__ = ["slips"]

# Half of a sign that needs two cannot travel to the server, and would take the whole message along. A file that is too
# large, or was lost on its way, is marked in the box; sending would leave it behind without a word.
SCRIPT = """
const SEND = '[data-testid="stChatInputSubmitButton"]';
const LEFT = '[data-testid="stChatInput"] [data-testid="stFileChip"][aria-invalid="true"]';

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement) || field.value.isWellFormed?.() !== false) return;
  const value = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
  value.set.call(field, field.value.toWellFormed());
}, true);

function hold(event) {
  const chip = document.querySelector(LEFT);
  if (!chip) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  chip.scrollIntoView({ block: "nearest" });
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    chip.animate([{ translate: "0" }, { translate: "-4px" }, { translate: "4px" }, { translate: "0" }], 250);
  }
}
document.addEventListener("keydown", (event) => {
  const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (sends && event.target.matches?.('[data-testid="stChatInputTextArea"]')) hold(event);
}, true);
document.addEventListener("click", (event) => {
  if (event.target.closest?.(SEND)) hold(event);
}, true);

// What was pressed is gone, or has done its part: one goes on writing, unless that brought up a keyboard on the screen.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".st-key-stop, .st-key-new-chat") || !matchMedia("(hover: hover)").matches) return;
  setTimeout(() => document.querySelector('[data-testid="stChatInputTextArea"]')?.focus({ preventScroll: true }), 60);
}, true);

export default function () {}
"""
# Why a file cannot come along, for all to read and not only on the way over it.
STYLE = """
<style>
  [data-testid="stChatInput"] [data-testid="stFileChip"][aria-invalid="true"] { flex-wrap: wrap; height: auto; }
  [data-testid="stChatInput"] [data-testid="stFileChip"] > span[role="alert"] {
    position: static; width: 100%; height: auto; margin: 0; clip: auto; clip-path: none; overflow: visible;
    white-space: normal; font-size: 0.8rem; }
</style>
"""
_browser = st.components.v2.component("keepsake_slips", js=SCRIPT)


def slips() -> None:
    """Listen from now on."""
    st.html(STYLE)
    with st.container(key="errand-slips"):
        _browser(key="slips", height=1)
