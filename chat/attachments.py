"""Files that come with a message: what is accepted, opening them, and their texts and pictures in Postgres.

PDFs and pictures are opened by file_sandbox.py in a process of its own, which limits pages and pixels. What a model
sees of a file is decided in prompt.py.
"""

from __future__ import annotations

import base64
import codecs
import io
import json
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
from memory.sandbox import SandboxFailed, run_script

__all__ = ["KINDS", "MAX_FILES", "MAX_MEGABYTES", "Attachment", "Attachments", "File", "open_files"]


KINDS = ("txt", "text", "md", "markdown", "csv", "json", "log", "pdf", "docx", "png", "jpg", "jpeg", "webp", "gif")
PICTURES = ("png", "jpg", "jpeg", "webp", "gif")
MAX_FILES, MAX_MEGABYTES = 5, 10
MAX_CHARACTERS = 60_000  # of all texts that come with one message
MAX_FILE_NAME = 120
SANDBOX = Path(__file__).with_name("file_sandbox.py")
SANDBOX_SECONDS = 20
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PROBLEMS = {
    "locked": "{name} is password-protected. Remove the password and send it again.",
    "pages": "{name} has {number:,} pages. The limit is {most:,}: send only the part you need.",
    "pixels": "{name} has {number:,} pixels. The limit is {most:,}: make it smaller and send it again.",
}


@dataclass(frozen=True)
class File:
    """A file as it was uploaded."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Attachment:
    """A file as it is saved: its text, or a picture with a small preview."""

    name: str
    media: str
    size: int  # bytes of the uploaded file
    written: str | None = field(default=None, repr=False)
    picture: bytes | None = field(default=None, repr=False)
    preview: bytes | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def stored_bytes(self) -> int:
        """The bytes that it takes in the database."""
        return len((self.written or "").encode()) + len(self.picture or b"") + len(self.preview or b"")

    def summary(self) -> dict[str, Any]:
        """Return the entry for the message's receipt, from which a page draws the file without reading it."""
        return {"id": self.id, "name": self.name, "media": self.media, "size": self.size}


def _check(files: Sequence[File]) -> None:
    """Raise `InvalidInput` for files that can be refused without opening them."""
    if len(files) > MAX_FILES:
        raise InvalidInput(f"{len(files)} files are too many. Attach at most {MAX_FILES} to a message.")
    for each in files:
        name = _file_name(each.name)
        if not each.content:
            raise InvalidInput(f"{name} is empty.")
        if len(each.content) > MAX_MEGABYTES * 1_000_000:
            raise InvalidInput(
                f"{name} has {len(each.content) / 1_000_000:.1f} MB. The limit is {MAX_MEGABYTES} MB for each file."
            )
        if _ending(name) not in KINDS:
            raise InvalidInput(f"{name} cannot be read here. Send text, Markdown, a PDF, a .docx file, or a picture.")


def open_files(files: Sequence[File]) -> list[Attachment]:
    """Open files and return them as attachments; raise `InvalidInput` for the first that is not accepted."""
    _check(files)
    attachments = [_open(each) for each in files]
    length = sum(len(each.written or "") for each in attachments)
    if length > MAX_CHARACTERS:
        files_have = f"{_file_name(files[0].name)} has" if len(files) == 1 else "The files have"
        raise InvalidInput(
            f"{files_have} {length:,} characters of text. The limit is {MAX_CHARACTERS:,} per message: "
            "send only the part you need."
        )
    return attachments


def _open(file: File) -> Attachment:
    name, size = _file_name(file.name), len(file.content)
    if file.content[:1024].lstrip()[:5] == b"%PDF-":
        return Attachment(name, "application/pdf", size, written=_pdf_text(name, file.content))
    if _ending(name) == "docx":
        return Attachment(name, "text/plain", size, written=_docx_text(name, file.content))
    if _is_picture(file.content):
        found = _run_sandbox(name, "picture", file.content, f"{name} is damaged and could not be opened.")
        picture, preview = (base64.b64decode(found[each]) for each in ("picture", "preview"))
        return Attachment(name, found["media"], size, picture=picture, preview=preview)
    if _ending(name) in PICTURES or _ending(name) == "pdf":
        raise InvalidInput(f"{name} could not be opened: its content does not match its name.")
    return Attachment(name, "text/plain", size, written=_decoded(name, file.content))


def _pdf_text(name: str, content: bytes) -> str:
    found = _run_sandbox(name, "pdf", content, f"{name} could not be read: it is damaged or too large.")
    written = storable(str(found["text"])).strip()
    if not written:
        raise InvalidInput(f"{name} contains no text; it may be a scan. Send its pages as pictures.")
    return written


def _docx_text(name: str, content: bytes) -> str:
    found = _run_sandbox(name, "docx", content, f"{name} could not be read: it is damaged or too large.")
    written = storable(str(found["text"])).strip()
    if not written:
        raise InvalidInput(f"{name} contains no text.")
    return written


