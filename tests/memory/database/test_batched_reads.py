"""Batched reads: each reading gives the same result as alone, whatever the others are."""

from __future__ import annotations

from datetime import datetime

import pytest

from chat.chats import Chats, deleted_reading, list_reading, search_reading
from chat.conversations import Conversations
from memory.database import Database, Reading
from memory.errors import InvalidInput
from memory.learn.questions import open_questions


def _rows(sql: str, *times: str, **values: object) -> Reading[list[dict[str, object]]]:
    return Reading(sql, lambda rows: [dict(row) for row in rows], values, times)


def test_each_reading_gives_the_same_as_when_it_is_run_alone(database: Database) -> None:
    conversations, chats = Conversations(database), Chats(database)
    gone = conversations.say("ann", None, "“Gone”: 100 % of it, \\ and 'all'\n\u2028\U0001f41d")
    conversations.say("ann", None, "Kept and umbrella")
    chats.delete("ann", gone.conversation_id)
    readings = (
        list_reading(),
        list_reading(1, archived=True),
        deleted_reading(),
        search_reading("umbrella"),
        open_questions(),
    )
    together = database.read_together("ann", *readings)
    assert together == [database.read("ann", each) for each in readings]
    assert [each.title for each in together[2]] == ["“Gone”: 100 % of it, \\ and 'all' \U0001f41d"]
    assert isinstance(together[0].chats[0].updated_at, datetime)


def test_values_keep_their_types(database: Database) -> None:
    sql = "select now() as at, 5::bigint as many, null as none, '{\"a\": [1]}'::jsonb as told, true as yes, %(x)s as x"
    reading = _rows(sql, "at", x="a\\b\"c'%s")
    [[row], again] = database.read_together("ann", reading, reading)
    assert isinstance(row.pop("at"), datetime)
    assert row == {"many": 5, "none": None, "told": {"a": [1]}, "yes": True, "x": "a\\b\"c'%s"}
    assert len(again) == 1


def test_values_of_the_same_name_are_kept_apart(database: Database) -> None:
    readings = [_rows("select %(n)s::int as n, %(n)s::int + 1 as more", n=number) for number in range(12)]
    assert database.read_together("ann", *readings) == [[{"n": n, "more": n + 1}] for n in range(12)]


def test_rows_keep_their_order_and_none_is_none(database: Database) -> None:
    many = _rows("select n from generate_series(1, 500) n order by n desc")
    none = _rows("select 1 as n where false")
    assert database.read_together("ann", many, none) == [[{"n": n} for n in range(500, 0, -1)], []]


def test_a_user_reads_only_their_own_rows(database: Database) -> None:
    Conversations(database).say("ann", None, "Mine")
    [listing, found] = database.read_together("bob", list_reading(), search_reading("mine"))
    assert (listing.chats, found) == ([], [])
    with pytest.raises(InvalidInput):
        database.read_together("", list_reading())
