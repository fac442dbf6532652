"""How words and memories are drawn; used by every page that shows some."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import streamlit as st

from chat.conversations import Message
from memory import Receipt, Result
from texts import text
from ui import zone
from ui.frame import MARK

__all__ = [
    "KIND_NAMES",
    "as_typed",
    "avatar",
    "date_of",
    "day",
    "deletion_receipt",
    "harmless",
    "harmless_stream",
    "memory_text",
    "not_sent",
    "plain",
    "saved",
    "spoken",
    "way",
]

KIND_NAMES = {
    "fact": "Fact",
    "preference": "Preference",
    "goal": "Goal",
    "instruction": "Instruction",
    "event": "Event",
}
ERASED_NAMES = {
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


def plain(text: str) -> str:
    """Text as it was written, whatever Markdown would make of it."""
    return _MARKDOWN.sub(r"\\\1", text)


def as_typed(text: str) -> str:
    """An address or a key, set apart and never made a link."""
    return "`" + text.replace("`", "'") + "`"


def harmless(markdown: str) -> str:
    """A model's Markdown without pictures that load by themselves, and with sums of money as such."""
    return _SUM.sub(r"\\$", _IMAGE.sub(r"\\!", markdown))


def harmless_stream(pieces: Iterable[str]) -> Iterator[str]:
    """`harmless` for a reply that is still being written; a mark may be split between two pieces."""
    held = ""
    for piece in pieces:
        text = held + piece
        kept = text.rstrip("!$\\")
        held = text[len(kept) :]
        yield harmless(kept)
    yield harmless(held)


def spoken(said: Message) -> None:
    """The words of a message: a person's as they were written, a model's as the Markdown they are."""
    st.markdown(plain(said.content).replace("\n", "  \n") if said.role == "user" else harmless(said.content))


def not_sent(problem: str, words: str) -> None:
    """Why a message was not taken, and the message, so that it is not lost."""
    st.warning(problem, icon=":material/error:")
    if not words.strip():
        return
    with st.expander("Your message"):
        st.code(words, language=None, wrap_lines=True, height=200)


def saved() -> None:
    """What was just pressed is kept."""
    st.success(text("settings.saved"), icon=":material/check:")


def avatar(role: str) -> str:
    """The face beside a message."""
    return MARK if role == "assistant" else ":material/person:"


def memory_text(memory: Result) -> None:
    """What a memory says, and on one quiet line where it comes from."""
    st.markdown(plain(memory["memory"]))
    st.caption(_origin(memory))


def deletion_receipt(receipt: Receipt) -> None:
    """What was erased, and what was found when it was looked for again."""
    with st.container(border=True):
        gone = receipt.removed["memories"]
        st.markdown(f"**{'1 memory is' if gone == 1 else f'{gone} memories are'} gone for good.**")
        others = {name: count for name, count in receipt.removed.items() if count and name != "memories"}
        if others:
            st.caption(", ".join(f"{ERASED_NAMES.get(name, name)}: {count}" for name, count in others.items()))
        if receipt.proved:
            st.caption(f":material/verified: I looked for {receipt.asked_again} of them again and found nothing.")
        else:
            st.warning("Something of it was found again. Please try once more.", icon=":material/error:")


def _origin(memory: Result) -> str:
    kind = KIND_NAMES.get(str(memory["metadata"].get("kind")), "Memory")
    parts = [kind, date_of(memory["created_at"]) if memory["created_at"] else ""]
    quote = memory["metadata"].get("quote")
    if quote and quote != memory["memory"]:
        parts.append(f"“{plain(str(quote))}”")
    elif quote:
        parts.append("in your own words")
    elif memory["metadata"].get("source") == "person":
        parts.append("written by you")
    return " · ".join(part for part in parts if part)


def way(text: str) -> str:
    """Which way a text is read, for the key of what it stands in: one read from the right is cut at its left."""
    strong = (each for each in map(unicodedata.bidirectional, text) if each in ("L", "R", "AL"))
    return "ltr" if next(strong, "L") == "L" else "rtl"


def date_of(written: object) -> str:
    """A time as memories carry it, as a day in the person's own time; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return str(written)
    if moment.tzinfo is not None and len(str(written)) > len("2026-03-01"):
        moment = moment.astimezone(zone.here())
    return f"{moment.day} {moment:%B %Y}"


def day(moment: datetime) -> str:
    """The heading a chat stands under, in the person's own time."""
    today = datetime.now(zone.here()).date()
    then = moment.astimezone(zone.here()).date()
    if then >= today:
        return "Today"
    if then == today - timedelta(days=1):
        return "Yesterday"
    return "Last 7 days" if then > today - timedelta(days=7) else f"{then:%B %Y}"
