"""Writes the log to stderr, one line of text or one JSON object for each record, with the id of its request.

    write_logs("json")

No line has anybody's words. Of an error, a line tells its kind and where it happened. It has the error's sentence only
if we wrote it and it quotes nobody: that of a bug, or of a value that cannot be used, may quote what somebody typed.
Email addresses, keys, tokens and what stands behind the ? of an address are cut out of every line, whoever wrote it. No
line has a user id, hashed or not: the id of a turn or a chat leads whoever may read the database to the person, and
nobody else.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from memory.errors import AppError
from memory.telemetry.tracing import current

__all__ = ["JsonLines", "TextLines", "write_logs"]

# Loggers of the servers that the app runs in, which bring handlers of their own.
SERVERS = ("streamlit", "uvicorn", "websockets", "asyncio")
MOST_CHARACTERS = 2_000  # of a message
_CUT_OUT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\w+://)[^/\s@]+@"), r"\1"),  # the name and the password in an address
    (re.compile(r"\?[^\s\"'?]*=[^\s\"']*"), "?…"),  # what stands behind the ? of an address
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\b(?:ksa?_|sk-|sb_secret_|sb_publishable_)[\w-]{8,}"), "[key]"),
    (re.compile(r"\bapplication:[0-9a-f-]{36}:\w+:[0-9a-f]+"), "[user]"),
    (re.compile(r"[^\s@<>\"'(),;:=\[\]]+@[\w-]+(?:\.[\w-]+)+"), "[address]"),
)


class _Lines(logging.Formatter):
    """What both forms share: a message and errors without personal data."""

    def message(self, record: logging.LogRecord) -> str:
        """Return the message, on one line, with errors described instead of quoted."""
        said = record.msg if isinstance(record.msg, str) else _described(record.msg)
        try:
            said = said % _safe(record.args) if record.args else said
        except (TypeError, ValueError, KeyError):
            said = f"{said} (its values do not fit)"
        return _clean(said)

    def errors(self, record: logging.LogRecord) -> list[dict[str, Any]]:
        """Return the error of a record and those that led to it, the last one first, without their words."""
        error = record.exc_info[1] if record.exc_info else None
        found: list[dict[str, Any]] = []
        while error is not None and len(found) < 8:
            found.append({"kind": type(error).__name__, "says": _sentence(error), "at": list(_frames(error))})
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return found


class TextLines(_Lines):
    """One line for each record; where an error happened follows on lines that begin with spaces."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        id_ = f" [{current()}]" if current() else ""
        lines = [f"{_time(record)} {record.levelname} {record.name}{id_} {self.message(record)}"]
        for error in self.errors(record):
            lines.append(f"    {error['kind']}{': ' if error['says'] else ''}{error['says']}")
            lines += [f"        {place}" for place in error["at"]]
        return "\n".join(lines)


class JsonLines(_Lines):
    """One JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of a record."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        if id_ := current():
            line["request"] = id_
        if errors := self.errors(record):
            line["errors"] = errors
        return json.dumps(line, ensure_ascii=False)


def write_logs(form: str) -> None:
    """Send all log lines of this process to stderr in this form, also those of uvicorn, Streamlit and dying threads."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("keepsake").setLevel(logging.INFO)
    for name, logger in list(logging.Logger.manager.loggerDict.items()):
        if name.partition(".")[0] in SERVERS and isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(max(logger.level, logging.WARNING))
    sys.excepthook = _note_end
    threading.excepthook = lambda ended: _note_end(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _note_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Log what ended the process or a thread: Python's own report would quote the error."""
    if not issubclass(kind, SystemExit | KeyboardInterrupt):
        found = error if error is not None else kind()
        log = logging.getLogger("keepsake.unexpected")
        log.critical("%s was ended by a bug", threading.current_thread().name, exc_info=(kind, found, trace))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _safe(args: Any) -> Any:
    if isinstance(args, Mapping):
        return {name: _safe_value(value) for name, value in args.items()}
    return tuple(_safe_value(each) for each in args)


def _safe_value(value: Any) -> Any:
    return _described(value) if isinstance(value, BaseException) else value


def _described(thing: object) -> str:
    if not isinstance(thing, BaseException):
        return str(thing)
    sentence = _sentence(thing)
    return f"{type(thing).__name__}: {sentence}" if sentence else type(thing).__name__


def _sentence(error: BaseException) -> str:
    """Return what an error says, if it cannot quote a person: `InvalidInput` and the like can, and so can a bug's."""
    return _clean(error.for_deployer()) if isinstance(error, AppError) and not isinstance(error, ValueError) else ""


def _frames(error: BaseException) -> Iterator[str]:
    """Yield where an error happened, innermost last."""
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} in {frame.name}"


def _clean(said: str) -> str:
    """Return a message on one line, without what may be a person's."""
    for pattern, instead in _CUT_OUT:
        said = pattern.sub(instead, said)
    return said[:MOST_CHARACTERS].replace("\r", "\\r").replace("\n", "\\n")
