"""The pages of an app that reads on a replica."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
from local.stack import LocalStack
from memory.telemetry.figures import READS
from tests.local_stack import services_of
from tests.pages.conftest import OpenApp, user_of, words
from tests.replicas import FOLLOWED, replica_of


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Services]:
    """The services of this process, on servers of their own, whose database has a replica."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-stack-") as folder,
        LocalStack(Path(folder) / "data", database_options=FOLLOWED) as stack,
        replica_of(stack.postgres) as replica,
        services_of(stack, monkeypatch, DATABASE_READ_URL=replica.url) as built,
    ):
        yield built


def test_what_is_said_stands_on_each_page_at_once_and_the_replica_does_the_reading(
    home: services.Services, open_app: OpenApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = open_app("pages/chat.py")
    for said in ("live in Porto by the river", "work as a baker", "am allergic to nuts"):
        app.chat_input[0].set_value(f"I {said}").run()
        assert f"I {said}" in words(app)
        assert "Noted: you" in words(app)
    pages = {
        "pages/memories.py": "allergic to nuts",
        "pages/health.py": "",
        "pages/settings.py": "",
        "pages/account.py": "",
        "pages/chat.py": "Noted: you live in Porto",
    }
    for page, seen in pages.items():
        app.switch_page(page).run()
        assert not app.exception
        assert seen in words(app)
    assert len(home.memory.get_all(user_id=user_of(app))["results"]) == 3
    assert READS.of(server="replica") > READS.of(server="primary")
    assert "DATABASE_READ_URL" not in caplog.text
