"""Copies a message when its button is pressed: in the browser at once, without a trip to the server."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from chat.tree import Message
from texts import text

__all__ = ["copy_button", "copying"]

KEY = "icon-copy-"
SCRIPT = """
let known = { texts: {}, words: {} };
const notice = document.createElement("div");
notice.setAttribute("role", "status");
Object.assign(notice.style, {
  position: "fixed", zIndex: 1000000, padding: "0.2rem 0.6rem", borderRadius: "0.5rem", fontSize: "0.85rem",
  pointerEvents: "none", visibility: "hidden",
});
document.body.append(notice);
let timer;

function say(words, beside) {
  const app = getComputedStyle(document.querySelector('[data-testid="stApp"]'));
  const at = beside.getBoundingClientRect();
  Object.assign(notice.style, {
    fontFamily: app.fontFamily, color: app.backgroundColor, background: app.color, visibility: "visible",
    left: `${Math.max(8, Math.min(at.left, innerWidth - 120))}px`, top: `${Math.max(8, at.top - 34)}px`,
  });
  notice.textContent = words;
  clearTimeout(timer);
  timer = setTimeout(() => {
    notice.style.visibility = "hidden";
    notice.textContent = "";
  }, 1800);
}

// Where there is no clipboard to ask for (a page that is not https), the old way may still work.
async function copied(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    const area = document.createElement("textarea");
    const back = document.activeElement;
    area.value = words;
    area.style.position = "fixed";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    back?.focus();
    return done;
  }
}

// Before the page's own listeners: the server need not know.
document.addEventListener("click", (event) => {
  const place = event.target.closest?.('[class*="st-key-icon-copy-"]');
  const name = place && [...place.classList].find((each) => each.startsWith("st-key-icon-copy-"));
  const words = name && known.texts[name.slice("st-key-icon-copy-".length)];
  if (words === undefined || words === null) return;
  event.preventDefault();
  event.stopPropagation();
  copied(words).then((done) => say(done ? known.words.copied : known.words.failed, place));
}, true);

export default function ({ data }) {
  if (data) known = data;
}
"""
_browser = st.components.v2.component("keepsake_copying", js=SCRIPT)


def copy_button(message: Message) -> None:
    """A button that copies a message as it was written, a reply as the Markdown it is."""
    st.button(text("thread.copy"), key=f"{KEY}{message.id}", icon=":material/content_copy:", type="tertiary")


def copying(messages: Iterable[Message]) -> None:
    """Let the buttons of these messages work."""
    told = {"copied": text("thread.copied"), "failed": text("thread.not_copied")}
    with st.container(key="errand-copying"):
        data = {"texts": {each.id: each.content for each in messages}, "words": told}
        _browser(key="copying", data=data, height=1)
