"""The quiet line under a reply that opens: what it was told from memory, by which model, at what cost.

Receipts of older versions lack some of it, and are drawn without. It asks nobody for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from chat.conversations import Message
from texts import text
from ui.pieces import plain, spoken

__all__ = ["Again", "behind_reply", "summary", "what_of"]

Again = Callable[[str | None, Sequence[str]], None]
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


def behind_reply(said: Message, before: Sequence[Message] = (), again: Again | None = None) -> None:
    """Whether a reply is whole, and one line that opens; with the replies before it, and the way to another one.

    `again` is called with the message to answer, and the memories to do without.
    """
    receipt = said.receipt
    if said.status == "stopped":
        st.caption(":material/stop_circle: Stopped here.")
    elif said.status == "failed":
        st.caption(":material/warning: The model broke off here.")
    if receipt.get("cut_off"):
        st.caption(":material/content_cut: The model reached the length it may write at once.")
    if problem := receipt.get("not_recalled"):
        st.caption(f":material/warning: Without memory: {plain(str(problem))}")
    if gone := receipt.get("not_offered"):
        st.caption(f":material/swap_horiz: {text('settings.receipt.not_offered', model=plain(str(gone)))}")
    label = summary(receipt)
    if not (label or before or again):
        return
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"behind-{said.id}")
    if label:
        with row.popover(label, type="tertiary", icon=":material/favorite:", key=f"receipt-{said.id}"):
            _opened(said, before, again)
    if before:
        name = "1 earlier answer" if len(before) == 1 else f"{len(before)} earlier answers"
        with row.popover(name, type="tertiary", icon=":material/history:", key=f"earlier-{said.id}"):
            for each in before:
                with st.container(border=True):
                    spoken(each)
    if again:
        without = receipt.get("without") or []
        key, icon = f"icon-again-{said.id}", ":material/refresh:"
        row.button("Try again", key=key, icon=icon, type="tertiary", on_click=again, args=(said.parent_id, without))


def _opened(said: Message, before: Sequence[Message], again: Again | None) -> None:
    """Every memory with why it was found; each can be switched off where the reply can be had again."""
    used, left_out = _memories(said.receipt), _left_out(said, before)
    if again is None or not (used or left_out):
        st.markdown("\n\n".join([*map(what_of, used), _cost(said.receipt)]))
        return
    with st.form(f"without-{said.id}", border=False):
        for number, each in enumerate([*used, *left_out]):
            st.checkbox(_text(each), value=number < len(used), key=_switch(said, each))
            st.markdown("  \n".join(_small(line) for line in _why(each)))
        st.form_submit_button(
            "Answer without what is off",
            on_click=_answer_without,
            args=(said, [*used, *left_out], again),
        )
        st.markdown(_cost(said.receipt))


def _switch(said: Message, memory: Mapping[str, Any]) -> str:
    return f"with-{said.id}-{memory['id']}"


def _answer_without(said: Message, memories: Sequence[Mapping[str, Any]], again: Again) -> None:
    kept = st.session_state.to_dict()
    again(said.parent_id, [str(each["id"]) for each in memories if not kept.get(_switch(said, each), True)])


def _left_out(said: Message, before: Sequence[Message]) -> list[Mapping[str, Any]]:
    """What this reply was not told on purpose, by the receipts of those before it."""
    known = {str(each.get("id")): each for other in before for each in _memories(other.receipt)}
    return [known[each] for each in said.receipt.get("without") or [] if each in known]


def summary(receipt: Mapping[str, Any]) -> str:
    """The line itself: how many memories, how long, how many tokens; as much of it as is known."""
    told = []
    if memories := _memories(receipt):
        told.append("1 memory" if len(memories) == 1 else f"{len(memories)} memories")
    if receipt.get("memory_off"):
        told.append(text("settings.receipt.off"))
    if (ms := receipt.get("ms")) is not None:
        told.append(f"{ms / 1000:.1f} s" if ms >= 100 else f"{ms} ms")
    if tokens := (receipt.get("prompt_tokens") or 0) + (receipt.get("reply_tokens") or 0):
        told.append("1 token" if tokens == 1 else f"{tokens:,} tokens")
    return " · ".join(told)


def what_of(memory: Mapping[str, Any]) -> str:
    """One memory as Markdown: its text, and below it where it is from and why it was found."""
    return "  \n".join([_text(memory), *map(_small, _why(memory))])


def _text(memory: Mapping[str, Any]) -> str:
    text = " ".join(str(memory.get("text", "")).split())
    return plain(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _why(memory: Mapping[str, Any]) -> list[str]:
    """Where it is from, and what its score is made of; as much of it as is known."""
    about = " · ".join(each for each in (_source(memory), _day(memory.get("at")), _score(memory)) if each)
    return [each for each in (about, _parts(memory.get("parts") or {})) if each]


def _small(words: str) -> str:
    return f":small[:gray[{plain(words)}]]"


def _memories(receipt: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return receipt.get("memories") or []


def _cost(receipt: Mapping[str, Any]) -> str:
    told = [str(receipt.get("model") or "No language model")]
    if receipt.get("prompt_tokens") or receipt.get("reply_tokens"):
        told.append(f"{receipt.get('prompt_tokens') or 0:,} tokens read, {receipt.get('reply_tokens') or 0:,} written")
    if (ms := receipt.get("ms")) is not None:
        told.append(f"{ms:,} ms")
    return _small(" · ".join(told))


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
