"""ChatGPT's export: the branch that was shown, the person's own messages, and damaged files."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from memory.errors import InvalidInput
from memory.imports import chatgpt
from memory.imports.chatgpt import ReadLimits

MARCH = datetime(2023, 3, 1, 12, tzinfo=UTC).timestamp()


def node(name: str, parent: str | None, role: str, words: Any, at: Any = MARCH, **more: Any) -> dict[str, Any]:
    """One node of a chat's tree, as it is exported."""
    content = words if isinstance(words, dict) else {"content_type": "text", "parts": [words]}
    message = {"id": f"id-{name}", "author": {"role": role}, "content": content, "create_time": at, "metadata": {}}
    return {"id": name, "parent": parent, "children": [], "message": message | more}


def chat(*nodes: dict[str, Any], name: str = "one", last: str | None = None) -> dict[str, Any]:
    """A chat whose last node is the one shown last, unless another is named."""
    root: dict[str, Any] = {"id": "root", "parent": None, "children": [], "message": None}
    mapping = {each["id"]: each for each in (root, *nodes)}
    shown = last or list(mapping)[-1]
    return {"title": "A chat", "create_time": MARCH, "id": name, "mapping": mapping, "current_node": shown}


def written(held: Any) -> io.BytesIO:
    return io.BytesIO(held if isinstance(held, bytes) else json.dumps(held).encode())


