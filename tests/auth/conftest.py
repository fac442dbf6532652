"""Auth servers and clients for these tests: a scripted one for each, the real one where its own words count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count

import pytest

from auth import tokens
from auth.client import AuthClient
from auth.session import Sessions
from memory.database import Database
from tests.gotrue import KEY, GoTrue

PASSWORD = "correct horse battery"


@pytest.fixture
def gotrue() -> Iterator[GoTrue]:
    """An auth server that signs as Supabase's does."""
    tokens.tokens_of.cache_clear()
    with GoTrue() as server:
        yield server


@pytest.fixture
def at(gotrue: GoTrue) -> Iterator[Callable[[], AuthClient]]:
    """A client of it for each browser."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(AuthClient(gotrue.url, KEY)))


@pytest.fixture
def visitor(at: Callable[[], AuthClient]) -> AuthClient:
    """One browser's client."""
    return at()


@pytest.fixture
def addresses() -> Iterator[str]:
    """Addresses that nobody has yet."""
    return (f"person-{number}@example.com" for number in count(1))


@pytest.fixture
def kept(database: Database) -> Sessions:
    """Everybody's sessions, in a database of this test's own."""
    return Sessions(database)
