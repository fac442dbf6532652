"""Draws what several pages need: words, messages, memories, page numbers, tabs, and the receipt of an erasure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

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
    "in_words",
    "kind_name",
    "plural",
    "quiet",
    "shorten",
    "text_direction",
    "tick",
    "told_at",
]

# The names of the kinds of memories.
KINDS = {
    "fact": "Fact",
    "preference": "Preference",
    "goal": "Goal",
    "instruction": "Instruction",
    "event": "Event",
}
# What people know of the rows that are erased together with memories, for one and for several; the receipt leaves out
# the rest, such as the index of words.
ERASED = {
    "episodes": ("1 past message", "{number} past messages"),
    "memory_history": ("1 earlier version", "{number} earlier versions"),
    "entity_names": ("1 person or thing", "{number} people and things"),
    "questions": ("1 open question", "{number} open questions"),
    "lessons": ("1 imported message", "{number} imported messages"),
    "recall_checks": ("1 recall check", "{number} recall checks"),
    "profiles": ("the profile", "the profile"),
    "chats": ("1 chat", "{number} chats"),
}
# What a receipt says if the embedding model was away when its search was made.
NOT_SEARCHED = (
    "Verified: no entries remain. I could not search for the words again, because the embedding model does not answer."
)


def plural(number: int, one: str, other: str, **values: object) -> str:
    """Return the text for one or for several, with {number} filled in, its thousands set apart."""
    return (one if number == 1 else other).format(number=f"{number:,}", **values)


def in_words(parts: Sequence[str]) -> str:
    """Return a list as people write it: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


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


def told_at(memory: Result) -> str | None:
    """Return when the person told what a memory says now."""
    return memory["metadata"].get("told_at") or memory["updated_at"] or memory["created_at"]


def _origin(memory: Result) -> str:
    told, about = told_at(memory), memory["metadata"].get("happened_at")
    parts = [kind_name(memory["metadata"].get("kind")), date_of(told) if told else ""]
    parts += [f"about {date_of(about)}"] if about else []
    quote = memory["metadata"].get("quote")
    if quote and quote != memory["memory"]:
        parts.append(f"“{escape(str(quote))}”")
    elif quote:
        parts.append("in your own words")
    elif memory["metadata"].get("source") == "person":
        parts.append("written by you")
    if memory.get("always_included"):
        parts.append(":material/keep: Always included")
    return " · ".join(part for part in parts if part)


def draw_erase_receipt(receipt: Receipt) -> None:
    """Draw what was erased, and whether anything of it was found afterwards."""
    with st.container(border=True):
        gone = receipt.erased["memories"]
        st.markdown(plural(gone, "**1 memory permanently deleted.**", "**{number} memories permanently deleted.**"))
        if others := [plural(receipt.erased[name], *ERASED[name]) for name in ERASED if receipt.erased.get(name)]:
            st.caption(f"{in_words(others)} deleted.")
        if receipt.proved and not receipt.searched:
            st.caption(f":material/verified: {NOT_SEARCHED}")
        elif receipt.proved:
            st.caption(
                plural(
                    receipt.looked_for,
                    ":material/verified: Verified: it is gone.",
                    ":material/verified: Verified: none of the {number} remain.",
                )
            )
        else:
            st.warning("Some of it is still there. Please try again.", icon=":material/error:")
        draw_index_waits(receipt.index_waits)


def draw_index_waits(waits: int) -> None:
    """Say how much is still to be removed from a search index outside of the app's database."""
    if waits:
        they = plural(waits, "1 memory is", "{number} memories are")
        st.caption(f":material/hourglass_top: {they} still being removed from a separate search index, by itself.")


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
