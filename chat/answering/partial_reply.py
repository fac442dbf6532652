"""A reply as it grows: its receipt, how it is saved, and how one that broke off goes on in its own place.

reply.py asks the model and runs the threads; prompt.py holds the words that ask for the rest of a reply.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.open_replies import broke_off
from chat.tree import Message
from chat.turn import ChatServices
from memory.errors import AppError, DatabaseError, ModelError, NotFound
from memory.model import Usage
from memory.model.catalog import Prices

__all__ = [
    "PartialReply",
    "as_it_is_now",
    "broke_off",
    "can_continue",
    "joined",
    "joined_receipt",
    "save",
    "save_in_time",
    "save_meanwhile",
]

log = logging.getLogger("keepsake.replies")
NO_MODEL = "No language model is connected, so this reply cannot go on."
SAVING_PATIENCE, SAVING_PAUSE = 60.0, 0.5  # seconds for which saving is tried again, and between two tries
WATCHED_PACE = 3  # times as often is a reply saved that a page of another process shows
LONGEST_REPEAT, SHORTEST_REPEAT = 160, 8  # characters that a model says again before it goes on
ADDED = ("prompt_tokens", "reply_tokens", "cost", "ms")  # what the parts of a reply cost together
OF_THE_FIRST = ("first_ms", "recall_ms", "chosen_model", "without", "as_of")
_FENCE = re.compile(r"^ {0,3}```", re.MULTILINE)
_OPENS_FENCE = re.compile(r"\s*```[^\n`]*\n")


@dataclass
class PartialReply:
    """A reply as far as it is written, with its receipt. Several threads may try to save it; the first one does.

    `earlier` is the reply that goes on: its words come first, and the whole is saved in its place.
    """

    prices: Prices | None = None
    earlier: Message | None = None
    status: str = "stopped"
    pieces: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)
    erasures: int | None = None  # how often something of the person had been erased when the reply was begun
    saved: Message | None = None  # its row, as it was written last
    closed: bool = False  # whether it was saved for the last time
    saving: threading.Lock = field(default_factory=threading.Lock)
    saved_at: float = field(default_factory=time.monotonic)
    saved_pieces: int = 0  # how many pieces were there when it was saved last
    watched: bool = False  # whether a page of another process shows it
    length: int = 0

    def __post_init__(self) -> None:
        if self.earlier is not None:
            self.pieces.append(broke_off(self.earlier.content))
            self.saved_pieces = 1

    @property
    def text(self) -> str:
        """The text that is written so far."""
        return "".join(self.pieces)

    @property
    def has_words(self) -> bool:
        """Whether anything is written yet, beside the words of the reply that goes on."""
        return len(self.pieces) > (self.earlier is not None)

    @property
    def milliseconds(self) -> int:
        """How long the reply has taken so far."""
        return round(1000 * (time.monotonic() - self.started))

    def add(self, piece: str) -> None:
        """Add a piece."""
        if not self.has_words:
            self.receipt["first_ms"] = self.milliseconds
        self.pieces.append(piece)
        self.length += len(piece)

    def cut_off_at(self, longest: int) -> bool:
        """Return whether the reply is as long as it may be; it then counts as cut off."""
        self.usage.cut_off = self.usage.cut_off or self.length >= longest
        return self.length >= longest

    def note_saved(self, row: Message, pieces: int) -> None:
        """Note the row that so many pieces were saved in."""
        self.saved, self.saved_at, self.saved_pieces = row, time.monotonic(), pieces

    def finished_receipt(self) -> dict[str, Any]:
        """Return what the reply used: memories, model, tokens, time, and money if the price is known."""
        if self.usage.cut_off:
            self.receipt["cut_off"] = True
        spent: dict[str, Any] = {"prompt_tokens": self.usage.prompt_tokens, "reply_tokens": self.usage.reply_tokens}
        if self.prices and (cost := self.prices.cost(self.usage)) is not None:
            spent["cost"] = cost
        whole = self.receipt | spent | {"model": self.usage.model, "ms": self.milliseconds}
        return joined_receipt(self.earlier.receipt, whole) if self.earlier else whole


def save(chat: ChatServices, asked: Message, partial: PartialReply) -> None:
    """Save a reply as far as it is written, for the last time; a reply may be stopped just as it ends.

    If it is empty, the person's message is remembered without it. If nothing was added to an earlier reply, that reply
    stays as it was.
    """
    with partial.saving:
        if partial.closed:
            return
        partial.closed = True
        try:
            if partial.has_words and partial.text.strip():
                _write(chat, asked, partial)
            else:
                chat.conversations.end_without_reply(asked)
        except DatabaseError:
            partial.closed = False
            raise
    chat.wake_worker()


def save_in_time(chat: ChatServices, asked: Message, partial: PartialReply) -> None:
    """Save a reply for the last time; while the database is away, try again for a minute."""
    give_up = time.monotonic() + SAVING_PATIENCE
    while True:
        try:
            save(chat, asked, partial)
        except DatabaseError as problem:
            if time.monotonic() > give_up:
                raise
            log.warning("the reply to %s is saved later: %s", asked.id, problem)
            time.sleep(SAVING_PAUSE)
        else:
            return


def save_meanwhile(chat: ChatServices, asked: Message, partial: PartialReply) -> None:
    """Save a reply that is being written every few seconds, in case the process is killed.

    It is saved more often while a page of another process shows it. Whether saving works is shown at the reply's end.
    """
    pause = chat.saving_seconds / WATCHED_PACE if partial.watched else chat.saving_seconds
    if time.monotonic() - partial.saved_at < pause or len(partial.pieces) == partial.saved_pieces:
        return
    with partial.saving:
        if partial.closed or not partial.text.strip():
            return
        try:
            _write(chat, asked, partial, unfinished=True)
        except AppError as problem:
            log.warning("the reply to %s was not saved while it is written: %s", asked.id, problem)


def _write(chat: ChatServices, asked: Message, partial: PartialReply, *, unfinished: bool = False) -> None:
    conversations, before, pieces = chat.conversations, partial.saved or partial.earlier, len(partial.pieces)
    text, receipt = partial.text, partial.finished_receipt()
    status = "stopped" if unfinished else partial.status
    row = conversations.reply(asked, text, status, receipt, partial.erasures, before=before, unfinished=unfinished)
    partial.note_saved(row, pieces)


# -- a reply that broke off and goes on --------------------------------------------------------


def as_it_is_now(chat: ChatServices, earlier: Message) -> Message:
    """Return the reply that goes on, as it is now: what it used may have been erased since it was drawn."""
    if chat.model is None:
        raise ModelError(NO_MODEL)
    now = chat.conversations.message(earlier.user_id, earlier.id)
    if now is None or now.content != earlier.content:
        raise NotFound("This reply was deleted or changed in the meantime.")
    return now


def can_continue(reply: Message) -> bool:
    """Return whether a reply ended before it was done: stopped, failed, or cut off at its longest."""
    return bool(reply.content.strip()) and (reply.status != "complete" or bool(reply.receipt.get("cut_off")))


def joined(before: str, pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces that follow a text, without what they repeat of its end."""
    start, begun = "", False
    for piece in pieces:
        if begun:
            yield piece
            continue
        start += piece
        if not _may_repeat(before, start):
            begun = True
            if fresh := _fresh(before, start):
                yield fresh
    if not begun and (fresh := _fresh(before, start)):
        yield fresh


