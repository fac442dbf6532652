"""Draws the receipt of a reply, a line that opens: the memories it was given in plain words, scores under "Details".

It also has the forms that ask for another answer. Receipts that older versions wrote lack some fields, and are drawn
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
from ui.elements import escape, in_words, plural, quiet, shorten

__all__ = ["Again", "as_of_day", "draw_details", "draw_notes", "draw_used", "memory_markdown", "summary"]

LONGEST, SHORT = 300, 60
# The names of the parts of a score. The cosine is not among them: it is not part of the sum.
PARTS = {
    "meaning": "meaning",
    "words": "words",
    "dated": "date",
    "linked": "names",
    "speaker": "who said it",
    "timed": "has a date",
    "substance": "substance",
    "question": "only a question",
    "episode": "past message",
    "recent": "recent",
    "confirmed": "confirmed",
    "corrected": "corrected",
    "corrects": "corrects a past message",
}
# Why a memory was given whatever was asked; receipts of older versions do not say.
GIVEN = {"always": "always included", "instruction": "an instruction", "newest": "one of the newest"}
LEAST_PART = 0.005
LEAST_COST = 0.0001


class Again(Protocol):
    """A callback that has a message answered again: without some memories, as of a past day, by another model."""

    def __call__(
        self,
        message_id: str | None,
        without: Sequence[str] = (),
        as_of: date | None = None,
        *,
        model: str | None = None,
    ) -> None:
        """Have the message answered in the next run."""


def draw_used(
    said: Message, before: Sequence[Message] = (), again: Again | None = None, asked: Message | None = None
) -> None:
    """Draw the line that says what a reply used and opens to its receipt, if it used anything or memory was off.

    `before` are the replies that this one replaced; `asked` is the message it replies to, whose receipt says what was
    learned from the turn.
    """
    if label := summary(said.receipt):
        with st.container(key=f"behind-{said.id}", width="content"):
            _draw_receipt(label, ":material/favorite:", said, before, again, asked)


def draw_details(
    said: Message, before: Sequence[Message] = (), again: Again | None = None, asked: Message | None = None
) -> None:
    """Draw the receipt of a reply that used nothing, as one of its actions."""
    if not summary(said.receipt) and (said.receipt or again):
        with st.container(key=f"icon-details-{said.id}", width="content"):
            _draw_receipt("Details", ":material/info:", said, before, again, asked)


def _draw_receipt(
    label: str, icon: str, said: Message, before: Sequence[Message], again: Again | None, asked: Message | None
) -> None:
    # The content is drawn once the line is open: a long chat has dozens of receipts that nobody opens.
    opened = st.popover(label, type="tertiary", icon=icon, key=f"receipt-{said.id}", on_change="rerun")
    if opened.open:
        with opened:
            _draw_content(said, before, again, asked)


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
        st.caption(":material/stop_circle: Stopped.")
    elif said.status == "failed":
        st.caption(":material/warning: The model stopped before it was done.")
    if receipt.get("cut_off"):
        st.caption(":material/content_cut: The reply reached its maximum length.")
    if problem := receipt.get("not_recalled"):
        st.caption(f":material/warning: Without memory: {escape(str(problem))}")
    if (chosen := receipt.get("chosen_model")) and not receipt.get("not_offered"):
        st.caption(f":material/swap_horiz: Answered by {escape(str(chosen))}")
    if gone := receipt.get("not_offered"):
        st.caption(f":material/swap_horiz: {escape(str(gone))} is no longer available. Another model answered.")
    if day := as_of_day(receipt):
        st.caption(f":material/history_toggle_off: As of {day.day} {day:%B %Y}")


def _draw_content(said: Message, before: Sequence[Message], again: Again | None, asked: Message | None) -> None:
    """Draw every memory with the reason it was found; each can be switched off if another answer is possible."""
    used, left_out = _memories(said.receipt), _switched_off_before(said, before)
    if again is None:
        st.markdown("\n\n".join(f"{_memory_text(each)}  \n{_small(_reason(each))}" for each in used))
    else:
        _draw_choices(said, used, left_out, again)
    for line in _looked_again(said.receipt):
        st.markdown(_small(line))
    if asked and (line := learned_line(asked.receipt.get("remembered") or {})):
        st.markdown(quiet(f"From this turn · {line}"))
    _draw_origins(said, used)
    with st.expander("Details"):
        found = [memory_markdown(each) for each in used if _scores(each)]
        st.markdown("\n\n".join([*found, _cost_line(said.receipt)]))


def _looked_again(receipt: Mapping[str, Any]) -> list[str]:
    """Return a line for each search that the model made while it replied, with its words."""
    lines = []
    for each in receipt.get("looked_again") or []:
        days = [f"{name} {_short_date(each[name]) or each[name]}" for name in ("from", "to") if each.get(name)]
        about = ", ".join(filter(None, (str(each.get("person") or ""), *days)))
        words = f"“{shorten(str(each.get('query', '')), LONGEST)}”{f' ({about})' if about else ''}"
        count = each.get("found") or 0
        found = "it did not work" if each.get("problem") else f"{count} more found" if count else "nothing more found"
        lines.append(f"Searched again for {words}: {found}")
    return lines


def _draw_choices(
    said: Message, used: Sequence[Mapping[str, Any]], left_out: Sequence[Mapping[str, Any]], again: Again
) -> None:
    """Draw the memories as switches, and a day to answer as of, in one form."""
    with st.form(f"without-{said.id}", border=False):
        for number, memory in enumerate([*used, *left_out]):
            with st.container(gap=None, key=f"given-{said.id}-{number}"):
                st.checkbox(_memory_text(memory), value=number < len(used), key=_switch_key(said, memory))
                st.markdown(_small(_reason(memory)))
        arguments = (said, [*used, *left_out], again)
        if used or left_out:
            st.form_submit_button("Answer without unticked memories", on_click=_answer_without, args=arguments)
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        today = datetime.now(dates.timezone()).date()
        chosen = as_of_day(said.receipt) or today - timedelta(days=1)
        row.date_input("As of", min(chosen, today), max_value=today, key=f"as-of-{said.id}", width=150)
        row.form_submit_button("Answer as of that day", on_click=_answer_as_of, args=arguments)


def _switch_key(said: Message, memory: Mapping[str, Any]) -> str:
    return f"with-{said.id}-{memory['id']}"


def _answer_without(said: Message, memories: Sequence[Mapping[str, Any]], again: Again) -> None:
    again(said.parent_id, _switched_off(said, memories))


def _answer_as_of(said: Message, memories: Sequence[Mapping[str, Any]], again: Again) -> None:
    day = st.session_state.get(f"as-of-{said.id}")
    again(said.parent_id, _switched_off(said, memories), day if isinstance(day, date) else None)


def _switched_off(said: Message, memories: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["id"]) for each in memories if not st.session_state.get(_switch_key(said, each), True)]


def _draw_origins(said: Message, used: Sequence[Mapping[str, Any]]) -> None:
    """Draw a button for each memory that opens the message it came from."""
    known = [memory for memory in used if memory.get("run_id")]
    if not known:
        return
    with st.container(gap="xxsmall"):
        st.caption("Sources")
        for memory in known:
            label = f"{_short_date(memory.get('at'))}: {_memory_text(memory, SHORT)}"
            key, target = f"origin-{said.id}-{memory['id']}", (str(memory["run_id"]), memory.get("message_id"))
            icon = ":material/north_east:"
            st.button(label, key=key, type="tertiary", icon=icon, on_click=open_chat.open_origin, args=target)


def _switched_off_before(said: Message, before: Sequence[Message]) -> list[Mapping[str, Any]]:
    """Return the memories that were switched off for this reply, from the receipts of the replies before it."""
    known = {str(each.get("id")): each for other in before for each in _memories(other.receipt)}
    return [known[each] for each in said.receipt.get("without") or [] if each in known]


def summary(receipt: Mapping[str, Any]) -> str:
    """Return how many memories and past messages a reply used, or that memory was off; nothing if it used none."""
    used = _memories(receipt)
    said = sum(each.get("source") == "episodes" for each in used)
    parts = [plural(len(used) - said, "1 memory", "{number} memories")] if len(used) > said else []
    parts += [plural(said, "1 past message", "{number} past messages")] if said else []
    if parts:
        return f"Used {in_words(parts)}"
    return "Memory off" if receipt.get("memory_off") else ""


def memory_markdown(memory: Mapping[str, Any]) -> str:
    """Return a memory as Markdown: its text, and below it its score and the parts of the score."""
    return f"{_memory_text(memory)}  \n{_small(_scores(memory))}"


def _scores(memory: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (_score_text(memory), _score_parts(memory.get("parts") or {}))))


def _memory_text(memory: Mapping[str, Any], longest: int = LONGEST) -> str:
    return escape(shorten(str(memory.get("text", "")), longest))


def _reason(memory: Mapping[str, Any]) -> str:
    """Return where a memory comes from, and why it was given if no search found it."""
    day = memory.get("about")
    about = f"about {_short_date(day) or dates.date_of(day)}" if day else ""
    corrected = "corrected later" if memory.get("corrected") else ""
    return " · ".join(filter(None, (_source_text(memory), about, corrected, _given_text(memory))))


def _small(words: str) -> str:
    return quiet(escape(words))


def _memories(receipt: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return receipt.get("memories") or []


def _cost_line(receipt: Mapping[str, Any]) -> str:
    parts = [str(receipt.get("model") or "No language model")]
    if receipt.get("prompt_tokens") or receipt.get("reply_tokens"):
        read, written = (f"{receipt.get(name) or 0:,}" for name in ("prompt_tokens", "reply_tokens"))
        parts.append(f"{read} tokens in, {written} out")
    if (cost := receipt.get("cost")) is not None:
        little = 0 < cost < LEAST_COST
        parts.append("less than $0.0001" if little else f"${cost:.4f}")
    if (ms := receipt.get("ms")) is not None:
        parts.append(f"{ms:,} ms")
    if (ms := receipt.get("recall_ms")) is not None:
        parts.append(f"memories found in {ms:,} ms")
    if (ms := receipt.get("first_ms")) is not None:
        parts.append(f"first word after {ms:,} ms")
    return _small(" · ".join(parts))


def _source_text(memory: Mapping[str, Any]) -> str:
    by, day = memory.get("by"), _short_date(memory.get("at"))
    if memory.get("source") != "episodes":
        return f"Memory from {day}" if day else "Memory"
    who = {"user": "You", "assistant": "I"}.get(str(by), str(by or "Somebody"))
    return f"{who} said this on {day}" if day else f"{who} said this"


def _short_date(written: object) -> str:
    moment = dates.local_time(written)
    return f"{moment.day} {moment:%b %Y}" if moment else ""


def _given_text(memory: Mapping[str, Any]) -> str:
    """Return why a memory was given whatever was asked, if it was: a standing memory has no score."""
    if memory.get("given") or ("score" in memory and memory["score"] is None):
        return GIVEN.get(str(memory.get("given")), "always included")
    return ""


def _score_text(memory: Mapping[str, Any]) -> str:
    return "" if memory.get("score") is None or memory.get("given") else f"score {memory['score']:.2f}"


def _score_parts(parts: Mapping[str, float]) -> str:
    counting = {name: part for name, part in parts.items() if name != "cosine" and abs(part) >= LEAST_PART}
    best_first = sorted(counting.items(), key=lambda each: -abs(each[1]))
    named = [(PARTS.get(name, name), part) for name, part in best_first]
    return ", ".join(f"{name} {round(part, 2):g}" for name, part in named)
