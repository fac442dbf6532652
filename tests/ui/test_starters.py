"""What a new chat suggests: from what is remembered, and from what can be answered here."""

from __future__ import annotations

from memory import Fact
from ui.chat.chat_data import starters


def fact(text: str, *entities: list[str]) -> Fact:
    return Fact("1", {"data": text, "entities": list(entities)})


def test_a_project_and_a_person_that_are_remembered_are_asked_about() -> None:
    known = [fact("I plan the Novak garden", ["Novak garden"]), fact("My sister is Ana", ["Ana", "my sister"])]
    assert starters(known, has_model=True, reads=True, writes=True) == (
        "How is the Novak garden going?",
        "What do you know about Ana?",
        "What do you remember about me?",
    )


def test_without_a_model_only_what_rules_can_answer_is_suggested() -> None:
    known = [fact("I live in Ghent"), fact("My sister Ana lives in Porto", ["Ana", "my sister"])]
    suggested = starters(known, has_model=False, reads=True, writes=True)
    assert suggested == ("Who is Ana?", "Where do I live?", "What do you remember about me?")
    nothing_yet = starters([], has_model=False, reads=True, writes=True)
    assert "I'm planning my week. Ask me what matters." not in nothing_yet
    assert "What can you do?" in nothing_yet


def test_a_chat_without_memory_suggests_nothing_about_it() -> None:
    known = [fact("I plan the Novak garden", ["Novak garden"])]
    suggested = starters(known, has_model=True, reads=False, writes=False)
    assert suggested == ("I'm planning my week. Ask me what matters.",)


def test_what_other_programs_wrote_breaks_nothing() -> None:
    odd = [Fact("1", {"data": "x", "entities": entities}) for entities in (None, "Ana", [1], [["A" * 500, 3, "a\nb"]])]
    assert starters(odd, has_model=True, reads=True, writes=True)
