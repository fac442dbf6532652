"""Keeps what is typed and not sent, chat by chat, in this tab of the browser: over a reload, or a look elsewhere.

It never leaves the browser, is gone once it was sent, and is thrown away at sign-out and when somebody else comes.
"""

from __future__ import annotations

import hashlib

import streamlit as st

from auth.guard import User
from chat.conversations import LONGEST_MESSAGE

__all__ = ["draft"]

SCRIPT = """
const PREFIX = "keepsake-draft:";
const CHATS = 20;
let here = null;  // the name under which the open chat's words are kept
let most = 0;
let box = null;  // the box that `here` belongs to: another one is a new page
let press = { words: "", typed: false };  // what stood in it at the last press elsewhere; and whether it changed since
let composing = false;

const find = () => document.querySelector('[data-testid="stChatInputTextArea"]');
const kept = () => Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));

function keep(name, words) {
  sessionStorage.removeItem(name);  // so that it becomes the latest
  if (!words.trim()) return;
  kept().slice(0, -(CHATS - 1)).forEach((each) => kept().length >= CHATS && sessionStorage.removeItem(each));
  try {
    sessionStorage.setItem(name, words.slice(0, most));
  } catch {
    // no room: the words are still in the box
  }
}

// As if it had been typed, so that the box itself knows.
function put(words) {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, words);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function sentFrom(name) {
  setTimeout(() => find()?.value === "" && sessionStorage.removeItem(name), 50);
}

function pressed() {
  press = { words: box?.value ?? "", typed: false };
}

document.addEventListener("input", (event) => {
  if (!here || event.target !== box) return;
  press.typed = true;
  keep(here, box.value);
}, true);
document.addEventListener("keydown", (event) => {
  if (event.target !== box) {
    if (event.key === "Enter" || event.key === " ") pressed();
  } else if (here && event.key === "Enter" && !event.isComposing) {
    sentFrom(here);
  }
}, true);
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest?.('[data-testid="stChatInput"]')) pressed();
}, true);
addEventListener("popstate", pressed);
document.addEventListener("compositionstart", () => { composing = true; }, true);
document.addEventListener("compositionend", () => { composing = false; }, true);
document.addEventListener("click", (event) => {
  if (here && event.target.closest?.('[data-testid="stChatInput"] button')) sentFrom(here);
}, true);

function settle(data, tries) {
  const found = find();
  if (!found) {
    if (tries) setTimeout(() => settle(data, tries - 1), 100);
    return;
  }
  const name = `${PREFIX}${data.owner}:${data.chat}`;
  const [before, fresh] = [here, found !== box];
  [here, box, most] = [name, found, data.most];
  for (const each of kept()) if (!each.startsWith(`${PREFIX}${data.owner}:`)) sessionStorage.removeItem(each);
  if (data.given || (before === name && !fresh)) return;
  const words = sessionStorage.getItem(name) ?? "";
  if (fresh) {
    if (words && !box.value) put(words);
  } else if (data.born) {
    sessionStorage.removeItem(before);  // the same words, in the chat that has just begun
    keep(name, box.value);
  } else {
    move(before, name, words);
  }
}

// Another chat was opened. What was typed since the press that opened it is meant for that one.
function move(before, name, words) {
  if (press.typed) {
    const whole = box.value;
    words += whole.startsWith(press.words) ? whole.slice(press.words.length) : whole;
    keep(before, press.words);
    keep(name, words);
  }
  if (box.value !== words && !composing) put(words);
}

export default function ({ data }) {
  if (data) settle(data, 30);
}
"""
_browser = st.components.v2.component("keepsake_draft", js=SCRIPT)


def draft(user: User, conversation_id: str | None, *, born: bool, given: bool) -> None:
    """Put back what was typed in this chat and not sent.

    `born` says that the chat began with what was just sent, `given` that the server has put words into the box.
    """
    owner = hashlib.sha256(user.id.encode()).hexdigest()[:16]
    data = {
        "owner": owner,
        "chat": conversation_id or "new",
        "most": LONGEST_MESSAGE,
        "born": born,
        "given": given,
    }
    with st.container(key="errand-draft"):
        _browser(key="draft", data=data, height=1)
