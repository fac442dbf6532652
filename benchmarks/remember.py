"""Measures what a model or the rules remember of the labelled turns in benchmarks/cases, and how much of it is right.

    python -m benchmarks.remember [--rules] [--hurried] [--half tuned|held-out|all] [--language de] [--verbose]
    python -m benchmarks.remember --write-requests requests.jsonl     write the requests, one a line; call no model
    python -m benchmarks.remember --answers answers.jsonl             score {"id", "answer"} lines, made elsewhere

Each turn goes through the same steps as in the app, extract.propose and reconcile, with the memories of the case shown;
only the search for them and the database are left out. Without a model in the settings the rules are measured. Of the
held-out half only sums are printed unless asked for. The last line is one JSON object.
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
from memory.learn.reconcile import NOT_SAID, reconcile
from memory.model import PromptMessage, Schema, Usage
from memory.model.client import MEMORY_SECONDS, OpenAIModel
from memory.plain_text import comparable, tokens
from settings import settings

__all__ = ["CaseResult", "figures", "main", "run"]


@dataclass(frozen=True)
class TokenCountingModel(OpenAIModel):
    """A model that records the tokens of each prompt."""

    prompts: list[int] = field(default_factory=list)

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Ask, and record what the server counted, or else an estimate."""
        spent = usage or Usage()
        try:
            return super().answer(messages, schema, spent)
        finally:
            self.prompts.append(spent.prompt_tokens or sum(tokens(each.content) for each in messages))


