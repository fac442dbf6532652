"""The official SDK's client, called without async: it runs in a thread of its own while a test or a module lasts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, types
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

__all__ = ["McpClient", "over_http", "over_stdio"]

PROJECT = Path(__file__).parents[2]


class McpClient:
    """A client that is connected to a server."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal, self._client = portal, client

    def call(self, tool: str, **arguments: Any) -> types.CallToolResult:
        """Call a tool."""
        return self._portal.call(partial(self._client.call_tool, tool, arguments))

    def told(self, tool: str, **arguments: Any) -> str:
        """Return the text that a tool which works answers."""
        result = self.call(tool, **arguments)
        assert not result.is_error, _text(result)
        return _text(result)

    def data(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the data that a tool which works answers."""
        result = self.call(tool, **arguments)
        assert not result.is_error, _text(result)
        return dict(result.structured_content or {})

    def refused(self, tool: str, **arguments: Any) -> str:
        """Return the sentence with which a tool refuses."""
        result = self.call(tool, **arguments)
        assert result.is_error, _text(result)
        return _text(result)

    def tools(self) -> dict[str, types.Tool]:
        """Return the tools that are offered, by name."""
        return {each.name: each for each in self._portal.call(self._client.list_tools).tools}

    def read(self, uri: str) -> str:
        """Return a resource."""
        [contents] = self._portal.call(self._client.read_resource, uri).contents
        assert isinstance(contents, types.TextResourceContents)
        return contents.text

    def resources(self) -> list[str]:
        """Return the addresses of the resources."""
        return [str(each.uri) for each in self._portal.call(self._client.list_resources).resources]

    def prompts(self) -> dict[str, types.Prompt]:
        """Return the prompts, by name."""
        return {each.name: each for each in self._portal.call(self._client.list_prompts).prompts}

    def prompt(self, name: str, arguments: dict[str, str] | None = None) -> str:
        """Return the words of a prompt."""
        [message] = self._portal.call(self._client.get_prompt, name, arguments).messages
        assert isinstance(message.content, types.TextContent)
        return message.content.text

    @property
    def instructions(self) -> str:
        """What the server tells the model about itself."""
        return str(self._client.instructions)


def _text(result: types.CallToolResult) -> str:
    return "\n".join(each.text for each in result.content if isinstance(each, types.TextContent))


@contextmanager
def over_http(host: str, key: str, mode: str, more: Mapping[str, str] | None = None) -> Iterator[McpClient]:
    """Connect to a running API with a key, and more headers."""

    @asynccontextmanager
    async def connected() -> Any:
        headers = {"authorization": f"Bearer {key}", **(more or {})}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{host}/mcp", http_client=http), mode=mode) as client,
        ):
            yield client

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(connected()) as client:
        yield McpClient(portal, client)


@contextmanager
def over_stdio(
    settings: Mapping[str, str], *options: str, mode: str = "auto", log: TextIO = sys.stderr
) -> Iterator[McpClient]:
    """Start the command as an editor does, and connect to it."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "memory.mcp", *options], cwd=PROJECT, env=dict(settings)
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(stdio_client(command, log), mode=mode)) as client,
    ):
        yield McpClient(portal, client)
