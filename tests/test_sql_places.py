"""The SQL of each table is in one module.

A statement that writes belongs to the module of the table that it writes to. A statement that only reads belongs to
the module of one of the tables that it reads, so a join may be in either of two modules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.sources import APP, Source

# The module, or the folder, that has the statements about a table.
PLACES = {
    "vecs.memories": "memory/rows/store.py",
    "app.memory_use": "memory/rows/store.py",
    "app.memory_history": "memory/rows/history.py",
    "app.entity_names": "memory/rows/graph.py",
    "app.relations": "memory/rows/graph.py",
    "app.people": "memory/rows/people.py",
    "vecs.episodes": "memory/learn/episodes.py",
    "app.transcripts": "memory/learn/transcripts.py",
    "app.questions": "memory/learn/questions.py",
    "app.lessons": "memory/imports/queue.py",
    "app.profiles": "memory/upkeep/profile.py",
    "app.recall_checks": "memory/upkeep/checks.py",
    "app.confirmations": "memory/upkeep/recheck.py",
    "app.collections": "memory/migrations.py",
    "app.leases": "memory/leases.py",
    "app.index_outbox": "memory/index/outbox.py",
    "app.index_attached": "memory/index/outbox.py",
    "app.conversations": "chat/",
    "app.messages": "chat/",
    "app.open_replies": "chat/open_replies.py",
    "app.attachments": "chat/attachments.py",
    "app.preferences": "chat/preferences.py",
    "app.sessions": "auth/session.py",
    "app.api_keys": "auth/keys.py",
    "app.application_users": "auth/applications.py",
    "app.counts": "limits/spending.py",
    "app.consents": "limits/consent.py",
}
# Statements that are elsewhere: the table (or * for all of them) and the reason.
EXCEPTIONS = {
    "memory/erase.py": (
        "*",
        "erases and counts one user's rows in every table, so that none is left out",
    ),
    "memory/learn/questions.py": ("vecs.memories", "a column of every statement about questions: what the memory says"),
    "benchmarks/": ("*", "measures statements and fills tables from outside"),
}
WRITES = re.compile(r"\b(?:insert\s+into|delete\s+from|update|truncate)\s+((?:vecs|app)\.\w+)", re.IGNORECASE)
# A name with a bracket behind it is a function.
# Statements that change rows, and what limits them: their owner, or the id of one row that no two users share.
CHANGES = re.compile(r"\b(?:delete\s+from|update)(?:\s+(?=(?:vecs|app)\.)|(?<=from)\s+(?=…))([\w.…]+)", re.IGNORECASE)
OWNER = re.compile(
    r"(?:user_id|owner) = (?:\(select app\.asking\(\)\)|app\.asking\(\))"
    r"|'user_id' = to_jsonb\(app\.asking\(\)\)"
)
ROW = re.compile(r"\b(?<!_)id = (?:cast\(:|any\(|:|\w+\.id|\()")
SHARED_IDS = {"app.lessons", "app.confirmations", "app.index_outbox"}  # their ids are unique for one user only
READS = re.compile(r"\b(?:from|join)\s+((?:vecs|app)\.\w+)\b(?!\s*\()", re.IGNORECASE)


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    """Every string of a module with its line; the fixed parts of an f-string count as one string."""
    inside = {id(part) for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _tables(statement: str) -> set[str]:
    return {*WRITES.findall(statement), *READS.findall(statement)}


def _offence(path: str, statement: str) -> str | None:
    """Why this statement should be in another module, or None."""
    excepted = next((table for start, (table, _) in EXCEPTIONS.items() if path.startswith(start)), None)
    written, used = set(WRITES.findall(statement)), _tables(statement)
    if excepted == "*" or used == {excepted}:
        return None
    if unknown := used - PLACES.keys():
        return f"uses {', '.join(sorted(unknown))}, which has no place in this test"
    if foreign := {table for table in written if not path.startswith(PLACES[table])}:
        return f"writes to {', '.join(sorted(foreign))}"
    if used and not written and not any(path.startswith(PLACES[table]) for table in used):
        return f"reads only {', '.join(sorted(used))}"
    return None


def test_the_sql_of_a_table_is_in_one_module() -> None:
    offenders = [
        f"{source}:{line} {offence}"
        for source in APP
        for line, text in _texts(source)
        if (offence := _offence(str(source), text))
    ]
    assert offenders == []


def test_every_table_has_statements_in_its_place() -> None:
    found = {
        table
        for source in APP
        for _, text in _texts(source)
        for table in _tables(text)
        if table in PLACES and str(source).startswith(PLACES[table])
    }
    assert PLACES.keys() - found == set()


def test_a_statement_that_changes_rows_names_their_owner_or_one_row() -> None:
    """Row-level security says whose rows they are, too; one mistake there must not empty a table."""
    unlimited = [
        f"{source}:{line}: {' '.join(text.split())[:100]}"
        for source in APP
        if not str(source).startswith(("tests/", "benchmarks/"))
        for line, text in _texts(source)
        for table in CHANGES.findall(text)
        if not OWNER.search(text) and not (ROW.search(text) and table not in SHARED_IDS)
    ]
    assert not unlimited