@dataclass(frozen=True)
class RecordedModel(TokenCountingModel):
    """A model that returns one answer made elsewhere, and refuses a second call."""

    said: str = ""

    def __post_init__(self) -> None:
        """Open no client."""

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Return the answer if it fits the schema."""
        if self.prompts:
            raise BadAnswer("The recorded answer does not fit the schema.", self.said)
        self.prompts.append(sum(tokens(each.content) for each in messages))
        try:
            return schema.model_validate_json(self.said)
        except ValueError as error:
            raise BadAnswer("The recorded answer does not fit the schema.", self.said) from error


@dataclass(frozen=True)
class CaseResult:
    """The result of one case: what was written, and how much of it was right."""

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
        """The writes that were neither expected nor allowed."""
        return [each for each in self.counted if not self._is_right(each)]

    @property
    def counted(self) -> list[Write]:
        """The writes without those that are only allowed, which count neither as right nor as wrong."""
        return [each for each in self.writes if self._is_right(each) or not self._does(each, self.case.allow)]

    @property
    def missed(self) -> list[Expected]:
        """The expected operations that were not done."""
        return [wanted for wanted in self.case.wanted if not any(_fits(each, wanted) for each in self.right)]

    def _is_right(self, write: Write) -> bool:
        return self._does(write, self.case.expect)

    def _does(self, write: Write, operations: Sequence[Expected]) -> bool:
        """Return whether a write is one of these operations, and holds nothing that is forbidden."""
        held = comparable(write.text)
        clean = write.action == "delete" or not any(comparable(word) in held for word in self.case.forbid)
        return clean and any(_fits(write, each) for each in operations)


def _fits(write: Write, expected: Expected) -> bool:
    """Return whether a write is this operation; a question about a memory counts as its update."""
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


def run(cases: Sequence[Case], model_for: Callable[[Case], TokenCountingModel | None]) -> list[CaseResult]:
    """Process each case once, as the app would."""
    return [_result(case, model_for(case)) for case in cases]


def _result(case: Case, model: TokenCountingModel | None) -> CaseResult:
    if not worth_reading(case.said):
        return CaseResult(case)
    before = len(model.prompts) if model else 0
    try:
        proposals = propose(case.said, case.shown, model, None, case.person)
    except AppError as error:
        return CaseResult(case, failure=str(error), prompts=model.prompts[before:] if model else ())
    decision = reconcile(proposals, case.said, case.shown)
    return CaseResult(case, decision.writes, decision.refused, model.prompts[before:] if model else ())


def figures(results: Sequence[CaseResult]) -> dict[str, float]:
    """Return the sums. A share of nothing is the best possible value."""
    writes = [each for result in results for each in result.counted]
    wrong = [each for result in results for each in result.wrong]
    wanted, missed = _slots(results, slots_only=False)
    slots, slots_missed = _slots(results, slots_only=True)
    kept = sum(each.action != "delete" for each in writes)
    junk = sum(each.action != "delete" for each in wrong)
    asked = [count for result in results for count in result.prompts]
    return {
        "precision": _share(len(writes) - len(wrong), len(writes), 1.0),
        "recall": _share(wanted - missed, wanted, 1.0),
        "slot_recall": _share(slots - slots_missed, slots, 1.0),
        "junk_rate": _share(junk, kept, 0.0),
        "wrong_updates": sum(each.action in ("update", "ask") for each in wrong),
        "wrong_deletes": sum(each.action == "delete" for each in wrong),
        "refused_quotes": sum(each.reason == NOT_SAID for result in results for each in result.refused),
        "calls_per_turn": _share(len(asked), len(results), 0.0),
        "prompt_tokens_per_call": _share(sum(asked), len(asked), 0.0),
    }


def _slots(results: Sequence[CaseResult], *, slots_only: bool) -> tuple[int, int]:
    """Return how many operations were wanted, and how many of them were missed."""
    wanted = sum(bool(each.slot) or not slots_only for result in results for each in result.case.wanted)
    return wanted, sum(bool(each.slot) or not slots_only for result in results for each in result.missed)


def _share(part: float, whole: float, of_nothing: float) -> float:
    return round(part / whole, 4) if whole else of_nothing


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, or write the requests."""
    options = _parser().parse_args(arguments)
    cases = [
        each
        for each in load(hurried=options.hurried)
        if options.half in ("all", each.half) and options.language in (None, each.language)
    ]
    if options.write_requests:
        options.write_requests.write_text("".join(_requests(cases)), "utf-8")
        return
    if options.answers:
        answers = dict(_answers(options.answers))
        cases = [case for case in cases if case.id in answers or not worth_reading(case.said)]
        results = run(cases, lambda case: RecordedModel("recorded", None, said=answers.get(case.id, "")))
    else:
        model = None if options.rules else _model()
        print(f"{model.name if model else 'the rules'}, {options.half}")
        results = run(cases, lambda _: model)
    _report(results, options.verbose, options.show_held_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--half", choices=("tuned", "held-out", "all"), default="all")
    parser.add_argument("--language", help="only the cases in this language, such as de")
    parser.add_argument("--hurried", action="store_true", help="the cases of people who type in a hurry instead")
    parser.add_argument("--rules", action="store_true", help="use the rules, even if the settings have a model")
    parser.add_argument("--answers", type=Path, help="score these answers instead of asking")
    parser.add_argument("--write-requests", type=Path, help="write the requests to this file and stop")
    parser.add_argument("--verbose", action="store_true", help="print wrong and missed operations")
    parser.add_argument(
        "--show-held-out",
        action="store_true",
        help="with --verbose, print the held-out half too",
    )
    return parser


def _model() -> TokenCountingModel | None:
    if not (wanted := settings()).has_model:
        return None
    name = wanted.memory_model or wanted.chat_model
    return TokenCountingModel(name, wanted.openai_api_key, wanted.openai_base_url, retries=0, patience=MEMORY_SECONDS)


def _requests(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the request for each turn that needs a model call."""
    schema = extract.Operations.model_json_schema()
    form = {"type": "json_schema", "json_schema": {"name": "Operations", "schema": schema, "strict": True}}
    for case in cases:
        if worth_reading(case.said):
            messages = extract.extraction_prompt(case.said, case.shown, None, case.person)
            prompt = [{"role": each.role, "content": each.content} for each in messages]
            yield json.dumps({"id": case.id, "messages": prompt, "response_format": form}, ensure_ascii=False) + "\n"


def _answers(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the answers by case; each is a model's text, or its JSON object."""
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            entry: Mapping[str, object] = json.loads(line)
            answer = entry["answer"]
            yield str(entry["id"]), answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _report(results: Sequence[CaseResult], verbose: bool, show_held_out: bool) -> None:
    _table("language", results, lambda result: result.case.language)
    _table("situation", results, lambda result: result.case.situation)
    for result in results:
        if result.failure:
            print(f"not answered: {result.case.id}: {result.failure}", file=sys.stderr)
        if verbose and (result.case.half == "tuned" or show_held_out):
            _print_mistakes(result)
    print(json.dumps(figures(results)))


def _table(name: str, results: Sequence[CaseResult], key: Callable[[CaseResult], str]) -> None:
    groups: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    print(
        f"\n{name:16}{'turns':>7}{'done':>7}{'precision':>11}{'wanted':>8}{'recall':>8}{'slots':>7}{'slot recall':>13}"
    )
    for group, members in sorted(groups.items()):
        sums = figures(members)
        done = sum(len(each.counted) for each in members)
        wanted, slots = _slots(members, slots_only=False)[0], _slots(members, slots_only=True)[0]
        print(
            f"{group:16}{len(members):7}{done:7}{sums['precision']:11.3f}{wanted:8}{sums['recall']:8.3f}"
            f"{slots:7}{sums['slot_recall']:13.3f}"
        )
    print()


def _print_mistakes(result: CaseResult) -> None:
    words = " / ".join(each.content for each in result.case.said if each.role == "user")
    for write in result.wrong:
        print(f"wrong  {result.case.id}: {write.action} {write.fact_id or ''} {write.text!r}, of {words!r}")
    for expected in result.missed:
        print(f"missed {result.case.id}: {replace(expected)}, of {words!r}")
    for refused in result.refused:
        if result.missed:
            print(f"       {result.case.id}: refused {refused.text!r}, {refused.reason}")


if __name__ == "__main__":
    main()
