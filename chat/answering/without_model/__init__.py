"""Replies to a message without a model: acknowledges what was learned, answers from memories, finds what to forget.

The reply waits a moment until the worker has kept what was told, and acknowledges only what was kept. A question about
the person gets the one memory that answers it. Nothing is deleted here: a request to forget names the memories, and the
person confirms. wording.py holds the sentences in four languages.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal

from chat.answering.without_model.wording import PHRASES, Phrases, sentence
from chat.tree import Message
from chat.turn import ChatServices
from memory import Fact, Memory
from memory.errors import InvalidInput, ModelError
from memory.facts import Said
from memory.language.intents import Intent, read_intent
from memory.language.rules import propose
from memory.language.second_person import (
    SPANISH_VERBS,
    guess_language,
    said_in_first_person,
    speaks_of_self,
    to_second_person,
)
from memory.language.slots import slots_of
from memory.language.word_lists import QUESTION_WORDS
from memory.language.words import content_words, same_word, words
from memory.learn.reconcile import KNOWN

__all__ = ["PlainReply", "Surroundings", "plain_reply"]

LOOK_SECONDS = 0.05  # between two looks whether the turn is remembered
MOST_LINES = 8  # of a list of what is known
MOST_TO_FORGET = 4  # memories that a request to forget offers
MOST_READ = 1_000  # memories that are looked through
NEAR = 0.5  # the cosine from which a memory without a shared word may be meant
# What a person is asked about first is told first.
SLOT_ORDER = ("name", "age", "home", "job", "employer")
KIND_ORDER = ("fact", "preference", "goal", "event", "instruction")


@dataclass(frozen=True)
class Surroundings:
    """What a reply has to know besides the message: `recall` returns the memories that fit a text, best first."""

    recall: Callable[[str], Sequence[Fact]]
    zone: tzinfo = UTC
    language: str | None = None  # the one that the person chose for replies
    memory_off: Literal["chat", "settings"] | None = None
    as_of: datetime | None = None
    without: Collection[str] = ()  # ids of memories to leave out
    with_files: bool = False


@dataclass(frozen=True)
class PlainReply:
    """A reply, the memories that it tells, and the ids of those that the person may confirm to forget."""

    text: str
    used: tuple[Fact, ...] = ()
    forget: tuple[str, ...] = ()


def plain_reply(chat: ChatServices, asked: Message, around: Surroundings) -> PlainReply:
    """Return the reply to a saved message."""
    intent = read_intent(asked.content)
    language = around.language if around.language in PHRASES else intent.language
    writer = _Writer(chat, asked, around, intent, PHRASES[language or "en"])
    try:
        reply = writer.write()
    except ModelError:  # the embedding model is away
        reply = PlainReply(writer.phrases.not_looked_up)
    files = writer.phrases.files if around.with_files else ""
    return PlainReply("\n\n".join(filter(None, (reply.text, files))), reply.used, reply.forget)


@dataclass(frozen=True)
class _Writer:
    """One message, and everything that its reply is made from."""

    chat: ChatServices
    asked: Message
    around: Surroundings
    intent: Intent
    phrases: Phrases

    def write(self) -> PlainReply:
        purpose, phrases = self.intent.purpose, self.phrases
        fixed = {"thanks": phrases.thanks, "farewell": phrases.farewell, "agreement": phrases.agreement}
        fixed |= {"help": phrases.abilities, "forget all": phrases.forget_all, "undo": phrases.undo}
        if purpose in fixed:
            return PlainReply(fixed[purpose])
        if purpose == "other":
            return PlainReply(self._acknowledgement() or self._no_answer())
        if purpose == "greeting":
            return PlainReply(self._greeting())
        if purpose == "forget last":  # also where memory is not read
            return PlainReply(self._forgotten())
        if self.around.memory_off:
            off = phrases.off_in_chat if self.around.memory_off == "chat" else phrases.off_in_settings
            return PlainReply(phrases.no_model if purpose == "question" else off)
        # What is told beside the question is learned first, so that the answer knows it.
        noted = "" if self.intent.alone else self._acknowledgement()
        answers = {"overview": self._overview, "self": self._about_person, "named": self._about_name}
        answer = (answers | {"question": self._about_world, "forget": self._to_forget})[purpose]()
        return PlainReply("\n\n".join(filter(None, (noted, answer.text))), answer.used, answer.forget)

    # -- statements ----------------------------------------------------------------------------

    def _acknowledgement(self) -> str:
        """Say what was learned from the message; nothing if it tells nothing."""
        told = bool(propose([Said("user", self.asked.content, self.asked.created_at)], (), self.around.zone))
        if self.asked.remembering == "none" and "remembered" not in self.asked.receipt:
            return self.phrases.writing_off if told else ""
        record = self._record()
        if record is None:
            return self.phrases.pending if told else ""
        if lines := [
            self._change(each) for each in record.get("events") or [] if each.get("event") in ("ADD", "UPDATE")
        ]:
            one = self.phrases.noted.format(what=lines[0]) if not lines[0].startswith("\n") else lines[0].strip()
            listed = "\n".join(f"- {each.strip()}" for each in lines)
            return one if len(lines) == 1 else self.phrases.noted.format(what=f"\n\n{listed}")
        if reasons := [str(each.get("reason")) for each in record.get("dropped") or [] if each.get("reason")]:
            known = all(each == KNOWN for each in reasons)
            return self.phrases.known if known else self.phrases.refused.format(reason=_ended(reasons[0]))
        return self.phrases.known if record.get("confirmed") else ""

    def _record(self) -> Mapping[str, Any] | None:
        """Let the turn be remembered now, and return the record of what was learned; None if it takes too long."""
        conversations = self.chat.conversations
        conversations.release(self.asked)
        self.chat.wake_worker()
        deadline = time.monotonic() + self.chat.noting_seconds
        while True:
            now = conversations.message(self.asked.user_id, self.asked.id)
            if now is None or "remembered" in now.receipt or "not_remembered" in now.receipt:
                record: Mapping[str, Any] | None = now.receipt.get("remembered") if now else None
                return record
            if time.monotonic() >= deadline:
                return None
            time.sleep(LOOK_SECONDS)

    def _change(self, event: Mapping[str, Any]) -> str:
        what = self._in_a_sentence(self._told(str(event["memory"])))
        if not (before := event.get("previous_memory")):
            return what
        return "\n" + self.phrases.changed.format(
            what=what, before=f"{self.phrases.quoted(_line(str(before)).rstrip(' .'))}."
        )

    def _no_answer(self) -> str:
        """Say in one sentence why there is no answer."""
        own = speaks_of_self(self.asked.content) and "?" not in self.asked.content
        return self.phrases.unclear if own and len(self.asked.content) < 200 else self.phrases.no_model

    def _greeting(self) -> str:
        if self.around.memory_off:
            return self.phrases.no_model
        name = next((found for each in self._known() if (found := _name_in(each.text))), None)
        return self.phrases.greeting_by_name.format(name=name) if name else self.phrases.greeting

    # -- questions -----------------------------------------------------------------------------

    def _overview(self) -> PlainReply:
        known = sorted(self._known(), key=_rank)
        if not known:
            return PlainReply(self.phrases.about_you_none)
        return self._list(self.phrases.about_you, known)

    def _about_person(self) -> PlainReply:
        """Answer a question about the person with the one memory that answers it."""
        found = self.around.recall(self.intent.about)
        memories = [each for each in found if each.source == "memories"]
        if self.intent.topic:
            return self._about_topic(memories)
        if self.intent.slot:
            memories += [each for each in self._known() if self.intent.slot in slots_of(each.text)]
        fact, sure = _best(self.intent, memories)
        if fact is not None:
            return PlainReply(self._answer(fact, sure=sure), (fact,))
        said = next((each for each in found if _was_told(each) and _shares(self.intent.about, each.text)), None)
        if said is None or self.intent.slot:
            return PlainReply(self.phrases.unknown)
        day = self._day(said) or ""
        told = self.phrases.said.format(day=day, words=self.phrases.quoted(_line(said.text)))
        return PlainReply(sentence(told), (said,))

    def _about_topic(self, found: Sequence[Fact]) -> PlainReply:
        """Tell what is known about something of the person's: what names it, or else the best that was found."""
        sure = [each for each in found if _shares(self.intent.about, each.text)]
        known = sure or list(found[:MOST_TO_FORGET]) or self._latest_thing()
        if not known:
            return PlainReply(self.phrases.about_you_none)
        if len(known) > 1:
            return self._list(self.phrases.about_you, known)
        return PlainReply(self._answer(known[0], sure=bool(sure)), (known[0],))

    def _latest_thing(self) -> list[Fact]:
        """Return the latest memory, rather one that tells more than who the person is."""
        known = self._known()
        return [each for each in known if not slots_of(each.text) & {"name", "age", "address"}][:1] or known[:1]

    def _about_name(self) -> PlainReply:
        """Tell what is known about a person or a thing."""
        name = self.intent.about
        known = self._of_entity(name) or [each for each in self._known() if _tells_of(name, each.text)]
        if known:
            title = self.phrases.about_name.format(name=_line(self._addressed(name)))
            single = PlainReply(self._answer(known[0], sure=True), (known[0],))
            return single if len(known) == 1 else self._list(title, known)
        if not (name[:1].isupper() or name.split()[0].lower() in _MY):
            return PlainReply(self.phrases.no_model)
        return PlainReply(self.phrases.unknown_name.format(name=_line(self._addressed(name))))

    def _about_world(self) -> PlainReply:
        """Answer a question about somebody else, if a memory shares a name and more with it."""
        asked = _meant(self.intent.about)
        names = {word for each in self.intent.about.split()[1:] if each[:1].isupper() for word in content_words(each)}
        for fact in self.around.recall(self.intent.about) if names else ():
            shared = _shared(asked, fact.text)
            if fact.source == "memories" and shared & names and len(shared) > max(1, len(asked) / 2):
                return PlainReply(self._answer(fact, sure=True), (fact,))
        return PlainReply(self.phrases.no_model)

    def _to_forget(self) -> PlainReply:
        """Name the memories that the person may mean; the page asks which to forget."""
        if self.intent.alone:
            self.chat.conversations.leave_out(self.asked)
        asked = _meant(self.intent.about)
        known = self._known()
        meant = [each for each in known if asked and len(_shared(asked, each.text)) == len(asked)]
        if not meant:
            found = [each for each in self.around.recall(self.intent.about) if each.source == "memories"]
            meant = [each for each in found if _shared(asked, each.text) or _is_near(each)]
        meant = meant[:MOST_TO_FORGET]
        phrases = self.phrases
        if not meant:
            about = self.phrases.quoted(_line(self._addressed(self.intent.about)))
            return PlainReply(phrases.forget_none.format(what=about))
        text = phrases.forget_one if len(meant) == 1 else phrases.forget_several
        return PlainReply(text, tuple(meant), tuple(each.id for each in meant))

    def _forgotten(self) -> str:
        """Say what became of the message before: the memories it added or changed, or else only its words."""
        phrases = self.phrases
        if self.asked.remembering == "none" and "remembered" not in self.asked.receipt:
            return phrases.forgotten_off
        record = self._record()
        if record is None:
            return phrases.pending_forgetting
        said = []
        for event, phrase in (("DELETE", phrases.forgotten), ("UPDATE", phrases.put_back)):
            these = [str(each["memory"]) for each in record.get("events") or [] if each.get("event") == event]
            if these:
                said.append(phrase.format(what=" ".join(self._in_a_sentence(self._told(each)) for each in these)))
        match record.get("forgot"):
            case None:
                said.append(phrases.forgotten_none)
            case "some":
                said.append(phrases.forgotten_some)
            case "words":
                said.append(phrases.forgotten_words)
        return " ".join(said or [phrases.forgotten_words])

    # -- what is known -------------------------------------------------------------------------

    def _known(self) -> list[Fact]:
        """Return the latest memories, the newest first."""
        memory, user_id = self.chat.memory, self.asked.user_id
        results = memory.get_all(user_id=user_id, limit=MOST_READ, as_of=self.around.as_of)["results"]
        return [
            Fact(each["id"], {**each["metadata"], "data": each["memory"], "updated_at": each["updated_at"]})
            for each in results
            if each["id"] not in self.around.without
        ]

    def _of_entity(self, name: str) -> list[Fact]:
        """Return the memories that mention an entity of the graph, or relate it to something."""
        if self.around.as_of:  # the graph is that of today
            return []
        memory: Memory = self.chat.memory
        try:
            entity = memory.graph.entity(self.asked.user_id, name)
            related = memory.graph.around(self.asked.user_id, name) if entity else []
        except InvalidInput:  # too long for a name
            return []
        ids = dict.fromkeys([*(entity.memory_ids if entity else ()), *(each.memory_id for each in related)])
        found = memory.graph.mentions(self.asked.user_id, list(ids)) if ids else []
        return [each for each in found if each.id not in self.around.without]

    # -- words ---------------------------------------------------------------------------------

    def _list(self, title: str, known: Sequence[Fact]) -> PlainReply:
        shown = list(known[:MOST_LINES])
        more = [self.phrases.more.format(number=len(known) - len(shown))] if len(known) > len(shown) else []
        lines = [f"- {sentence(self._told(each.text, each))}" for each in shown]
        return PlainReply("\n".join([f"{title}\n", *lines, *(f"\n{each}" for each in more)]), tuple(shown))

    def _answer(self, fact: Fact, *, sure: bool) -> str:
        told = self._told(fact.text, fact)
        said = sentence(told) if sure else self.phrases.closest.format(what=self._in_a_sentence(told))
        today = datetime.now(self.around.zone).date()
        day = _date(fact, self.around.zone)
        when = self.phrases.told_today if day == today else self.phrases.told.format(day=self._day(fact)) if day else ""
        return f"{said} {when}".strip()

    def _told(self, text: str, fact: Fact | None = None) -> str:
        """Return a memory in the second person, or else in quotation marks if it is in the first."""
        line = _line(text)
        language = str((fact.metadata.get("language") if fact else None) or guess_language(line))
        turned = to_second_person(line, language)
        if turned is None:
            return self.phrases.quoted(line.rstrip(" ."))
        return turned

    def _in_a_sentence(self, told: str) -> str:
        """Return what was told as the end of a sentence, after a colon."""
        first = told.split(" ")[0]
        small = first.lower() in _SMALL_STARTS
        return _ended(told[0].lower() + told[1:] if small else told)

    def _addressed(self, words_: str) -> str:
        """Return a part of the person's words as it is said to them: "my birthday" becomes "your birthday"."""
        return to_second_person(words_, self.intent.language) or words_

    def _day(self, fact: Fact) -> str | None:
        day = _date(fact, self.around.zone)
        return self.phrases.date(day) if day else None


