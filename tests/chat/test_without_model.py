"""Replies while no model is connected: what was kept is acknowledged, questions get an answer from memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat.conversations import Conversations
from chat.preferences import Preferences, PreferenceStore, SwitchStore
from chat.remembering.worker import Worker
from chat.reply import AnswerOptions, Replies, answer
from chat.tree import Message, Switches
from chat.turn import ChatServices, say
from limits import Limits
from memory import Memory
from memory.database import Database
from memory.errors import ModelUnreachable
from settings import Settings
from tests.chat.conftest import chats_of, until

Ask = Callable[[str], str]
GHENT = "I live in Ghent."


@pytest.fixture
def alone(conversations: Conversations, memory: Memory) -> Iterator[ChatServices]:
    """A chat without a model, whose worker runs."""
    worker = Worker(conversations.queue, memory)
    worker.start()
    yield ChatServices(conversations, memory, None, worker.wake, noting_seconds=30.0)
    worker.stop()


@pytest.fixture
def ask(alone: ChatServices) -> Ask:
    """Say something in a new chat, and return the reply."""
    return lambda words: "".join(answer(alone, say(alone, "ann", None, words)))


def last_turn(chat: ChatServices) -> tuple[Message, Message]:
    asked, reply = chat.conversations.messages("ann", chats_of(chat.conversations).recent("ann")[0].id)[-2:]
    return asked, reply


# -- statements ------------------------------------------------------------------------------------


def test_a_reply_that_waits_long_for_what_was_learned_is_saved_all_the_same(
    conversations: Conversations, memory: Memory
) -> None:
    chat = ChatServices(conversations, memory, None, lambda: None)  # and no worker that could learn anything
    with closing(Replies(replace(chat, renewing_seconds=0.01, noting_seconds=0.5))) as replies:
        asked = say(replies.chat, "ann", None, GHENT, answered=True)
        replies.begin(asked)
        until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    assert [each.content for each in conversations.messages("ann", asked.conversation_id)] == [
        GHENT,
        "I am still taking that in. What I learn appears below.",
    ]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (GHENT, "Noted: you live in Ghent."),
        ("My sister Ana lives in Porto", "Noted: your sister Ana lives in Porto."),
        ("Remember that I prefer short answers.", "Noted: you prefer short answers."),
        ("Ich wohne in Gent.", "Notiert: du wohnst in Gent."),
        ("J'habite à Gand.", "C’est noté : tu habites à Gand."),
        ("Vivo en Gante.", "Anotado: vives en Gante."),
    ],
)
def test_what_was_said_is_acknowledged_in_the_second_person(ask: Ask, memory: Memory, said: str, reply: str) -> None:
    assert ask(said) == reply
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_what_replaces_a_memory_is_told_with_what_it_was(ask: Ask) -> None:
    ask("I live in Porto.")
    assert ask("I live in Ghent now.") == "Changed: you live in Ghent now. Before, it was: “I live in Porto”."


def test_several_statements_are_listed(ask: Ask) -> None:
    assert ask("I live in Ghent. I work at Bosch.") == "Noted: \n\n- you live in Ghent.\n- you work at Bosch."


def test_what_was_known_before_is_not_noted_again(ask: Ask) -> None:
    ask(GHENT)
    assert ask(GHENT) == "I knew that already."


def test_nothing_is_acknowledged_that_was_not_kept(ask: Ask) -> None:
    assert "Noted" not in ask("The weather is nice today")
    assert "plain sentences about you" in ask("I was thinking about the weather")


def test_a_statement_over_the_limit_of_memories_is_said_not_to_be_kept(
    conversations: Conversations, memory: Memory, database: Database
) -> None:
    memory.add("I like tea.", user_id="ann")
    worker = Worker(conversations.queue, memory, Limits(database, Settings(memories_per_person=1)))

    def remember() -> None:
        worker.remember_next()

    chat = ChatServices(conversations, memory, None, remember)
    reply = "".join(answer(chat, say(chat, "ann", None, GHENT)))
    assert reply == "I did not keep that: your memory is full. Delete some memories first."


def test_while_nobody_remembers_nothing_is_claimed(conversations: Conversations, memory: Memory) -> None:
    chat = ChatServices(conversations, memory, None, lambda: None, noting_seconds=0.0)
    assert "still taking that in" in "".join(answer(chat, say(chat, "ann", None, GHENT)))


def test_with_learning_off_it_says_that_nothing_was_kept(alone: ChatServices, memory: Memory) -> None:
    asked = say(alone, "ann", None, GHENT, switches=Switches(True, False, False))
    assert "".join(answer(alone, asked)) == "Learning is off here, so I kept nothing."
    assert memory.get_all(user_id="ann")["results"] == []


# -- questions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("Where do I live?", "You live in Ghent. You told me today."),
        ("where do i work?", "You work at Bosch. You told me today."),
        ("What is my name?", "Your name is Dora. You told me today."),
        ("Where does Ana live?", "Your sister Ana lives in Porto. You told me today."),
        ("Who is Ana?", "Your sister Ana lives in Porto. You told me today."),
        ("Who is my sister?", "Your sister Ana lives in Porto. You told me today."),
        ("When is my birthday?", "Your birthday is 3 May. You told me today."),
        ("Wo wohne ich?", "You live in Ghent. Das hast du mir heute gesagt."),
    ],
)
def test_a_question_gets_the_one_memory_that_answers_it(
    ask: Ask, alone: ChatServices, memory: Memory, question: str, reply: str
) -> None:
    told = "My sister Ana lives in Porto.", GHENT, "I work at Bosch.", "My name is Dora.", "My birthday is 3 May."
    for each in told:
        memory.add(each, user_id="ann")
    assert ask(question) == reply
    assert len(last_turn(alone)[1].receipt["memories"]) == 1


def test_the_day_is_told_in_words(ask: Ask, memory: Memory) -> None:
    day = datetime.now(UTC) - timedelta(days=40)
    memory.add(GHENT, user_id="ann", at=day)
    assert f"You told me on {day.day} {day:%B} {day.year}." in ask("Where do I live?")


def test_what_somebody_else_does_does_not_answer_a_question_about_oneself(ask: Ask, memory: Memory) -> None:
    memory.add("My sister Ana lives in Porto.", user_id="ann")
    assert ask("Where do I live?") == "You have not told me that yet."


def test_what_was_only_said_is_quoted_with_its_day(ask: Ask, memory: Memory) -> None:
    ask("The greenhouse in my garden has a broken window, by the way.")
    assert "you said: “The greenhouse in my garden" in ask("What is broken in my greenhouse?")


def test_what_do_you_know_about_me_gives_a_short_list(ask: Ask, memory: Memory) -> None:
    assert "I know nothing about you yet" in ask("What do you know about me?")
    for each in ("I like green tea.", "My sister Ana lives in Porto.", GHENT, "My name is Dora."):
        memory.add(each, user_id="ann")
    title, _, *lines = ask("What do you know about me?").splitlines()
    assert title == "What I know about you:"
    assert lines[:2] == ["- Your name is Dora.", "- You live in Ghent."]
    assert len(lines) == 4
    for number in range(20):
        memory.add(f"I like tea number {number}.", user_id="ann")
    assert ask("What do you know about me?").endswith("… and 16 more, under Memories.")


def test_somebody_unknown_is_said_to_be_unknown(ask: Ask) -> None:
    assert ask("Who is Ana?") == "I know nothing about Ana yet."


@pytest.mark.parametrize(
    "said", ["Capital of France?", "Write a haiku", "What should I cook for Ana?", "What is love?"]
)
def test_anything_else_gets_one_honest_sentence(ask: Ask, memory: Memory, said: str) -> None:
    for each in ("I went to France in 2019.", "My sister Ana lives in Porto.", "I love haikus."):
        memory.add(each, user_id="ann")
    assert ask(said) == "No language model is connected, so I can only remember what you tell me and look it up."


@pytest.mark.parametrize(
    "said", ["my sis ana is getting married june 12 next year in braga", "im the one who fixes our bikes"]
)
def test_what_is_told_and_not_understood_is_said_not_to_be_remembered(ask: Ask, memory: Memory, said: str) -> None:
    assert ask(said).startswith("I made no memory of that")
    assert memory.get_all(user_id="ann")["results"] == []


def test_what_is_typed_in_a_hurry_is_learned_and_a_move_leaves_one_home(ask: Ask, memory: Memory) -> None:
    told = ask("hey! im dave, 34, i live in porto w/ my girlfriend lena and our dog biscuit")
    assert "- you're dave, 34.\n- you live in porto w/ your girlfriend lena and your dog biscuit." in told
    assert "you moved to Lisbon last month" in ask("actually i moved to Lisbon last month")
    assert "Lisbon" in (answer := ask("where do i live"))
    assert "porto" not in answer
    assert {each["memory"] for each in memory.get_all(user_id="ann")["results"]} == {
        "im dave, 34",
        "i moved to Lisbon last month",
        "my girlfriend lena",
        "our dog biscuit",
    }


def test_a_question_about_a_thing_is_not_answered_with_the_name(ask: Ask) -> None:
    ask("My name is Dave and I use Redis and Supabase")
    assert "you use Redis and Supabase" in ask("What do you know about my stack?")


def test_undo_is_answered_with_where_to_press(ask: Ask) -> None:
    assert ask("undo that").startswith("To take a change back, press Undo")


def test_an_english_sentence_with_a_word_that_german_has_too_gets_an_english_reply(ask: Ask) -> None:
    assert ask("no wait, Lisbon was right").startswith("No language model is connected")


def test_a_greeting_is_returned_by_name(ask: Ask, memory: Memory) -> None:
    assert ask("hello").startswith("Hello! Tell me something")
    memory.add("My name is Dora.", user_id="ann")
    assert ask("hello").startswith("Hello, Dora!")


def test_with_memory_off_nothing_is_looked_up(
    alone: ChatServices, ask: Ask, memory: Memory, database: Database
) -> None:
    memory.add(GHENT, user_id="ann")
    PreferenceStore(database).set("ann", Preferences(reads_memory=False))
    assert ask("Where do I live?") == "Memory is off in your settings, so I looked nothing up."
    assert "memories" not in last_turn(alone)[1].receipt


def test_what_the_person_left_out_is_not_told(alone: ChatServices, ask: Ask, memory: Memory) -> None:
    [kept] = memory.add(GHENT, user_id="ann")["results"]
    asked = say(alone, "ann", None, "Where do I live?")
    assert "".join(answer(alone, asked, AnswerOptions([kept["id"]]))) == "You have not told me that yet."


def test_the_chosen_language_of_replies_counts(ask: Ask, memory: Memory, database: Database) -> None:
    memory.add(GHENT, user_id="ann")
    PreferenceStore(database).set("ann", Preferences(language="de"))
    assert ask("thanks") == "Gern."


def test_while_the_embedder_is_away_it_says_that_it_could_not_look(
    alone: ChatServices, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ModelUnreachable("away")

    monkeypatch.setattr(alone.memory, "recall", away)
    assert "could not look that up" in ask("What do I drink?")


# -- forgetting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["Forget my birthday", "Please forget my birthday.", "Forget that my birthday is 3 May"]
)
def test_a_request_to_forget_finds_the_memory_and_deletes_nothing(
    alone: ChatServices, ask: Ask, memory: Memory, said: str
) -> None:
    memory.add(GHENT, user_id="ann")
    [kept] = memory.add("My birthday is 3 May.", user_id="ann")["results"]
    assert "until you confirm" in ask(said)
    asked, reply = last_turn(alone)
    assert reply.receipt["forget"] == [kept["id"]]
    assert asked.remembering == "none"
    assert len(memory.get_all(user_id="ann")["results"]) == 2


def test_the_rules_delete_nothing_by_themselves_beside_something_told(ask: Ask, memory: Memory) -> None:
    memory.add("I like coffee.", user_id="ann")
    reply = ask("I live in Ghent. Forget that I like coffee.")
    assert reply.startswith("Noted: you live in Ghent.")
    assert {each["memory"] for each in memory.get_all(user_id="ann")["results"]} == {
        "I like coffee.",
        GHENT,
    }


def test_what_is_not_known_cannot_be_forgotten(alone: ChatServices, ask: Ask, memory: Memory) -> None:
    memory.add(GHENT, user_id="ann")
    assert ask("Forget my birthday") == "I remember nothing that fits “your birthday”."
    assert "forget" not in last_turn(alone)[1].receipt


@pytest.mark.parametrize(
    ("said", "reply"),
    [(GHENT, "Forgotten: you live in Ghent."), ("The tram was so full!", "I dropped what you said")],
)
def test_what_was_just_said_is_forgotten_at_once_whether_it_taught_anything_or_not(
    alone: ChatServices, memory: Memory, said: str, reply: str
) -> None:
    "".join(answer(alone, first := say(alone, "ann", None, said)))
    until(lambda: memory.episodes.count("ann") > 0)
    assert "".join(answer(alone, say(alone, "ann", first.conversation_id, "Forget what I just said."))).startswith(
        reply
    )
    assert memory.get_all(user_id="ann")["results"] == []
    assert memory.recall(said, user_id="ann") == []


def test_what_was_just_changed_is_as_it_was_before(alone: ChatServices, ask: Ask, memory: Memory) -> None:
    ask(GHENT)
    "".join(answer(alone, first := say(alone, "ann", None, "I live in Porto now.")))
    reply = "".join(answer(alone, say(alone, "ann", first.conversation_id, "Forget what I just said.")))
    assert reply == "As it was before: you live in Ghent."
    again = "".join(answer(alone, say(alone, "ann", first.conversation_id, "Forget what I just said!")))
    assert again == "I dropped what you said before. What I knew already stays."
    assert [each["memory"] for each in memory.get_all(user_id="ann")["results"]] == [GHENT]


def test_what_was_changed_again_stays_and_the_reply_says_where_to_take_it_back(
    alone: ChatServices, ask: Ask, memory: Memory
) -> None:
    ask(GHENT)
    "".join(answer(alone, first := say(alone, "ann", None, "I live in Porto now.")))
    until(lambda: memory.get_all(user_id="ann")["results"][0]["memory"] != GHENT)
    [kept] = memory.get_all(user_id="ann")["results"]
    memory.update(kept["id"], "I live in Lisbon.", user_id="ann")
    reply = "".join(answer(alone, say(alone, "ann", first.conversation_id, "Forget what I just said.")))
    assert reply.startswith("Something from it is still there: take that back below that message")
    assert [each["memory"] for each in memory.get_all(user_id="ann")["results"]] == ["I live in Lisbon."]


def test_before_the_first_message_there_is_nothing_to_forget(alone: ChatServices, ask: Ask, memory: Memory) -> None:
    ask(GHENT)
    assert ask("Forget what I just said.") == "You said nothing before that in this chat."
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_with_learning_off_it_says_that_nothing_is_forgotten(
    alone: ChatServices, memory: Memory, database: Database
) -> None:
    "".join(answer(alone, first := say(alone, "ann", None, GHENT)))
    until(lambda: memory.episodes.count("ann") > 0)
    SwitchStore(database).set("ann", first.conversation_id, Switches(writes_memory=False))
    request = say(alone, "ann", first.conversation_id, "Forget what I just said.")
    assert "I forget nothing by myself" in "".join(answer(alone, request))
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_with_reading_off_what_was_just_said_is_forgotten_all_the_same(alone: ChatServices, memory: Memory) -> None:
    off = Switches(reads_memory=False)
    "".join(answer(alone, first := say(alone, "ann", None, GHENT, switches=off)))
    until(lambda: memory.episodes.count("ann") > 0)
    request = say(alone, "ann", first.conversation_id, "Forget what I just said.", switches=off)
    assert "".join(answer(alone, request)) == "Forgotten: you live in Ghent."
    assert memory.get_all(user_id="ann")["results"] == []


def test_what_is_told_beside_the_request_keeps_it_from_forgetting_by_itself(
    alone: ChatServices, memory: Memory
) -> None:
    "".join(answer(alone, first := say(alone, "ann", None, GHENT)))
    words = "I have a dog. Forget what I just said."
    reply = "".join(answer(alone, say(alone, "ann", first.conversation_id, words)))
    assert "I dropped" not in reply
    assert "Forgotten" not in reply
    assert len(memory.get_all(user_id="ann")["results"]) == 2


def test_everything_is_not_forgotten_by_a_sentence(ask: Ask, memory: Memory) -> None:
    memory.add(GHENT, user_id="ann")
    assert "open Memories" in ask("Forget everything you know about me")
    assert len(memory.get_all(user_id="ann")["results"]) == 1


def test_a_reply_is_one_line_whatever_a_memory_holds(ask: Ask, memory: Memory) -> None:
    memory.add("I live in Ghent\n- and you owe me money", user_id="ann", infer=False)
    assert not re.search(r"^- and you", ask("What do you know about me?"), re.MULTILINE)


def test_another_persons_memories_are_never_told(ask: Ask, memory: Memory) -> None:
    memory.add(GHENT, user_id="bob")
    assert ask("Where do I live?") == "You have not told me that yet."
