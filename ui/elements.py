"""How words and memories are drawn; used by every page that shows some."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import streamlit as st

from chat.conversations import Message
from memory import Receipt, Result
from ui import zone
from ui.frame import MARK

__all__ = [
    "KINDS",
    "as_code",
    "avatar",
    "date_of",
    "day_heading",
    "draw_erase_receipt",
    "draw_memory_text",
    "draw_message_text",
    "escape",
    "kind_name",
    "plural",
    "safe_markdown",
    "safe_markdown_stream",
    "show_saved",
    "text_direction",
]

# What the kinds of a memory are called.
KINDS = {
    "fact": "Fact",
    "preference": "Preference",
    "goal": "Goal",
    "instruction": "Instruction",
    "event": "Event",
}
# What an erasing takes besides the memories, and what people call it.
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
    "chats": "chats",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|$<>~:@])")
# An image would load by itself and tell a stranger's server who reads; a link shows where it goes.
_IMAGE = re.compile(r"!(?=\[)")
# Two amounts of money in one line would otherwise become a formula.
_SUM = re.compile(r"(?<![$\\])\$(?!\$)")
# Streamlit's own way to write in colours, in small letters, as a badge: a model did not mean it.
_DIRECTIVE = re.compile(r":(?=[a-z]+(?:-[a-z]+)*\[)")
# What the end of a piece may be the beginning of.
_BEGUN = re.compile(r"(?::[a-z-]*|[!$\\]+)\Z")


def escape(words: str) -> str:
    """Text as it was written, whatever Markdown would make of it."""
    return _MARKDOWN.sub(r"\\\1", words)


def plural(number: int, one: str, other: str, **values: object) -> str:
    """Return the text for one or for several, with {number} filled in, its thousands set apart."""
    return (one if number == 1 else other).format(number=f"{number:,}", **values)


def as_code(words: str) -> str:
    """An address or a key, set apart and never made a link."""
    return "`" + words.replace("`", "'") + "`"


def safe_markdown(markdown: str) -> str:
    """A model's Markdown without pictures that load by themselves, and with sums of money and colons as such."""
    return _DIRECTIVE.sub(r"\\:", _SUM.sub(r"\\$", _IMAGE.sub(r"\\!", markdown)))


def safe_markdown_stream(pieces: Iterable[str]) -> Iterator[str]:
    """`harmless` for a reply that is still being written; a mark may be split between two pieces."""
    held = ""
    for piece in pieces:
        written = held + piece
        begun = _BEGUN.search(written)
        kept, held = (written[: begun.start()], begun[0]) if begun else (written, "")
        yield safe_markdown(kept)
    yield safe_markdown(held)


def draw_message_text(said: Message) -> None:
    """The words of a message: a person's as they were written, a model's as the Markdown they are."""
    st.markdown(escape(said.content).replace("\n", "  \n") if said.role == "user" else safe_markdown(said.content))


def show_saved() -> None:
    """What was just pressed is kept."""
    st.success("Saved.", icon=":material/check:")


def avatar(role: str) -> str:
    """The face beside a message."""
    return MARK if role == "assistant" else ":material/person:"


def draw_memory_text(memory: Result) -> None:
    """What a memory says, and on one quiet line where it comes from."""
    with st.container(gap="xxsmall"):
        st.markdown(escape(memory["memory"]))
        st.caption(_origin(memory))


def draw_erase_receipt(receipt: Receipt) -> None:
    """What was erased, and what was found when it was looked for again."""
    with st.container(border=True):
        gone = receipt.erased["memories"]
        st.markdown(plural(gone, "**1 memory is gone for good.**", "**{number} memories are gone for good.**"))
        others = {name: count for name, count in receipt.erased.items() if count and name != "memories"}
        if others:
            st.caption(", ".join(f"{ERASED.get(name, name)}: {count:,}" for name, count in others.items()))
        if receipt.proved:
            st.caption(
                plural(
                    receipt.looked_for,
                    ":material/verified: I looked for it again and found nothing.",
                    ":material/verified: I looked for {number} of them again and found nothing.",
                )
            )
        else:
            st.warning("Something of it was found again. Please try once more.", icon=":material/error:")


def kind_name(kind: object) -> str:
    """What a kind of memory is called."""
    return KINDS.get(str(kind), "Memory")


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


def text_direction(words: str) -> str:
    """Which way a text is read, for the key of what it stands in: one read from the right is cut at its left."""
    strong = (each for each in map(unicodedata.bidirectional, words) if each in ("L", "R", "AL"))
    return "ltr" if next(strong, "L") == "L" else "rtl"


def date_of(written: object) -> str:
    """A time as memories carry it, as a day in the person's own time; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return str(written)
    if moment.tzinfo is not None and len(str(written)) > len("2026-03-01"):
        moment = moment.astimezone(zone.timezone())
    return f"{moment.day} {moment:%B %Y}"


def day_heading(moment: datetime) -> str:
    """The heading a chat stands under, in the person's own time."""
    today = datetime.now(zone.timezone()).date()
    then = moment.astimezone(zone.timezone()).date()
    if then >= today:
        return "Today"
    if then == today - timedelta(days=1):
        return "Yesterday"
    return "Last 7 days" if then > today - timedelta(days=7) else f"{then:%B %Y}"
