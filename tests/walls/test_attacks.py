"""One person against another, through every method there is; and nothing gets through.

Each attack runs as the app's own role and again as a role that row-level security does not bind, since an app
may be started with one: then what `as_user` does is all there is.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import text

from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import AppError
from tests.databases import Databases
from tests.walls.attacks import ATTACKS, HARMLESS, Attack
from tests.walls.attacks_index import attach_resting
from tests.walls.watch import Watched, watching
from tests.walls.world import ALICE, MALLORY, SECRET, World, rows_of

Rows = Callable[[], dict[str, list[str]]]
ROOMS = ("memory", "chat", "limits", "auth", "services")
# A person's own terminal has no second user; settings of the library hold connections, not rows.
NOT_STORES = {"chat.__main__", "memory.connect"}
EACH = [
    pytest.param(name, attack, id=f"{name}-{number}")
    for name, several in ATTACKS.items()
    for number, attack in enumerate(several, 1)
]


@pytest.fixture(scope="module", params=["the app's role", "a role that bypasses"])
def world(request: pytest.FixtureRequest, databases: Databases, embedder: BundledEmbedder) -> Iterator[World]:
    """Alice and Mallory, settled in."""
    with databases.migrated() as fresh:
        bypassing = request.param != "the app's role"
        with closing(Database(fresh.admin_url if bypassing else fresh.url, fresh.admin_url)) as database:
            made = World(database, embedder)
            made.settle_in(ALICE, SECRET)
            made.settle_in(MALLORY, "coffee")
            attach_resting(made)
            yield made


@pytest.fixture
def watched(world: World) -> Iterator[Watched]:
    with watching(world.database.engine) as seen:
        yield seen


@pytest.fixture(scope="module")
def all_of_alice(world: World) -> Iterator[Rows]:
    """Reads everything of Alice's from outside, over one connection."""
    with closing(Database(world.database.admin_url)) as admin:

        def read() -> dict[str, list[str]]:
            with admin.engine.begin() as connection:
                return rows_of(connection, ALICE)

        yield read


def test_the_victim_has_something_to_lose_in_every_table(all_of_alice: Rows) -> None:
    rows = all_of_alice()
    assert {name for name, kept in rows.items() if not kept} == set()
    assert {"app.messages", "app.memory_history", "app.relations", "vecs.memories", "app.counts"} <= rows.keys()


@pytest.mark.parametrize(("name", "attack"), EACH)
def test_nothing_gets_through(world: World, watched: Watched, all_of_alice: Rows, name: str, attack: Attack) -> None:
    before = all_of_alice()
    try:
        taken = _told(attack(world))
    except (AppError, sqlalchemy_errors.DBAPIError) as refused:
        taken = str(refused)
    assert SECRET.lower() not in taken.lower()
    assert all_of_alice() == before
    assert watched.wrong == []


def _told(value: Any) -> str:
    return repr(value if isinstance(value, str | None) else [value, getattr(value, "__dict__", None)])


def test_each_of_them_would_have_been_noticed(world: World) -> None:
    """The same walk as Alice herself finds the secret: what is asserted above can fail."""
    assert SECRET in repr(world.memory.search(SECRET, user_id=ALICE))
    assert SECRET in repr(world.memory.changes(user_id=ALICE))
    assert SECRET in repr(world.graph.entities(ALICE))
    assert SECRET in repr(world.conversations.messages(ALICE, world.known["asked"].conversation_id))


def test_every_method_that_could_reach_a_persons_rows_is_attacked() -> None:
    listed = {name for name in ATTACKS if not name.startswith(("turn.", "reply."))} | HARMLESS
    assert _methods() - listed == set(), "add a line for each to tests/walls/attacks.py"
    assert listed - _methods() == set(), "has been deleted"


def test_the_functions_of_a_turn_are_attacked() -> None:
    from chat import reply, turn

    functions = {f"turn.{name}" for name in turn.__all__ if inspect.isfunction(getattr(turn, name))}
    functions |= {f"reply.{name}" for name in reply.__all__ if inspect.isfunction(getattr(reply, name))}
    assert functions <= ATTACKS.keys()


def _methods() -> set[str]:
    """Every public method of every class that is given the database, or something that was."""
    classes = {each for room in ROOMS for module in _modules(room) for each in _classes(module)}
    reaching, known = set[type](), {"Database"}
    while more := {each for each in classes - reaching if known & _asked_for(each)}:
        reaching |= more
        known |= {each.__name__ for each in more}
    return {
        f"{each.__name__}.{name}" if method is inspect.unwrap(method) else inspect.unwrap(method).__qualname__
        for each in reaching
        for name, method in vars(each).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }


def _modules(room: str) -> Iterator[Any]:
    package = importlib.import_module(room)
    yield package
    for each in pkgutil.walk_packages(getattr(package, "__path__", []), f"{room}."):
        if each.name not in NOT_STORES and not each.name.endswith("__main__"):
            yield importlib.import_module(each.name)


def _classes(module: Any) -> Iterator[type]:
    for each in vars(module).values():
        if inspect.isclass(each) and each.__module__ == module.__name__ and not each.__name__.startswith("_"):
            yield each


def _asked_for(made: type) -> set[str]:
    """The names of types in a constructor."""
    made_by = vars(made).get("__init__")
    annotations = made_by.__annotations__ if inspect.isfunction(made_by) else {}
    return {word for each in annotations.values() for word in str(each).replace("|", " ").split()}


def test_a_statement_past_the_binding_is_noticed(databases: Databases, embedder: BundledEmbedder) -> None:
    """The watch itself: as a role that bypasses, a stray query works, and only the watch tells."""
    with databases.migrated() as fresh, closing(Database(fresh.admin_url)) as bypassing:
        with watching(bypassing.engine) as seen, bypassing.engine.connect() as connection:
            connection.execute(text("select count(*) from app.messages"))
            connection.execute(text("select dimension from app.collections"))
        assert len(seen.wrong) == 1
        assert "app.messages" in seen.wrong[0]
        with watching(bypassing.engine) as seen, bypassing.as_worker() as connection:
            connection.execute(text("select * from app.claim_turn()"))
        assert (seen.wrong, seen.touching) == ([], 0)


def test_a_walk_through_all_of_it_touches_users_tables_as_users_only(world: World, watched: Watched) -> None:
    for several in ATTACKS.values():
        for attack in several:
            try:
                attack(world)
            except (AppError, sqlalchemy_errors.DBAPIError):
                continue
    assert watched.touching > 200
    assert watched.wrong == []


def test_the_page_on_security_counts_them_as_they_are() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "security.md").read_text("utf-8")
    assert f"{sum(map(len, ATTACKS.values()))} attempts through {len(ATTACKS)} methods" in page
