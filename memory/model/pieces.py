"""Puts a streamed message together from its pieces, and takes calls of tools out of them. It asks no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import BadAnswer

__all__ = ["WholeMessage", "deltas"]

MOST_CALLS = 128  # of tools in one message
TEXTS = ("content", "refusal", "reasoning_content")


def deltas(piece: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what each choice of a piece adds."""
    return (choice.get("delta") or {} for choice in piece.get("choices") or [])


class WholeMessage:
    """A message of the model as far as its pieces have come."""

    def __init__(self) -> None:
        self.form: dict[str, Any] = {"role": "assistant", "content": None}

    @property
    def words(self) -> str:
        """What it says."""
        return str(self.form["content"] or self.form.get("refusal") or "")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of tools in it."""
        return self.form.get("tool_calls") or []

    def add(self, delta: Mapping[str, Any]) -> None:
        """Add a piece: its words, and the calls of tools, whose pieces are numbered."""
        for name in TEXTS:
            if delta.get(name):
                self.form[name] = (self.form.get(name) or "") + delta[name]
        for call in delta.get("tool_calls") or []:
            calls = self.form.setdefault("tool_calls", [])
            number = call["index"] if isinstance(call.get("index"), int) else len(calls)  # some servers send no number
            if not 0 <= number < MOST_CALLS:
                raise BadAnswer("The model called too many tools at once.")
            while len(calls) <= number:
                calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
            known, more = calls[number], call.get("function") or {}
            known["id"] = call.get("id") or known["id"]
            known["function"]["name"] += more.get("name") or ""
            known["function"]["arguments"] += more.get("arguments") or ""
