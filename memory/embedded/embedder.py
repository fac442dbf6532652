"""The bundled embedder: text to vectors on this machine, from word vectors that came with a package.

`BundledEmbedder` works in the process that asks. `python -m memory.embedded.embedder --port N` serves the same
behind OpenAI's protocol, so the app uses it like any other address. It stores nothing, downloads nothing, and logs no
text. It represents words, not sentences: word order and negation make no difference to it.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import COMMAND, LocalError

__all__ = ["BundledEmbedder"]

MAX_CHARACTERS = 20_000  # an average over more words than that means nothing


class BundledEmbedder:
    """Embeds a text as the average of its word pieces, scaled to length one."""

    name = "wordllama-256"
    dimensions = 256

    def __init__(self) -> None:
        model = _load(self.dimensions)
        self._tokenizer = model.tokenizer
        self._pieces = model.embedding
        # A text without any word piece, which only the empty text is, gets the vector of a blank.
        self._blank = self._average(" ")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, in order, from its first 20,000 characters."""
        return [self._embed_one(text[:MAX_CHARACTERS]).tolist() for text in texts]

    def _embed_one(self, text: str) -> Any:
        # The tokenizer accepts no lone surrogates: they become question marks. It counts a line break as a word piece,
        # which would move the vector far from that of the same words in one line.
        average = self._average(" ".join(text.encode("utf-8", "replace").decode("utf-8").split()))
        return self._blank if average is None else average

    def _average(self, text: str) -> Any:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        if not ids:
            return None
        average = self._pieces[ids].mean(axis=0, dtype="float64")
        length = float((average**2).sum() ** 0.5)
        return average / length if length > 1e-9 else None


def _load(dimensions: int) -> Any:
    package = find_spec("wordllama")
    if package is None or package.origin is None:
        raise LocalError(
            "The bundled embedder is not installed: run `make run` (with the library: pip install 'keepsake[local]'), "
            "or set EMBED_MODEL and EMBED_BASE_URL."
        )
    with _logging_restored():
        from wordllama import WordLlama
    try:
        # Without this folder it would look for its tokenizer online.
        return WordLlama.load(dim=dimensions, cache_dir=Path(package.origin).parent, disable_download=True)
    except (OSError, ValueError) as error:
        raise LocalError("The bundled embedder's files are damaged: delete .venv and run `make run` again.") from error


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Undo the logging configuration that the package sets up when it is imported."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for added in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(added)
        root.setLevel(level)


def main() -> None:
    """Serve on a port of this machine until ended."""
    parser = argparse.ArgumentParser(prog=f"{COMMAND}.embedded.embedder", description="Serve the bundled embedder.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    from .embedder_server import EmbedderServer

    try:
        with EmbedderServer(port, BundledEmbedder()) as server:
            print(f"serving on {server.base_url}", flush=True)
            server.serve_forever()
    except (LocalError, OSError) as error:
        raise SystemExit(f"The embedder could not start: {error}") from error


if __name__ == "__main__":
    main()
