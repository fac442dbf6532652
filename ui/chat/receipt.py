"""Draws the receipt of a reply, a line that opens: the memories it was given and why, the model, time and cost.

It also has the buttons that ask for another answer. Receipts that older versions wrote lack some fields, and are drawn
without them. Nothing is read from the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import streamlit as st

from chat.tree import Message
from ui import dates
from ui.chat import open_chat
from ui.chat.learned import learned_line
from ui.elements import escape, plural, quiet, shorten

__all__ = ["Again", "draw_notes", "draw_receipt", "memory_markdown", "summary"]

LONGEST, SHORT = 300, 60
# The names of the parts of a score. The cosine is not among them: it is not part of the sum.
PARTS = {
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
LEAST_COST = 0.0001


class Again(Protocol):
    """A callback that has a message answered again, maybe without some memories or as of a past day."""

    def __call__(self, message_id: str | None, without: Sequence[str] = (), as_of: date | None = None) -> None:
        """Have the message answered in the next run."""


def draw_receipt(
    said: Message, before: Sequence[Message] = (), again: Again | None = None, asked: Message | None = None
) -> None:
    """Draw the line that opens to the receipt, and the button that asks for another answer.

    `before` are the replies that this one replaced; `asked` is the message it replies to, whose receipt says what was
    learned from the turn.
    """
    receipt = said.receipt
    label = summary(receipt)
    if not (label or again):
        return
    row = st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"behind-{said.id}")
    if label:
        # The content is drawn once the line is open: a long chat has dozens of receipts that nobody opens.
        key, icon = f"receipt-{said.id}", ":material/favorite:"
        opened = row.popover(label, type="tertiary", icon=icon, key=key, on_change="rerun")
        if opened.open:
            with opened:
                _draw_content(said, before, again, asked)
    if again:
        key, icon = f"icon-again-{said.id}", ":material/refresh:"
        arguments = (said.parent_id, receipt.get("without") or [], as_of_day(receipt))
        row.button("Try again", key=key, icon=icon, type="tertiary", on_click=again, args=arguments)


def as_of_day(receipt: Mapping[str, Any]) -> date | None:
    """Return the past day that a reply was given as of, if any."""
    try:
        return date.fromisoformat(str(receipt.get("as_of")))
    except ValueError:
        return None


def draw_notes(said: Message) -> None:
    """Draw the notes about a reply: that it was cut off, had no memory, or is as of a past day."""
    receipt = said.receipt
    if said.status == "stopped":
        st.caption(":material/stop_circle: Stopped here.")
    elif said.status == "failed":
        st.caption(":material/warning: The model broke off here.")
    if receipt.get("cut_off"):
        st.caption(":material/content_cut: The model reached the length it may write at once.")
    if problem := receipt.get("not_recalled"):
        st.caption(f":material/warning: Without memory: {escape(str(problem))}")
    if gone := receipt.get("not_offered"):
        st.caption(f":material/swap_horiz: {escape(str(gone))} is no longer offered: another model answered.")
    if day := as_of_day(receipt):
        st.caption(f":material/history_toggle_off: As of {day.day} {day:%B %Y}")


def _draw_content(said: Message, before: Sequence[Message], again: Again | None, asked: Message | None) -> None:
    """Draw every memory with the reason it was found; each can be switched off if another answer is possible."""
    used, left_out = _memories(said.receipt), _switched_off_before(said, before)
    if again is None:
        st.markdown("\n\n".join([*map(memory_markdown, used), _cost_line(said.receipt)]))
    else:
        _draw_choices(said, used, left_out, again)
    if asked and (line := learned_line(asked.receipt.get("remembered") or {})):
        st.markdown(quiet(f"From this turn · {line}"))
    _draw_origins(said, used)


def _draw_choices(
    said: Message, used: Sequence[Mapping[str, Any]], left_out: Sequence[Mapping[str, Any]], again: Again
) -> None:
    """Draw the memories as switches, and a day to answer as of, in one form."""
    with st.form(f"without-{said.id}", border=False):
        for number, memory in enumerate([*used, *left_out]):
            with st.container(gap=None, key=f"given-{said.id}-{number}"):
                st.checkbox(_memory_text(memory), value=number < len(used), key=_switch_key(said, memory))
                st.markdown("  \n".join(_small(line) for line in _reasons(memory)))
        arguments = (said, [*used, *left_out], again)
        if used or left_out:
            st.form_submit_button("Answer without what is off", on_click=_answer_without, args=arguments)
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        today = datetime.now(dates.timezone()).date()
        chosen = as_of_day(said.receipt) or today - timedelta(days=1)
        row.date_input("As it was on", min(chosen, today), max_value=today, key=f"as-of-{said.id}", width=150)
        row.form_submit_button("Answer as it was then", on_click=_answer_as_of, args=arguments)
        st.markdown(_cost_line(said.receipt))


def _switch_key(said: Message, memory: Mapping[str, Any]) -> str:
    return f"with-{said.id}-{memory['id']}"


def _answer_without(said: Message, memories: Sequence[Mapping[str, Any]], again: Again) -> None:
    again(said.parent_id, _switched_off(st.session_state.to_dict(), said, memories))


def _answer_as_of(said: Message, memories: Sequence[Mapping[str, Any]], again: Again) -> None:
    kept = st.session_state.to_dict()
    day = kept.get(f"as-of-{said.id}")
    again(said.parent_id, _switched_off(kept, said, memories), day if isinstance(day, date) else None)


def _switched_off(kept: Mapping[str, Any], said: Message, memories: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["id"]) for each in memories if not kept.get(_switch_key(said, each), True)]


def _draw_origins(said: Message, used: Sequence[Mapping[str, Any]]) -> None:
    """Draw a button for each memory that opens the message it came from."""
    known = [memory for memory in used if memory.get("run_id")]
    if not known:
        return
    st.caption("Where it was said")
    for memory in known:
        label = f"{_short_date(memory.get('at'))}: {_memory_text(memory, SHORT)}"
        key, target = f"origin-{said.id}-{memory['id']}", (str(memory["run_id"]), memory.get("message_id"))
        st.button(
            label, key=key, type="tertiary", icon=":material/north_east:", on_click=open_chat.set_open, args=target
        )


def _switched_off_before(said: Message, before: Sequence[Message]) -> list[Mapping[str, Any]]:
    """Return the memories that were switched off for this reply, from the receipts of the replies before it."""
    known = {str(each.get("id")): each for other in before for each in _memories(other.receipt)}
    return [known[each] for each in said.receipt.get("without") or [] if each in known]


def summary(receipt: Mapping[str, Any]) -> str:
    """Return the line: the number of memories, the time, the number of tokens, as far as they are known."""
    parts = []
    if memories := _memories(receipt):
        parts.append(plural(len(memories), "1 memory", "{number} memories"))
    if receipt.get("memory_off"):
        parts.append("memory off")
    if (ms := receipt.get("ms")) is not None:
        parts.append(f"{ms / 1000:.1f} s" if ms >= 100 else f"{ms} ms")
    if tokens := (receipt.get("prompt_tokens") or 0) + (receipt.get("reply_tokens") or 0):
        parts.append(plural(tokens, "1 token", "{number} tokens"))
    return " · ".join(parts)


def memory_markdown(memory: Mapping[str, Any]) -> str:
    """Return a memory as Markdown: its text, and below it where it comes from and why it was found."""
    return "  \n".join([_memory_text(memory), *map(_small, _reasons(memory))])


def _memory_text(memory: Mapping[str, Any], longest: int = LONGEST) -> str:
    return escape(shorten(str(memory.get("text", "")), longest))


def _reasons(memory: Mapping[str, Any]) -> list[str]:
    """Return where a memory comes from, and the parts of its score, as far as they are known."""
    about = " · ".join(
        each for each in (_source_text(memory), _short_date(memory.get("at")), _score_text(memory)) if each
    )
    return [each for each in (about, _score_parts(memory.get("parts") or {})) if each]


def _small(words: str) -> str:
    return quiet(escape(words))


def _memories(receipt: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return receipt.get("memories") or []


def _cost_line(receipt: Mapping[str, Any]) -> str:
    parts = [str(receipt.get("model") or "No language model")]
    if receipt.get("prompt_tokens") or receipt.get("reply_tokens"):
        read, written = (f"{receipt.get(name) or 0:,}" for name in ("prompt_tokens", "reply_tokens"))
        parts.append(f"{read} tokens read, {written} written")
    if (cost := receipt.get("cost")) is not None:
        little = 0 < cost < LEAST_COST
        parts.append("less than $0.0001" if little else f"${cost:.4f}")
    if (ms := receipt.get("ms")) is not None:
        parts.append(f"{ms:,} ms")
    if (ms := receipt.get("recall_ms")) is not None:
        parts.append(f"recalled in {ms:,} ms")
    if (ms := receipt.get("first_ms")) is not None:
        parts.append(f"first word after {ms:,} ms")
    return _small(" · ".join(parts))


def _source_text(memory: Mapping[str, Any]) -> str:
    by = memory.get("by")
    if memory.get("source") != "episodes":
        return "memory"
    if by in ("user", "assistant"):
        return "said by you" if by == "user" else "said by Keepsake"
    return f"said by {by}" if by else "what was said"


def _short_date(written: object) -> str:
    moment = dates.local_time(written)
    return f"{moment.day} {moment:%b %Y}" if moment else ""


def _score_text(memory: Mapping[str, Any]) -> str:
    """Return the score; a standing memory has none."""
    if "score" not in memory:
        return ""
    if memory["score"] is None:
        return "holds always"
    return f"score {memory['score']:.2f}"


def _score_parts(parts: Mapping[str, float]) -> str:
    counting = {name: part for name, part in parts.items() if name != "cosine" and abs(part) >= LEAST_PART}
    best_first = sorted(counting.items(), key=lambda each: -abs(each[1]))
    named = [(PARTS.get(name, name), part) for name, part in best_first]
    return ", ".join(f"{name} {round(part, 2):g}" for name, part in named)
