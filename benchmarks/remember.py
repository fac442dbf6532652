"""What is remembered of the labelled turns in benchmarks/cases, by a model or by the rules, and what of it is right.

    python -m benchmarks.remember [--rules] [--half tuned|held-out|all] [--language de] [--verbose]
    python -m benchmarks.remember --write-requests requests.jsonl     the exact requests, one a line; asks nobody
    python -m benchmarks.remember --answers answers.jsonl             {"id", "answer"} a line, made elsewhere

Each turn goes through what the app does with it, extract.propose and reconcile, with the case's memories as
those shown; only the search for them and the database are left out. Without a model in the settings the rules are
measured. What is held out is told only in sums unless asked for. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.cases import Case, Expected, load
from memory.errors import AppError, BadAnswer
from memory.facts import RefusedProposal, Write
from memory.learn import extract
from memory.learn.extract import propose, worth_reading
from memory.learn.reconcile import reconcile
from memory.model import OpenAIModel, PromptMessage, Schema, Usage, memory_model
from memory.plain_text import comparable, tokens
from settings import settings

__all__ = ["Outcome", "figures", "main", "run"]

NOT_SAID = "the quote is not in the person's words"


@dataclass(frozen=True)
class NotingModel(OpenAIModel):
    """A model that notes the tokens of each prompt it is given."""

    prompts: list[int] = field(default_factory=list)

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Ask, and note what it cost; where the server does not say, an estimate."""
        spent = usage or Usage()
        try:
            return super().answer(messages, schema, spent)
        finally:
            self.prompts.append(spent.prompt_tokens or sum(tokens(each.content) for each in messages))


@dataclass(frozen=True)
class RecordedModel(NotingModel):
    """An answer that was made elsewhere; there is no second one to ask for."""

    said: str = ""

    def __post_init__(self) -> None:
        """Open no client."""

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """The answer, if it has the form that was asked for."""
        if self.prompts:
            raise BadAnswer("The recorded answer does not have the form that was asked for.", self.said)
        self.prompts.append(sum(tokens(each.content) for each in messages))
        try:
            return schema.model_validate_json(self.said)
        except ValueError as error:
            raise BadAnswer("The recorded answer does not have the form that was asked for.", self.said) from error


@dataclass(frozen=True)
class Outcome:
    """What was done about one turn, and what of it was right."""

    case: Case
    writes: Sequence[Write] = ()
    refused: Sequence[RefusedProposal] = ()
    prompts: Sequence[int] = ()
    failure: str = ""

    @property
    def right(self) -> list[Write]:
        """The writes that were expected."""
        return [each for each in self.writes if self._is_right(each)]

    @property
    def wrong(self) -> list[Write]:
        """The writes that were not."""
        return [each for each in self.writes if not self._is_right(each)]

    @property
    def missed(self) -> list[Expected]:
        """What was expected and not done."""
        return [wanted for wanted in self.case.wanted if not any(_fits(each, wanted) for each in self.right)]

    def _is_right(self, write: Write) -> bool:
        held = comparable(write.text)
        allowed = write.action == "delete" or not any(comparable(word) in held for word in self.case.forbid)
        return allowed and any(_fits(write, expected) for expected in self.case.expect)


def _fits(write: Write, expected: Expected) -> bool:
    """Whether a write is this operation; a question about a memory stands for its update."""
    action = "update" if write.action == "ask" else write.action
    target = None if expected.target is None else str(expected.target)
    return (
        (action, write.fact_id) == (expected.action, target)
        and (action == "delete" or all(_holds(write.text, words) for words in expected.contains))
        and expected.kind in (None, write.kind)
        and expected.happened_at in (None, write.happened_at)
    )


def _holds(text: str, words: str) -> bool:
    return any(comparable(word) in comparable(text) for word in words.split("|"))


def run(cases: Sequence[Case], model_for: Callable[[Case], NotingModel | None]) -> list[Outcome]:
    """Each turn once, as the app would remember it."""
    return [_outcome(case, model_for(case)) for case in cases]


