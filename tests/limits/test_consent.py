"""Consent: each person gives their own, once; and the providers that the settings name."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import NotInvited
from limits.consent import VERSION, Consents, Providers, providers
from memory.database import Database
from settings import Settings
from tests.limits.conftest import Limiting, invitations


def test_consent_counts_for_one_person_and_lasts(limiting: Limiting, database: Database) -> None:
    limits = limiting()
    assert not limits.agreed("alice", "alice@example.com")
    limits.consents.record_consent("alice")
    limits.consents.record_consent("alice")
    assert limiting().agreed("alice", "alice@example.com")
    assert not limits.agreed("bob", "bob@example.com")


def test_a_new_version_of_the_text_asks_for_consent_again(database: Database) -> None:
    consents = Consents(database)
    consents.record_consent("alice")
    consents = Consents(database, version=VERSION + 1)
    assert not consents.has_agreed("alice")
    consents.record_consent("alice")
    assert consents.has_agreed("alice")


def test_an_account_made_without_the_app_is_not_admitted(limiting: Limiting) -> None:
    with pytest.raises(NotInvited, match="has no invitation"):
        limiting(admission="invitation").agreed("eve", "eve@example.com")
    with pytest.raises(NotInvited, match="not on the list"):
        limiting(admission="list", admitted="@example.org").agreed("eve", "eve@example.com")


def test_accounts_older_than_invitations_stay_and_those_off_the_list_do_not(limiting: Limiting) -> None:
    limiting().consents.record_consent("dave")
    assert limiting(admission="invitation").agreed("dave", "dave@example.com")
    with pytest.raises(NotInvited):
        limiting(admission="list", admitted="ana@example.com").agreed("dave", "dave@example.com")


def test_a_new_version_of_the_text_locks_nobody_out_who_was_let_in_before(
    limiting: Limiting, database: Database
) -> None:
    Consents(database, version=VERSION - 1).record_consent("dave")  # before invitations were required
    limits = limiting(admission="invitation")
    assert not limits.agreed("dave", "dave@example.com")  # he is asked again
    limits.agree("dave", "dave@example.com")
    assert limits.agreed("dave", "dave@example.com")


def test_a_changed_address_locks_nobody_out_when_the_text_changes(limiting: Limiting, database: Database) -> None:
    limits, [code] = limiting(admission="invitation"), invitations(database)
    limits.may_sign_up("dave@example.com", code)
    limits.consents = Consents(database, version=VERSION - 1)
    assert not limits.agreed("dave", "dave@example.com")
    limits.agree("dave", "dave@example.com")
    assert not limiting(admission="invitation").agreed("dave", "dave@example.org")


@pytest.mark.parametrize(
    ("wanted", "seen_by"),
    [
        ({}, Providers(None, None, False)),
        ({"openai_api_key": "sk-1"}, Providers("OpenAI", "OpenAI", True)),
        ({"openai_api_key": "sk-1", "embed_base_url": "http://127.0.0.1:1/v1"}, Providers("OpenAI", None, True)),
        ({"openai_base_url": "http://localhost:11434/v1"}, Providers(None, None, True)),
        (
            {"openai_base_url": "https://models.example/v1", "embed_base_url": "https://vectors.example"},
            Providers("models.example", "vectors.example", True),
        ),
        ({"openai_base_url": "http://[::1]:11434/v1"}, Providers(None, None, True)),
    ],
)
def test_the_named_providers_are_those_that_get_requests(wanted: dict[str, Any], seen_by: Providers) -> None:
    assert providers(Settings(**wanted)) == seen_by
