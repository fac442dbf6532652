"""Log lines: text or JSON, one a record, with the id of the request, and without anything of a person."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memory.errors import AppError, InvalidInput, ModelUnreachable
from memory.telemetry.tracing import begin, current, go_on
from monitoring.logs import JsonLines, TextLines

PROJECT = Path(__file__).parents[2]
WORDS = "my therapist is Dr. Moll"


@pytest.fixture(autouse=True)
def outside_of_a_request() -> Iterator[None]:
    before = current()
    go_on("")
    yield
    go_on(before)


def record(message: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("keepsake.worker", logging.WARNING, __file__, 1, message, values, info)


@contextmanager
def caught(error: BaseException) -> Iterator[BaseException]:
    """An error as it is after it was raised."""
    try:
        raise error
    except type(error) as raised:
        yield raised


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()], ids=["text", "json"])
def test_what_an_error_quotes_is_in_no_line_and_where_it_happened_is(lines: logging.Formatter) -> None:
    try:
        try:
            int(WORDS)
        except ValueError as error:
            raise KeyError(WORDS) from error
    except KeyError as error:
        written = lines.format(record("a reply broke off", error=error))
    assert WORDS not in written
    assert "therapist" not in written
    assert "KeyError" in written
    assert "ValueError" in written
    assert "test_logs.py" in written


def test_our_sentences_about_models_are_logged_and_those_about_what_somebody_typed_are_not() -> None:
    lines = TextLines()
    away = lines.format(record("waits: %s", ModelUnreachable("m did not answer.", advice="Check OPENAI_BASE_URL.")))
    assert away.endswith("waits: ModelUnreachable: m did not answer. Check OPENAI_BASE_URL.")
    assert lines.format(record("refused: %s", InvalidInput(f"{WORDS!r} is no date."))).endswith("refused: InvalidInput")
    assert lines.format(record("failed: %s", RuntimeError(WORDS))).endswith("failed: RuntimeError")


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("no mail to kim.o+x@mail.example.com today", "kim.o"),
        ("GET /?token_hash=abc123&type=signup failed", "abc123"),
        ("with ks_" + "a" * 43, "aaaa"),
        ("with ksa_" + "b" * 43, "bbbb"),
        ("bearer eyJhbGciOi.eyJzdWIiOi.sig-nature", "eyJzdWIiOi"),
        ("at postgresql://app:hunter2@db.example.com:5432/postgres", "hunter2"),
        ("for application:0b0e7f6e-3a55-4d2b-9c3e-111111111111:user:" + "c" * 64, "cccc"),
    ],
)
def test_addresses_keys_and_tokens_are_cut_out_of_every_line(said: str, secret: str) -> None:
    for lines in (TextLines(), JsonLines()):
        assert secret in said
        assert secret not in lines.format(record(said))
        assert secret not in lines.format(record("%s", said))
        with caught(AppError(said)) as error:
            assert secret not in lines.format(record("x", error=error))


def test_a_message_cannot_pretend_to_be_several_lines() -> None:
    written = TextLines().format(record("%s", "one\n2026-01-01 CRITICAL forged"))
    assert len(written.splitlines()) == 1


def test_a_line_of_json_has_its_parts_and_the_id_of_the_request() -> None:
    plain = json.loads(JsonLines().format(record("%d turns", 3)))
    assert plain == plain | {"level": "warning", "logger": "keepsake.worker", "message": "3 turns"}
    assert "request" not in plain
    id_ = begin()
    assert json.loads(JsonLines().format(record("a turn")))["request"] == id_
    assert f" [{id_}] a turn" in TextLines().format(record("a turn"))


def test_values_that_do_not_fit_a_message_lose_no_line() -> None:
    assert "%d turns" in TextLines().format(record("%d turns", WORDS))
    assert WORDS not in TextLines().format(record("%d turns", WORDS))


PROGRAM = f"""
import logging, threading
import streamlit.logger, uvicorn
streamlit.logger.get_logger("streamlit.web.server")
uvicorn.Config(lambda: None)
from monitoring.logs import write_logs
write_logs("json")
logging.getLogger("keepsake.worker").info("ours")
logging.getLogger("uvicorn.error").error("uvicorn's")
logging.getLogger("streamlit.web.server").error("streamlit's")
logging.getLogger("some.library").warning("a library's")
thread = threading.Thread(target=lambda: int({WORDS!r}), name="keepsake-reply")
thread.start(); thread.join()
raise RuntimeError({WORDS!r})
"""


def test_lines_of_servers_libraries_and_dying_threads_have_the_same_form(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=180
    )
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [each["message"] for each in lines] == [
        "ours",
        "uvicorn's",
        "streamlit's",
        "a library's",
        "keepsake-reply was ended by a bug",
        "MainThread was ended by a bug",
    ]
    assert [each["errors"][0]["kind"] for each in lines[-2:]] == ["ValueError", "RuntimeError"]
    assert WORDS not in ran.stderr
