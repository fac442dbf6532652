"""The model, the embedder or the database goes wrong while a reply is written: what the page says, and what stays."""

from __future__ import annotations

from typing import Any

import pytest

from chat.turn import say
from memory.embedded.postgres import Postgres
from memory.model.client import OpenAIModel
from services import Services
from tests.chat.conftest import until
from tests.faults.conftest import Visit
from tests.faults.servers import connected, killed
from tests.model_answers import Cut, Endless, Events, Gate, Item, Reply, Slow, Stall, chunk
from tests.model_server import ModelServer

BEES, SEA = "I keep bees in Utrecht.", "Tell me of the sea"


@pytest.fixture
def more_settings(model_server: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": model_server.base_url, "OPENAI_API_KEY": "sk-test", "CHAT_MODEL": "scripted"}


def use_model(home: Services, model_server: ModelServer, patience: float = 60.0, wordless: float = 900.0) -> None:
    """Have the model asked once, silence borne for so many seconds, and thinking without a word for so many."""
    model = OpenAIModel("scripted", "sk-test", model_server.base_url, retries=0, patience=patience, wordless=wordless)
    object.__setattr__(home.chat, "model", model)


@pytest.mark.parametrize(
    ("wrong", "sentence", "kept"),
    [
        (Stall(), "scripted did not answer in time.", []),
        (Cut(2, "close"), "The connection to scripted was cut before the reply was complete. Try again.", ["failed"]),
        (Cut(2, "tidy"), "The connection to scripted was cut before the reply was complete. Try again.", ["failed"]),
    ],
    ids=["silent", "cut", "ended early"],
)
def test_a_reply_that_does_not_come_or_breaks_off_says_why_and_another_try_completes_it(
    wrong: Item, sentence: str, kept: list[str], visit: Visit, home: Services, model_server: ModelServer
) -> None:
    ann = visit()
    use_model(home, model_server, patience=0.5 if isinstance(wrong, Stall) else 60.0)
    model_server.enqueue_replies(wrong, Reply("The sea is deep."))
    ann.says(SEA)
    assert sentence in ann.seen
    assert ann.statuses == ["complete", *kept]
    use_model(home, model_server)
    ann.presses("Try again")
    assert sentence not in ann.seen
    assert "The sea is deep." in ann.seen
    assert ann.statuses == ["complete", *kept, "complete"]
    until(lambda: not ann.waiting)


def test_a_reply_without_an_end_is_cut_off_and_can_go_on(
    visit: Visit, home: Services, model_server: ModelServer
) -> None:
    object.__setattr__(home.chat, "longest_reply", 400)
    ann = visit()
    model_server.enqueue_replies(Endless({"content": "deeper and deeper, "}), Reply("to the end."))
    ann.says(SEA)
    assert model_server.client_left.wait(60)
    [_, (words, status)] = ann.messages
    assert (len(words) // 400, status) == (1, "complete")
    ann.presses("Continue")
    [_, (words, status)] = ann.messages
    assert words.endswith("to the end.")


def test_a_model_that_is_busy_for_ever_without_a_word_is_given_up(
    visit: Visit, home: Services, model_server: ModelServer
) -> None:
    ann = visit()
    use_model(home, model_server, wordless=0.0)
    model_server.enqueue_replies(Endless({"reasoning_content": "Hm. "}))
    ann.says(SEA)
    assert "without a word. Try again." in ann.seen
    assert ann.messages == [(SEA, "complete")]
    assert model_server.client_left.wait(60)


def test_a_stop_hangs_up_on_a_model_that_only_thinks(visit: Visit, home: Services, model_server: ModelServer) -> None:
    ann = visit()
    model_server.enqueue_replies(Endless({"reasoning_content": "Hm. "}))
    asked = say(home.chat, ann.user_id, None, SEA, answered=True)
    home.replies.begin(asked)
    model_server.wait_for_chats(1)
    home.replies.stop(ann.user_id, asked.conversation_id)
    assert model_server.client_left.wait(60)
    assert ann.messages == [(SEA, "complete")]


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens": -(10**9), "completion_tokens": -(10**9)},
        {"prompt_tokens": 10**30, "completion_tokens": 10**30},
        {"prompt_tokens": "many", "completion_tokens": None},
        "a lot",
        [1, 2],
    ],
    ids=["less than nothing", "more than there are", "words", "no object", "a list"],
)
def test_a_model_that_lies_about_its_usage_is_counted_by_an_estimate(
    told: Any, visit: Visit, model_server: ModelServer, server: Postgres
) -> None:
    ann = visit()
    words = [chunk({"content": "The sea "}), chunk({"content": "is deep."}, "stop")]
    model_server.enqueue_replies(Events([*words, {**chunk(), "choices": [], "usage": told}]))
    ann.says(SEA)
    assert "The sea is deep." in ann.seen
    assert ann.messages == [(SEA, "complete"), ("The sea is deep.", "complete")]
    with connected(server) as cursor:
        cursor.execute("select amount from app.counts where what = 'tokens' and user_id = %s", (ann.user_id,))
        [(counted,)] = cursor.fetchall()
    assert 0 < counted < 10_000


def test_a_reply_whose_end_comes_while_the_database_is_killed_is_saved_once_it_is_back(
    visit: Visit, home: Services, server: Postgres, model_server: ModelServer
) -> None:
    ann, gate = visit(), Gate()
    model_server.enqueue_replies(Slow(["The sea ", "is deep."], gate))
    asked = say(home.chat, ann.user_id, None, SEA, answered=True)
    home.replies.begin(asked)
    task = home.replies.task_for(ann.user_id, asked.conversation_id)
    assert task is not None
    gate.let()
    until(lambda: task.written == "The sea ")
    with killed(server):
        gate.open()
        until(lambda: task.written == "The sea is deep.")
    until(lambda: home.replies.task_for(ann.user_id, asked.conversation_id) is None)
    assert ann.messages == [(SEA, "complete"), ("The sea is deep.", "complete")]
    ann.app.query_params["chat"] = asked.conversation_id
    ann.reloads()
    assert "The sea is deep." in ann.seen
    assert home.replies.problem_with(ann.user_id, asked.id) is None
