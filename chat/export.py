"""Exports chats: one as a web page or as Markdown to read or as JSON with every branch, or all of them in an archive.

A few chats are read at a time, so that an export of many needs little memory.
"""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO
from typing import Any, NamedTuple

from chat.tree import FIELDS, Message, line, valid_id
from memory.database import Database
from memory.errors import NotFound

__all__ = ["Exported", "Exports", "Names", "archive", "as_html", "as_json", "as_markdown", "file_name"]

CHATS_AT_ONCE = 10  # chats whose messages are read in one trip
_MESSAGES = (
    f"select {FIELDS} from app.messages where conversation_id = any(%(ids)s::uuid[]) order by conversation_id, seq"
)
# A page that runs no script and loads nothing, whatever the messages say.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif;
  background: light-dark(#fdfaf5, #1c1816); color: light-dark(#2c2420, #f0e8df); }}
h1 {{ font: 600 1.6rem/1.3 Georgia, serif; }}
article {{ margin: 1.25rem 0; overflow-wrap: anywhere; }}
header {{ font-size: 0.85rem; opacity: 0.8; }}
.text {{ white-space: pre-wrap; unicode-bidi: plaintext; }}
.mine {{ margin-inline-start: auto; max-width: 80%; width: fit-content; padding: 0.5rem 1rem;
  border-radius: 1rem; background: light-dark(#efe4d2, #362d28); }}
pre {{ overflow-x: auto; padding: 0.75rem 1rem; border-radius: 0.75rem; background: light-dark(#f5eee3, #2a2421); }}
</style>
<main>
<h1>{title}</h1>
{messages}
</main>
</html>
"""
_ARTICLE = '<article{mine}>\n<header>{who} · <time datetime="{moment}">{at}</time></header>\n{content}\n</article>'
_CODE_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ \t]*(?P=fence)[^\n]*$|\Z)", re.M | re.S
)
_MARKS = (
    (re.compile(r"^#{1,6} +(.+)$", re.M), r"<strong>\1</strong>"),
    (re.compile(r"\*\*(?=\S)([^\n]+?)(?<=\S)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
)
_CHATS = (
    "select id::text, title, created_at, updated_at, pinned_at, archived_at, head_id::text from app.conversations"
    " where deleted_at is null"
)

_RECEIPTS = (
    "select said.id::text as message_id, said.conversation_id::text as chat_id, said.created_at, said.status,"
    " said.receipt from app.messages said join app.conversations chat on chat.id = said.conversation_id"
    " where said.role = 'assistant' and chat.deleted_at is null order by said.created_at desc limit %(limit)s"
)


class Names(NamedTuple):
    """The names of the person and the assistant in the file, and the timezone of its dates."""

    person: str
    assistant: str
    zone: tzinfo


@dataclass(frozen=True)
class Exported:
    """One chat with all its messages, on every branch."""

    about: Mapping[str, Any]
    messages: Sequence[Message]

    @property
    def title(self) -> str:
        """The chat's name."""
        return str(self.about["title"])


class Exports:
    """Reads one user's chats with all their messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, user_id: str, chat_id: str) -> Exported:
        """Read one chat; raise `NotFound` if it is deleted or not the user's."""
        about = self._database.read_as(user_id, f"{_CHATS} and id = %(id)s::uuid", {"id": valid_id(chat_id)})
        if not about:
            raise NotFound("There is no such chat.")
        return next(self._with_messages(user_id, about))

    def all(self, user_id: str) -> Iterator[Exported]:
        """Yield every chat, archived ones too, the latest first; without deleted and temporary ones."""
        about = self._database.read_as(user_id, f"{_CHATS} and not temporary order by updated_at desc")
        for start in range(0, len(about), CHATS_AT_ONCE):
            yield from self._with_messages(user_id, about[start : start + CHATS_AT_ONCE])

    def receipts(self, user_id: str, limit: int) -> list[dict[str, Any]]:
        """Return the receipts of the latest replies, the newest first; those of deleted chats are left out."""
        rows = self._database.read_as(user_id, _RECEIPTS, {"limit": limit})
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    def _with_messages(self, user_id: str, about: Sequence[Mapping[str, Any]]) -> Iterator[Exported]:
        said: dict[str, list[Message]] = {each["id"]: [] for each in about}
        for row in self._database.read_as(user_id, _MESSAGES, {"ids": list(said)}):
            said[row["conversation_id"]].append(Message(**row))
        for each in about:
            yield Exported(each, said[each["id"]])


def as_markdown(chat: Exported, names: Names) -> str:
    """Return the shown line of a chat as Markdown, each message under who said it and when."""
    parts = [f"# {chat.title}"]
    for each, who, at, files in _shown(chat, names):
        parts += [part for part in (f"**{who}** · {at:%Y-%m-%d %H:%M}", files, each.content) if part]
    return "\n\n".join(parts) + "\n"


def as_html(chat: Exported, names: Names) -> str:
    """Return the shown line of a chat as a web page to save and to share. It runs no script and loads nothing."""
    messages = "\n".join(
        _ARTICLE.format(
            mine=' class="mine"' if each.role == "user" else "",
            who=html.escape(who),
            moment=at.isoformat(timespec="minutes"),
            at=f"{at:%Y-%m-%d %H:%M}",
            content=_as_paragraph(files)
            + (_as_paragraph(each.content) if each.role == "user" else _reply_as_html(each)),
        )
        for each, who, at, files in _shown(chat, names)
    )
    return _PAGE.format(title=html.escape(chat.title), messages=messages)


def _shown(chat: Exported, names: Names) -> Iterator[tuple[Message, str, datetime, str]]:
    """Yield the messages that are shown, each with who said it, when, and the names of its files."""
    said = {each.id: each for each in chat.messages}
    for each in (said[step.id] for step in line(chat.messages, chat.about["head_id"])):
        who = names.person if each.role == "user" else names.assistant
        yield each, who, each.created_at.astimezone(names.zone), ", ".join(f"📎 {name}" for name in _files(each))


def _as_paragraph(words: str) -> str:
    return f'<div class="text">{html.escape(words.strip())}</div>' if words.strip() else ""


def _reply_as_html(reply: Message) -> str:
    """Return a reply with its blocks of code, bold words and headings; other Markdown stays as it was written."""
    written, end = [], 0
    for block in _CODE_BLOCK.finditer(reply.content):
        code = html.escape(block["code"].rstrip())
        written += [_with_marks(reply.content[end : block.start()]), f"<pre><code>{code}</code></pre>"]
        end = block.end()
    return "".join([*written, _with_marks(reply.content[end:])])


def _with_marks(markdown: str) -> str:
    drawn = html.escape(markdown.strip())
    for mark, tag in _MARKS:
        drawn = mark.sub(tag, drawn)
    return f'<div class="text">{drawn}</div>' if drawn else ""


def as_json(chat: Exported) -> str:
    """Return a chat as JSON: each message with its date, its parent and the memories that a reply used."""
    fields = {name: _plain(value) for name, value in chat.about.items()}
    messages = [_message_entry(each) for each in chat.messages]
    return json.dumps(fields | {"messages": messages}, ensure_ascii=False, indent=2)


def archive(chats: Iterable[Exported], ending: str, names: Names) -> bytes:
    """Return a zip archive with a file for each chat."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as files:
        for each in chats:
            text = as_json(each) if ending == "json" else as_markdown(each, names)
            # The day and a part of the id set chats of one name apart.
            name = f"{each.about['created_at']:%Y-%m-%d} {file_name(each.title)} {each.about['id'][:8]}.{ending}"
            files.writestr(name, text)
    return written.getvalue()


def file_name(title: str) -> str:
    """Return a chat's name as a file name that every system accepts: without its special characters."""
    words = re.sub(r"[^\w\- ]+", " ", title).split()
    return " ".join(words)[:60].strip() or "chat"


def _message_entry(message: Message) -> dict[str, Any]:
    entry = {"id": message.id, "parent_id": message.parent_id, "role": message.role, "content": message.content}
    entry |= {"status": message.status, "created_at": message.created_at.isoformat()}
    memories = [{"text": each.get("text"), "id": each.get("id")} for each in message.receipt.get("memories") or []]
    files = {"attached": _files(message)} if _files(message) else {}
    rating = {"feedback": message.feedback, "feedback_why": message.feedback_why} if message.feedback else {}
    return entry | files | ({"memories": memories} if memories else {}) | rating


def _files(message: Message) -> list[str]:
    """Return the names of a message's files. The files are not exported: the person has them."""
    return [str(each["name"]) for each in message.receipt.get("attached") or []]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
