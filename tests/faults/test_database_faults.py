"""The database goes wrong in front of a person: what the page says, and that every word and memory is there afterwards.

Each fault is one of a real server (servers.py).
"""

from __future__ import annotations

import pytest

from memory.embedded.postgres import Postgres
from services import Services
from tests.faults.conftest import Visitor, gives_back, goes_on
from tests.faults.servers import FAULTS, RAISED, SENTENCES, restarted

STILL_READS = ("full", "read-only")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_message_that_cannot_be_saved_is_given_back_with_a_sentence_and_every_page_says_what_is_wrong(
    fault: str, ann: Visitor, home: Services, server: Postgres
) -> None:
    gives_back(ann, home, FAULTS[fault](server), SENTENCES[fault], RAISED[fault][:30], fault in STILL_READS)


def test_a_restart_between_two_messages_is_not_noticed(ann: Visitor, server: Postgres) -> None:
    with restarted(server):
        goes_on(ann)
