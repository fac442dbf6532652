"""What the memory model is told, beside the schema of what it answers. Text only: no call is made here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from memory.facts import Fact, Said
from model import Message

__all__ = ["Answer", "Operation", "remember"]


class Operation(BaseModel):
    """One change the model proposes."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["add", "update", "delete", "none"]
    target: int | None
    text: str
    kind: Literal["fact", "preference", "goal", "instruction", "event"]
    quote: str
    happened_at: str | None
    language: str | None
    reason: str


class Answer(BaseModel):
    """Everything the model proposes for one turn."""

    model_config = ConfigDict(extra="forbid")

    operations: list[Operation]


EXTRACT = """\
You keep the long-term memory of one person. You get what was said in one turn of a chat, and the few \
known memories near it, numbered. Answer with the operations that bring the memory up to date.

Keep what will still matter in another conversation: who the person is, people and things in their life, \
what they like, want, plan, have done, and how they want to be answered. Keep nothing that only matters now.
- Evidence is only what the PERSON says. The assistant's words and the known memories prove nothing.
- Store nothing from questions, requests, greetings, hypotheticals, jokes, or words quoted from others.
- What the person says of somebody else stays about that somebody ("Ana, the person's sister, is vegetarian").
- Each text is one self-contained statement in the person's language, understandable on its own in a year.
- quote: the person's exact words that prove it, copied letter by letter from this turn.
- happened_at: an ISO date if the statement is tied to a time, counted from the message's own time; else null.
- kind: fact, preference, goal, instruction (how to answer), or event.
- Never store passwords, keys, or card and account numbers.
- If nothing is worth keeping, answer with an empty list. That is the usual case.
"""

UPDATE = """\
Compare with the known memories:
- already known, in whatever words: none (or leave it out);
- the person corrects or outgrows a known memory: update its number, with the full new text;
- the person asks to forget it, or takes it back: delete its number, with the quote that asks for it;
- otherwise: add. target is the number for update and delete, null for add.
"""


def remember(said: Sequence[Said], near: Sequence[Fact]) -> list[Message]:
    """The prompt for one turn: instructions, then the turn and the near memories as data."""
    known = "\n".join(f"[{number}] {fact.text}" for number, fact in enumerate(near, 1)) or "(none)"
    turn = "\n".join(f"{_speaker(each)} ({each.at:%Y-%m-%d %H:%M}, {each.at:%A}): {each.content}" for each in said)
    return [
        Message("system", f"{EXTRACT}\n{UPDATE}"),
        Message("user", f"<known>\n{known}\n</known>\n\n<turn>\n{turn}\n</turn>"),
    ]


def _speaker(said: Said) -> str:
    return "PERSON" if said.role == "user" else "ASSISTANT"
