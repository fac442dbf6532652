"""Finds an Ollama that is running on this machine, and a model in it to chat with.

Looks once and quickly; it installs, starts and downloads nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .loopback import ask

__all__ = ["Ollama", "find_ollama"]

PATIENCE = 0.3  # seconds
NOT_FOR_CHAT = ("embed", "bert", "bge", "minilm", "rerank")


@dataclass(frozen=True)
class Ollama:
    """Where it is, as an OpenAI-compatible address, and its chat model."""

    base_url: str
    model: str


def find_ollama(address: str | None = None) -> Ollama | None:
    """The Ollama at this address, or where OLLAMA_HOST says, or at its usual one; None if there is none."""
    place = _place(address or os.environ.get("OLLAMA_HOST") or "")
    if place is None:
        return None
    host, port = place
    answer = ask(port, "/api/tags", host=host, timeout=PATIENCE)
    model = _chat_model(answer.body) if answer is not None and answer.status == 200 else None
    shown = f"[{host}]" if ":" in host else host
    return Ollama(f"http://{shown}:{port}/v1", model) if model else None


def _place(address: str) -> tuple[str, int] | None:
    """Host and port of `http://host:port`, `host:port`, `:port`, `host` or nothing."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname or "127.0.0.1", parts.port or 11434
    except ValueError:
        return None
    if parts.scheme not in ("", "http"):
        return None
    return ("127.0.0.1" if host in ("0.0.0.0", "::") else host), port  # noqa: S104 (told apart, not bound)


def _chat_model(tags: bytes) -> str | None:
    try:
        models: Any = json.loads(tags)["models"]
        return next((model["name"] for model in models if _chats(model)), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _chats(model: dict[str, Any]) -> bool:
    details = model.get("details") or {}
    words = [model["name"], details.get("family") or "", *(details.get("families") or [])]
    return not any(mark in word.lower() for word in words for mark in NOT_FOR_CHAT)
