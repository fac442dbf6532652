"""One page about a person: lines written from their memories, and the person's own, which win.

`refresh` writes the page anew when the memories have changed: with a model in its words, without one in the
memories' own. A line the person changed, added or took away is theirs: the memories under it are not used
for another line. The page changes no memory; whoever erases memories for good calls `forget`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, text

from ..database import Database, check_user_id
from ..errors import InvalidInput, NotFound
from ..facts import KINDS, Fact
from ..language.words import invented
from ..learn.secrets import holds_secret
from ..model import Model
from ..plain_text import storable
from ..rows.store import Store
from .tidy_prompts import Page, page

__all__ = ["Line", "Profile", "Profiles"]

MAX_GENERATED = 25  # lines
MAX_OWN = 100  # lines of the person, and as many again taken away
MAX_LINE = 500  # characters
MAX_READ = 1_000  # memories that the page knows of, the newest
MAX_SHOWN = 100  # memories that the model is shown
MAX_PER_KIND = 8  # lines of one kind without a model


@dataclass(frozen=True)
class Line:
    """One line of the page. `own` is what the person wrote or changed; of what they took away no words are kept."""

    id: str
    text: str
    kind: str
    memory_ids: tuple[str, ...] = ()
    own: bool = False
    removed: bool = False


@dataclass(frozen=True)
class Profile:
    """The page: its lines in their order, and when it was last written."""

    lines: tuple[Line, ...] = ()
    updated_at: datetime | None = None

    @property
    def text(self) -> str:
        """The page as text, for a prompt."""
        return "\n".join(f"- {line.text}" for line in self.lines)


@dataclass(frozen=True)
class _Stored:
    """The row as it is kept: the lines that were taken away among them."""

    lines: tuple[Line, ...] = ()
    made_from: str = ""
    updated_at: datetime | None = None

    def shown(self) -> Profile:
        lines = [line for line in self.lines if not line.removed]
        order = sorted(lines, key=lambda line: (_place(line.kind), not line.own))
        return Profile(tuple(order), self.updated_at)

    def persons(self) -> list[Line]:
        """What the person wrote, changed or took away."""
        return [line for line in self.lines if line.own or line.removed]

    def claimed(self) -> set[str]:
        """The memories the person has spoken for."""
        return {each for line in self.persons() for each in line.memory_ids}

    def find(self, line_id: str) -> Line:
        found = next((line for line in self.lines if line.id == line_id and not line.removed), None)
        if found is None:
            raise NotFound("There is no such line on this page any more.")
        return found

    def having(self, line: Line, instead_of: str | None = None) -> _Stored:
        """The page with a line of the person in the place of another, or at its end."""
        lines = [line if each.id == instead_of else each for each in self.lines]
        return replace(self, lines=tuple(lines if instead_of else [*lines, line]))


class Profiles:
    """Each user's page."""

    def __init__(self, database: Database, store: Store, model: Model | None = None) -> None:
        self._database = database
        self._store = store
        self._model = model

    def get(self, user_id: str) -> Profile:
        """The page as it was last written."""
        return self._read(user_id).shown()

    def refresh(self, user_id: str) -> Profile:
        """The page, written anew if the memories changed since; otherwise nothing is asked or written."""
        stored = self._read(user_id)
        facts = self._facts(user_id)
        made_from = self._fingerprint(facts)
        if stored.made_from == made_from:
            return stored.shown()
        free = [fact for fact in facts if fact.id not in stored.claimed()]
        lines = _asked(self._model, free[:MAX_SHOWN]) if self._model and free else _in_their_words(free)
        with self._database.as_user(user_id) as connection:
            current = _locked(connection, user_id)
            # What the person did, and what was changed or forgotten, while the lines were being written holds.
            left = _unchanged(connection, free) - current.claimed()
            kept = [line for line in lines if left.issuperset(line.memory_ids)]
            return _write(connection, replace(current, lines=(*current.persons(), *kept), made_from=made_from))

    def edit(self, user_id: str, line_id: str, words: str) -> Profile:
        """Change a line; from now on it is the person's."""
        said = _words(words)
        with self._database.as_user(user_id) as connection:
            current = _locked(connection, user_id)
            line = current.find(line_id)
            _check_room(current, adding=not line.own)
            return _write(connection, current.having(replace(line, text=said, own=True), line.id))

    def add(self, user_id: str, words: str, kind: str = "fact") -> Profile:
        """Write a line that rests on no memory."""
        line = Line(uuid4().hex[:12], _words(words), _kind(kind), own=True)
        with self._database.as_user(user_id) as connection:
            current = _locked(connection, user_id)
            _check_room(current, adding=True)
            return _write(connection, current.having(line))

    def remove(self, user_id: str, line_id: str) -> Profile:
        """Take a line away: what it rests on is not written about again."""
        with self._database.as_user(user_id) as connection:
            current = _locked(connection, user_id)
            line = current.find(line_id)
            others = replace(current, lines=tuple(each for each in current.lines if each.id != line_id))
            if line.memory_ids:
                others = _bounded(others.having(replace(line, text="", own=False, removed=True)))
            return _write(connection, others)

    def erase_lines(self, connection: Connection, user_id: str, memory_ids: Iterable[str]) -> int:
        """Erase every line that rests on these memories, the person's own too; return how many there were."""
        gone = set(memory_ids)
        current = _locked(connection, user_id)
        kept = tuple(line for line in current.lines if not gone.intersection(line.memory_ids))
        if len(kept) < len(current.lines):
            _write(connection, replace(current, lines=kept))
        return len(current.lines) - len(kept)

    def _read(self, user_id: str) -> _Stored:
        check_user_id(user_id)
        rows = self._database.read_as(user_id, "select lines, made_from, updated_at from app.profiles")
        return _stored(**rows[0]) if rows else _Stored()

    def _facts(self, user_id: str) -> list[Fact]:
        """The memories a page is written from, the newest first; messages kept as said are none."""
        return [fact for fact in self._store.all(user_id, MAX_READ) if "role" not in fact.metadata]

    def _fingerprint(self, facts: Sequence[Fact]) -> str:
        """What a page was made from, and by whom: it is written anew when either changes."""
        told = sorted((fact.id, fact.text, fact.kind) for fact in facts)
        writer = self._model.name if self._model else ""
        return hashlib.sha256(json.dumps([writer, told]).encode()).hexdigest()


