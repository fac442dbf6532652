"""Exports of chats: Markdown to read, JSON with everything, and an archive; only of the person's own chats."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest

from chat.attachments import File, open_files
from chat.chats import Chats
from chat.conversations import Conversations
from chat.export import Exports, Names, archive, as_html, as_json, as_markdown, file_name
from chat.tree import Message
from memory.database import Database
from memory.errors import NotFound
from tests.chat.conftest import Sql

NAMES = Names("You", "Keepsake", ZoneInfo("Europe/Amsterdam"))


@pytest.fixture
def exports(database: Database) -> Exports:
    return Exports(database)


def _talk(conversations: Conversations, words: str = "Where is my umbrella?") -> Message:
    asked = conversations.say("ann", None, words)
    conversations.reply(asked, "Behind the door.", "complete", {"memories": [{"id": "m1", "text": "A red umbrella"}]})
    conversations.reply(asked, "It is **here**.", "complete", {})
    return asked


def test_a_chat_reads_as_it_was_said_with_the_reply_that_is_shown(
    conversations: Conversations, exports: Exports, sql: Sql
) -> None:
    asked = _talk(conversations)
    sql("update app.messages set created_at = '2026-03-01 11:05+00'")
    written = as_markdown(exports.one("ann", asked.conversation_id), NAMES)
    assert written == (
        "# Where is my umbrella?\n\n**You** · 2026-03-01 12:05\n\nWhere is my umbrella?\n\n"
        "**Keepsake** · 2026-03-01 12:05\n\nIt is **here**.\n"
    )


def test_a_shared_page_shows_the_messages_and_runs_and_loads_nothing(
    conversations: Conversations, exports: Exports
) -> None:
    asked = conversations.say("ann", None, "<script>alert(1)</script>")
    answer = "# Yes\n\nIt is **here**. ![x](http://evil.example/i.png)\n\n```python\nif a < b: pass\n```\nAnd `c`."
    conversations.reply(asked, answer, "complete", {"memories": [{"id": "m1", "text": "A red umbrella"}]})
    page = as_html(exports.one("ann", asked.conversation_id), NAMES)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</div>" in page
    assert "<strong>Yes</strong>" in page
    assert "It is <strong>here</strong>." in page
    assert "<pre><code>if a &lt; b: pass</code></pre>" in page
    assert "And <code>c</code>." in page
    assert "default-src 'none'" in page
    assert not any(tag in page for tag in ("<script", "<img", "<link", 'src="', "href=", "umbrella"))


def test_json_has_every_branch_its_dates_and_the_memories(conversations: Conversations, exports: Exports) -> None:
    asked = _talk(conversations, "Sagt sie „ja“?\n蜂")
    exported = json.loads(as_json(exports.one("ann", asked.conversation_id)))
    assert (exported["id"], exported["title"]) == (asked.conversation_id, "Sagt sie „ja“? 蜂")
    said, first, second = exported["messages"]
    assert (said["content"], said["role"]) == ("Sagt sie „ja“?\n蜂", "user")
    assert said["created_at"] == asked.created_at.isoformat()
    assert first["parent_id"] == second["parent_id"] == asked.id
    assert first["memories"] == [{"id": "m1", "text": "A red umbrella"}]
    assert "memories" not in second


def test_an_export_names_the_files_of_a_message(conversations: Conversations, exports: Exports) -> None:
    files = open_files([File("plan.md", b"# Plan")])
    asked = conversations.say("ann", None, "Is this a good plan?", files=files)
    chat = exports.one("ann", asked.conversation_id)
    assert "📎 plan.md" in as_markdown(chat, NAMES)
    assert json.loads(as_json(chat))["messages"][0]["attached"] == ["plan.md"]


@pytest.mark.parametrize("ending", ["md", "json"])
def test_all_chats_are_exported_as_files_of_one_archive(
    ending: str, conversations: Conversations, chats: Chats, exports: Exports
) -> None:
    talks = [_talk(conversations, "../../etc: Same/name?").conversation_id for _ in range(23)]
    chats.archive("ann", talks[0])
    chats.delete("ann", talks[1])
    with zipfile.ZipFile(BytesIO(archive(exports.all("ann"), ending, NAMES))) as files:
        names = files.namelist()
        assert len(set(names)) == 22
        assert all(each.endswith(f".{ending}") and not set(each) & set("/\\:?") for each in names)
        assert all("Same" in files.read(each).decode() for each in names)


def test_a_chat_without_a_name_or_a_message_is_a_file_too(conversations: Conversations, exports: Exports) -> None:
    opened = conversations.start("ann")
    whole = exports.one("ann", opened.id)
    assert file_name(whole.title) == "chat"
    assert as_markdown(whole, NAMES) == "# \n"


def test_a_file_is_named_after_its_chat() -> None:
    assert file_name("Dinner: what/how? (Sunday)") == "Dinner what how Sunday"
    assert len(file_name("word " * 50)) <= 60


def test_chats_of_others_and_deleted_chats_are_not_exported(
    conversations: Conversations, chats: Chats, exports: Exports
) -> None:
    asked = _talk(conversations)
    with pytest.raises(NotFound):
        exports.one("bob", asked.conversation_id)
    assert list(exports.all("bob")) == []
    chats.delete("ann", asked.conversation_id)
    with pytest.raises(NotFound):
        exports.one("ann", asked.conversation_id)
    assert list(exports.all("ann")) == []
