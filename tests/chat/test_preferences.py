"""Preferences are saved as they were set, or refused with a sentence and left unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.preferences import KEPT_DAYS, LANGUAGES, MINE, TONES, Preferences, PreferenceStore
from memory.database import Database
from memory.errors import InvalidInput
from tests.chat.conftest import Sql

CHOSEN = Preferences("large", "brief", "Call me Ann.\nUse metric units.", "de", False, False, 30)


@pytest.fixture
def preferences(database: Database) -> PreferenceStore:
    return PreferenceStore(database)


def test_a_person_who_has_set_nothing_has_the_defaults(preferences: PreferenceStore) -> None:
    assert preferences.get("ann") == Preferences()
    assert Preferences() == Preferences(None, "as it is", "", MINE, True, True, None)


def test_preferences_are_saved_for_one_person_and_nobody_else(preferences: PreferenceStore) -> None:
    preferences.set("ann", CHOSEN)
    preferences.set("bob", Preferences(tone="playful"))
    assert preferences.get("ann") == CHOSEN
    assert preferences.get("bob") == Preferences(tone="playful")
    preferences.set("ann", Preferences())
    assert preferences.get("ann") == Preferences()


def test_everything_on_the_lists_can_be_set(preferences: PreferenceStore) -> None:
    for tone in TONES:
        preferences.set("ann", Preferences(tone=tone))
    for language in (MINE, *LANGUAGES):
        preferences.set("ann", Preferences(language=language))
    for days in KEPT_DAYS:
        preferences.set("ann", Preferences(keep_days=days))
    assert preferences.get("ann") == Preferences(keep_days=KEPT_DAYS[-1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"tone": "rude"},
        {"tone": None},
        {"tone": ["brief"]},
        {"language": "klingon"},
        {"language": {}},
        {"keep_days": 0},
        {"keep_days": True},
        {"keep_days": -30},
        {"keep_days": "30"},
        {"keep_days": 10**12},
        {"reads_memory": "no"},
        {"writes_memory": None},
        {"model": ""},
        {"model": "x" * 201},
        {"model": "a\x00b"},
        {"model": "\ud800"},
        {"model": 5},
        {"instructions": "x" * 2_001},
        {"instructions": None},
        {"instructions": b"bytes"},
    ],
    ids=lambda wrong: repr(wrong)[:40],
)
def test_an_invalid_preference_is_refused_and_the_old_one_stays(
    preferences: PreferenceStore, wrong: dict[str, Any]
) -> None:
    preferences.set("ann", CHOSEN)
    with pytest.raises(InvalidInput) as refused:
        preferences.set("ann", replace(CHOSEN, **wrong))
    assert len(str(refused.value)) < 200
    assert preferences.get("ann") == CHOSEN


@pytest.mark.parametrize("odd", ["a\x00b", "lone \ud800 surrogate", "שלום ‮right to left", "👩‍👩‍👧", "'; drop table"])
def test_odd_letters_in_instructions_are_kept_as_far_as_a_database_can(preferences: PreferenceStore, odd: str) -> None:
    preferences.set("ann", Preferences(instructions=odd))
    kept = preferences.get("ann").instructions
    assert kept == odd.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def test_a_tone_that_another_version_had_counts_as_none(preferences: PreferenceStore, sql: Sql) -> None:
    preferences.set("ann", CHOSEN)
    sql("update app.preferences set tone = 'regal', language = 'la', keep_days = 60")
    assert preferences.get("ann") == replace(CHOSEN, tone="as it is", language=MINE, keep_days=60)


def test_two_thousand_letters_fit_also_where_each_takes_four_bytes(preferences: PreferenceStore) -> None:
    preferences.set("ann", Preferences(instructions="𝄞" * 2_000))
    assert preferences.get("ann").instructions == "𝄞" * 2_000