def zipped(*files: tuple[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in files:
            archive.writestr(name, held)
    packed.seek(0)
    return packed


PORTO = chat(
    node("a", "root", "user", "I live in Porto by the river"),
    node("b", "a", "assistant", "How lovely"),
    node("c", "a", "assistant", "Tell me more"),
    node("d", "c", "user", "My sister Ana lives in Braga", MARCH + 60),
)


def test_the_persons_own_words_on_the_branch_shown_last_are_found_with_their_dates() -> None:
    asked_anew = chat(
        node("a", "root", "user", "I live in Rome"),
        node("b", "root", "user", "I live in Porto by the river"),
        node("c", "b", "assistant", "I see"),
    )
    found = chatgpt.read(written([asked_anew]), "c.json")
    assert [each.content for each in found.said] == ["I live in Porto by the river"]
    assert found.said[0].at == datetime(2023, 3, 1, 12, tzinfo=UTC)
    assert found.said[0].message_id == "chatgpt:id-b"
    assert found.said[0].run_id == "chatgpt:one"


def test_messages_of_all_chats_come_oldest_first_without_small_talk() -> None:
    earlier = chat(node("x", "root", "user", "I keep bees", MARCH - 60), node("y", "x", "user", "thanks"), name="two")
    found = chatgpt.read(written([PORTO, earlier]), "c.json")
    assert [each.content.split()[-1] for each in found.said] == ["bees", "river", "Braga"]
    assert found.chats == 2


@pytest.mark.parametrize("read_as", ["json", "zip", "parts"])
def test_the_zip_and_the_file_in_it_hold_the_same(read_as: str) -> None:
    held = json.dumps([PORTO]).encode()
    files = {
        "json": written(held),
        "zip": zipped(("chat.html", b"<html>"), ("user.json", b"{}"), ("conversations.json", held)),
        "parts": zipped(("export/conversations-000.json", held), ("export/conversations-001.json", b"[]")),
    }
    assert chatgpt.is_export(files[read_as])
    assert len(chatgpt.read(files[read_as], "export.zip").said) == 2


def test_pictures_hidden_texts_instructions_and_other_authors_are_left_out() -> None:
    parts = {"content_type": "multimodal_text", "parts": [{"asset_pointer": "file://x"}, "This is my dog Rex"]}
    settings = {"content_type": "user_editable_context", "parts": ["I am a spy"]}
    found = chatgpt.read(
        written(
            [
                chat(
                    node("a", "root", "system", "You are helpful"),
                    node("b", "a", "user", settings),
                    node("c", "b", "user", "hidden words", metadata={"is_visually_hidden_from_conversation": True}),
                    node("d", "c", "tool", "I am a tool of yours"),
                    node("e", "d", "user", parts),
                )
            ]
        ),
        "c.json",
    )
    assert [each.content for each in found.said] == ["This is my dog Rex"]


def test_a_very_long_message_was_pasted_and_is_left_out_and_counted() -> None:
    found = chatgpt.read(
        written([chat(node("a", "root", "user", "x " * 30_000), node("b", "a", "user", "I keep bees"))]), "c.json"
    )
    assert [each.content for each in found.said] == ["I keep bees"]
    assert found.too_long == 1


def test_of_too_many_messages_the_newest_are_read() -> None:
    many = [chat(node(f"n{n}", "root", "user", f"I own {n} bees", MARCH + n), name=str(n)) for n in range(12, 0, -1)]
    found = chatgpt.read(written(many), "c.json", chatgpt.ReadLimits(messages=3))
    assert [each.content for each in found.said] == ["I own 10 bees", "I own 11 bees", "I own 12 bees"]
    assert found.too_old == 9


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_file_is_read_the_same_in_pieces_of_any_size(size: int) -> None:
    limits = chatgpt.ReadLimits(block=size, chat=size * 4_000)
    odd = chat(node("z", "root", "user", 'Ich wohne in „München“ ]}, {[ \\" 🐝'), name="two")
    file = written(json.dumps([PORTO, odd], ensure_ascii=False).encode())
    found = chatgpt.read(file, "c.json", limits)
    assert {each.content for each in found.said} >= {'Ich wohne in „München“ ]}, {[ \\" 🐝'}
    assert len(found.said) == 3


@pytest.mark.parametrize(
    "odd",
    [
        chat(node("a", "b", "user", "I keep bees"), node("b", "a", "user", "I keep dogs")),
        chat(node("a", "root", "user", "I keep bees", "yesterday"), node("b", "a", "user", "I keep dogs", 1e300)),
        chat(node("a", "root", "user", "I keep bees", float("nan")), node("b", "a", "user", "I keep \ud800\x00")),
        chat(node("a", "root", "user", "I keep bees"), node("b", "a", "user", "I keep dogs"), last="gone"),
    ],
    ids=["a ring", "no dates", "odd letters", "no last node"],
)
def test_odd_trees_dates_and_characters_lose_nothing(odd: dict[str, Any]) -> None:
    found = chatgpt.read(written([odd, 5, None, {"mapping": 3}, {"mapping": {"x": 5}, "current_node": "x"}]), "c.json")
    assert len(found.said) == 2
    assert "\x00" not in str([each.content for each in found.said])


def _bomb() -> io.BytesIO:
    return zipped(("conversations.json", b"[" + b" " * 50_000_000 + b"]"))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (lambda: written([]), "does not hold chats"),
        (lambda: written([chat(node("a", "root", "assistant", "Hi there you"))]), "no messages of yours"),
        (lambda: written(b'[{"mapping": '), "incomplete"),
        (lambda: written(b"[" * 100_000), "nested too deeply|incomplete|not JSON"),
        (lambda: written(b"\xff\xfe["), "UTF-8"),
        (lambda: written({"a": 1}), "not a list of chats"),
        (lambda: written(b""), "not JSON"),
        (lambda: zipped(("other.json", b"[]")), "no conversations.json"),
        (lambda: zipped(("../../conversations.json.exe", b"[]")), "no conversations.json"),
        (lambda: io.BytesIO(b"PK\x03\x04 and no more"), "damaged"),
        (lambda: io.BytesIO(zipped(("conversations.json", b"[1]" * 500)).getvalue()[:60]), "damaged"),
        (_bomb, "more than 10 MB when unpacked"),
    ],
)
def test_every_bad_file_gets_a_sentence(file: Callable[[], io.BytesIO], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        chatgpt.read(file(), "export.zip", chatgpt.ReadLimits(unpacked=10 * 1024 * 1024))


def test_a_chat_without_an_end_is_not_held_in_memory() -> None:
    with pytest.raises(InvalidInput, match="too large"):
        chatgpt.read(written(b'[{"mapping": "' + b"x" * 1_000_000), "c.json", chatgpt.ReadLimits(chat=100_000))


@pytest.mark.parametrize("held", [[{"memory": "Likes tea"}], ["Likes tea"], {"results": []}, b"no json", b""])
def test_other_files_are_not_taken_for_an_export(held: Any) -> None:
    assert not chatgpt.is_export(written(held))


# -- attacks: what is read takes another process's memory and time --------------------------------

PER_LETTER = {"letters": "x", "lists": "[],"}


def _one_chat(letters: int, of: str) -> bytes:
    filling = PER_LETTER[of] * (letters // len(PER_LETTER[of]))
    value = f'"{filling}"' if of == "letters" else f"[{filling}0]"
    return f'[{{"mapping": {{}}, "title": {value}}}]'.encode()


ATTACKS: dict[str, Callable[[], io.BytesIO]] = {
    "8 MB of nested lists": lambda: zipped(("conversations.json", _one_chat(8_000_000, "lists"))),
    "a chat of 32 million letters": lambda: zipped(("conversations.json", _one_chat(32_000_000, "letters"))),
    "a zip bomb": lambda: zipped(("conversations.json", b"[" + b" " * 60_000_000 + b"]")),
    "many members": lambda: zipped(*((f"conversations-{number}.json", b"[5]") for number in range(3_000))),
    "deep nesting": lambda: written(b'[{"mapping": ' + b"[" * 5_000_000),
    "wrong types": lambda: written([{"mapping": {"a": {"message": [[1]], "parent": {}}}, "current_node": ["a"]}] * 9),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_file_takes_this_process_memory_or_time(attack: str) -> None:
    file = ATTACKS[attack]()
    process = psutil.Process()
    before, began = process.memory_info().rss, time.thread_time()
    chatgpt.is_export(file)
    with pytest.raises(InvalidInput):
        chatgpt.read(file, "export.zip", ReadLimits(unpacked=40 * 1024 * 1024))
    assert time.thread_time() - began < 1
    assert process.memory_info().rss - before < 32 * 1024 * 1024


def test_what_a_file_brings_here_is_bounded_and_the_newest_of_it() -> None:
    nodes = [node(f"n{n}", "root", "user", f"I own {n} " + "bees " * 1_000, MARCH + n) for n in range(40)]
    found = chatgpt.read(written([chat(each, name=each["id"]) for each in nodes]), "c.json", ReadLimits(kept=50_000))
    assert len(found.said) == 9
    assert found.said[-1].content.startswith("I own 39 bees")
    assert found.too_old == 31


def test_a_large_export_is_read_as_a_whole() -> None:
    """120 MB unpacked, in the proportions of real ones: most of it is what the assistant wrote."""
    answer = json.dumps(chat(node("a", "root", "assistant", "word " * 60_000), node("b", "a", "user", "I keep bees")))
    chats = (answer.replace('"id-b"', f'"id-{number}"').encode() for number in range(400))
    found = chatgpt.read(zipped(("conversations.json", b"[" + b", ".join(chats) + b"]")), "export.zip")
    assert len(found.said) == 400


def test_a_file_that_is_larger_than_its_chats_is_read() -> None:
    assert len(chatgpt.read(written(json.dumps([PORTO]).encode() + b" " * 3_000_000), "c.json").said) == 2
