"""Draws what several pages need: words, messages, memories, page numbers, tabs, and the receipt of an erasure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from chat.tree import Message
from memory import Receipt, Result
from ui.dates import date_of
from ui.frame import MARK, show_errors
from ui.safe_text import escape, safe_markdown

__all__ = [
    "KINDS",
    "NOT_SEARCHED",
    "as_code",
    "avatar",
    "draw_erase_receipt",
    "draw_memory_text",
    "draw_message_text",
    "draw_pages",
    "draw_tabs",
    "escape",
    "kind_name",
    "plural",
    "quiet",
    "shorten",
    "show_saved",
    "text_direction",
    "tick",
]

# The names of the kinds of memories.
KINDS = {
    "fact": "Fact",
    "preference": "Preference",
    "goal": "Goal",
    "instruction": "Instruction",
    "event": "Event",
}
# The names of what is erased together with memories.
ERASED = {
    "memory_history": "earlier versions",
    "memory_use": "counts of use",
    "questions": "open questions",
    "profiles": "profile",
    "relations": "relations",
    "entity_names": "people and things",
    "lessons": "messages brought from elsewhere",
    "recall_checks": "recall checks",
    "confirmations": "questions asked in passing",
    "memories_entities": "names that mem0 noted",
    "chats": "chats",
}
# What a receipt says if the embedding model was away when its search was made.
NOT_SEARCHED = (
    "I counted its rows again, and none is left. I did not search for its words, because the embedding model "
    "does not answer."
)


def plural(number: int, one: str, other: str, **values: object) -> str:
    """Return the text for one or for several, with {number} filled in, its thousands set apart."""
    return (one if number == 1 else other).format(number=f"{number:,}", **values)


def as_code(words: str) -> str:
    """Return an address or a key as code, which Markdown never makes a link."""
    return "`" + " ".join(words.replace("`", "'").split()) + "`"


def quiet(markdown: str) -> str:
    """Return Markdown in small grey letters."""
    return f":small[:gray[{markdown}]]"


def shorten(words: str, longest: int) -> str:
    """Return the words in one line of at most this length."""
    line = " ".join(words.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def text_direction(words: str) -> str:
    """Return the direction in which a text is read, for its container's key: the style sheet cuts a text at its end."""
    strong = (each for each in map(unicodedata.bidirectional, words) if each in ("L", "R", "AL"))
    return "ltr" if next(strong, "L") == "L" else "rtl"


def kind_name(kind: object) -> str:
    """Return what a kind of memory is called."""
    return KINDS.get(str(kind), "Memory")


def draw_message_text(said: Message) -> None:
    """Draw the words of a message: a person's as they were written, a model's as Markdown."""
    st.markdown(escape(said.content).replace("\n", "  \n") if said.role == "user" else safe_markdown(said.content))


def avatar(role: str) -> str:
    """Return the picture beside a message."""
    return MARK if role == "assistant" else ":material/person:"


def draw_memory_text(memory: Result) -> None:
    """Draw what a memory says, and below it where it comes from."""
    with st.container(gap="xxsmall"):
        st.markdown(escape(memory["memory"]))
        st.caption(_origin(memory))


def _origin(memory: Result) -> str:
    parts = [kind_name(memory["metadata"].get("kind")), date_of(memory["created_at"]) if memory["created_at"] else ""]
    quote = memory["metadata"].get("quote")
    if quote and quote != memory["memory"]:
        parts.append(f"“{escape(str(quote))}”")
    elif quote:
        parts.append("in your own words")
    elif memory["metadata"].get("source") == "person":
        parts.append("written by you")
    return " · ".join(part for part in parts if part)


def draw_erase_receipt(receipt: Receipt) -> None:
    """Draw what was erased, and whether anything of it was found afterwards."""
    with st.container(border=True):
        gone = receipt.erased["memories"]
        st.markdown(plural(gone, "**1 memory is gone for good.**", "**{number} memories are gone for good.**"))
        others = {name: count for name, count in receipt.erased.items() if count and name != "memories"}
        if others:
            st.caption(", ".join(f"{ERASED.get(name, name)}: {count:,}" for name, count in others.items()))
        if receipt.proved and not receipt.searched:
            st.caption(f":material/verified: {NOT_SEARCHED}")
        elif receipt.proved:
            st.caption(
                plural(
                    receipt.looked_for,
                    ":material/verified: I looked for it again and found nothing.",
                    ":material/verified: I looked for {number} of them again and found nothing.",
                )
            )
        else:
            st.warning("Something of it was found again. Please try once more.", icon=":material/error:")


def show_saved() -> None:
    """Say that a form was saved."""
    st.success("Saved.", icon=":material/check:")


def draw_pages(key: str, total: int, size: int) -> None:
    """Draw the page numbers of a list; if the page stored under `key` is gone, show the last one."""
    pages = -(-total // size)
    if int(st.session_state.get(key) or 1) > pages:
        st.session_state[key] = pages
    if pages > 1:
        with st.container(horizontal_alignment="center"):
            st.pagination(pages, key=key)


def draw_tabs(parts: Mapping[str, Callable[[], None]], key: str) -> None:
    """Draw tabs by their names, and the content of the open one; an error is shown inside its tab."""
    for tab, part in zip(st.tabs(list(parts), on_change="rerun", key=key), parts.values(), strict=True):
        if tab.open:
            with tab, show_errors():
                part()


def tick(keys: Iterable[str], ticked: bool) -> None:
    """Tick all of these boxes, or none."""
    for key in keys:
        st.session_state[key] = ticked
