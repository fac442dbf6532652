"""The grammars of the languages that are read without a model, one file each: words and patterns, no code."""

from __future__ import annotations

from ..grammar import Grammar
from .english import ENGLISH
from .french import FRENCH
from .german import GERMAN
from .spanish import SPANISH

__all__ = ["GRAMMARS"]

GRAMMARS: tuple[Grammar, ...] = (ENGLISH, GERMAN, FRENCH, SPANISH)