def _is_picture(content: bytes) -> bool:
    """Whether the first bytes are those of a PNG, JPEG, GIF or WebP picture."""
    begins = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
    return content.startswith(begins) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def _run_sandbox(name: str, kind: str, content: bytes, broken: str) -> dict[str, Any]:
    """Open a file in a process of its own, which is ended if it takes too long."""
    try:
        with run_script(SANDBOX, [kind], io.BytesIO(content), SANDBOX_SECONDS) as lines:
            found: dict[str, Any] = json.loads(b"".join(lines))
    except (SandboxFailed, ValueError) as error:
        raise InvalidInput(broken) from error
    if problem := found.get("problem"):
        raise InvalidInput(_PROBLEMS[problem].format(name=name, **found))
    return found


def _decoded(name: str, content: bytes) -> str:
    """Decode a text in whichever encoding it has; raise `InvalidInput` if it is no text."""
    mark = next((each for each in _BYTE_ORDER_MARKS if content.startswith(each)), b"")
    for encoding in [_BYTE_ORDER_MARKS[mark]] if mark else ["utf-8", "cp1252", "latin-1"]:
        try:
            written = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InvalidInput(f"{name} could not be read as text.")
    strange = sum(unicodedata.category(each) in ("Cc", "Cn", "Co") and each not in "\t\n\r\f" for each in written)
    if "\x00" in written or strange > len(written) // 50:
        raise InvalidInput(f"{name} is not a text file.")
    kept = storable(written).replace("\r\n", "\n").strip()
    if not kept:
        raise InvalidInput(f"{name} is empty.")
    return kept


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _file_name(uploaded: str) -> str:
    """Return a file's name without folders, and without invisible characters that could disguise its ending."""
    last = storable(uploaded).replace("\\", "/").rpartition("/")[2]
    seen = "".join(each for each in last if unicodedata.category(each) not in ("Cc", "Cf", "Zl", "Zp")).strip()
    if len(seen) > MAX_FILE_NAME:
        stem, _, ending = seen.rpartition(".")
        seen = f"{stem[: MAX_FILE_NAME - 12]}….{ending[:10]}"
    return seen or "file"


class Attachments:
    """Saves and reads one user's attachments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, connection: Connection, message_id: str, conversation_id: str, files: Sequence[Attachment]) -> None:
        """Add files to a message, in the transaction that saves it."""
        for place, each in enumerate(files):
            values = {"id": each.id, "message": message_id, "conversation": conversation_id, "place": place}
            values |= {"name": each.name, "media": each.media, "size": each.size, "written": each.written}
            connection.execute(_INSERT, values | {"picture": each.picture, "preview": each.preview})

    def copy(self, connection: Connection, from_message: str, to_message: str) -> None:
        """Copy the files of a message to another message of the same chat, which is a new version of it."""
        values = {"old": valid_id(from_message), "new": valid_id(to_message)}
        rows = connection.execute(_COPY, values).mappings().all()
        if rows:
            attached = {"attached": [dict(each) for each in rows]}
            connection.execute(
                text(
                    "update app.messages set receipt = receipt || cast(:attached as jsonb) where id = cast(:id as uuid)"
                ),
                {"id": values["new"], "attached": json.dumps(attached)},
            )

    def stored_bytes(self, user_id: str, message_id: str | None = None) -> tuple[int, int]:
        """Return the bytes that all of the user's attachments take, and those of one message."""
        values = {"user_id": user_id, "message": valid_id(message_id) if message_id else None}
        [row] = self._database.read_as(user_id, _STORED_BYTES, values)
        return int(row["all_bytes"]), int(row["of_message"])

    def written(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """Return the attachments of messages, pictures without their pixels."""
        return self._by_message(user_id, "written, null as picture, null as preview", message_ids)

    def previews(self, user_id: str, message_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the previews of the pictures of messages, by the ids of the attachments."""
        found = self._by_message(user_id, "null as written, null as picture, preview", message_ids)
        return {each.id: each.preview for several in found.values() for each in several if each.preview}

    def pictures(self, user_id: str, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """Return the pictures of messages, with their pixels."""
        found = self._by_message(user_id, "null as written, picture, null as preview", message_ids)
        whole = {message: [each for each in several if each.picture] for message, several in found.items()}
        return {message: several for message, several in whole.items() if several}

    def one(self, user_id: str, attachment_id: str) -> Attachment | None:
        """Return one attachment with all its content; None if it is gone or not the user's."""
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


_STORED_BYTES = (
    "select coalesce(sum(bytes), 0) as all_bytes,"
    " coalesce(sum(bytes) filter (where message_id = %(message)s::uuid), 0) as of_message from"
    " (select message_id, coalesce(octet_length(written), octet_length(picture) + octet_length(preview)) as bytes"
    "  from app.attachments where user_id = %(user_id)s) as stored"
)
_INSERT = text(
    "insert into app.attachments (id, message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " values (cast(:id as uuid), cast(:message as uuid), cast(:conversation as uuid), :place, :name, :media, :size,"
    " :written, :picture, :preview)"
)
_COPY = text(
    "insert into app.attachments (message_id, conversation_id, place, name, media, size, written, picture, preview)"
    " select cast(:new as uuid), conversation_id, place, name, media, size, written, picture, preview"
    " from app.attachments where message_id = cast(:old as uuid) order by place"
    " returning id::text, name, media, size"
)


def _attachment(row: Mapping[str, Any]) -> Attachment:
    content = {name: None if row[name] is None else bytes(row[name]) for name in ("picture", "preview")}
    return Attachment(**{**row, **content})
