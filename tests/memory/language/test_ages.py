"""A statement of an age gets the month in which it was made, so that it stays true."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memory.facts import Fact, Said
from memory.language import rules
from memory.language.ages import with_month, without_month
from memory.learn.reconcile import reconcile

MARCH = datetime(2026, 3, 18, tzinfo=UTC)

AGES = [
    ("en", "I am 34 years old", "I am 34 years old (March 2026)"),
    ("en", "I'm 34.", "I'm 34 (March 2026)."),
    ("en", "I just turned 40 and my knees hurt", "I just turned 40 and my knees hurt (March 2026)"),
    ("en", "My daughter is seven years old", "My daughter is seven years old (March 2026)"),
    ("de", "Ich bin 41 Jahre alt und habe drei Söhne", "Ich bin 41 Jahre alt und habe drei Söhne (März 2026)"),
    ("de", "Bin 29 und komme aus dem Schwarzwald", "Bin 29 und komme aus dem Schwarzwald (März 2026)"),
    ("fr", "J'ai 27 ans et je bosse dans une banque", "J'ai 27 ans et je bosse dans une banque (mars 2026)"),
    ("es", "Mi hija tiene siete años", "Mi hija tiene siete años (marzo de 2026)"),
    ("pt", "I am 34 years old", "I am 34 years old (2026-03)"),
    (None, "I am 34 years old", "I am 34 years old (2026-03)"),
]


@pytest.mark.parametrize(("language", "said", "kept"), AGES)
def test_an_age_gets_its_month(language: str | None, said: str, kept: str) -> None:
    assert with_month(said, MARCH, language) == kept
    assert without_month(kept) == said
    assert with_month(kept, MARCH, language) == kept


@pytest.mark.parametrize(
    "said",
    [
        "I was 34 in March 2026",
        "When I was 12 years old I broke my arm",
        "I want to run a marathon before I am 40 years old",
        "I am 34 in the queue",
        "I'm 10 minutes late",
        "I have 34 years of experience",
        "Tengo 5 años de experiencia",
        "J'ai 5 ans d'expérience",
        "Ich bin 5 Minuten zu spät",
        "I live in Porto",
    ],
)
def test_what_is_no_present_age_stays_as_it_was_said(said: str) -> None:
    assert with_month(said, MARCH, "en") == said


def test_an_age_that_was_said_again_is_known_already() -> None:
    known = [Fact("a", {"data": "I'm 34 years old (March 2026)"})]
    said = [Said("user", "I'm 34 years old", MARCH)]
    decided = reconcile(rules.propose(said, known), said, known)
    assert (decided.writes, decided.confirmed) == ([], ["a"])


def test_a_corrected_age_gets_the_month_of_the_correction() -> None:
    known = [Fact("a", {"data": "I'm 34 years old (March 2025)"})]
    said = [Said("user", "I'm 35 years old, not 34.", MARCH)]
    [write] = reconcile(rules.propose(said, known), said, known).writes
    assert (write.fact_id, write.text) == ("a", "I'm 35 years old, not 34 (March 2026).")
