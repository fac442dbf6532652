"""Measures what a second look finds, without a model: its query is made by rules from what the first look found.

    python -m benchmarks.second_look --data FILE [--data FILE …] [--kind 1] [--vectors FILE]

Each question of one kind (LoCoMo's 1: several hops) is asked as in benchmarks/recall.py. The share of its evidence is
taken among what fits into a budget of tokens: of one look, and of two that share it. The second look leaves out what
the first one gave, as the tool of chat/answering/second_look.py does. A model would choose better words than these
rules, or worse ones. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.recall import (
    MANY,
    BenchmarkChat,
    BenchmarkQuestion,
    CachedEmbedder,
    add_turns,
    chosen_embedder,
    embed_first,
    read,
    stored_memory,
)
from memory import Fact, Memory
from memory.embed import BUNDLED, DEFAULT_BUNDLED
from memory.language.words import content_words
from memory.plain_text import tokens
from memory.recall.rank import RECIPES
from memory.recall.search import names_in

__all__ = ["WAYS", "by_names", "by_objects", "main"]

READ = 5  # results of the first look from which words are taken
WORDS = 4  # that are taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--kind", default="1", help="of the questions (default: several hops)")
    parser.add_argument("--embed-url")
    parser.add_argument("--embed-model", default="all-MiniLM-L6-v2")
    parser.add_argument("--bundled", choices=BUNDLED, default=DEFAULT_BUNDLED)
    parser.add_argument("--vectors", type=Path, help="read known vectors from this file, and write new ones to it")
    options = parser.parse_args()
    conversations = [each for path in options.data for each in read(path)]
    embedder = CachedEmbedder(chosen_embedder(options), options.vectors)
    embed_first(embedder, conversations)
    embedder.save()
    shares: list[Mapping[str, float]] = []
    with stored_memory(embedder) as (memory, database):
        for each in conversations:
            add_turns(memory, database, each)
            asked = [question for question in each.questions if question.kind == options.kind]
            shares += [_shares(memory, each, question) for question in asked]
            print(f"{each.name}: {len(asked)} questions", flush=True)
    means = {way: round(sum(each[way] for each in shares) / len(shares), 3) for way in WAYS} if shares else {}
    for way, mean in means.items():
        print(f"{way:>40} {mean}")
    print(json.dumps({"embedder": embedder.name, "kind": options.kind, "questions": len(shares), **means}))


# -- the queries -----------------------------------------------------------------------------------


def by_names(question: str, found: Sequence[Fact]) -> str:
    """Return the question with the names that the first results hold and it does not."""
    known = content_words(question)
    names = Counter(name for fact in found[:READ] for name in names_in(fact.text).split())
    fresh = [name for name, _ in names.most_common() if not content_words(name) <= known]
    return " ".join([question.rstrip("?"), *fresh[:WORDS]])


def by_objects(question: str, found: Sequence[Fact]) -> str:
    """Return the names of the question with the words that the first results share and the question does not have."""
    known = content_words(question)
    counted = Counter(word for fact in found[:READ] for word in content_words(fact.text) - known)
    fresh = sorted(counted, key=lambda word: (-counted[word], -len(word), word))
    return " ".join([names_in(f"It {question}"), *fresh[:WORDS]]).strip()


# -- the looks -------------------------------------------------------------------------------------

Rule = Callable[[str, Sequence[Fact]], str]
# The budget of the first look, and the rule and the budget of the second one.
WAYS: Mapping[str, tuple[int, Rule | None, int]] = {
    "one look, 2,000": (2_000, None, 0),
    "1,000 and names, 1,000": (1_000, by_names, 1_000),
    "1,000 and objects, 1,000": (1_000, by_objects, 1_000),
    "1,400 and names, 600": (1_400, by_names, 600),
    "one look, 3,000": (3_000, None, 0),
    "2,000 and names, 1,000": (2_000, by_names, 1_000),
    "2,000 and objects, 1,000": (2_000, by_objects, 1_000),
}


def _shares(memory: Memory, chat: BenchmarkChat, question: BenchmarkQuestion) -> dict[str, float]:
    return {way: _share(memory, chat, question, *budgets) for way, budgets in WAYS.items()}


def _share(
    memory: Memory, chat: BenchmarkChat, question: BenchmarkQuestion, budget: int, rule: Rule | None, more: int
) -> float:
    """Return the share of the evidence that is found."""
    found = _look(memory, chat.name, question.text, budget)
    if rule is not None and found:
        found += _look(memory, chat.name, rule(question.text, found), more, [each.id for each in found])
    ids = {each.metadata["dia_id"] for each in found}
    return len(question.evidence & ids) / len(question.evidence)


def _look(memory: Memory, user_id: str, query: str, budget: int, known: Sequence[str] = ()) -> list[Fact]:
    """Return what fits into the budget."""
    recipe = replace(RECIPES["everything"], budget=budget)
    fitting: list[Fact] = []
    for each in memory.recall(query, user_id=user_id, limit=MANY, recipe=recipe, without=known):
        budget -= tokens(each.text)
        if budget < 0:
            break
        fitting.append(each)
    return fitting


if __name__ == "__main__":
    main()
