"""A long message is cut into passages, at the ends of what belongs together, and nothing of it is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory.learn.passages import LENGTH, LONG, MOST, passages

PARAGRAPH = "The baker on the corner opens at six, and by eight the rye is gone. " * 5
CODE = "```python\n" + "".join(f"total = total + rows[{n}].price\n" for n in range(16)) + "```\n"
PIECES = st.sampled_from(
    ["a", " ", "\n", "\n\n", "```", "- item ", "# ", "word " * 30, ". ", "é", "𝄞", "\r\n", "\u2028"]
)


@given(st.lists(PIECES, max_size=120).map("".join))
def test_the_passages_of_a_message_are_the_message(text: str) -> None:
    assert "".join(passages(text)) == text
    assert text == "" or all(passages(text))


def test_a_message_that_is_not_long_stays_whole() -> None:
    assert passages("") == [""]
    assert passages("x" * LONG) == ["x" * LONG]


def test_paragraphs_stay_whole() -> None:
    text = "\n\n".join([PARAGRAPH] * 4)
    assert [each.strip() for each in passages(text)] == [PARAGRAPH.strip()] * 4


def test_a_block_of_code_is_not_cut_if_it_is_not_long_by_itself() -> None:
    text = f"{PARAGRAPH}\n{CODE}\n{PARAGRAPH}"
    [with_code] = [each for each in passages(text) if "```" in each]
    assert CODE in with_code


def test_long_code_is_cut_between_its_lines() -> None:
    text = "```\n" + "".join(f"print({n}, 'a line of the program')\n" for n in range(100)) + "```\n"
    assert len(passages(text)) > 3
    assert all(each.endswith("\n") for each in passages(text))


def test_list_items_and_sentences_are_not_cut() -> None:
    items = "".join(f"- The {n}th thing to buy, with a note on where it was cheap last time.\n" for n in range(40))
    assert all(each.startswith("- The ") for each in passages(items))
    sentences = "This sentence is about the garden and its three old trees. " * 60
    assert all(each.strip().endswith("trees.") for each in passages(sentences))


def test_what_has_no_sentences_is_cut_between_words() -> None:
    text = "wort " * 1_000
    assert {word for each in passages(text) for word in each.split()} == {"wort"}
    assert max(map(len, passages("x" * 10_000))) <= LONG


def test_passages_are_about_as_long_as_they_should_be() -> None:
    text = "\n\n".join(["A short line about the weather in May."] * 200)
    lengths = [len(each) for each in passages(text)]
    assert max(lengths) <= LONG
    assert min(lengths[:-1]) > LENGTH / 2


def test_a_huge_message_has_a_bounded_number_of_passages() -> None:
    text = "A line.\n\n" * 100_000
    cut = passages(text)
    assert len(cut) == MOST
    assert "".join(cut) == text