def _asked(model: Model, facts: Sequence[Fact]) -> list[Line]:
    """The model's lines, without those that rest on nothing shown or say what their memories do not."""
    lines = []
    for line in model.answer(page(facts, MAX_GENERATED), Page).lines:
        words = storable(" ".join(line.text.split()))
        shown = all(1 <= number <= len(facts) for number in line.memories)
        under = [facts[number - 1] for number in dict.fromkeys(line.memories)] if shown else []
        if not under or not words or len(words) > MAX_LINE or holds_secret(words):
            continue
        if not invented(words, [fact.text for fact in under]):
            lines.append(_line(words, line.kind if line.kind in KINDS else "fact", under))
    return _once(lines)[:MAX_GENERATED]


def _in_their_words(facts: Sequence[Fact]) -> list[Line]:
    """The memories themselves, the newest of each kind."""
    lines = []
    for kind in KINDS:
        of_kind = [fact for fact in facts if fact.kind == kind or (kind == "fact" and fact.kind not in KINDS)]
        for fact in of_kind[:MAX_PER_KIND]:
            words = " ".join(fact.text.split())
            lines.append(_line(words if len(words) <= MAX_LINE else f"{words[: MAX_LINE - 1]}…", kind, [fact]))
    return _once(line for line in lines if line.text)


def _line(words: str, kind: str, under: Sequence[Fact]) -> Line:
    """A generated line; the same words from the same memories are the same line, however often it is written."""
    ids = tuple(fact.id for fact in under)
    return Line(hashlib.sha256(json.dumps([words, sorted(ids)]).encode()).hexdigest()[:12], words, kind, ids)


def _once(lines: Iterable[Line]) -> list[Line]:
    return list({line.id: line for line in lines}.values())


def _locked(connection: Connection, user_id: str) -> _Stored:
    """The page, which nobody else writes until the transaction ends; made if there is none."""
    connection.execute(text("insert into app.profiles (user_id) values (:me) on conflict do nothing"), {"me": user_id})
    row = connection.execute(
        text("select lines, made_from, updated_at from app.profiles where user_id = :me for update"), {"me": user_id}
    ).one()
    return _stored(row.lines, row.made_from, row.updated_at)


def _unchanged(connection: Connection, facts: Sequence[Fact]) -> set[str]:
    """Those of these memories that are still there and say the same."""
    asked = text("select id, metadata ->> 'data' as data from vecs.memories where id = any(:ids)")
    says = {row.id: row.data for row in connection.execute(asked, {"ids": [fact.id for fact in facts]})}
    return {fact.id for fact in facts if says.get(fact.id) == fact.text}


def _write(connection: Connection, changed: _Stored) -> Profile:
    lines = json.dumps([asdict(line) for line in changed.lines])
    written = connection.scalar(
        text(
            "update app.profiles set lines = cast(:lines as jsonb), made_from = :made_from, updated_at = now()"
            " where user_id = app.asking() returning updated_at"
        ),
        {"lines": lines, "made_from": changed.made_from},
    )
    return replace(changed, updated_at=written).shown()


def _stored(lines: Sequence[dict[str, object]], made_from: str, updated_at: datetime) -> _Stored:
    read = (Line(**{**line, "memory_ids": tuple(line["memory_ids"])}) for line in lines)  # type: ignore[arg-type]
    return _Stored(tuple(read), made_from, updated_at)


def _bounded(stored: _Stored) -> _Stored:
    """Of what was taken away only the latest is remembered, by its memories' ids."""
    removed = [line for line in stored.lines if line.removed][-MAX_OWN:]
    return replace(stored, lines=(*(line for line in stored.lines if not line.removed), *removed))


def _check_room(stored: _Stored, *, adding: bool) -> None:
    if adding and sum(line.own for line in stored.lines) >= MAX_OWN:
        raise InvalidInput(f"A page holds at most {MAX_OWN} lines of your own: remove one first.")


def _place(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise InvalidInput(f"The kind of a line is one of {', '.join(KINDS)}.")
    return kind


def _words(words: object) -> str:
    if not isinstance(words, str) or not words.strip():
        raise InvalidInput("A line needs some text.")
    said = storable(" ".join(words.split()))
    if len(said) > MAX_LINE:
        raise InvalidInput(f"A line has at most {MAX_LINE} characters; this one has {len(said):,}.")
    return said
