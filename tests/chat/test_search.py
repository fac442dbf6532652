"""Search through all chats: what is found, in which order, and the line that is shown."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from chat.chats import MOST_FOUND, Chats, snippet
from chat.conversations import Conversations


def _said(conversations: Conversations, *texts: str, user_id: str = "ann", named: str = "-") -> str:
    chat_id = conversations.start(user_id, named).id
    for each in texts:
        conversations.say(user_id, chat_id, each)
    return chat_id


def _found(chats: Chats, asked: str, user_id: str = "ann") -> list[str]:
    """Return the lines of the messages that have the words."""
    return ["".join(each.line) for each in chats.search(user_id, asked) if each.line]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("bees", "I keep bees"),
        ("BEE", "I keep bees"),
        ("keep bee", "I keep bees"),
        ("bees keep", "I keep bees"),
        ("evora", "She lives in Évora now"),
        ("Évora", "She lives in Evora now"),
        ("e\u0301vora", "She lives in Évora now"),
        ("жук", "Это ЖУК"),
        ("olive", "well-watered olive/fig trees"),
        ("fig", "well-watered olive/fig trees"),
        ("example", "see https://www.example.com/a?b=c"),
        ("com", "mail me@example.com"),
        ("don't", "I don’t know"),
        ("東京", "来年は東京に行きます"),
        ("زيتون", "عندي شجرة زيتون"),
        ("42", "It costs 42 euros"),
        ('"keep bees"', "I keep  bees"),
        ('"hello world"', "Hello, World!"),
        ("“keep bee”", "I keep bees"),
        ("x" * 80, "a " + "x" * 80),
    ],
)
def test_words_are_found_as_a_person_expects(asked: str, said: str, conversations: Conversations, chats: Chats) -> None:
    _said(conversations, said, "Something else altogether")
    assert len(_found(chats, asked)) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ees", "I keep bees"),
        ("bees wasps", "I keep bees"),
        ('"bees keep"', "I keep bees"),
        ('"keep bees"', "I keep all my bees"),
        ("京東", "来年は東京に行きます"),
        ("", "I keep bees"),
        ("!?", "I keep bees"),
        ("e", "I keep bees"),
    ],
)
def test_other_words_are_not_found(asked: str, said: str, conversations: Conversations, chats: Chats) -> None:
    _said(conversations, said)
    assert _found(chats, asked) == []


def test_messages_of_both_roles_are_searched_and_each_hit_says_where_it_is(
    conversations: Conversations, chats: Chats
) -> None:
    asked = conversations.say("ann", None, "What shall I plant?")
    reply = conversations.reply(asked, "**Peas**, in March.", "complete", {})
    [found] = chats.search("ann", "pea")
    assert (found.chat_id, found.message_id, found.role) == (asked.conversation_id, reply.id, "assistant")
    assert found.line == ("", "Pea", "s, in March.")
    assert found.at == reply.created_at


def test_a_table_of_a_reply_is_shown_as_its_words(conversations: Conversations, chats: Chats) -> None:
    asked = conversations.say("ann", None, "What is in it?")
    conversations.reply(asked, "For Sunday:\n\n| Cake | Grams |\n|---|---:|\n| Flour | 250 |\n\nEnjoy.", "complete", {})
    [found] = chats.search("ann", "sunday")
    assert found.line == ("For ", "Sunday", ": Cake Grams Flour 250 Enjoy.")


def test_names_of_chats_come_first_then_whole_words_then_the_latest(conversations: Conversations, chats: Chats) -> None:
    named = _said(conversations, "Nothing", named="All about beer")
    _said(conversations, "one beer", "two beers", "three beer", "beery four")
    hits = chats.search("ann", "beer")
    assert (hits[0].chat_id, hits[0].message_id) == (named, None)
    assert _found(chats, "beer") == ["three beer", "one beer", "beery four", "two beers"]


def test_query_characters_in_a_search_have_no_special_meaning(conversations: Conversations, chats: Chats) -> None:
    _said(conversations, "It's a <-> b & c | d ! e:* \\ f % _")
    for asked in ("it's", "a & nothing", "a | nothing", "!nothing", "a:*", "b <-> a", "\\", "%", "'' | a"):
        assert len(_found(chats, asked)) == (1 if "nothing" not in asked and set(asked) - set("\\%") else 0), asked


def test_the_number_of_hits_is_limited_and_the_latest_come_first(conversations: Conversations, chats: Chats) -> None:
    _said(conversations, *(f"bee number {number}" for number in range(MOST_FOUND + 5)))
    found = _found(chats, "bee")
    assert len(found) == MOST_FOUND
    assert found[0] == f"bee number {MOST_FOUND + 4}"


def test_a_word_of_old_messages_is_found_behind_hundreds_of_newer_ones(
    conversations: Conversations, chats: Chats
) -> None:
    _said(conversations, "the needle", *("the hay" for _ in range(320)))
    assert _found(chats, "needle") == ["the needle"]
    assert _found(chats, "needl") == ["the needle"]
    assert _found(chats, '"the needle"') == ["the needle"]


def test_nobody_finds_what_another_person_said(conversations: Conversations, chats: Chats) -> None:
    _said(conversations, "I keep bees", named="bees")
    for who in ("bob", "ann ", "ANN", "%"):
        assert chats.search(who, "bees") == []


def test_very_long_words_and_messages_are_kept_and_found(conversations: Conversations, chats: Chats) -> None:
    _said(conversations, "needle " + "x" * 31_000, " ".join(f"word{number}" for number in range(3_000)))
    assert len(_found(chats, "needle")) == 1
    assert len(_found(chats, "word2999")) == 1


@example_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=st.text(st.characters(codec=None), max_size=60), said=st.text(st.characters(codec=None), min_size=1))
def test_no_text_breaks_a_search(asked: str, said: str, conversations: Conversations, chats: Chats) -> None:
    if said.strip():
        _said(conversations, said + " end")
    chats.search("ann", asked)
    line = snippet(said, asked)
    assert len("".join(line)) <= 200 + len(line.word)


@pytest.mark.parametrize(
    ("said", "asked", "line"),
    [
        ("I keep bees", "bee", ("I keep ", "bee", "s")),
        ("Das Café in Köln", "cafe", ("Das ", "Café", " in Köln")),
        ("cafe\u0301 noir", "cafe", ("", "cafe\u0301", " noir")),
        ("ﬁrst bees", "bees", ("ﬁrst ", "bees", "")),
        ("İstanbul bees", "bees", ("İstanbul ", "bees", "")),
        ("a\n\nb bees", "bees", ("a b ", "bees", "")),
        ("nothing here", "bees", ("", "", "nothing here")),
        ("x " * 40 + "bees " + "y " * 200, "bees", ("…" + "x " * 14, "bees", " " + "y " * 43 + "y…")),
    ],
)
def test_the_line_shows_the_word_as_it_was_written(said: str, asked: str, line: tuple[str, str, str]) -> None:
    assert snippet(said, asked) == line
