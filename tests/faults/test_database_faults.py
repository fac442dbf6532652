"""The database goes wrong in front of a person: what the page says, and that every word and memory is there afterwards.

Each fault is one of a real server (servers.py).
"""

from __future__ import annotations

import pytest

from memory.embedded.postgres import Postgres
from memory.errors import DatabaseError
from services import Services
from tests.chat.conftest import until
from tests.faults.conftest import ADDRESSES, Visit, Visitor
from tests.faults.servers import FAULTS, restarted

BEES, PORTO = "I keep bees in Utrecht.", "I live in Porto by the river."
NOTED = ["Noted: you keep bees in Utrecht.", "Noted: you live in Porto by the river."]
SENTENCES = {
    "killed": "The database cannot be reached at the moment. Try again in a few minutes.",
    "shutting down": "The database is being started or stopped: try again in a moment.",
    "out of connections": "The database has no free connection left: try again in a moment.",
    "full": "The database's disk is full, so this was not saved. It works again once whoever runs it has made room.",
    "read-only": "The database takes no changes at the moment, so this was not saved. Try again in a few minutes.",
}
# What is raised to a program, whose log whoever runs it reads.
RAISED = SENTENCES | {"killed": "Nothing answers at the database address"}
STILL_READS = ("full", "read-only")


@pytest.fixture
def ann(visit: Visit) -> Visitor:
    """A person with a chat of one turn and the memory of it."""
    person = visit()
    person.says(BEES)
    until(lambda: person.memories == [BEES])
    return person


@pytest.mark.parametrize("fault", FAULTS)
def test_a_message_that_cannot_be_saved_is_given_back_with_a_sentence_and_every_page_says_what_is_wrong(
    fault: str, ann: Visitor, home: Services, server: Postgres
) -> None:
    with FAULTS[fault](server):
        ann.says(PORTO)
        assert SENTENCES[fault] in ann.seen
        given_back = ann.box
        for address in ADDRESSES:
            ann.opens(address)
            assert fault in STILL_READS or SENTENCES[fault] in ann.seen
        with pytest.raises(DatabaseError, match=RAISED[fault][:30]):
            home.memory.add(PORTO, user_id=ann.user_id, infer=False)
    ann.opens("chat")
    assert (given_back or ann.box) == PORTO
    assert ann.messages == [(BEES, "complete"), (NOTED[0], "complete")]
    assert ann.memories == [BEES]
    _goes_on(ann)


def test_a_restart_between_two_messages_is_not_noticed(ann: Visitor, server: Postgres) -> None:
    with restarted(server):
        _goes_on(ann)


def _goes_on(person: Visitor) -> None:
    """The next message is saved once, answered and remembered."""
    person.says(PORTO)
    said, noted = (BEES, PORTO), NOTED
    assert person.messages == [(each, "complete") for each in (said[0], noted[0], said[1], noted[1])]
    assert noted[1] in person.seen
    until(lambda: person.memories == [*said])
    until(lambda: person.waiting == 0)
