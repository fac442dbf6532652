"""Text that a database can hold, and forms to compare by."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.plain_text import cell, comparable, shell_word, storable

ANY_TEXT = st.text(st.characters(codec=None, categories=None) | st.sampled_from("\x00\ud800\udfff’ß"))


@pytest.mark.parametrize(
    "kept", ["", "plain", "  spaces\tand\nlines ", "\u202eשלום", "👩‍👩‍👧", "𝄞 \U0010ffff", "e\u0301", "\ufeff"]
)
def test_what_postgres_can_hold_is_not_changed(kept: str) -> None:
    assert storable(kept) == kept


@pytest.mark.parametrize(
    ("given_text", "stored"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a?b"), ("\udc00\x00", "?\ufffd")]
)
def test_what_postgres_cannot_hold_is_replaced_in_its_place(given_text: str, stored: str) -> None:
    assert storable(given_text) == stored


@given(ANY_TEXT)
def test_stored_text_is_always_valid_and_stays_as_it_is_when_stored_again(text: str) -> None:
    stored = storable(text)
    assert "\x00" not in stored
    assert stored.encode().decode() == stored == storable(stored)
    assert len(stored) == len(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I’m here", "i'm   HERE "),
        ("“Ana”", '"ana"'),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "café"),
        ("ﬁne\u00a0day", "fine day"),
        ("ｆｕｌｌ", "full"),
        ("two\nlines", "two lines"),
    ],
)
def test_case_spacing_apostrophes_and_spelling_make_no_difference(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("tea", "team"), ("I do", "I do not"), ("résumé", "resume"), ("1.5", "15")])
def test_different_words_stay_different(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(ANY_TEXT)
def test_any_text_has_a_comparable_form_without_outer_space(text: str) -> None:
    assert comparable(text) == comparable(text).strip()


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        '=HYPERLINK("http://evil.example")',
        "+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        " =1+1",
        "\t=1+1",
        "\n=1+1",
        "\r=1+1",
        "\u00a0=1+1",
        "\u200b=1+1",
        "\ufeff=1+1",
        "\x1f=1+1",
        "＝1+1",
    ],
)
def test_a_formula_in_an_exported_cell_is_text(formula: str) -> None:
    assert cell(formula).startswith("'")


@pytest.mark.parametrize(
    "words", ["", "I like tea", "1 + 1 = 2", "a@b.example", "Ünïcode 名前", "two\nlines", "'quoted'"]
)
def test_other_text_is_exported_as_it_is(words: str) -> None:
    assert cell(words) == words


@given(ANY_TEXT)
def test_no_exported_cell_begins_a_formula(text: str) -> None:
    row = io.StringIO()
    csv.writer(row).writerow([cell(text), "next"])
    [read] = csv.reader(io.StringIO(row.getvalue(), newline=""))
    assert read[1] == "next"
    assert read[0].lstrip("\ufeff\u200b").strip()[:1] not in {*"=+-@＝＋－＠"}


@pytest.mark.parametrize(
    "name",
    [
        "helper",
        "two words",
        "$(touch made)",
        "`touch made`",
        '"; touch made; "',
        "it's",
        "a\\b",
        "!!",
        "-x",
        "\x1b[31m",
        "é\n",
    ],
)
def test_a_name_in_a_command_to_copy_is_one_word_for_the_shell_and_runs_nothing(name: str, tmp_path: Path) -> None:
    word = shell_word(name)
    assert word.isprintable()
    command = ["bash", "-c", f"printf %s {word}"]
    read = subprocess.run(command, cwd=tmp_path, env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True)
    assert read.stdout.decode() == name
    assert not list(tmp_path.iterdir())
