"""Generates the memories of many people and loads them in bulk, for benchmarks of scale. It measures nothing itself.

Rows are loaded in binary with the triggers switched off; one statement for each table then writes what the triggers
would have written. Half of a person's rows are facts, some with names and relations; half are passages of messages,
three of each message.
"""

from __future__ import annotations

import json
import random
import struct
import uuid
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

import numpy as np

from memory.database import Database

__all__ = ["DIMENSION", "load", "question", "user", "vector_of"]

DIMENSION = 384
COLUMNS = "(id, vec, metadata, place, letters, day)"
FIRST_MESSAGE = 1_000_000_000  # the lowest place of an episode
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!II", 0, 0)
_TRAILER = struct.pack("!h", -1)
_MADE = random.Random(7)
_SOUNDS = ("ba", "ri", "to", "ken", "lu", "mar", "so", "del", "vi", "gan", "pe", "tor", "shi", "nu", "wal", "fre")
WORDS = sorted({"".join(_MADE.choices(_SOUNDS, k=_MADE.choice((2, 3)))) for _ in range(6_000)})[:3_000]
NAMES = [word.capitalize() for word in WORDS[::30]]


def user(number: int) -> str:
    """Return the id of a person."""
    return str(uuid.UUID(int=number + 1))


def vector_of(seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a random direction, always the same for the same seed."""
    return np.random.default_rng(abs(seed)).standard_normal(DIMENSION, dtype=np.float32)


def question(number: int) -> str:
    """Return a question of words that occur in the rows: common ones, rare ones and a name."""
    chosen = random.Random(number)
    return f"When did {chosen.choice(NAMES)} {_common(chosen)} the {_common(chosen)} {chosen.choice(WORDS)}?"


def _common(chosen: random.Random) -> str:
    """Choose a word: as in speech, a few words are frequent."""
    return WORDS[int(len(WORDS) * chosen.random() ** 4)]


def load(database: Database, first: int, users: int, each: int) -> None:
    """Load `each` rows for each of these people, in turn, as if all had been writing at the same time."""
    raw = database.engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        with cursor:
            cursor.execute("set session_replication_role = replica; set search_path = public, extensions")
            for table, said in (("vecs.memories", 0), ("vecs.episodes", 1)):
                rows = ((person, n) for n in range(said, each, 2) for person in range(first, first + users))
                copying = f"copy {table} {COLUMNS} from stdin (format binary)"
                cursor.copy_expert(copying, _Stream(_encoded(rows)))
            people = [user(person) for person in range(first, first + users)]
            for statement in _TRIGGERED:
                cursor.execute(statement, {"people": people})
        raw.commit()
    finally:
        raw.close()


_TRIGGERED = (
    *(
        "insert into app.postings (user_id, lexeme, place, tf) select m.user_id, w.lexeme, m.place, w.tf"
        f" from vecs.{table} m cross join lateral app.lexemes(app.searched(m.metadata)) w"
        " where m.user_id = any (%(people)s)"
        for table in ("memories", "episodes")
    ),
    "insert into app.entity_names (user_id, memory_id, entity, name, key, proper, shared)"
    " select user_id, id, 1, metadata #>> '{entities,0,0}', lower(metadata #>> '{entities,0,0}'), true, false"
    " from vecs.memories where metadata ? 'entities' and user_id = any (%(people)s)",
    "insert into app.relations (user_id, memory_id, subject_key, relation, object_key)"
    " select user_id, id, 'me', 'knows', lower(metadata #>> '{entities,0,0}')"
    " from vecs.memories where metadata ? 'entities' and user_id = any (%(people)s)",
)


def _encoded(rows: Iterator[tuple[int, int]]) -> Iterator[bytes]:
    yield _HEADER
    batch = np.random.default_rng(11)
    vectors = batch.standard_normal((4_096, DIMENSION), dtype=np.float32).astype(">f4")
    for count, (person, n) in enumerate(rows):
        if count % 4_096 == 0:
            vectors = batch.standard_normal((4_096, DIMENSION), dtype=np.float32).astype(">f4")
        yield _row(person, n, vectors[count % 4_096].tobytes())
    yield _TRAILER


def _row(person: int, n: int, vector: bytes) -> bytes:
    said = n % 2 == 1
    metadata = json.dumps(_metadata(person, n, said)).encode()
    place = FIRST_MESSAGE + (n // 2 // 900) * 1_000 + n // 2 % 900 if said else -1 - n // 2
    return b"".join(
        (
            struct.pack("!h", 6),
            _field(f"{person}-{n}".encode()),
            _field(struct.pack("!HH", DIMENSION, 0) + vector),
            _field(b"\x01" + metadata),
            _field(struct.pack("!i", place)),
            _field(struct.pack("!i", 60)),
            _field(struct.pack("!i", 9_000 + n % 600)),  # days since 2000-01-01
        )
    )


def _metadata(person: int, n: int, said: bool) -> dict[str, Any]:
    chosen = random.Random(person * 1_000_003 + n)
    name = chosen.choice(NAMES)
    words = " ".join((*(_common(chosen) for _ in range(4)), *(chosen.choice(WORDS) for _ in range(3))))
    row = {"data": f"With {name} I {words}.", "user_id": user(person), "hash": f"{person}-{n}"}
    row |= {"created_at": "2026-01-01T00:00:00+00:00", "updated_at": "2026-01-01T00:00:00+00:00"}
    if said:
        message, part = divmod(n // 2, 3)
        return row | {"role": "user", "message_id": f"{person}-m{message}", "part": part + 1, "parts": 3}
    return row | {"kind": "fact"} | ({"entities": [[name]]} if n % 10 == 0 else {})


def _field(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


class _Stream(RawIOBase):
    """A readable stream of pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = bytearray()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`."""
        wanted = 1 << 16 if size < 0 else size
        while len(self._rest) < wanted and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        taken, self._rest = bytes(self._rest[:wanted]), self._rest[wanted:]
        return taken
