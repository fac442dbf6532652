"""The index in FAISS: a folder with one file for each user, who is searched exactly.

A user's memories are few, so a flat index of one user is both the quickest and the most exact. A file is written anew
with each batch, and read again when another process has changed it.
"""

from __future__ import annotations

import fcntl
import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

__all__ = ["FAILURES", "FaissIndex", "open_engine", "refuses"]

MOST_LOADED = 200  # users whose files are kept in memory
ENDING = ".faiss"
FAILURES = (OSError, RuntimeError, ValueError, AssertionError, KeyError, struct.error)


def refuses(error: Exception) -> bool:
    """Return whether this error is about the vectors that were sent: FAISS asserts their size."""
    return isinstance(error, AssertionError)


def open_engine(place: str, key: str | None) -> FaissIndex:
    """Open a folder, and make it if it is not there."""
    folder = Path(place).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return FaissIndex(folder)


class _Loaded(NamedTuple):
    version: tuple[int, int, int]  # of the file
    ids: list[str]  # of the memories, in the order of the vectors
    vectors: Any


class FaissIndex:
    """A folder of flat indexes, each with the ids of its memories."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._using = threading.Lock()
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def put(self, user: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of these memories."""
        added = np.array(list(vectors.values()), dtype="float32")
        faiss.normalize_L2(added)
        with self._changing():
            ids, known = self._without(user, vectors.keys())
            index = faiss.IndexFlatIP(added.shape[1])
            if len(known):
                index.add(known)
            index.add(added)
            self._write(user, [*ids, *vectors], index)

    def remove(self, user: str, ids: Sequence[str]) -> None:
        """Remove these memories."""
        with self._changing():
            left, known = self._without(user, set(ids))
            if not left:
                self._file(user).unlink(missing_ok=True)
                return
            index = faiss.IndexFlatIP(known.shape[1])
            index.add(known)
            self._write(user, left, index)

    def nearest(self, user: str, vector: Sequence[float], k: int) -> list[tuple[str, float]]:
        """Return the ids of the nearest memories of this user, with their scores."""
        asked = np.array([vector], dtype="float32")
        faiss.normalize_L2(asked)
        with self._using:
            loaded = self._load(user)
            if loaded is None:
                return []
            scores, places = loaded.vectors.search(asked, min(k, len(loaded.ids)))
        found = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(loaded.ids[place], score) for place, score in found if place >= 0]

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return every user and id that it keeps."""
        for file in sorted(self._folder.glob(f"*{ENDING}")):
            with self._using:
                loaded = self._load(file.stem)
            yield from ((file.stem, each) for each in (loaded.ids if loaded else ()))

    def clear(self, dimensions: int) -> None:
        """Remove everything, and get ready for vectors of so many numbers."""
        with self._changing():
            for file in self._folder.glob(f"*{ENDING}"):
                file.unlink(missing_ok=True)
            self._loaded.clear()

    def close(self) -> None:
        """Close what is open."""
        with self._using:
            self._loaded.clear()

    def _without(self, user: str, ids: Any) -> tuple[list[str], Any]:
        """Return the memories of a user other than these, with their vectors."""
        loaded = self._load(user)
        if loaded is None:
            return [], np.empty((0, 0), dtype="float32")
        places = [place for place, each in enumerate(loaded.ids) if each not in ids]
        known = loaded.vectors.reconstruct_n(0, len(loaded.ids))
        return [loaded.ids[place] for place in places], known[places]

    def _file(self, user: str) -> Path:
        return self._folder / f"{user}{ENDING}"

    def _load(self, user: str) -> _Loaded | None:
        file = self._file(user)
        try:
            found = file.stat()
            version = (found.st_mtime_ns, found.st_ino, found.st_size)
            loaded = self._loaded.get(user)
            if loaded is None or loaded.version != version:
                loaded = _Loaded(version, *_read(file))
        except FileNotFoundError:
            self._loaded.pop(user, None)
            return None
        self._loaded[user] = loaded
        self._loaded.move_to_end(user)
        while len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)
        return loaded

    def _write(self, user: str, ids: Sequence[str], index: Any) -> None:
        """Write a file beside the one that is there, and put it into its place: a reader finds one or the other."""
        names = json.dumps(list(ids)).encode()
        unfinished = self._folder / f"{user}.new"
        with unfinished.open("wb") as file:
            file.write(struct.pack("!Q", len(names)) + names)
            file.write(faiss.serialize_index(index).tobytes())
        unfinished.replace(self._file(user))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let one thread of one process change files at a time."""
        with self._using, (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _read(file: Path) -> tuple[list[str], Any]:
    content = file.read_bytes()
    [length] = struct.unpack("!Q", content[:8])
    ids = json.loads(content[8 : 8 + length])
    index = faiss.deserialize_index(np.frombuffer(content[8 + length :], dtype="uint8"))
    if index.ntotal != len(ids):
        raise ValueError("the ids and the vectors do not fit together")
    return ids, index
