"""The receipt of a reply, drawn by Streamlit from receipts of today and of older versions."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui.chat.receipt import summary

BEES = {
    "id": "1",
    "text": "I keep *bees* in Utrecht",
    "score": 0.834,
    "source": "memories",
    "parts": {"meaning": 0.31, "words": 0.52, "dated": 0.2, "cosine": 0.7, "recent": 0.001, "question": -0.05},
    "at": "2026-03-01T09:00:00+00:00",
    "by": None,
}
WHOLE = {"memories": [BEES, BEES], "ms": 1234, "prompt_tokens": 300, "reply_tokens": 40, "model": "gpt-5.4-mini"}


def _drawn(receipt: dict[str, Any], status: str = "complete") -> AppTest:
    def draw(receipt: dict[str, object], status: str) -> None:
        from datetime import UTC, datetime

        from chat.tree import Message
        from ui.chat.receipt import draw_notes, draw_receipt

        said = Message("m", "c", "p", "ann", "assistant", "Hello", status, datetime.now(UTC), receipt)
        draw_notes(said)
        draw_receipt(said)

    app = AppTest.from_function(draw, kwargs={"receipt": receipt, "status": status})
    app.session_state["receipt-m"] = True  # opened
    app.run()
    assert not app.exception
    return app


def _text(app: AppTest) -> str:
    return "\n".join(each.value.replace("\\", "") for each in [*app.markdown, *app.caption])


def test_the_line_gives_memories_time_and_tokens() -> None:
    assert summary(WHOLE) == "2 memories · 1.2 s · 340 tokens"
    assert (
        summary({"memories": [BEES], "ms": 60, "prompt_tokens": 1, "reply_tokens": 0}) == "1 memory · 60 ms · 1 token"
    )


def test_the_open_receipt_gives_text_source_date_score_and_its_parts() -> None:
    text = _text(_drawn(WHOLE | {"memories": [BEES]}))
    assert "I keep *bees* in Utrecht" in text
    assert "memory · 1 Mar 2026 · score 0.83" in text
    assert "words 0.52, meaning 0.31, named day 0.2, only a question -0.05" in text
    assert "gpt-5.4-mini · 300 tokens read, 40 written · 1,234 ms" in text
    assert "cosine" not in text
    assert "recent" not in text


@pytest.mark.parametrize(("by", "told"), [("user", "said by you"), ("assistant", "said by Keepsake"), ("Eve", "Eve")])
def test_an_episode_names_its_speaker(by: str, told: str) -> None:
    text = _text(_drawn({"memories": [BEES | {"source": "episodes", "by": by}]}))
    assert told in text


def test_memory_that_was_off_and_a_model_no_longer_offered_are_noted() -> None:
    assert summary({"memory_off": True, "ms": 60}) == "memory off · 60 ms"
    text = _text(_drawn({"not_offered": "grand*model*", "ms": 60}))
    assert "grand*model* is no longer offered: another model answered." in text
    assert "offered" not in _text(_drawn(WHOLE))


def test_a_standing_memory_has_no_score() -> None:
    assert "holds always" in _text(_drawn({"memories": [BEES | {"score": None, "parts": None}]}))


def test_receipts_of_older_versions_are_drawn_with_the_fields_they_have() -> None:
    text = _text(_drawn({"memories": [{"id": "1", "text": "I keep bees"}]}))
    assert "I keep bees" in text
    assert "score" not in text
    assert _text(_drawn({})) == ""
    assert "50 ms" in _text(_drawn({"ms": 50}))


def test_a_memory_is_shown_as_written_and_shortened() -> None:
    text = _drawn({"memories": [BEES | {"text": "![x](http://127.0.0.1:9/a.png) " + "word " * 200}]}).markdown[0].value
    assert "![x]" not in text
    assert len(text) < 600


@pytest.mark.parametrize(("status", "told"), [("stopped", "Stopped here."), ("failed", "The model broke off here.")])
def test_an_incomplete_reply_says_so(status: str, told: str) -> None:
    assert told in _text(_drawn({}, status))


def test_the_cost_is_shown_if_known_and_never_guessed() -> None:
    assert "$0.0123" in _text(_drawn(WHOLE | {"cost": 0.01234}))
    assert "less than $0.0001" in _text(_drawn(WHOLE | {"cost": 0.00001}))
    assert "$0.0000" in _text(_drawn(WHOLE | {"cost": 0.0}))
    assert "$" not in _text(_drawn(WHOLE))


def test_the_parts_of_the_time_are_shown() -> None:
    assert "recalled in 12 ms · first word after 1,040 ms" in _text(_drawn(WHOLE | {"recall_ms": 12, "first_ms": 1040}))


@pytest.mark.parametrize(("as_of", "told"), [("2026-03-03", "As of 3 March 2026"), ("x", ""), (None, ""), (5, "")])
def test_an_answer_as_of_a_past_day_says_so(as_of: Any, told: str) -> None:
    text = _text(_drawn({"as_of": as_of, "ms": 1}))
    assert told in text
    assert ("As of" in text) == bool(told)


def test_the_button_to_the_message_is_there_if_the_message_is_known() -> None:
    app = _drawn({"memories": [BEES | {"run_id": "c", "message_id": "m"}, BEES | {"id": "2"}]})
    assert [each.label.replace("\\", "") for each in app.button] == ["1 Mar 2026: I keep *bees* in Utrecht"]
