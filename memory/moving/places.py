"""Opens the collections that mem0 or LangChain filled, in pgvector, Qdrant, Chroma and FAISS, and reads their texts.

It needs none of these stores' packages: Chroma and a local Qdrant keep SQLite files, a Qdrant server answers over HTTP,
and beside a FAISS index lies a file with the texts. Vectors are not read. Nothing is written to a store.

Some of these files are pickles, which are programs: plain unpickling would run whatever they say. Here a pickle may
make plain values only, and the few classes that these stores write become plain values, too; anything else is refused.
"""

from __future__ import annotations

import http.client
import io
import json
import pickle
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection, text

from ..database import connect, translating
from ..errors import InvalidInput, NotFound
from .stored import Collection, StoredText, from_payload

__all__ = ["STORES", "open_collection", "plain_pickle"]

READ_AT_ONCE = 500
SECONDS = 30
NOT_MEMORIES = "mem0migrations"  # a collection of mem0's own
PLACE = "The address after --from pgvector"


def open_collection(store: str, place: str, name: str | None = None, key: str | None = None) -> Collection:
    """Open a collection; without a name, the only one. `key` is what a Qdrant server asks for."""
    if store == "qdrant" and place.startswith(("http://", "https://")):
        return _QdrantServer(place, key).open(name)
    return STORES[store](place, name)


def _chosen(names: Sequence[str], name: str | None, place: str) -> str:
    """Return the collection to read: the one that is asked for, or the only one that could hold memories."""
    if name is not None:
        if name not in names:
            raise NotFound(f"There is no collection {name!r} in {place}. {_list(names)}")
        return name
    entities = {f"{each}_entities" for each in names}
    likely = [each for each in names if each not in entities and each != NOT_MEMORIES]
    if len(likely) != 1:
        raise InvalidInput(f"Say which collection to read, with --collection. {_list(names)}")
    return likely[0]


def _list(names: Sequence[str]) -> str:
    return f"There are: {', '.join(sorted(names)[:20])}." if names else "There is none."


# -- pgvector --------------------------------------------------------------------------------------------------------


def _pgvector(address: str, name: str | None) -> Collection:
    if not address.startswith(("postgres://", "postgresql://", "postgresql+")):
        raise InvalidInput(f"{PLACE} begins with postgresql:// (postgresql://user@host:5432/name).")
    engine = connect(address, PLACE, pool_size=1, max_overflow=0)
    with translating(address, PLACE), engine.connect() as connection:
        kinds = [
            (each, kind)
            for kind in (_Mem0Table, _LangChainTable, _LangChainCollection)
            for each in kind.names(connection)
        ]
        found = _chosen([each for each, _ in kinds], name, "this database")
        asking = [kind for each, kind in kinds if each == found]
        if len(asking) > 1:
            raise InvalidInput(f"Two programs have a collection {found!r} here: rename one of them.")
        asked = asking[0](connection, found)
        size = connection.execute(text(asked.count), asked.values).scalar_one()

    def read() -> Iterator[StoredText]:
        try:
            with translating(address, PLACE), engine.connect() as connection:
                connection.execute(text("set transaction read only"))
                rows = connection.execution_options(yield_per=READ_AT_ONCE).execute(text(asked.rows), asked.values)
                yield from map(asked.text_of, rows)
        finally:
            engine.dispose()

    return Collection(found, "pgvector", size, read())


class _Mem0Table:
    """A table of mem0's own, in which each row has a payload."""

    def __init__(self, connection: Connection, name: str) -> None:
        table = _quoted(connection, name)
        self.count = f"select count(*) from {table}"
        self.rows = f"select cast(id as text) as id, payload from {table} order by id"
        self.values: dict[str, str] = {}

    @staticmethod
    def names(connection: Connection) -> Sequence[str]:
        return _tables_with(connection, "id", "vector", "payload")

    @staticmethod
    def text_of(row: Any) -> StoredText:
        return from_payload(row.id, row.payload or {})


