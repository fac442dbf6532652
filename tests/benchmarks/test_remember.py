"""The labelled cases have the promised size and shape, and the benchmark measures them correctly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import remember
from benchmarks.cases import Case, Expected, load
from benchmarks.remember import CaseResult, figures
from memory.facts import KINDS, Said, Write
from memory.learn.extract import Operations
from memory.rows.people import Person
from tests.sources import assert_none

CASES = load()
KEYS = (
    "precision recall junk_rate wrong_updates wrong_deletes refused_quotes calls_per_turn prompt_tokens_per_call "
    "slot_recall"
).split()
SITUATIONS = {
    *("fact", "several", "update", "correction", "retraction", "remember that", "don't remember", "instruction"),
    *("others", "hypothetical", "quote", "joke", "question", "request", "greeting", "assistant", "repeat", "secret"),
}


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    remember.main(arguments)
    return capsys.readouterr().out.splitlines()


def _figures(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    told: dict[str, float] = json.loads(_printed(capsys, *arguments)[-1])
    return told


def test_the_set_is_large_and_covers_every_situation_in_many_languages() -> None:
    assert len(CASES) >= 220
    assert len({case.id for case in CASES}) == len(CASES)
    assert {case.situation for case in CASES} >= SITUATIONS
    assert min(Counter(case.language for case in CASES if case.language in {"en", "de", "fr", "es"}).values()) >= 40
    assert {"pt", "it", "ja", "tr"} <= {case.language for case in CASES}


def test_a_third_of_the_set_has_nothing_to_remember() -> None:
    assert sum(not case.expect for case in CASES) * 3 >= len(CASES)


def test_both_halves_hold_more_than_two_fifths() -> None:
    assert min(Counter(case.half for case in CASES).values()) * 5 > len(CASES) * 2


def test_each_case_expects_what_can_be_done() -> None:
    assert_none(f"{case.id}: {wrong}" for case in CASES for wrong in _impossible(case))


def _impossible(case: Case) -> Iterator[str]:
    if not any(each.role == "user" for each in case.said):
        yield "the user says nothing"
    for expected in (*case.expect, *case.allow):
        if expected.action not in ("add", "update", "delete"):
            yield f"there is no action {expected.action}"
        if (expected.target is None) != (expected.action == "add"):
            yield "an addition has no target, and everything else has one"
        if expected.target is not None and not 1 <= expected.target <= len(case.shown):
            yield f"memory {expected.target} is not shown"
        if not expected.contains and expected.action != "delete":
            yield "nothing says what the memory contains"
        if expected.kind not in (None, *KINDS):
            yield f"there is no kind {expected.kind}"
        if expected.slot not in (None, "name", "home", "work", "likes"):
            yield f"there is no slot {expected.slot}"


def test_the_rules_delete_nothing_wrongly_and_keep_little_that_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    everything, tuned = _figures(capsys, "--rules"), _figures(capsys, "--rules", "--half", "tuned")
    assert everything["wrong_deletes"] == 0
    assert tuned["precision"] >= 0.97
    assert tuned["slot_recall"] >= 0.6


def test_the_last_line_is_one_object_with_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(_figures(capsys, "--rules", "--language", "de")) == set(KEYS)


def test_held_out_cases_are_printed_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    held_out = {case.id for case in CASES if case.half == "held-out"}
    told = "\n".join(_printed(capsys, "--rules", "--verbose"))
    assert not any(f" {each}:" in told for each in held_out)


def test_the_requests_are_what_a_model_would_be_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    requests = tmp_path / "requests.jsonl"
    assert _printed(capsys, "--write-requests", str(requests)) == []
    sent = [json.loads(line) for line in requests.read_text("utf-8").splitlines()]
    assert {each["id"] for each in sent} <= {case.id for case in CASES}
    assert len(sent) > 200
    assert [message["role"] for message in sent[0]["messages"]] == ["system", "user"]
    assert sent[0]["response_format"]["json_schema"]["schema"] == Operations.model_json_schema()


def test_answers_made_elsewhere_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common: dict[str, object] = {
        "kind": "fact",
        "happened_at": None,
        "language": "en",
        "entities": [],
        "relations": [],
        "reason": "",
    }
    right = {"action": "add", "target": None, "text": "My name is Lena Okafor", "quote": "My name is Lena Okafor"}
    invented = right | {"text": "I live in Rome", "quote": "I live in Rome"}
    answers = [
        {"id": "en-01", "answer": {"operations": [right | common, invented | common]}},
        {"id": "en-05", "answer": "no JSON"},
    ]
    recorded = tmp_path / "answers.jsonl"
    recorded.write_text("\n".join(map(json.dumps, answers)))
    told = _figures(capsys, "--answers", str(recorded), "--language", "en")
    assert (told["precision"], told["recall"], told["refused_quotes"]) == (1.0, 0.5, 1)
    assert told["prompt_tokens_per_call"] > 0


def _case(*expect: Expected, allow: tuple[Expected, ...] = (), forbid: tuple[str, ...] = ()) -> Case:
    return Case("x", "en", "fact", (Said("user", "I live in Rome"),), (), expect, allow, forbid, Person())


def _write(action: str, text: str, fact_id: str | None = None) -> Write:
    return Write(action, text, "fact", "", fact_id, None, None, "", Said("user", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "right"),
    [
        (_write("add", "Lives in ROME"), True),
        (_write("add", "Lives in Milan"), False),
        (_write("add", "Lives in Rome, not Oslo"), False),
        (_write("update", "Lives in Rome", "1"), False),
    ],
)
def test_a_write_is_right_if_it_is_expected_and_holds_nothing_forbidden(write: Write, right: bool) -> None:
    outcome = CaseResult(_case(Expected("add", ("Rome",)), forbid=("Oslo",)), [write])
    assert (outcome.right == [write]) is right
    assert bool(outcome.missed) is not right


def test_a_wrong_update_and_a_wrong_delete_are_counted_by_themselves() -> None:
    outcome = CaseResult(
        _case(), [_write("update", "Rome", "1"), _write("ask", "Rome", "1"), _write("delete", "", "1")]
    )
    told = figures([outcome])
    assert (told["wrong_updates"], told["wrong_deletes"], told["precision"], told["junk_rate"]) == (2, 1, 0.0, 1.0)


def test_a_question_counts_as_an_update() -> None:
    outcome = CaseResult(_case(Expected("update", ("Rome",), target=1)), [_write("ask", "Rome", "1")])
    assert outcome.wrong == []


def test_a_write_that_is_only_allowed_counts_neither_as_right_nor_as_wrong() -> None:
    case = _case(Expected("add", ("Rome",)), allow=(Expected("add", ("dog",)),), forbid=("Oslo",))
    outcome = CaseResult(case, [_write("add", "Lives in Rome"), _write("add", "Has a dog")])
    told = figures([outcome])
    assert (told["precision"], told["recall"], told["junk_rate"]) == (1.0, 1.0, 0.0)
    assert outcome.wrong == []
    assert [each.text for each in outcome.right] == ["Lives in Rome"]
    assert figures([CaseResult(case, [_write("add", "Has a dog")])])["recall"] == 0.0


def test_a_write_that_is_allowed_may_hold_nothing_that_is_forbidden() -> None:
    case = _case(allow=(Expected("add", ("dog",)),), forbid=("Oslo",))
    assert figures([CaseResult(case, [_write("add", "Has a dog in Oslo")])])["junk_rate"] == 1.0


def test_a_case_says_which_memories_the_turn_before_taught() -> None:
    [case] = [each for each in CASES if each.id == "en-401"]
    assert [each.just_learned for each in case.shown] == [True, False]