_MY = frozenset("my mein meine meinen mon ma mes mi mis".split())
_SMALL_STARTS = frozenset("you you're you've you'd your du dein deine deinen tu ton ta tes te tus".split()) | {
    *SPANISH_VERBS.values()
}


def _ended(words_: str) -> str:
    return words_ if words_.endswith((".", "!", "?")) else f"{words_}."


def _line(text: str) -> str:
    return " ".join(text.split())


def _date(fact: Fact, zone: tzinfo) -> date | None:
    """Return the day on which a memory was told, in the person's timezone."""
    try:
        moment = datetime.fromisoformat(str(fact.told_at or ""))
    except ValueError:
        return None
    return (moment.astimezone(zone) if moment.tzinfo else moment).date()


def _meant(asked: str) -> set[str]:
    """Return the words of a question that say what is asked for."""
    return {word.removesuffix("'s") for word in content_words(asked)} - QUESTION_WORDS - {"what's", "who's", "am"}


def _shared(asked: set[str], text: str) -> set[str]:
    """Return which words of a question a text has, whatever their endings."""
    spoken = {word.removesuffix("'s") for word in words(text)}
    return {word for word in asked if any(same_word(word, other) for other in spoken)}


def _shares(asked: str, text: str) -> bool:
    return bool(_shared(_meant(asked), text))


