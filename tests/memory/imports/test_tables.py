"""Tables and plain lines of memories: our own export is read back unchanged, and errors are reported."""

from __future__ import annotations

import csv
import io
import time

import psutil
import pytest

from memory import Memory
from memory.errors import InvalidInput
from memory.imports import files
from memory.imports.files import COLUMNS, lines, table
from memory.plain_text import cell, uncelled


@pytest.mark.parametrize("text", ["=1+1", "'quoted'", "plain", "+49 30", "-", "@me", "\tx", "", "''=1", "＝1"])
def test_a_cell_comes_back_as_the_text_it_was_made_of(text: str) -> None:
    assert uncelled(cell(text)) == text


def test_an_export_comes_back_with_its_kinds_days_and_quotes(memory: Memory) -> None:
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(COLUMNS)
    told = ("preference", "2026-01-02T09:00:00+00:00", "", "2025-12-24", "", "I love", "", "a")
    writer.writerow([cell("=Loves, Redis\nand tea"), *told])
    held = b"\xef\xbb\xbf" + rows.getvalue().encode()
    assert memory.bulk_edit.import_file(held, "m.csv", user_id="ann").count == 1
    assert memory.bulk_edit.import_file(held, "m.csv", user_id="ann").count == 0
    [kept] = memory.get_all(user_id="ann")["results"]
    assert kept["memory"] == "=Loves, Redis\nand tea"
    assert kept["created_at"] == "2026-01-02T09:00:00+00:00"
    assert kept["metadata"] == {"kind": "preference", "happened_at": "2025-12-24", "quote": "I love"}


def test_semicolons_other_columns_and_empty_lines_do_no_harm() -> None:
    assert table("Memory ;note;kind\nLikes tea;x;goal\n;;\n", "m.csv") == [
        {"memory": "Likes tea", "metadata": {"kind": "goal"}}
    ]


@pytest.mark.parametrize(
    ("held", "name", "sentence"),
    [
        (b"text,kind\nx,fact", "m.csv", "no column named memory"),
        (b"", "m.csv", "no column named memory"),
        (b"memory\n", "m.csv", "holds nothing"),
        (b"memory,kind\nx,poem", "m.csv", "not a kind of memory"),
        (b'memory\n"never closed', "m.csv", "not a CSV table"),
        (b"memory,created_at\nx,yesterday", "m.csv", "Entry 1 .* ISO text"),
        (b"memory\n" + b"x" * 300_000, "m.csv", "not a CSV table"),
        (b"\xff\xfe", "m.csv", "not a table in UTF-8"),
        (b"\xff", "m.txt", "not text in UTF-8"),
        (b" \n\n", "m.txt", "holds nothing"),
        (b"x" * 150_000, "m.txt", "Entry 1 .* 100,000 characters"),
    ],
)
def test_every_bad_table_gets_a_sentence(held: bytes, name: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        files.uploaded(held, name, "ann")


def test_lines_lose_only_their_list_marker() -> None:
    told = "- Likes tea\n\n2. Lives in Porto\n* Keeps bees\r\n-5 degrees is fine\n3.5 km from work"
    assert [each["memory"] for each in lines(told)] == [
        "Likes tea",
        "Lives in Porto",
        "Keeps bees",
        "-5 degrees is fine",
        "3.5 km from work",
    ]


def test_a_list_of_texts_is_a_list_of_memories(memory: Memory) -> None:
    held = b'["Likes tea", "Lives in Porto", "Likes tea"]'
    assert memory.bulk_edit.import_file(held, "m.json", user_id="ann").count == 2
    assert memory.bulk_edit.import_file(b"- Likes tea\n- Keeps bees", "m.txt", user_id="ann").count == 1


MILLIONS = {
    "lists.json": b"[" + b"[]," * 3_000_000 + b"0]",
    "objects.json": b"[" + b"{}," * 3_000_000 + b"0]",
    "lines.txt": b"a\n" * 5_000_000,
    "old-lines.txt": b"a\r" * 5_000_000,
    "rows.csv": b"memory\n" + b"a\n" * 5_000_000,
    "columns.csv": b"memory" + b"," * 10_000_000,
    "semicolons.csv": b"memory" + b";" * 10_000_000,
}


@pytest.mark.parametrize("name", MILLIONS)
def test_millions_of_entries_are_refused_before_they_take_memory_or_time(name: str) -> None:
    process = psutil.Process()
    before, began = process.memory_info().rss, time.thread_time()
    with pytest.raises(InvalidInput, match="at most 5,000 entries"):
        files.uploaded(MILLIONS[name], name, "ann")
    assert time.thread_time() - began < 0.5
    assert process.memory_info().rss - before < 32 * 1024 * 1024


def test_an_upload_with_line_ends_of_any_system_is_read() -> None:
    assert len(files.uploaded(b"one thing\r\ntwo things\rthree things\nfour\x0cthings", "a.txt", "ann")) == 4
