"""Opens one PDF, Word document or picture: `file_sandbox.py KIND`, which memory/sandbox.py runs in a limited process.

It reads the file from standard input and writes JSON. It imports nothing of the app and knows no setting.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from typing import Any
from xml.etree import ElementTree

__all__ = ["main"]

# The text of a document must also fit into MAX_CHARACTERS of attachments.py.
MAX_PAGES, MAX_CHARACTERS = 300, 400_000
MAX_PIXELS = 40_000_000
LONGEST_SIDE, PREVIEW_SIDE = 2048, 480  # pixels; models and pages use no more
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BREAKS = {"tab": "\t", "br": "\n", "cr": "\n"}
BACKGROUND = (255, 255, 255)


def main() -> None:
    """Read the file from standard input and print what is in it."""
    opened = {"pdf": _pdf, "docx": _docx, "picture": _picture}[sys.argv[1]](sys.stdin.buffer.read())
    json.dump(opened, sys.stdout)


def _pdf(content: bytes) -> dict[str, Any]:
    """Return the text of a PDF, page by page, or the problem with it."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "locked"}
        if len(reader.pages) > MAX_PAGES:
            return {"problem": "pages", "number": len(reader.pages), "most": MAX_PAGES}
        pages, length = [], 0
        for page in reader.pages:
            pages.append(page.extract_text().strip())
            length += len(pages[-1])
            if length > MAX_CHARACTERS:
                break
        return {"text": "\n\n".join(filter(None, pages))}
    except (DependencyError, FileNotDecryptedError, WrongPasswordError):
        return {"problem": "locked"}


def _docx(content: bytes) -> dict[str, Any]:
    """Return the text of a Word document, paragraph by paragraph; a cell of a table is a paragraph, too."""
    lines: list[str] = []
    words: list[str] = []
    length = 0
    with zipfile.ZipFile(io.BytesIO(content)) as parts, parts.open("word/document.xml") as body:
        # Entities of a document that grow without end meet the limits of this process.
        for _, element in ElementTree.iterparse(body, events=("end",)):  # noqa: S314
            name = element.tag.removeprefix(WORD)
            if name == "t":
                words.append(element.text or "")
            elif name in BREAKS:
                words.append(BREAKS[name])
            elif name == "p":
                lines.append("".join(words).strip())
                length += len(lines[-1])
                words.clear()
                element.clear()
            if length > MAX_CHARACTERS:
                break
    return {"text": "\n".join(lines)}


def _picture(content: bytes) -> dict[str, Any]:
    """Return a picture made anew from its pixels, without the place, camera and other data of the original."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP", "GIF"]) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            return {"problem": "pixels", "number": width * height, "most": MAX_PIXELS}
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        upright = ImageOps.exif_transpose(picture)
        drawn = picture.format in ("PNG", "GIF") and width * height <= 4_000_000
        shown = upright.convert("RGBA")
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    flat = Image.new("RGB", shown.size, BACKGROUND)
    flat.paste(shown, mask=shown.getchannel("A"))
    media, encoded = ("image/png", _encoded(flat, "PNG")) if drawn else ("image/jpeg", _encoded(flat, "JPEG"))
    flat.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    preview = base64.b64encode(_encoded(flat, "JPEG")).decode()
    return {"media": media, "picture": base64.b64encode(encoded).decode(), "preview": preview}


def _encoded(picture: Any, form: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, quality=85, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
