"""Finds an Ollama server that runs on this machine, and a chat model in it.

It looks once, for a moment, and installs, starts and downloads nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .loopback import ask

__all__ = ["Ollama", "find_ollama"]

TIMEOUT = 2.0  # seconds; where nothing listens, the answer comes at once
NOT_FOR_CHAT = ("embed", "bert", "bge", "minilm", "rerank")


@dataclass(frozen=True)
class Ollama:
    """A running Ollama: its OpenAI-compatible address and a chat model."""

    base_url: str
    model: str


def find_ollama(address: str | None = None, timeout: float = TIMEOUT) -> Ollama | None:
    """Return the Ollama at this address, at OLLAMA_HOST or at the default address; None if there is none."""
    place = _host_and_port(address or os.environ.get("OLLAMA_HOST") or "")
    if place is None:
        return None
    host, port = place
    answer = ask(port, "/api/tags", host=host, timeout=timeout)
    model = _chat_model(answer.body) if answer is not None and answer.status == 200 else None
    shown = f"[{host}]" if ":" in host else host
    return Ollama(f"http://{shown}:{port}/v1", model) if model else None


def _host_and_port(address: str) -> tuple[str, int] | None:
    """Return host and port of `http://host:port`, `host:port`, `:port`, `host` or an empty address."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname or "127.0.0.1", parts.port or 11434
    except ValueError:
        return None
    if parts.scheme not in ("", "http"):
        return None
    return ("127.0.0.1" if host in ("0.0.0.0", "::") else host), port  # noqa: S104 (compared, not bound)


def _chat_model(tags: bytes) -> str | None:
    try:
        models: Any = json.loads(tags)["models"]
        return next((model["name"] for model in models if _is_for_chat(model)), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_for_chat(model: dict[str, Any]) -> bool:
    details = model.get("details") or {}
    words = [model["name"], details.get("family") or "", *(details.get("families") or [])]
    return not any(mark in word.lower() for word in words for mark in NOT_FOR_CHAT)
