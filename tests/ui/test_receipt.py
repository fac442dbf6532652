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
        from ui.chat.receipt import draw_details, draw_notes, draw_used

        said = Message("m", "c", "p", "ann", "assistant", "Hello", status, datetime.now(UTC), receipt)
        draw_notes(said)
        draw_used(said)
        draw_details(said)

    app = AppTest.from_function(draw, kwargs={"receipt": receipt, "status": status})
    app.session_state["receipt-m"] = True  # opened
    app.run()
    assert not app.exception
    return app


def _text(app: Any) -> str:
    return "\n".join(each.value.replace("\\", "") for each in [*app.markdown, *app.caption])


def test_a_memory_about_a_month_says_the_month() -> None:
    assert "about May 2019" in _text(_drawn(WHOLE | {"memories": [BEES | {"about": "2019-05"}]}))


def test_the_line_counts_memories_and_past_messages_apart() -> None:
    said = BEES | {"source": "episodes", "by": "user"}
    assert summary(WHOLE) == "Used 2 memories"
    assert summary(WHOLE | {"memories": [BEES]}) == "Used 1 memory"
    assert summary(WHOLE | {"memories": [BEES, said, BEES]}) == "Used 2 memories and 1 past message"
    assert summary(WHOLE | {"memories": [said, said]}) == "Used 2 past messages"
    assert summary(WHOLE | {"memories": []}) == ""


def test_the_open_receipt_lists_what_was_used_in_plain_words_and_scores_under_details() -> None:
    app = _drawn(WHOLE | {"memories": [BEES]})
    [details] = app.expander
    listed, scores = _text(app).replace(_text(details), ""), _text(details)
    assert details.label == "Details"
    assert "I keep *bees* in Utrecht" in listed
    assert "Memory from 1 Mar 2026" in listed
    assert not any(word in listed for word in ("score", "meaning", "tokens", "gpt"))
    assert "score 0.83: words 0.52, meaning 0.31, date 0.2, only a question -0.05" in scores
    assert "gpt-5.4-mini · 300 tokens in, 40 out · 1,234 ms" in scores
    assert "cosine" not in scores
    assert "recent" not in scores


def test_a_reply_that_used_nothing_has_its_details_among_the_actions() -> None:
    app = _drawn({"ms": 50, "model": "gpt-5.4-mini"})
    assert "gpt-5.4-mini · 50 ms" in _text(app)


@pytest.mark.parametrize(
    ("by", "told"),
    [("user", "You said this on 1 Mar 2026"), ("assistant", "I said this on 1 Mar"), ("Eve", "Eve said this")],
)
def test_an_episode_names_its_speaker(by: str, told: str) -> None:
    text = _text(_drawn({"memories": [BEES | {"source": "episodes", "by": by}]}))
    assert told in text


def test_memory_that_was_off_and_a_model_no_longer_offered_are_noted() -> None:
    assert summary({"memory_off": True, "ms": 60}) == "Memory off"
    text = _text(_drawn({"not_offered": "grand*model*", "ms": 60}))
    assert "grand*model* is no longer available. Another model answered." in text
    assert "offered" not in _text(_drawn(WHOLE))


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ({"given": "always"}, "always included"),
        ({"given": "instruction"}, "an instruction"),
        ({"given": "newest"}, "one of the newest"),
        ({}, "always included"),  # a receipt of an older version
    ],
)
def test_a_memory_that_was_given_whatever_was_asked_says_why_instead_of_a_score(why: dict[str, str], told: str) -> None:
    assert f"1 Mar 2026 · {told}" in _text(_drawn({"memories": [BEES | {"score": None, "parts": None} | why]}))
    found = _text(_drawn({"memories": [BEES | {"given": "always"}]}))
    assert "always included" in found
    assert "score" not in found


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


@pytest.mark.parametrize(
    ("status", "told"), [("stopped", "Stopped."), ("failed", "The model stopped before it was done.")]
)
def test_an_incomplete_reply_says_so(status: str, told: str) -> None:
    assert told in _text(_drawn({}, status))


def test_the_cost_is_shown_if_known_and_never_guessed() -> None:
    assert "$0.0123" in _text(_drawn(WHOLE | {"cost": 0.01234}))
    assert "less than $0.0001" in _text(_drawn(WHOLE | {"cost": 0.00001}))
    assert "$0.0000" in _text(_drawn(WHOLE | {"cost": 0.0}))
    assert "$" not in _text(_drawn(WHOLE))


def test_the_parts_of_the_time_are_shown() -> None:
    assert "memories found in 12 ms · first word after 1,040 ms" in _text(
        _drawn(WHOLE | {"recall_ms": 12, "first_ms": 1040})
    )


@pytest.mark.parametrize(("as_of", "told"), [("2026-03-03", "As of 3 March 2026"), ("x", ""), (None, ""), (5, "")])
def test_an_answer_as_of_a_past_day_says_so(as_of: Any, told: str) -> None:
    text = _text(_drawn({"as_of": as_of, "ms": 1}))
    assert told in text
    assert ("As of" in text) == bool(told)


def test_the_button_to_the_message_is_there_if_the_message_is_known() -> None:
    app = _drawn({"memories": [BEES | {"run_id": "c", "message_id": "m"}, BEES | {"id": "2"}]})
    assert [each.label.replace("\\", "") for each in app.button] == ["1 Mar 2026: I keep *bees* in Utrecht"]


def test_the_open_receipt_tells_that_the_model_searched_again_and_with_what_words() -> None:
    looks = [
        {"query": "where *Tom* lives", "person": "Tom", "from": "2026-03-01", "found": 2},
        {"query": "parrot", "found": 0},
        {"query": "piano", "problem": "The embedder is away."},
    ]
    drawn = _text(_drawn(WHOLE | {"looked_again": looks}))
    assert "Searched again for “where *Tom* lives” (Tom, from 1 Mar 2026): 2 more found" in drawn
    assert "“parrot”: nothing more found" in drawn
    assert "“piano”: it did not work" in drawn
