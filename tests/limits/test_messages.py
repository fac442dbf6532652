"""Limits on messages, files and memories of a person, with a sentence that says when to try again."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from auth.errors import TooManyAttempts
from chat.attachments import File, open_files
from limits import Limits
from limits.spending import Counts, when_again
from memory import Memory
from memory.database import Database
from memory.errors import AppError, InvalidInput, LimitReached
from tests.limits.conftest import Limiting, later, let_through
from tests.model_answers import PATIENCE


def _passed(limits: Limits, user_id: str, times: int) -> int:
    return let_through(lambda: limits.may_say(user_id, "hello"), LimitReached, times)


def _upload(limits: Limits, user_id: str) -> None:
    with limits.uploading(user_id):
        pass


def test_each_person_may_send_so_many_messages_a_minute(limiting: Limiting) -> None:
    limits = limiting(messages_per_minute=3)
    assert (_passed(limits, "alice", 5), _passed(limits, "bob", 2)) == (3, 2)


def test_a_minute_later_there_are_messages_again_until_the_day_is_used_up(
    limiting: Limiting, database: Database
) -> None:
    limits = limiting(messages_per_minute=3, messages_per_day=5)
    assert _passed(limits, "alice", 5) == 3
    later(database, "app.counts", 61)
    assert _passed(limits, "alice", 5) == 2
    later(database, "app.counts", 86_400)
    assert _passed(limits, "alice", 5) == 3


def test_where_the_databases_clock_was_set_back_a_limit_does_not_last_longer_by_as_much(
    limiting: Limiting, database: Database
) -> None:
    limits = limiting(messages_per_minute=3, sign_in_attempts=1)
    assert _passed(limits, "alice", 5) == 3
    limits.may_try_sign_in("kim@example.com", "198.51.100.7")
    later(database, "app.counts", -3_600)
    later(database, "app_shared.counts", -86_400)
    assert _passed(limits, "alice", 5) == 3
    limits.may_try_sign_in("kim@example.com", "198.51.100.7")
    with pytest.raises(TooManyAttempts):
        limits.may_try_sign_in("kim@example.com", "198.51.100.7")


def test_a_refusal_names_the_limit_and_when_to_try_again(limiting: Limiting) -> None:
    limits = limiting(messages_per_day=1)
    limits.may_say("alice", "hello")
    with pytest.raises(LimitReached, match=r"limit of 1 message a day\. Try again in 24 hours") as reached:
        limits.may_say("alice", "hello")
    assert 86_000 < (reached.value.retry_after or 0) <= 86_400


def test_a_message_that_is_too_long_is_refused_and_not_counted(limiting: Limiting) -> None:
    limits = limiting(message_characters=10, messages_per_day=1)
    with pytest.raises(InvalidInput, match=r"11 characters\. The limit is 10"):
        limits.may_say("alice", "x" * 11)
    limits.may_say("alice", "x" * 10)


def test_files_are_counted_by_the_day(limiting: Limiting) -> None:
    limits = limiting(uploads_per_day=1)
    _upload(limits, "alice")
    _upload(limits, "bob")
    with pytest.raises(LimitReached, match="limit of 1 file a day"):
        _upload(limits, "alice")


def test_files_that_are_refused_are_not_counted(limiting: Limiting) -> None:
    limits = limiting(uploads_per_day=2)
    with pytest.raises(InvalidInput), limits.uploading("alice", 2):
        raise InvalidInput("This is no file.")
    with limits.uploading("alice", 2):
        pass
    with pytest.raises(LimitReached):
        _upload(limits, "alice")


BROKEN_PICTURE = File("cake.png", b"\x89PNG\r\n\x1a\n and nothing else")


def test_a_broken_file_counts_because_it_was_opened_in_the_sandbox(limiting: Limiting) -> None:
    limits = limiting(uploads_per_day=2)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="is damaged"), limits.uploading("alice"):
            open_files([BROKEN_PICTURE])
    with pytest.raises(LimitReached):
        _upload(limits, "alice")


def test_of_several_files_only_those_that_were_opened_count(limiting: Limiting) -> None:
    limits = limiting(uploads_per_day=3)
    with pytest.raises(InvalidInput), limits.uploading("alice", 3):
        open_files([File("a.txt", b"x"), BROKEN_PICTURE, File("b.txt", b"x")])
    _upload(limits, "alice")
    _upload(limits, "alice")
    with pytest.raises(LimitReached):
        _upload(limits, "alice")


def test_files_may_take_so_many_megabytes(limiting: Limiting) -> None:
    limits = limiting(megabytes_per_person=2)
    limits.may_store(1_000_000, 1_000_000)
    limits.may_store(3_000_000, 0)  # the limit was lowered, and nothing is added
    with pytest.raises(LimitReached, match=r"1\.0 of 2 MB are used"):
        limits.may_store(1_000_001, 1_000_000)
    limiting(megabytes_per_person=0).may_store(10**12, 10**12)


def test_a_limit_of_zero_is_no_limit(limiting: Limiting) -> None:
    limits = limiting(messages_per_minute=0, messages_per_day=0, memories_per_person=0, uploads_per_day=0)
    assert _passed(limits, "alice", 50) == 50
    assert limits.memories_left("alice") is None
    for _ in range(60):
        _upload(limits, "alice")


def test_memories_left_are_those_of_this_person(limiting: Limiting, memory: Memory) -> None:
    for number in range(3):
        memory.add(f"I own house number {number}", user_id="alice", infer=False)
    limits = limiting(memories_per_person=2)
    assert (limits.memories_left("alice"), limits.memories_left("bob")) == (0, 2)


def test_fifty_messages_at_once_over_two_instances_are_all_counted(limiting: Limiting, database: Database) -> None:
    with closing(Database(database.url)) as elsewhere:
        instances = Counts(database), Counts(elsewhere)
        start, amounts = threading.Barrier(50), list[int | None]()

        def count(number: int) -> None:
            start.wait(timeout=PATIENCE)
            try:
                amounts.append(instances[number % 2].add_for_user("alice", "test", 1, 40, 60).amount)
            except AppError as error:
                amounts.append(repr(error))  # type: ignore[arg-type]

        threads = [threading.Thread(target=count, args=(number,)) for number in range(50)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert sorted(each for each in amounts if each is not None) == list(range(1, 41))
    assert amounts.count(None) == 10


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "in a minute"),
        (60, "in a minute"),
        (61, "in 2 minutes"),
        (5_400, "in 90 minutes"),
        (86_400, "in 24 hours"),
    ],
)
def test_a_wait_is_put_into_words(seconds: float, said: str) -> None:
    assert when_again(seconds) == said
