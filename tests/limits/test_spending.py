"""The tokens of a day, for a person and for everybody together, however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from limits import Limits
from memory.database import Database
from memory.errors import LimitReached, ModelUnreachable
from memory.model import PromptMessage, Usage
from memory.model.serving import serving
from memory.plain_text import tokens
from tests.limits.conftest import Limiting
from tests.model_answers import PATIENCE
from tests.scripted import ScriptedModel

PROMPT = [PromptMessage("user", "How are you today, my friend?")]
ESTIMATE = tokens(PROMPT[0].content)
Spent = Callable[..., int]


class Answer(BaseModel):
    said: str


@pytest.fixture
def spent(database: Database) -> Iterator[Spent]:
    """Return what is counted for a person, or for everybody."""
    admin = Database(database.admin_url)

    def counted(user_id: str | None = None) -> int:
        sql = "select amount from app_shared.counts where what = 'tokens'"
        if user_id:
            sql = "select amount from app.counts where what = 'tokens' and user_id = :user_id"
        with admin.engine.connect() as connection:
            return connection.scalar(text(sql), {"user_id": user_id} if user_id else {}) or 0

    yield counted
    admin.close()


def _say(limits: Limits, model: ScriptedModel, user_id: str | None, reply: object = "I am well") -> str:
    model.enqueue(reply)  # type: ignore[arg-type]
    return "".join(limits.metered(model, user_id).stream(PROMPT))


def test_a_reply_counts_the_tokens_that_the_server_reports(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    limits = limiting()
    assert _say(limits, scripted_model, "alice") == "I am well"
    cost = len(PROMPT[0].content.split()) + 3
    assert (spent("alice"), spent()) == (cost, cost)


def test_another_model_by_name_is_asked_and_counted_as_well(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    usage = Usage()
    scripted_model.enqueue("I am well")
    assert list(limiting().metered(scripted_model, "alice").named("other").stream(PROMPT, usage)) == ["I am well"]
    assert usage.model == "other"
    assert spent("alice") > 0
    assert scripted_model.name == "scripted"


def test_the_callers_own_usage_is_filled_in_as_before(limiting: Limiting, scripted_model: ScriptedModel) -> None:
    usage = Usage()
    scripted_model.enqueue("I am well")
    list(limiting().metered(scripted_model, "alice").stream(PROMPT, usage))
    assert (usage.model, usage.reply_tokens) == ("scripted", 3)


def test_the_tokens_of_a_server_that_reports_none_are_estimated(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedModel, "_next", lambda self, *_: self.replies.popleft())
    monkeypatch.setattr(ScriptedModel, "stream", lambda self, *_: iter([self.replies.popleft()]))
    _say(limiting(), scripted_model, "alice", "x" * 30)
    assert spent() == ESTIMATE + 10


def test_a_stopped_reply_counts_as_far_as_it_came(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    scripted_model.enqueue(["I ", "am ", "well"])
    reply = limiting().metered(scripted_model, "alice").stream(PROMPT)
    next(iter(reply))
    reply.close()  # type: ignore[attr-defined]
    assert spent("alice") == spent() == len(PROMPT[0].content.split()) + 1


def test_a_model_that_cannot_be_reached_costs_nothing(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    with pytest.raises(ModelUnreachable):
        _say(limiting(), scripted_model, "alice", ModelUnreachable("gone"))
    assert (spent("alice"), spent()) == (0, 0)


def test_deciding_what_to_remember_counts_for_everybody(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    scripted_model.enqueue(Answer(said="yes"))
    assert limiting().metered(scripted_model).answer(PROMPT, Answer).said == "yes"
    assert spent() > 0


def test_a_persons_share_ends_and_another_persons_does_not(limiting: Limiting, scripted_model: ScriptedModel) -> None:
    limits = limiting(tokens_per_day=ESTIMATE + 5)
    _say(limits, scripted_model, "alice")
    with pytest.raises(LimitReached, match=r"today's limit. Your message is saved") as reached:
        _say(limits, scripted_model, "alice")
    assert reached.value.retry_after
    scripted_model.replies.clear()
    assert _say(limits, scripted_model, "bob") == "I am well"


def test_everybody_together_stops_at_the_cap_and_nobody_is_charged_for_a_refusal(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    limits = limiting(all_tokens_per_day=ESTIMATE + 5)
    _say(limits, scripted_model, "alice")
    with pytest.raises(LimitReached, match="Everyone together has reached"):
        _say(limits, scripted_model, "bob")
    assert spent("bob") == 0
    assert len(scripted_model.calls) == 1


def test_many_at_once_do_not_pass_the_cap_together(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    limits, start, refused = limiting(all_tokens_per_day=ESTIMATE * 10), threading.Barrier(30), list[int]()
    going = threading.Barrier(11)  # ten replies are under way at once, and none has reported its tokens yet

    def slowly(self: ScriptedModel, *_: object) -> Iterator[str]:
        going.wait(timeout=PATIENCE)
        yield "x"

    def ask(number: int) -> None:
        start.wait(timeout=PATIENCE)
        try:
            list(limits.metered(patched, f"user-{number}").stream(PROMPT))
        except LimitReached:
            refused.append(number)

    patched = type("Slow", (ScriptedModel,), {"stream": slowly})()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for each in threads:
        each.start()
    going.wait(timeout=PATIENCE)
    for each in threads:
        each.join()
    assert len(refused) == 20


def _remember(limits: Limits, model: ScriptedModel, user_id: str) -> None:
    model.enqueue(Answer(said="yes"))
    with serving(user_id, "turns"):
        limits.metered(model).answer(PROMPT, Answer)


def test_remembering_has_a_share_of_its_own_for_each_person(limiting: Limiting, scripted_model: ScriptedModel) -> None:
    limits = limiting(memory_tokens_per_day=ESTIMATE + 5)
    _remember(limits, scripted_model, "alice")
    with pytest.raises(LimitReached, match=r"limit for remembering.* works again in") as reached:
        _remember(limits, scripted_model, "alice")
    assert 0 < (reached.value.retry_after or 0) <= 86_400
    scripted_model.replies.clear()
    _remember(limits, scripted_model, "bob")
    assert _say(limits, scripted_model, "alice") == "I am well"


def test_what_a_person_asks_of_the_memory_counts_against_their_share_of_replies(
    limiting: Limiting, scripted_model: ScriptedModel, spent: Spent
) -> None:
    scripted_model.enqueue(Answer(said="yes"))
    with serving("alice"):
        limiting().metered(scripted_model).answer(PROMPT, Answer)
    assert spent("alice") == spent() > 0


def test_no_limit_counts_nothing(limiting: Limiting, scripted_model: ScriptedModel, spent: Spent) -> None:
    _say(limiting(tokens_per_day=0, all_tokens_per_day=0), scripted_model, "alice")
    assert (spent("alice"), spent()) == (0, 0)
