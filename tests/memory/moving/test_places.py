"""The stores themselves: what is read of each, and that nothing in one is run."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from memory.database import Database
from memory.errors import AppError, InvalidInput
from memory.moving.places import open_collection, plain_pickle
from memory.moving.stored import Collection
from tests.api.mem0_client import mem0_client
from tests.databases import Databases
from tests.memory.mem0 import MEMORIES
from tests.memory.moving.conftest import STORES, Bring, Rows

DATA = {each["id"]: each["metadata"] for each in MEMORIES}


def _read(found: Collection) -> dict[str, Any]:
    texts = {each.id: each.words for each in found.texts}
    assert len(texts) == found.size
    return texts


# -- pickles ---------------------------------------------------------------------------------------------------------


class Evil:
    """A pickle of it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made by a pickle"
    harmful = pickle.dumps(({"a": {"data": Evil(made)}}, {0: "a"}))
    pickle.loads(harmful)
    assert made.exists()
    made.unlink()
    (tmp_path / "mem0.faiss").touch()
    (tmp_path / "mem0.pkl").write_bytes(harmful)
    with pytest.raises(InvalidInput, match="only plain values are read"):
        open_collection("faiss", str(tmp_path))
    assert not made.exists()


def test_a_point_of_a_local_qdrant_that_would_run_something_runs_nothing(tmp_path: Path) -> None:
    made, place = tmp_path / "made by a pickle", tmp_path / "qdrant"
    shutil.copytree(STORES / "qdrant", place)
    with closing(sqlite3.connect(place / "collection" / "notes" / "storage.sqlite")) as connection, connection:
        connection.execute("update points set point = ?", (pickle.dumps(Evil(made)),))
    with pytest.raises(InvalidInput, match="only plain values are read"):
        _read(open_collection("qdrant", str(place), "notes"))
    assert not made.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"P1\n.",
        b"]\x94b.",
    ],
)
def test_what_is_no_pickle_of_plain_values_gets_a_sentence(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"docs\.pkl cannot be read"):
        plain_pickle(content, "docs.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read_in_every_protocol(protocol: int) -> None:
    values = ({"a": [1, 2.5, None, True, "é", b"x", ("t",)]}, {0: "a"})
    if protocol > 2:  # before that, bytes are written as a call
        assert plain_pickle(pickle.dumps(values, protocol), "docs.pkl") == values
    values[0]["a"].remove(b"x")
    assert plain_pickle(pickle.dumps(values, protocol), "docs.pkl") == values


def test_the_pickle_of_an_older_mem0_is_read(tmp_path: Path) -> None:
    (tmp_path / "mem0.faiss").touch()
    (tmp_path / "mem0.pkl").write_bytes(pickle.dumps((DATA, dict(enumerate(DATA)))))
    assert _read(open_collection("faiss", str(tmp_path))) == {each: row["data"] for each, row in DATA.items()}


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"docstore": [1]}', b'{"docstore": {"a": 1}}', b"{", b"\xff"])
def test_a_broken_file_beside_a_faiss_index_gets_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mem0.faiss").touch()
    (tmp_path / "mem0.json").write_bytes(content)
    with pytest.raises(InvalidInput, match="mem0"):
        open_collection("faiss", str(tmp_path))


def test_points_with_two_kinds_of_vectors_are_read() -> None:
    [only] = open_collection("qdrant", str(STORES / "qdrant"), "hybrid").texts
    assert (only.id, only.words) == (MEMORIES[1]["id"], "I live in Lisbon.")


def test_reading_changes_nothing_in_a_store(bring: Bring, tmp_path: Path) -> None:
    shutil.copytree(STORES, tmp_path / "stores")
    before = _files(tmp_path / "stores")
    for store, folder in (("qdrant", "qdrant"), ("chroma", "chroma"), ("faiss", "faiss_mem0")):
        bring(store, tmp_path / "stores" / folder, "--collection", "mem0")
    assert _files(tmp_path / "stores") == before


def _files(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"something else, and long enough to be looked at" * 20)
    with pytest.raises(InvalidInput, match="cannot be read"):
        open_collection("chroma", str(tmp_path))


# -- a Qdrant server -------------------------------------------------------------------------------------------------


@contextmanager
def _serving(answer: Callable[[str, str, Any, str | None], tuple[int, Any]]) -> Iterator[str]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, result = answer(self.command, self.path, body, self.headers.get("api-key"))
            content = json.dumps(result).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 307:
                self.send_header("Location", result)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def _qdrant(method: str, path: str, body: Any, key: str | None) -> tuple[int, Any]:
    """Answers as Qdrant's REST calls do, two points at a time."""
    if key != "secret":
        return 403, {"status": {"error": "Forbidden"}}
    if (method, path) == ("GET", "/collections"):
        return 200, {"result": {"collections": [{"name": "mem0"}, {"name": "mem0_entities"}]}, "status": "ok"}
    if path == "/collections/mem0/points/count":
        return 200, {"result": {"count": len(DATA)}, "status": "ok"}
    assert path == "/collections/mem0/points/scroll"
    assert body["with_vector"] is False
    ids = list(DATA)
    begin = ids.index(body["offset"]) if body["offset"] else 0
    points = [{"id": each, "payload": DATA[each]} for each in ids[begin : begin + 2]]
    return 200, {"result": {"points": points, "next_page_offset": next(iter(ids[begin + 2 :]), None)}, "status": "ok"}


