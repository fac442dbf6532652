"""Turns text into vectors: the protocol of an embedder, and the embedder that the settings name.

Texts are cut at a maximum length and sent in batches. model/ makes the call; the bundled embedder is in embedded/.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from .errors import NotAModel
from .settings import OPENAI_EMBED_DIMENSIONS, MemorySettings

if TYPE_CHECKING:
    from .model.client import Embeddings

__all__ = ["BUNDLED", "DEFAULT_BUNDLED", "Embedder", "RemoteEmbedder", "embedder_for"]

# The bundled embedders (embedded/embedder.py), with the numbers in a vector. New local databases get the default one.
DEFAULT_BUNDLED = "all-MiniLM-L6-v2-int8"
BUNDLED = {DEFAULT_BUNDLED: 384, "wordllama-256": 256}
BATCH = 64
# Embedding models read about 8,000 tokens and refuse longer texts.
MAX_CHARACTERS = 8_000


class Embedder(Protocol):
    """Any object that turns texts into vectors of one size."""

    @property
    def name(self) -> str:
        """The name of the model; vectors of two models cannot be compared."""

    @property
    def dimensions(self) -> int:
        """The number of numbers in a vector."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, in order."""


class RemoteEmbedder:
    """An embedder behind an OpenAI-compatible address."""

    def __init__(self, embeddings: Embeddings, dimensions: int | None = None) -> None:
        self._embeddings = embeddings
        self._dimensions = dimensions

    def close(self) -> None:
        """Close the connection."""
        self._embeddings.close()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._embeddings.name

    @cached_property
    def dimensions(self) -> int:
        """The number of numbers in a vector: configured, known, or found by embedding a text once."""
        return self._dimensions or len(self._embeddings.embed(["size"])[0])

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, and check their size."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            batch = [text[:MAX_CHARACTERS].strip() or "-" for text in texts[start : start + BATCH]]
            vectors += self._embeddings.embed(batch)
        for vector in vectors:
            if len(vector) != self.dimensions:
                raise NotAModel(
                    f"{self.name} gives vectors of {len(vector)} numbers, not {self.dimensions}.",
                    advice="Set EMBED_DIMENSIONS.",
                )
        return vectors


def embedder_for(settings: MemorySettings) -> RemoteEmbedder:
    """Return the embedder that the settings name."""
    from .model.client import Embeddings  # loads openai

    own_address = settings.embed_base_url is not None
    embeddings = Embeddings(
        settings.embed_model,
        settings.embed_api_key or (None if own_address else settings.openai_api_key),
        settings.embed_base_url or settings.openai_base_url,
    )
    return RemoteEmbedder(embeddings, settings.embed_dimensions or OPENAI_EMBED_DIMENSIONS.get(settings.embed_model))