class _LangChainTable:
    """A table of LangChain's `PGVectorStore`; metadata stands in a column, and in further columns of the caller's."""

    def __init__(self, connection: Connection, name: str) -> None:
        table = _quoted(connection, name)
        self.count = f"select count(*) from {table}"
        self.rows = (
            "select cast(langchain_id as text) as id, content,"
            " to_jsonb(kept) - array['langchain_id', 'content', 'content_tsv', 'embedding'] as beside"
            f" from {table} kept order by langchain_id"
        )
        self.values: dict[str, str] = {}

    @staticmethod
    def names(connection: Connection) -> Sequence[str]:
        return _tables_with(connection, "langchain_id", "content", "embedding")

    @staticmethod
    def text_of(row: Any) -> StoredText:
        columns = dict(row.beside)
        return StoredText(row.id, row.content, (columns.pop("langchain_metadata", None) or {}) | columns, "LangChain")


class _LangChainCollection:
    """A collection of LangChain's `PGVector`, which keeps all of them in two tables; versions differ in the ids."""

    def __init__(self, connection: Connection, name: str) -> None:
        own_id = "cast(e.id as text)"
        if "langchain_pg_embedding" in _tables_with(connection, "custom_id", "uuid"):
            own_id = "coalesce(e.custom_id, cast(e.uuid as text))"
        tables = (
            "from langchain_pg_embedding e join langchain_pg_collection c on c.uuid = e.collection_id"
            " where c.name = :name"
        )
        self.count = f"select count(*) {tables}"
        self.rows = f"select {own_id} as id, e.document, e.cmetadata {tables} order by 1"
        self.values = {"name": name}

    @staticmethod
    def names(connection: Connection) -> Sequence[str]:
        if "langchain_pg_collection" not in _tables_with(connection, "uuid", "name", "cmetadata"):
            return []
        return list(connection.scalars(text("select distinct name from langchain_pg_collection order by 1")))

    @staticmethod
    def text_of(row: Any) -> StoredText:
        return StoredText(row.id, row.document, row.cmetadata or {}, "LangChain")


def _quoted(connection: Connection, name: str) -> str:
    """Return a table's name for a statement, in which a colon would begin a parameter."""
    return str(connection.dialect.identifier_preparer.quote_identifier(name)).replace(":", "\\:")


def _tables_with(connection: Connection, *columns: str) -> Sequence[str]:
    """Return the tables on the search path that have these columns."""
    asked = text(
        "select c.relname from pg_class c where c.relkind in ('r', 'p') and pg_table_is_visible(c.oid)"
        " and cast(:columns as name[]) <@ array("
        "   select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)"
        " order by 1"
    )
    return list(connection.scalars(asked, {"columns": list(columns)}))


# -- Qdrant ----------------------------------------------------------------------------------------------------------


