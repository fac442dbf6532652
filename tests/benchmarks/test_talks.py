"""The chats that recall is measured on: each question has its evidence, and other words than it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from memory.plain_text import comparable

FILE = Path(__file__).parents[2] / "benchmarks" / "talks.json"
Talk = dict[str, Any]
TALKS: list[Talk] = json.loads(FILE.read_text())
EMPTY = set(
    "about after and are been came could did does find first for from get got had has have her his how into later "
    "long much not old one out over she take than that the their they this was what when where which who whom whose "
    "why will with".split()
)
every_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk["sample_id"])


def _said(talk: Talk) -> dict[str, dict[str, str]]:
    sessions = [each for name, each in talk["conversation"].items() if re.fullmatch(r"session_\d+", name)]
    return {message["dia_id"]: message for session in sessions for message in session}


def _when(talk: Talk, dia_id: str) -> str:
    return str(talk["conversation"][f"session_{dia_id[1:].partition(':')[0]}_date_time"])


def _weighty(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[^\W\d_]{3,}", comparable(text)) if word not in EMPTY}


def test_the_file_stays_small() -> None:
    assert FILE.stat().st_size < 600_000
    assert len(TALKS) == 3


@every_talk
def test_a_talk_is_long_and_runs_over_several_days(talk: Talk) -> None:
    said = list(_said(talk).values())
    assert 150 <= len(said) <= 250
    assert len({message["text"] for message in said}) == len(said)
    days = [text for name, text in talk["conversation"].items() if name.endswith("_date_time")]
    moments = [datetime.strptime(day, "%I:%M %p on %d %B, %Y") for day in days]
    assert len(moments) >= 6
    assert moments == sorted(set(moments))


@every_talk
def test_answers_of_the_assistant_are_wordy_and_the_person_is_brief(talk: Talk) -> None:
    person = talk["conversation"]["speaker_a"]
    for message in _said(talk).values():
        words = len(message["text"].split())
        assert words <= 30 if message["speaker"] == person else 80 <= words <= 200, message["dia_id"]


@every_talk
def test_every_answer_occurs_in_its_evidence(talk: Talk) -> None:
    said = _said(talk)
    assert len(talk["qa"]) >= 40
    for asked in talk["qa"]:
        assert asked["evidence"], asked["question"]
        known = " ".join(said[each]["text"] for each in asked["evidence"])
        if asked["category"] == 2:  # when something was said
            known = _when(talk, asked["evidence"][0])
        for part in asked["answer"].split("; "):
            assert comparable(part) in comparable(known), asked["question"]


@every_talk
def test_a_question_uses_other_words_than_its_evidence(talk: Talk) -> None:
    said = _said(talk)
    shared = []
    for asked in talk["qa"]:
        evidence = _weighty(" ".join(said[each]["text"] for each in asked["evidence"]))
        shared.append(len(_weighty(asked["question"]) & evidence) / len(_weighty(asked["question"])))
    assert sum(shared) / len(shared) < 0.1
    assert max(shared) <= 0.5


@every_talk
def test_each_question_is_asked_once(talk: Talk) -> None:
    questions = [comparable(asked["question"]) for asked in talk["qa"]]
    assert len(set(questions)) == len(questions)
