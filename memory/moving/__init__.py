"""Moves the texts of another program's store into the memories of the people, agents and runs that they belong to.

    report = Moving(parts.database, parts.embedder, Owners()).move(open_collection("chroma", "folder"))

A memory keeps its id, its times, its scope and its metadata; its vector is made again from its words, so it does not
matter which model the store used. What was brought once is left as it is here, also after it was changed, deleted or
undone, so a move that was interrupted is finished by running it again. Texts that name an agent or a run and no person
belong to nobody until `give` gives them to somebody. This package changes nothing in a store.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, text

from ..arguments import SCOPES, could_be_id
from ..database import SEARCH_PATH, Database, connect, translating
from ..embed import Embedder
from ..errors import COMMAND, InvalidInput
from ..facts import embedded
from ..plain_text import shell_word
from ..rows.bulk import Row
from ..rows.history import known_already, known_of_nobody
from ..rows.store import Store, keep_for_nobody
from .stored import Collection, Owners, StoredText

__all__ = ["Brought", "MoveReport", "Moving"]

AT_ONCE = 500
EXAMPLES = 3
OnBatch = Callable[[int], object]
_Vectors = Mapping[str, list[float]]  # by the other id


@dataclass(frozen=True)
class _Arriving:
    """A memory that is to be written, with its id in the store and the one it gets if that is taken."""

    id: str
    other_id: str
    metadata: Mapping[str, Any]


@dataclass
class Brought:
    """What became of the texts of one owner."""

    new: int = 0
    here: int = 0  # brought before
    same: int = 0  # the owner has a memory of the same scope with the same words
    scopes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def line(self, name: str) -> str:
        """Return the counts in one line."""
        counts = [f"{self.new:,} new"]
        counts += [f"{self.here:,} brought before"] if self.here else []
        counts += [f"{self.same:,} with words that are there already"] if self.same else []
        scopes = [f"{scope} {_name(value)}: {amount:,}" for (scope, value), amount in sorted(self.scopes.items())]
        return f"  {name}: {', '.join(counts)}" + (f" ({'; '.join(scopes)})" if scopes else "")


@dataclass
class MoveReport:
    """What was found in a collection, and what was done with it, or would be."""

    found: Collection
    dry_run: bool
    run: str
    people: dict[str | None, Brought] = field(default_factory=lambda: defaultdict(Brought))
    programs: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def lines(self) -> list[str]:
        """Return the result, one sentence or one owner a line."""
        of = ", ".join(f"{amount:,} of {program}" for program, amount in sorted(self.programs.items()))
        new = sum(each.new for each in self.people.values())
        lines = [f"{self.found.store} collection {_name(self.found.name)}: {self.found.size:,} texts" + _beside(of)]
        lines.append(f"{'Would bring' if self.dry_run else 'Brought'} {new:,}:")
        owners = sorted((name, each) for name, each in self.people.items() if name is not None)
        lines += [each.line(_name(name)) for name, each in owners]
        if None in self.people:
            lines += [self.people[None].line("nobody"), *self._ways_to_give()]
        for reason, ids in sorted(self.left_out.items()):
            lines.append(f"Left out: {len(ids):,}. {reason} For example {', '.join(map(_name, ids[:EXAMPLES]))}")
        if new and not self.dry_run:
            lines.append(f'For each person, memory.undo("{self.run}", user_id=…) takes it back.')
        return lines

    def _ways_to_give(self) -> Iterator[str]:
        names = sorted({scope for scope in self.people[None].scopes if scope[0] != "app_id"})
        for scope, value in names[:20]:
            yield f"    {COMMAND} give --{scope.removesuffix('_id')} {shell_word(value)} --user ID"


class Moving:
    """Moves collections into one database."""

    def __init__(self, database: Database, embedder: Embedder, people: Owners) -> None:
        self._database = database
        self._embedder = embedder
        self._store = Store(database, embedder.dimensions)
        self._people = people
        self._now = datetime.now(UTC)
        self._seen = set[int]()

    def move(self, found: Collection, *, dry_run: bool = False, on_batch: OnBatch = lambda _: None) -> MoveReport:
        """Move a collection, or count what would be moved."""
        report = MoveReport(found, dry_run, f"import-{uuid.uuid4()}")
        while chunk := list(islice(found.texts, AT_ONCE)):
            by_owner = self._sorted(chunk, report)
            for owner, rows in by_owner.items():
                counted = report.people[owner]
                by_owner[owner] = (
                    self._new_of_nobody(rows, counted) if owner is None else self._new(owner, rows, counted)
                )
            if not dry_run:
                self._write(by_owner, report)
            on_batch(len(chunk))
        return report

    def _sorted(self, texts: Iterable[StoredText], report: MoveReport) -> dict[str | None, list[_Arriving]]:
        by_owner: dict[str | None, list[_Arriving]] = defaultdict(list)
        for each in texts:
            report.programs[each.program] += 1
            try:
                owner = self._people.owner(each)
                row = each.row(owner, self._people.key, self._now)
            except InvalidInput as refused:
                report.left_out[str(refused)].append(each.id)
                continue
            by_owner[owner].append(_arriving(owner, each.id, row, report.found))
            report.people[owner].scopes.update((name, row.metadata[name]) for name in SCOPES if name in row.metadata)
        return by_owner

    def _new(self, user_id: str, rows: Sequence[_Arriving], counted: Brought) -> list[_Arriving]:
        """Return the rows that this person does not have, and count the others."""
        new = []
        states = known_already(self._database, user_id, [((row.id, row.other_id), row.metadata) for row in rows])
        for row, state in zip(rows, states, strict=True):
            state = "same" if state == "new" and self._was_seen(user_id, row) else state
            _count(counted, state)
            new += [row] if state == "new" else []
        return new

    def _was_seen(self, user_id: str, row: _Arriving) -> bool:
        """Return whether an earlier text of the collection says the same; messages may say the same twice."""
        if "role" in row.metadata:
            return False
        about = hash((user_id, row.metadata["hash"], *(row.metadata.get(name) for name in SCOPES)))
        if about in self._seen:
            return True
        self._seen.add(about)
        return False

    def _new_of_nobody(self, rows: Sequence[_Arriving], counted: Brought) -> list[_Arriving]:
        with self._writing(None) as connection:
            here = known_of_nobody(connection, [(row.id, row.other_id) for row in rows])
        for known in here:
            _count(counted, "here" if known else "new")
        return [row for row, known in zip(rows, here, strict=True) if not known]

    def _write(self, by_owner: Mapping[str | None, Sequence[_Arriving]], report: MoveReport) -> None:
        rows = [row for several in by_owner.values() for row in several]
        made = self._embedder.embed([embedded(row.metadata) for row in rows]) if rows else []
        vectors = {row.other_id: vector for row, vector in zip(rows, made, strict=True)}
        for owner, several in by_owner.items():
            if several:
                self._write_for(owner, several, vectors, report)

    def _write_for(self, owner: str | None, rows: Sequence[_Arriving], vectors: _Vectors, report: MoveReport) -> None:
        # Some stores keep several texts under one id.
        by_id = {row.id: row for row in reversed(rows)}
        with self._writing(owner) as connection:
            self._store.sign(connection, "import", run=report.run)
            new = set(self._insert(connection, owner, list(by_id.values()), list(by_id), vectors))
            # An id is free for one memory only, of whomever it is; a text whose id is taken gets another.
            rest = [row for row in rows if row.id not in new or by_id[row.id] is not row]
            again = self._insert(connection, owner, rest, [row.other_id for row in rest], vectors)
        lost = len(rest) - len(again)  # somebody else wrote the same words meanwhile
        report.people[owner].new -= lost
        report.people[owner].same += lost

    def _insert(
        self,
        connection: Connection,
        owner: str | None,
        rows: Sequence[_Arriving],
        ids: Sequence[str],
        vectors: _Vectors,
    ) -> list[str]:
        written = [(row.metadata, vectors[row.other_id]) for row in rows]
        if owner is None:
            return keep_for_nobody(connection, written, ids)
        return self._store.insert(connection, written, ids)

    @contextmanager
    def _writing(self, owner: str | None) -> Iterator[Connection]:
        """Begin a transaction of this user or, as the administrator, one for rows of nobody, which no user reaches."""
        if owner is not None:
            with self._database.as_user(owner) as connection:
                yield connection
            return
        url, setting = self._database.admin_url, self._database.admin_setting
        admin = connect(url, setting, pool_size=1, max_overflow=0)
        try:
            with translating(url, setting), admin.begin() as connection:
                connection.execute(text("select set_config('search_path', :path, true)"), {"path": SEARCH_PATH})
                yield connection
        finally:
            admin.dispose()


def _arriving(owner: str | None, stored_id: str, row: Row, found: Collection) -> _Arriving:
    other = Row(row.metadata, f"{found.store}:{found.name}:{stored_id}").id(owner or "")
    return _Arriving(stored_id if could_be_id(stored_id) else other, other, row.metadata)


def _count(counted: Brought, state: str) -> None:
    setattr(counted, state, getattr(counted, state) + 1)


def _beside(words: str) -> str:
    return f", {words}" if words else ""


def _name(name: str) -> str:
    """Return a name of somebody else's making for a terminal: quoted, and without control characters."""
    return json.dumps(name, ensure_ascii=not name.isprintable())