def test_a_qdrant_server_is_read_page_by_page_with_its_key(bring: Bring, rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    with _serving(_qdrant) as address:
        told = bring("qdrant", address, "--key-file", str(tmp_path / "key"))
    assert "Brought 30:" in told
    assert len(rows()) == 30


def test_a_qdrant_server_that_refuses_or_sends_elsewhere_gets_a_sentence() -> None:
    with _serving(_qdrant) as address:
        with pytest.raises(InvalidInput, match="--key-file"):
            open_collection("qdrant", address, "mem0")
        asked = []

        def elsewhere(*request: Any) -> tuple[int, Any]:
            asked.append(request)
            return 307, address

        with _serving(elsewhere) as sending, pytest.raises(InvalidInput, match="answers 307"):
            open_collection("qdrant", sending, "mem0", "secret")
        assert len(asked) == 1
    with pytest.raises(InvalidInput, match="does not answer"):
        open_collection("qdrant", address, "mem0")
    with (
        _serving(lambda *_: (200, ["something else"])) as other,
        pytest.raises(InvalidInput, match="is not Qdrant"),
    ):
        open_collection("qdrant", other, "mem0")


# -- pgvector --------------------------------------------------------------------------------------------------------


def _libpq(database: Database) -> str:
    return database.admin_url.replace("postgresql+psycopg2://", "postgresql://")


@pytest.fixture
def elsewhere(empty_database: Database, databases: Databases) -> Database:
    """Another database, with pgvector."""
    with closing(psycopg2.connect(_libpq(empty_database))) as connection, connection, connection.cursor() as cursor:
        cursor.execute("create extension if not exists vector")
    return empty_database


def test_a_table_that_mem0_itself_fills_is_moved_in(
    elsewhere: Database, bring: Bring, rows: Rows, tmp_path: Path
) -> None:
    with mem0_client(tmp_path):
        make = importlib.import_module("mem0.vector_stores.pgvector").PGVector
        for name in ('mem0 "1": x', 'mem0 "1": x_entities'):
            store = make(None, name, 4, None, None, None, None, False, False, connection_string=_libpq(elsewhere))
            store.insert([[1.0, 2.0, 3.0, 4.0]] * len(DATA), list(DATA.values()), list(DATA))
            store.connection_pool.closeall()
    told = bring("pgvector", elsewhere.admin_url)
    assert "31 texts, 31 of mem0" in told
    assert {each: row["data"] for each, row in rows().items()} == {
        each: row["data"] for each, row in DATA.items() if each in rows()
    }
    assert len(rows()) == 30


# As PGVector of langchain-postgres 0.0.19 makes them, and in older versions that of langchain-community.
TABLES = """
create table langchain_pg_collection (uuid uuid primary key, name varchar unique not null, cmetadata json);
insert into langchain_pg_collection values ('00000000-0000-4000-8000-000000000001', 'notes', null);
insert into langchain_pg_collection values ('00000000-0000-4000-8000-000000000002', 'others', null);
"""
NEWER = """
create table langchain_pg_embedding (id varchar primary key, collection_id uuid references langchain_pg_collection,
  embedding vector, document varchar, cmetadata jsonb);
insert into langchain_pg_embedding values
  ('one', '00000000-0000-4000-8000-000000000001', '[1,2]', 'Ana plays the violin.', '{"user_id": "ana"}'),
  ('two', '00000000-0000-4000-8000-000000000002', '[1,2]', 'Something else.', '{"user_id": "ana"}');
"""
OLDER = """
create table langchain_pg_embedding (collection_id uuid references langchain_pg_collection, embedding vector,
  document varchar, cmetadata json, custom_id varchar, uuid uuid primary key);
insert into langchain_pg_embedding values
  ('00000000-0000-4000-8000-000000000001', '[1,2]', 'Ana plays the violin.', '{"user_id": "ana"}', 'one',
   gen_random_uuid()),
  ('00000000-0000-4000-8000-000000000002', '[1,2]', 'Something else.', '{"user_id": "ana"}', null, gen_random_uuid());
"""


@pytest.mark.parametrize("version", [NEWER, OLDER], ids=["newer", "older"])
def test_a_collection_of_langchain_in_postgres_is_moved_in(
    version: str, elsewhere: Database, bring: Bring, rows: Rows
) -> None:
    with closing(psycopg2.connect(_libpq(elsewhere))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLES + version)
    told = bring("pgvector", elsewhere.admin_url, "--collection", "notes")
    assert "1 texts, 1 of LangChain" in told
    assert {each: (row["data"], row["user_id"]) for each, row in rows().items()} == {
        "one": ("Ana plays the violin.", "ana")
    }


# As PGVectorStore of langchain-postgres makes it, with a column of metadata of the caller's own.
OWN_TABLE = """
create table "my notes" (langchain_id uuid primary key, content text not null, embedding vector(2) not null,
  user_id text, langchain_metadata json);
insert into "my notes" values
  ('00000000-0000-4000-8000-000000000001', 'Ana plays the violin.', '[1,2]', 'ana', '{"page": 3}');
"""


def test_a_table_of_langchain_with_columns_for_metadata_is_moved_in(
    elsewhere: Database, bring: Bring, rows: Rows
) -> None:
    with closing(psycopg2.connect(_libpq(elsewhere))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(OWN_TABLE)
    assert "1 of LangChain" in bring("pgvector", elsewhere.admin_url)
    [(text_id, row)] = rows().items()
    assert text_id == "00000000-0000-4000-8000-000000000001"
    assert (row["data"], row["user_id"], row["page"]) == ("Ana plays the violin.", "ana", 3)
    assert not row.keys() & {"content", "embedding"}


def test_a_database_without_collections_gets_a_sentence(elsewhere: Database) -> None:
    with pytest.raises(InvalidInput, match="There is none"):
        open_collection("pgvector", elsewhere.admin_url)
    with pytest.raises(AppError, match="--from pgvector"):
        open_collection("pgvector", "somewhere")
