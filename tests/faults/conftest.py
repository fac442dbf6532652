"""What the tests of faults share: a server of their own to break, and the app as Streamlit runs it on top of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import services
from local.stack import LocalStack
from memory.embedded.postgres import Postgres
from memory.errors import DatabaseError
from tests.chat.conftest import until
from tests.local_stack import services_of
from tests.model_answers import PATIENCE
from tests.pages.conftest import OpenApp, as_read, auth_client, open_app, user_of
from tests.replicas import FOLLOWED

__all__ = [
    "ADDRESSES",
    "BEES",
    "NOTED",
    "PORTO",
    "Visit",
    "Visitor",
    "ann",
    "auth_client",
    "gives_back",
    "goes_on",
    "home",
    "open_app",
    "server",
    "visit",
]

ADDRESSES = ("chat", "memories", "health-report", "settings", "account")
BEES, PORTO = "I keep bees in Utrecht.", "I live in Porto by the river."
NOTED = ["Noted: you keep bees in Utrecht.", "Noted: you live in Porto by the river."]


@pytest.fixture(scope="package")
def server() -> Iterator[Postgres]:
    """A server that may be killed: no other test uses it."""
    options = FOLLOWED | {"autovacuum": "off", "max_connections": "24"}
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-faults-") as folder,
        Postgres(Path(folder), options=options) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def as_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run begins with app.py, as on a server; `AppTest` alone would run the files in pages/ by themselves."""
    make = PagesManager.__init__

    def without_pages_directory(self: PagesManager, *arguments: Any, **options: Any) -> None:
        PagesManager.uses_pages_directory = False
        make(self, *arguments, **options)

    monkeypatch.setattr(PagesManager, "__init__", without_pages_directory)


@pytest.fixture
def database_settings(server: Postgres) -> dict[str, str]:
    """Where the app finds its database."""
    return {"DATABASE_URL": server.app_url, "DATABASE_ADMIN_URL": server.admin_url}


@pytest.fixture
def more_settings() -> dict[str, str]:
    """What a module's app is set up with beside a database: by default nothing, so there is no model."""
    return {}


@pytest.fixture
def home(
    stack: LocalStack,
    database_settings: dict[str, str],
    more_settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[services.Services]:
    """The services of this process with that server as their database."""
    with services_of(stack, monkeypatch, **database_settings, **more_settings) as built:
        # The reply that tells what was learned waits for the worker, however busy the machine is.
        object.__setattr__(built.chat, "noting_seconds", PATIENCE)
        yield built


class Visitor:
    """A person in front of the app. Whatever they do, no page may end in a bug."""

    def __init__(self, app: AppTest, home: services.Services) -> None:
        self.app = app
        self.user_id = user_of(app)
        self._home = home
        self.opens("chat")

    def opens(self, address: str) -> None:
        """Open the page at this address."""
        self.app._page_hash = calc_hash(address)
        self.reloads()

    def reloads(self) -> None:
        """Have the page drawn again."""
        self._no_bug(self.app.run())

    def says(self, words: str) -> None:
        """Send a message, and read what comes."""
        self._no_bug(self.app.chat_input[0].set_value(words).run())

    def presses(self, label: str) -> None:
        """Press the button with this label."""
        self._no_bug(next(each for each in self.app.button if each.label == label).click().run())

    @property
    def seen(self) -> str:
        """The words on the page."""
        drawn = [*self.app.title, *self.app.markdown, *self.app.caption, *self.app.error, *self.app.warning]
        return "\n".join(as_read(each.value) for each in drawn)

    @property
    def box(self) -> object:
        """What stands in the box to write in; None where there is none."""
        return self.app.chat_input[0].value if self.app.chat_input else None

    @property
    def messages(self) -> list[tuple[str, str]]:
        """The messages of the person's only chat, each with its status, as they are stored."""
        [chat] = self._home.chats.recent(self.user_id)
        return [(each.content, each.status) for each in self._home.conversations.messages(self.user_id, chat.id)]

    @property
    def statuses(self) -> list[str]:
        """The statuses of those messages."""
        return [status for _, status in self.messages]

    @property
    def memories(self) -> list[str]:
        """What is remembered about the person."""
        return sorted(each["memory"] for each in self._home.memory.get_all(user_id=self.user_id)["results"])

    @property
    def waiting(self) -> int:
        """How many of the person's turns wait to be remembered."""
        return self._home.conversations.queue.waiting(self.user_id)

    @staticmethod
    def _no_bug(app: AppTest) -> None:
        assert not app.exception, [each.value for each in app.exception]


Visit = Callable[[], Visitor]


@pytest.fixture
def visit(open_app: OpenApp, home: services.Services) -> Visit:
    """Somebody new, who is signed in and has the chat page open."""
    return lambda: Visitor(open_app(), home)


@pytest.fixture
def ann(visit: Visit) -> Visitor:
    """A person with a chat of one turn and the memory of it."""
    person = visit()
    person.says(BEES)
    until(lambda: person.memories == [BEES])
    return person


def gives_back(
    person: Visitor,
    home: services.Services,
    fault: AbstractContextManager[object],
    sentence: str,
    raised: str,
    still_reads: bool = False,
) -> None:
    """A message that cannot be saved is given back with a sentence, every page says it, and nothing is lost."""
    with fault:
        person.says(PORTO)
        assert sentence in person.seen
        given_back = person.box
        for address in ADDRESSES:
            person.opens(address)
            assert still_reads or sentence in person.seen
        with pytest.raises(DatabaseError, match=raised):
            home.memory.add(PORTO, user_id=person.user_id, infer=False)
    person.opens("chat")
    assert (given_back or person.box) == PORTO
    assert person.messages == [(BEES, "complete"), (NOTED[0], "complete")]
    assert person.memories == [BEES]
    goes_on(person)


def goes_on(person: Visitor) -> None:
    """The next message is saved once, answered and remembered."""
    person.says(PORTO)
    assert person.messages == [(each, "complete") for each in (BEES, NOTED[0], PORTO, NOTED[1])]
    assert NOTED[1] in person.seen
    until(lambda: person.memories == [BEES, PORTO])
    until(lambda: person.waiting == 0)
