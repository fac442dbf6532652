"""What a person types is checked before it is sent."""

from __future__ import annotations

import pytest

from auth.person import checked_code, checked_password
from memory.errors import InvalidInput


@pytest.mark.parametrize("password", ["p" * 72, "é" * 36, "🔑" * 18])
def test_a_password_may_be_as_long_as_the_server_reads(password: str) -> None:
    assert checked_password(password) == password


@pytest.mark.parametrize("password", ["p" * 73, "é" * 37, "🔑" * 19])
def test_a_longer_password_is_refused_and_the_sentence_says_how_it_is_counted(password: str) -> None:
    with pytest.raises(InvalidInput, match=r"at most 72 characters\. Accented letters and emoji count as two to four"):
        checked_password(password)


@pytest.mark.parametrize("password", ["nul\x00", "half \ud800"])
def test_a_character_that_cannot_be_sent_is_not_called_too_long(password: str) -> None:
    with pytest.raises(InvalidInput, match="a character that is not allowed"):
        checked_password(password)


def test_a_code_may_be_typed_with_spaces() -> None:
    assert checked_code(" 123 456 ") == "123456"