def _outcome(case: Case, model: NotingModel | None) -> Outcome:
    if not worth_reading(case.said):
        return Outcome(case)
    before = len(model.prompts) if model else 0
    try:
        proposals = propose(case.said, case.shown, model, None, case.person)
    except AppError as error:
        return Outcome(case, failure=str(error), prompts=model.prompts[before:] if model else ())
    decision = reconcile(proposals, case.said, case.shown)
    return Outcome(case, decision.writes, decision.refused, model.prompts[before:] if model else ())


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The sums. A share of nothing is told as if all were well."""
    writes = [(each, outcome) for outcome in outcomes for each in outcome.writes]
    wrong = [each for outcome in outcomes for each in outcome.wrong]
    wanted, missed = _slots(outcomes, slots_only=False)
    slots, slots_missed = _slots(outcomes, slots_only=True)
    kept = sum(each.action != "delete" for each, _ in writes)
    junk = sum(each.action != "delete" for each in wrong)
    asked = [count for outcome in outcomes for count in outcome.prompts]
    return {
        "precision": _share(len(writes) - len(wrong), len(writes), 1.0),
        "recall": _share(wanted - missed, wanted, 1.0),
        "slot_recall": _share(slots - slots_missed, slots, 1.0),
        "junk_rate": _share(junk, kept, 0.0),
        "wrong_updates": sum(each.action in ("update", "ask") for each in wrong),
        "wrong_deletes": sum(each.action == "delete" for each in wrong),
        "refused_quotes": sum(each.reason == NOT_SAID for outcome in outcomes for each in outcome.refused),
        "calls_per_turn": _share(len(asked), len(outcomes), 0.0),
        "prompt_tokens_per_call": _share(sum(asked), len(asked), 0.0),
    }


def _slots(outcomes: Sequence[Outcome], *, slots_only: bool) -> tuple[int, int]:
    """How many were wanted, and how many of them were missed."""
    wanted = sum(bool(each.slot) or not slots_only for outcome in outcomes for each in outcome.case.wanted)
    return wanted, sum(bool(each.slot) or not slots_only for outcome in outcomes for each in outcome.missed)


def _share(part: float, whole: float, of_nothing: float) -> float:
    return round(part / whole, 4) if whole else of_nothing


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, or write the requests."""
    asked = _parser().parse_args(arguments)
    cases = [each for each in load() if asked.half in ("all", each.half) and asked.language in (None, each.language)]
    if asked.write_requests:
        asked.write_requests.write_text("".join(_requests(cases)), "utf-8")
        return
    if asked.answers:
        answers = dict(_answers(asked.answers))
        cases = [case for case in cases if case.id in answers or not worth_reading(case.said)]
        outcomes = run(cases, lambda case: RecordedModel("recorded", None, said=answers.get(case.id, "")))
    else:
        model = None if asked.rules else _model()
        print(f"{model.name if model else 'the rules'}, {asked.half}")
        outcomes = run(cases, lambda _: model)
    _report(outcomes, asked.verbose, asked.show_held_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--half", choices=("tuned", "held-out", "all"), default="all")
    parser.add_argument("--language", help="only the cases in this language, such as de")
    parser.add_argument("--rules", action="store_true", help="the rules, even if the settings have a model")
    parser.add_argument("--answers", type=Path, help="score these answers instead of asking")
    parser.add_argument("--write-requests", type=Path, help="write the requests to this file and stop")
    parser.add_argument("--verbose", action="store_true", help="tell what was wrong and what was missed")
    parser.add_argument(
        "--show-held-out", action="store_true", help="of the held-out half, too; then it is no longer held out"
    )
    return parser


def _model() -> NotingModel | None:
    model = memory_model(settings())
    if model is None:
        return None
    return NotingModel(model.name, model.api_key, model.base_url, model.retries, model.patience)


def _requests(cases: Sequence[Case]) -> Iterator[str]:
    """What would be sent for each turn that costs a call."""
    schema = extract.Operations.model_json_schema()
    form = {"type": "json_schema", "json_schema": {"name": "Operations", "schema": schema, "strict": True}}
    for case in cases:
        if worth_reading(case.said):
            messages = extract.extraction_prompt(case.said, case.shown, None, case.person)
            told = [{"role": each.role, "content": each.content} for each in messages]
            yield json.dumps({"id": case.id, "messages": told, "response_format": form}, ensure_ascii=False) + "\n"


def _answers(path: Path) -> Iterator[tuple[str, str]]:
    """Answers by case; each is the text a model wrote, or the object it stands for."""
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            told: Mapping[str, object] = json.loads(line)
            answer = told["answer"]
            yield str(told["id"]), answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _report(outcomes: Sequence[Outcome], verbose: bool, show_held_out: bool) -> None:
    _table("language", outcomes, lambda outcome: outcome.case.language)
    _table("situation", outcomes, lambda outcome: outcome.case.situation)
    for outcome in outcomes:
        if outcome.failure:
            print(f"not answered: {outcome.case.id}: {outcome.failure}", file=sys.stderr)
        if verbose and (outcome.case.half == "tuned" or show_held_out):
            _tell(outcome)
    print(json.dumps(figures(outcomes)))


def _table(name: str, outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> None:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome)].append(outcome)
    print(
        f"\n{name:16}{'turns':>7}{'done':>7}{'precision':>11}{'wanted':>8}{'recall':>8}{'slots':>7}{'slot recall':>13}"
    )
    for group, members in sorted(groups.items()):
        told = figures(members)
        done = sum(len(each.writes) for each in members)
        wanted, slots = _slots(members, slots_only=False)[0], _slots(members, slots_only=True)[0]
        print(
            f"{group:16}{len(members):7}{done:7}{told['precision']:11.3f}{wanted:8}{told['recall']:8.3f}"
            f"{slots:7}{told['slot_recall']:13.3f}"
        )
    print()


def _tell(outcome: Outcome) -> None:
    words = " / ".join(each.content for each in outcome.case.said if each.role == "user")
    for write in outcome.wrong:
        print(f"wrong  {outcome.case.id}: {write.action} {write.fact_id or ''} {write.text!r}, of {words!r}")
    for expected in outcome.missed:
        print(f"missed {outcome.case.id}: {replace(expected)}, of {words!r}")
    for refused in outcome.refused:
        if outcome.missed:
            print(f"       {outcome.case.id}: refused {refused.text!r}, {refused.reason}")


if __name__ == "__main__":
    main()
