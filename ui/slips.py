"""Keeps a slip at the box from doing harm: a second press right after sending, half a sign. It sends nothing itself."""

from __future__ import annotations

import streamlit as st

__all__ = ["slips"]

# The button that sends becomes the one that stops: the second press of a double click would end the reply, or the
# message with it. Half of a sign that needs two cannot travel to the server, and would take the whole message along.
SCRIPT = """
const TWICE = 500;
const SEND = '[data-testid="stChatInputSubmitButton"]', STOP = '[data-testid="stChatInputStopButton"]';
let sent = -TWICE;

document.addEventListener("keydown", (event) => {
  const box = event.target.matches?.('[data-testid="stChatInputTextArea"]');
  if (box && event.key === "Enter" && !event.shiftKey && event.target.value.trim()) sent = performance.now();
}, true);
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(`${SEND}, ${STOP}`)) return;
  if (performance.now() - sent < TWICE) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (event.target.closest(SEND)) {
    sent = performance.now();
  }
}, true);
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement) || field.value.isWellFormed?.() !== false) return;
  const value = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
  value.set.call(field, field.value.toWellFormed());
}, true);

export default function () {}
"""
_browser = st.components.v2.component("keepsake_slips", js=SCRIPT)


def slips() -> None:
    """Listen from now on."""
    with st.container(key="errand-slips"):
        _browser(key="slips", height=1)