class _QdrantServer:
    """A Qdrant server, over its REST calls. Redirects are not followed, so the key goes nowhere else."""

    def __init__(self, address: str, key: str | None) -> None:
        self._address = urlsplit(address.rstrip("/"))
        self._headers = {"Content-Type": "application/json", **({"api-key": key} if key else {})}

    def open(self, name: str | None) -> Collection:
        found = [str(each["name"]) for each in self._ask("GET", "/collections")["collections"]]
        chosen = _chosen(found, name, "this Qdrant")
        at = f"/collections/{quote(chosen, safe='')}/points"
        size = int(self._ask("POST", f"{at}/count", {"exact": True})["count"])
        return Collection(chosen, "Qdrant", size, self._scroll(at))

    def _scroll(self, at: str) -> Iterator[StoredText]:
        wanted = {"limit": READ_AT_ONCE, "with_payload": True, "with_vector": False}
        page: Any = {"next_page_offset": None}
        while True:
            page = self._ask("POST", f"{at}/scroll", {**wanted, "offset": page["next_page_offset"]})
            for point in page["points"]:
                yield from_payload(str(point["id"]), point.get("payload") or {})
            if page.get("next_page_offset") is None:
                return

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        secure = self._address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            with closing(kind(self._address.hostname or "", self._address.port, timeout=SECONDS)) as connection:
                sent = json.dumps(body) if body is not None else None
                connection.request(method, self._address.path + path, sent, self._headers)
                answer = connection.getresponse()
                content = answer.read()
            if answer.status == 200:
                return json.loads(content)["result"]
        except (OSError, http.client.HTTPException) as error:
            raise InvalidInput(f"Qdrant at {self._address.hostname} does not answer: {error}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"What answers at {self._address.hostname} is not Qdrant.") from error
        refused = " It asks for a key: give it with --key-file." if answer.status in (401, 403) else ""
        raise InvalidInput(f"Qdrant at {self._address.hostname} answers {answer.status}.{refused}")


def _qdrant(place: str, name: str | None) -> Collection:
    folder = Path(place) / "collection"
    if not folder.is_dir():
        raise InvalidInput(f"{place} is not the folder of a local Qdrant, nor an address that begins with http.")
    chosen = _chosen([each.name for each in folder.iterdir() if (each / "storage.sqlite").is_file()], name, place)
    file = folder / chosen / "storage.sqlite"

    def read() -> Iterator[StoredText]:
        for [point] in _rows(file, "select point from points order by id"):
            values = plain_pickle(point, file.name)
            if not isinstance(values, Mapping) or "id" not in values:
                raise InvalidInput(f"{file} holds something other than Qdrant's points.")
            yield from_payload(str(values["id"]), values.get("payload") or {})

    return Collection(chosen, "Qdrant", _number(file, "select count(*) from points"), read())


# -- Chroma ----------------------------------------------------------------------------------------------------------


def _chroma(place: str, name: str | None) -> Collection:
    file = Path(place) / "chroma.sqlite3"
    if not file.is_file():
        raise InvalidInput(f"{place} is not the folder of a Chroma: there is no chroma.sqlite3 in it.")
    names = [each for [each] in _rows(file, "select name from collections")]
    chosen = _chosen(names, name, place)
    if names.count(chosen) > 1:
        raise InvalidInput(
            f"Several databases of this Chroma have a collection {chosen!r}: copy one of them out first."
        )
    size = _number(file, f"select count(*) {_CHROMA_TEXTS}", (chosen,))
    return Collection(chosen, "Chroma", size, _chroma_texts(file, chosen))


def _chroma_texts(file: Path, name: str) -> Iterator[StoredText]:
    has_lists = _number(file, "select count(*) from sqlite_master where name = 'embedding_metadata_array'")
    place, text_id, values = None, "", dict[str, Any]()
    for number, own_id, key, in_list, *kept in _rows(file, _chroma_values(bool(has_lists)), (name,)):
        if number != place and place is not None:
            yield _chroma_text(text_id, values)
            values = {}
        place, text_id = number, own_id
        if key is not None:
            value = _chroma_value(*kept)
            values[key] = [*values.get(key, []), value] if in_list else value
    if place is not None:
        yield _chroma_text(text_id, values)


def _chroma_value(as_text: str | None, as_int: int | None, as_float: float | None, as_bool: int | None) -> Any:
    if as_bool is not None:
        return bool(as_bool)
    return next((each for each in (as_text, as_int, as_float) if each is not None), None)


def _chroma_text(text_id: str, values: dict[str, Any]) -> StoredText:
    words = values.pop("chroma:document", None)
    if words is None:
        return from_payload(text_id, values)
    return StoredText(text_id, words, values, "LangChain")


_CHROMA_TEXTS = (
    "from embeddings e join segments s on s.id = e.segment_id join collections c on c.id = s.collection"
    " where s.scope = 'METADATA' and c.name = ?"
)


def _chroma_values(with_lists: bool) -> str:
    """Return the statement for the values of a collection's texts, each in a row; newer versions also keep lists."""
    columns = "string_value, int_value, float_value, bool_value"
    values = f"select id, key, 0 as in_list, rowid as place, {columns} from embedding_metadata"
    if with_lists:
        values += f" union all select id, key, 1, rowid, {columns} from embedding_metadata_array"
    return (
        f"select e.id, e.embedding_id, m.key, m.in_list, {columns} from (select e.* {_CHROMA_TEXTS}) e"
        f" left join ({values}) m on m.id = e.id order by e.id, m.place"
    )


# -- FAISS -----------------------------------------------------------------------------------------------------------


def _faiss(place: str, name: str | None) -> Collection:
    folder = Path(place)
    names = sorted({each.stem for each in folder.glob("*.faiss")}) if folder.is_dir() else []
    if not names:
        raise InvalidInput(f"{place} is not a folder with a FAISS index: there is no file that ends with .faiss in it.")
    chosen = _chosen(names, name, place)
    texts = list(_faiss_texts(folder, chosen))
    return Collection(chosen, "FAISS", len(texts), iter(texts))


def _faiss_texts(folder: Path, name: str) -> Iterator[StoredText]:
    """Read mem0's file, JSON or in older versions a pickle; or the pickle of LangChain."""
    kept = _faiss_docstore(folder, name)
    # LangChain's docstore is an object with its documents in `_dict`.
    documents = kept.get("_dict", kept) if isinstance(kept, Mapping) else None
    if not isinstance(documents, Mapping) or not all(isinstance(each, Mapping) for each in documents.values()):
        raise InvalidInput(f"What lies beside {name}.faiss is not what mem0 or LangChain writes there.")
    for text_id, document in documents.items():
        yield from_payload(str(text_id), document)


def _faiss_docstore(folder: Path, name: str) -> Any:
    of_mem0, pickled = folder / f"{name}.json", folder / f"{name}.pkl"
    try:
        content = json.loads(of_mem0.read_bytes()) if of_mem0.is_file() else None
        values = plain_pickle(pickled.read_bytes(), pickled.name) if content is None else None
    except OSError as error:
        raise InvalidInput(f"The texts beside {name}.faiss cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{of_mem0.name} is not JSON.") from error
    if isinstance(content, Mapping):
        return content.get("docstore")
    return values[0] if isinstance(values, tuple) and values else None


# -- files -----------------------------------------------------------------------------------------------------------


def _rows(file: Path, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    with _reading(file) as connection:
        yield from connection.execute(statement, values)


def _number(file: Path, statement: str, values: Sequence[Any] = ()) -> int:
    [[number]] = _rows(file, statement, values)
    return int(number)


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error


class _Plain(dict[str, Any]):
    """Stands for an object of a class that a store writes: its attributes."""

    def __setstate__(self, state: object) -> None:
        attributes = state.get("__dict__", state) if isinstance(state, Mapping) else None
        if isinstance(attributes, Mapping):
            self.update(attributes)


# The classes in the files of LangChain and of a local Qdrant. They are never loaded.
_OBJECTS = {
    ("langchain_community.docstore.in_memory", "InMemoryDocstore"),
    ("langchain.docstore.in_memory", "InMemoryDocstore"),
    ("langchain_core.documents.base", "Document"),
    ("langchain.schema", "Document"),
    ("langchain.schema.document", "Document"),
    ("langchain.docstore.document", "Document"),
    ("qdrant_client.http.models.models", "PointStruct"),
    ("qdrant_client.http.models.models", "SparseVector"),
}
_CONTAINERS: dict[tuple[str, str], type] = {("builtins", "set"): set, ("builtins", "frozenset"): frozenset}


class _PlainUnpickler(pickle.Unpickler):
    """Makes plain values of a pickle, and raises an error for everything else that it names."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) in _OBJECTS:
            return _Plain
        if found := _CONTAINERS.get((module, name)):
            return found
        raise pickle.UnpicklingError(f"it names {module}.{name}, and only plain values are read")


def plain_pickle(content: bytes, name: str) -> Any:
    """Return the plain values in a pickle without running anything; raise `InvalidInput` if it holds more."""
    try:
        return _PlainUnpickler(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError) as error:
        raise InvalidInput(f"{name} cannot be read: {error}.") from error
    except (TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"{name} cannot be read: it is no pickle of a store.") from error


STORES: Mapping[str, Callable[[str, str | None], Collection]] = {
    "pgvector": _pgvector,
    "qdrant": _qdrant,
    "chroma": _chroma,
    "faiss": _faiss,
}