def _tells_of(name: str, text: str) -> bool:
    """Return whether a memory names this person or thing; "love" in "I love tea" is no name."""
    wanted = _meant(name)
    proper = name.split()[0].lower() in _MY or f" {name.title()}" in f" {text}"
    return bool(wanted) and proper and len(_shared(wanted, text)) == len(wanted)


def _is_near(fact: Fact) -> bool:
    return bool(fact.parts) and (fact.parts or {}).get("cosine", 0.0) >= NEAR


def _was_told(fact: Fact) -> bool:
    """Return whether the person said this, and it still stands."""
    is_theirs = fact.source == "episodes" and fact.metadata.get("role") != "assistant"
    return is_theirs and not fact.corrections and not fact.text.rstrip().endswith("?")


def _best(intent: Intent, memories: Sequence[Fact]) -> tuple[Fact | None, bool]:
    """Return the memory that answers a question about the person, and whether it surely does."""
    if intent.slot:
        filled = [each for each in memories if intent.slot in slots_of(each.text)]
        return (filled[0], True) if filled else (None, False)
    asked = _meant(intent.about)
    own = _OWN_SUBJECT.search(intent.about) is not None

    def fits(fact: Fact) -> float:
        # "Where do I ...?" is about the person, and not about a sister of whom the same words are told.
        return len(_shared(asked, fact.text)) + (0.5 if own == said_in_first_person(fact.text) else 0.0)

    fitting = [each for each in memories if _shared(asked, each.text) or _is_near(each)]
    if not fitting:
        return None, False
    best = max(fitting, key=fits)  # of equals the first, which recall ranks best
    return best, 2 * len(_shared(asked, best.text)) > len(asked)


_OWN_SUBJECT = re.compile(
    r"\b(?:do|did|am|was|have|had|will) i\b|\bich\b|\bje\b|-je\b|\bj'|\byo\b|\btengo\b", re.IGNORECASE
)


def _rank(fact: Fact) -> tuple[int, int]:
    """Return where a memory stands in a list about the person."""
    slots = slots_of(fact.text)
    slot = next((place for place, name in enumerate(SLOT_ORDER) if name in slots), len(SLOT_ORDER))
    return slot, KIND_ORDER.index(fact.kind) if fact.kind in KIND_ORDER else 0


def _name_in(text: str) -> str | None:
    """Return the person's name, if a memory tells it."""
    found = _TELLS_NAME.search(text) if "name" in slots_of(text) else None
    return found[1] if found else None


_TELLS_NAME = re.compile(
    r"(?:name(?: is|'s|’s)|called|ich heiße|mein name ist|m['’]appelle|me llamo|nombre es|prénom est|nom est) "
    r"((?-i:[^\W\d_][\w'’-]*))",
    re.IGNORECASE,
)