def _may_repeat(before: str, start: str) -> bool:
    """Return whether more has to be known before the first words can be shown."""
    plain = start.lstrip()
    if len(plain) >= LONGEST_REPEAT:
        return False
    if plain.startswith("`") and "\n" not in plain:
        return True
    return not plain or plain in _tail(before)


def _fresh(before: str, start: str) -> str:
    """Return the first words without what repeats the end of the text, or opens its code block once more."""
    if len(_FENCE.findall(before)) % 2 and (again := _OPENS_FENCE.match(start)):
        start = start[again.end() :]
    plain, tail = start.lstrip(), _tail(before)
    most = min(len(plain), len(tail))
    repeated = next((n for n in range(most, SHORTEST_REPEAT - 1, -1) if tail.endswith(plain[:n].rstrip())), 0)
    if repeated:
        start = plain[repeated:]
    return start.lstrip(" ") if before[-1:].isspace() else start


def _tail(before: str) -> str:
    return before.rstrip()[-LONGEST_REPEAT:]


def joined_receipt(first: Mapping[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the receipt of a reply that was written in two parts: what both used, and what they cost together."""
    before = {name: value for name, value in first.items() if name != "cut_off"}
    whole = before | dict(rest) | {name: before[name] for name in OF_THE_FIRST if name in before}
    whole |= {name: before[name] + (rest.get(name) or 0) for name in ADDED if before.get(name) is not None}
    used = {str(each.get("id")): each for part in (rest, before) for each in part.get("memories") or []}
    looks = [each for part in (before, rest) for each in part.get("looked_again") or []]
    return whole | ({"memories": list(used.values())} if used else {}) | ({"looked_again": looks} if looks else {})
