"""What somebody sends beside their words: checked, opened and turned into attachments, or refused in one sentence.

What a file is, its first bytes say and not its name. Too much is refused, not cut. PDFs and pictures are opened by
opener.py, in a process of its own. Nothing is kept here.
"""

from __future__ import annotations

import base64
import codecs
import json
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chat.attachments import Attachment
from memory.errors import InvalidInput
from memory.plain_text import storable

__all__ = ["KINDS", "MAX_FILES", "MAX_MEGABYTES", "File", "check", "opened"]

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
