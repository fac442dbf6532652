"""Opens one PDF or one picture that a stranger may have made, in a process of its own: `python -I opener.py KIND`.

The file comes in, JSON goes out. It has little memory, little time, and nothing of the app's: no setting, no key, no
module of ours. Whatever goes wrong in it, a bug in a parser or a file made to burst, ends this process and no other.
"""

from __future__ import annotations

import base64
import io
import json
import resource
import sys
from typing import Any

__all__ = ["main"]

SECONDS, BYTES = 20, 1 << 30
MAX_PAGES, MAX_CHARACTERS = 300, 400_000
MAX_PIXELS = 40_000_000
LONGEST_SIDE, PREVIEW_SIDE = 2048, 480  # pixels; no model looks closer, and no page shows more
BACKGROUND = (255, 255, 255)


def main() -> None:
    """Read the file from standard input and tell what is in it."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    if sys.platform == "linux":  # elsewhere it is promised and not kept
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    opened = {"pdf": _pdf, "picture": _picture}[sys.argv[1]](sys.stdin.buffer.read())
    json.dump(opened, sys.stdout)


def _pdf(held: bytes) -> dict[str, Any]:
    """Its text, page by page, or what keeps it from having one."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    try:
        reader = PdfReader(io.BytesIO(held))
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


def _picture(held: bytes) -> dict[str, Any]:
    """The picture as a model takes it, made anew from its pixels: without place, camera and whatever else it told."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(held), formats=["PNG", "JPEG", "WEBP", "GIF"]) as found:
        width, height = found.size
        if width * height > MAX_PIXELS:
            return {"problem": "pixels", "number": width * height, "most": MAX_PIXELS}
        found.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        upright = ImageOps.exif_transpose(found)
        drawn = found.format in ("PNG", "GIF") and width * height <= 4_000_000
        shown = upright.convert("RGBA")
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    flat = Image.new("RGB", shown.size, BACKGROUND)
    flat.paste(shown, mask=shown.getchannel("A"))
    media, picture = ("image/png", _written(flat, "PNG")) if drawn else ("image/jpeg", _written(flat, "JPEG"))
    flat.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    preview = base64.b64encode(_written(flat, "JPEG")).decode()
    return {"media": media, "picture": base64.b64encode(picture).decode(), "preview": preview}


def _written(picture: Any, form: str) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, quality=85, optimize=True)
    return held.getvalue()


if __name__ == "__main__":
    main()
