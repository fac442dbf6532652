"""The quiet line under a reply that opens: what it was told from memory, by which model, at what cost.

Receipts of older versions lack some of it, and are drawn without. It asks nobody for anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from chat.conversations import Message
from ui.pieces import plain

__all__ = ["behind_reply", "summary", "what_of"]

LONGEST = 300
# What the parts of a score are called; the cosine is no part of the sum.
PART_NAMES = {
    "meaning": "meaning",
    "words": "words",
    "dated": "named day",
    "linked": "linked names",
    "speaker": "who said it",
    "timed": "tells a time",
    "substance": "substance",
    "question": "only a question",
    "episode": "as it was said",
    "recent": "recent",
    "confirmed": "said again",
}
LEAST_PART = 0.005
SPEAKERS = {"user": "said by you", "assistant": "said by Keepsake"}


def behind_reply(said: Message) -> None:
    """Whether a reply is whole, and one line that opens."""
    receipt = said.receipt
    if said.status == "stopped":
        st.caption(":material/stop_circle: Stopped here.")
    elif said.status == "failed":
        st.caption(":material/warning: The model broke off here.")
    if receipt.get("cut_off"):
        st.caption(":material/content_cut: The model reached the length it may write at once.")
    if problem := receipt.get("not_recalled"):
        st.caption(f":material/warning: Without memory: {plain(str(problem))}")
    if label := summary(receipt):
        with st.popover(label, type="tertiary", icon=":material/favorite:", key=f"receipt-{said.id}"):
            st.markdown("\n\n".join([*map(what_of, _memories(receipt)), _cost(receipt)]))


def summary(receipt: Mapping[str, Any]) -> str:
    """The line itself: how many memories, how long, how many tokens; as much of it as is known."""
    told = []
    if memories := _memories(receipt):
        told.append("1 memory" if len(memories) == 1 else f"{len(memories)} memories")
    if (ms := receipt.get("ms")) is not None:
        told.append(f"{ms / 1000:.1f} s")
    if tokens := (receipt.get("prompt_tokens") or 0) + (receipt.get("reply_tokens") or 0):
        told.append("1 token" if tokens == 1 else f"{tokens:,} tokens")
    return " · ".join(told)


def what_of(memory: Mapping[str, Any]) -> str:
    """One memory as Markdown: its text, and below it where it is from and why it was found."""
    text = " ".join(str(memory.get("text", "")).split())
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    about = " · ".join(each for each in (_source(memory), _day(memory.get("at")), _score(memory)) if each)
    parts = _parts(memory.get("parts") or {})
    return f"{plain(shown)}" + "".join(f"  \n:small[:gray[{plain(each)}]]" for each in (about, parts) if each)


def _memories(receipt: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return receipt.get("memories") or []


def _cost(receipt: Mapping[str, Any]) -> str:
    told = [str(receipt.get("model") or "No language model")]
    if receipt.get("prompt_tokens") or receipt.get("reply_tokens"):
        told.append(f"{receipt.get('prompt_tokens') or 0:,} tokens read, {receipt.get('reply_tokens') or 0:,} written")
    if (ms := receipt.get("ms")) is not None:
        told.append(f"{ms:,} ms")
    return f":small[:gray[{plain(' · '.join(told))}]]"


def _source(memory: Mapping[str, Any]) -> str:
    by = memory.get("by")
    if memory.get("source") == "episodes":
        return SPEAKERS.get(str(by), f"said by {by}") if by else "what was said"
    return "memory"


def _day(written: Any) -> str:
    """A date as people write it; a time of day is the person's own."""
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return ""
    local = moment.astimezone(ZoneInfo(st.context.timezone or "UTC")) if moment.tzinfo else moment
    return f"{local.day} {local:%b %Y}"


def _score(memory: Mapping[str, Any]) -> str:
    """What holds whatever is asked comes without a score."""
    if "score" not in memory:
        return ""
    return "holds always" if memory["score"] is None else f"score {memory['score']:.2f}"


def _parts(parts: Mapping[str, float]) -> str:
    told = {name: part for name, part in parts.items() if name != "cosine" and abs(part) >= LEAST_PART}
    best_first = sorted(told.items(), key=lambda each: -abs(each[1]))
    return ", ".join(f"{PART_NAMES.get(name, name)} {round(part, 2):g}" for name, part in best_first)
