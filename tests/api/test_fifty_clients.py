"""Fifty clients at once: every request is answered, and nobody is told anything of anybody else."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

import services
from benchmarks.api import Client, all_at_once

Joins = Callable[[], Client]


@pytest.fixture
def joins(home: services.Services) -> Joins:
    """Makes people who agreed, with a key."""

    def join() -> Client:
        person = str(uuid4())
        home.limits.consents.record_consent(person)
        key = home.keys.make(person, "crowd", address="kim@example.com", can_write=True, days=1).key
        return Client(person, key, f"word-{person[:8]}")

    return join


def test_fifty_clients_at_once_are_all_answered_and_nobody_is_mixed_up(host: str, joins: Joins) -> None:
    tally = all_at_once(host, [joins() for _ in range(50)], rounds=1)
    assert dict(tally.errors) == {}
    assert len(tally.times) == 50 * 5


def test_a_mix_up_would_be_noticed(host: str, joins: Joins) -> None:
    """The same client with somebody else's key: what is asserted above can fail."""
    kim, other = joins(), joins()
    all_at_once(host, [kim], rounds=1)
    mixed = all_at_once(host, [Client(kim.person, kim.key, other.word)], rounds=1)
    assert any("of another person" in each for each in mixed.errors)
