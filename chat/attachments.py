"""Attachments in Postgres, each user's own: the texts and pictures that came with a message.

The only place with SQL about them. What a file may be is files.py's to say, what a model sees of it prompt.py's.
"""

from __future__ import annotations

import base64
import codecs
import json
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text

from chat.tree import valid_id
from memory.database import Database
from memory.errors import InvalidInput
from memory.plain_text import storable

__all__ = ["KINDS", "MAX_FILES", "MAX_MEGABYTES", "Attachment", "Attachments", "File", "check", "opened"]


@dataclass(frozen=True)
class Attachment:
    """A file as it is kept: its text, or a picture with a small one of it."""

    name: str
    media: str
    size: int  # of the file as it was sent
    written: str | None = field(default=None, repr=False)
    picture: bytes | None = field(default=None, repr=False)
    preview: bytes | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: str(uuid4()))

    def told(self) -> dict[str, Any]:
        """What the message's receipt says of it, so that a message can be drawn without asking again."""
        return {"id": self.id, "name": self.name, "media": self.media, "size": self.size}


class Attachments:
    """Keeps and finds one user's attachments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, connection: Connection, message_id: str, conversation_id: str, files: Sequence[Attachment]) -> None:
        """Add files to a message, in the transaction that saves it."""
        for place, each in enumerate(files):
            values = {"id": each.id, "message": message_id, "conversation": conversation_id, "place": place}
            values |= {"name": each.name, "media": each.media, "size": each.size, "written": each.written}
            connection.execute(_INSERT, values | {"picture": each.picture, "preview": each.preview})

    def carry(self, connection: Connection, from_message: str, to_message: str) -> None:
        """Give a message the files of another one of the same chat, which keeps its own: for one that is edited."""
        values = {"old": valid_id(from_message), "new": valid_id(to_message)}
        rows = connection.execute(_CARRY, values).mappings().all()
        if rows:
            told = {"attached": [dict(each) for each in rows]}
            connection.execute(
                text("update app.messages set receipt = receipt || cast(:told as jsonb) where id = cast(:id as uuid)"),
                {"id": values["new"], "told": json.dumps(told)},
            )

    def written(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """The attachments of some messages, pictures without their pixels."""
        return self._by_message(user_id, "written, null as picture, null as preview", message_ids)

    def previews(self, user_id: str, message_ids: Sequence[str]) -> dict[str, bytes]:
        """The small pictures of some messages, by the ids of their attachments."""
        found = self._by_message(user_id, "null as written, null as picture, preview", message_ids)
        return {each.id: each.preview for several in found.values() for each in several if each.preview}

    def pictures(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """The pictures of some messages, whole."""
        found = self._by_message(user_id, "null as written, picture, null as preview", message_ids)
        whole = {message: [each for each in several if each.picture] for message, several in found.items()}
        return {message: several for message, several in whole.items() if several}

    def one(self, user_id: str, attachment_id: str) -> Attachment | None:
        """One attachment, whole; None if it is gone, or not the user's."""
        rows = self._database.read_as(
            user_id,
            "select id::text, name, media, size, written, picture, preview from app.attachments"
            " where id = %(id)s::uuid",
            {"id": valid_id(attachment_id)},
        )
        return _attachment(rows[0]) if rows else None

    def _by_message(self, user_id: str, columns: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        if not message_ids:
            return {}
        rows = self._database.read_as(
            user_id,
            f"select message_id::text as message, id::text, name, media, size, {columns} from app.attachments"
            " where message_id = any(%(ids)s::uuid[]) order by message_id, place",
            {"ids": [valid_id(each) for each in message_ids]},
        )
        found: dict[str, list[Attachment]] = {}
        for row in rows:
            found.setdefault(row.pop("message"), []).append(_attachment(row))
        return found


_INSERT = text(
    "insert into app.attachments (id, message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " values (cast(:id as uuid), cast(:message as uuid), cast(:conversation as uuid), :place, :name, :media, :size,"
    " :written, :picture, :preview)"
)
_CARRY = text(
    "insert into app.attachments (message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " select cast(:new as uuid), conversation_id, place, name, media, size, written, picture, preview"
    " from app.attachments where message_id = cast(:old as uuid) order by place"
    " returning id::text, name, media, size"
)


def _attachment(row: Mapping[str, Any]) -> Attachment:
    held = {name: None if row[name] is None else bytes(row[name]) for name in ("picture", "preview")}
    return Attachment(**{**row, **held})


KINDS = ("txt", "text", "md", "markdown", "csv", "json", "log", "pdf", "png", "jpg", "jpeg", "webp", "gif")
PICTURES = ("png", "jpg", "jpeg", "webp", "gif")
MAX_FILES, MAX_MEGABYTES = 5, 10
MAX_CHARACTERS = 60_000  # of all texts of one message together
MAX_NAME = 120
OPENER = Path(__file__).with_name("file_sandbox.py")
PATIENCE_SECONDS = 25.0
_few_at_once = threading.BoundedSemaphore(2)  # each may use a core, and as much memory as a small host has
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PROBLEMS = {
    "locked": "{name} is locked with a password: save it without one, and send it again.",
    "pages": "{name} has {number:,} pages; at most {most:,} can be read at once. Send the part that matters.",
    "pixels": "{name} has {number:,} pixels; at most {most:,} can be opened. Make it smaller, and send it again.",
}


@dataclass(frozen=True)
class File:
    """One file as it came."""

    name: str
    held: bytes = field(repr=False)


def check(files: Sequence[File]) -> None:
    """Raise `InvalidInput` for what need not be opened to be refused."""
    if len(files) > MAX_FILES:
        raise InvalidInput(f"{len(files)} files are too many: at most {MAX_FILES} go with one message.")
    for each in files:
        name = _name(each.name)
        if not each.held:
            raise InvalidInput(f"{name} is empty.")
        if len(each.held) > MAX_MEGABYTES * 1_000_000:
            raise InvalidInput(
                f"{name} has {len(each.held) / 1_000_000:.1f} MB; a file may have at most {MAX_MEGABYTES} MB."
            )
        if _ending(name) not in KINDS:
            raise InvalidInput(f"{name} cannot be read here: send text, Markdown, a PDF, or a picture.")


def opened(files: Sequence[File]) -> list[Attachment]:
    """Each file as an attachment; all of them, or `InvalidInput` for the first that cannot be one."""
    check(files)
    done = [_opened(each) for each in files]
    length = sum(len(each.written or "") for each in done)
    if length > MAX_CHARACTERS:
        what = _name(files[0].name) if len(files) == 1 else "The files"
        have = "has" if len(files) == 1 else "have"
        raise InvalidInput(
            f"{what} {have} {length:,} characters of text; at most {MAX_CHARACTERS:,} fit beside one message. "
            "Send the part that matters."
        )
    return done


def _opened(file: File) -> Attachment:
    name, size = _name(file.name), len(file.held)
    if file.held[:1024].lstrip()[:5] == b"%PDF-":
        return Attachment(name, "application/pdf", size, written=_of_pdf(name, file.held))
    if _is_picture(file.held):
        told = _told(name, "picture", file.held, f"{name} is a broken picture: it could not be opened.")
        picture, preview = (base64.b64decode(told[each]) for each in ("picture", "preview"))
        return Attachment(name, told["media"], size, picture=picture, preview=preview)
    if _ending(name) in PICTURES or _ending(name) == "pdf":
        raise InvalidInput(f"{name} is not what its name says: it could not be opened.")
    return Attachment(name, "text/plain", size, written=_decoded(name, file.held))


def _of_pdf(name: str, held: bytes) -> str:
    told = _told(name, "pdf", held, f"{name} is broken, or too much at once: it could not be read.")
    written = storable(str(told["text"])).strip()
    if not written:
        raise InvalidInput(f"{name} has no text in it: it seems to be scanned. Send its pages as pictures.")
    return written


def _is_picture(held: bytes) -> bool:
    """PNG, JPEG, GIF or WebP, by the bytes each of them begins with."""
    begins = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
    return held.startswith(begins) or (held[:4] == b"RIFF" and held[8:12] == b"WEBP")


def _told(name: str, kind: str, held: bytes, broken: str) -> dict[str, Any]:
    """What the opener tells of a file; it is given no setting of ours, and is ended when it takes too long."""
    try:
        with _few_at_once:
            done = subprocess.run(
                [sys.executable, "-I", str(OPENER), kind],
                input=held,
                capture_output=True,
                timeout=PATIENCE_SECONDS,
                env={},
                check=True,
            )
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise InvalidInput(broken) from error
    if problem := told.get("problem"):
        raise InvalidInput(_PROBLEMS[problem].format(name=name, **told))
    return told


def _decoded(name: str, held: bytes) -> str:
    """A text in whatever it is written in; what is none is refused."""
    mark = next((each for each in _MARKS if held.startswith(each)), b"")
    for encoding in [_MARKS[mark]] if mark else ["utf-8", "cp1252", "latin-1"]:
        try:
            written = held.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InvalidInput(f"{name} could not be read as text.")
    strange = sum(unicodedata.category(each) in ("Cc", "Cn", "Co") and each not in "\t\n\r\f" for each in written)
    if "\x00" in written or strange > len(written) // 50:
        raise InvalidInput(f"{name} is no text, whatever its name says.")
    kept = storable(written).replace("\r\n", "\n").strip()
    if not kept:
        raise InvalidInput(f"{name} is empty.")
    return kept


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _name(given: str) -> str:
    """A file's name without its folder, and without what would make it look like another."""
    last = storable(given).replace("\\", "/").rpartition("/")[2]
    seen = "".join(each for each in last if unicodedata.category(each) not in ("Cc", "Cf", "Zl", "Zp")).strip()
    if len(seen) > MAX_NAME:
        stem, _, ending = seen.rpartition(".")
        seen = f"{stem[: MAX_NAME - 12]}….{ending[:10]}"
    return seen or "file"
