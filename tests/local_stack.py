"""Fixtures that start the local servers, and build the app's services on them; registered in conftest.py."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st

import services
from local.stack import LocalStack
from settings import settings

__all__ = ["fresh_process", "home", "services_of", "stack"]


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """Database, auth server and embedder, up for the whole run."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-stack-") as folder,
        LocalStack(Path(folder) / "data", database_options={"fsync": "off"}) as running,
    ):
        yield running


@pytest.fixture
def home(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Services]:
    """The services of this process, built from the environment as the app builds them, without a model."""
    with services_of(stack, monkeypatch) as built:
        yield built


@contextmanager
def services_of(stack: LocalStack, environment: pytest.MonkeyPatch, **more: str) -> Iterator[services.Services]:
    """Build the services of this process for a stack, without a model unless more settings name one."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        environment.delenv(name, raising=False)
    for name, value in (stack.settings | more).items():
        environment.setenv(name, value)
    with fresh_process():
        yield services.services()


@contextmanager
def fresh_process() -> Iterator[None]:
    """Forget what the process keeps between requests, before the test and after it."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    services.close_services()
    settings.cache_clear()
    st.cache_resource.clear()  # what an auth server offered: the next test's may listen on the same port
