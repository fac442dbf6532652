"""Speaks MCP, over stdin and stdout and over HTTP: the only importer of its SDK.

    server = make_server(lambda request: access)
    await serve_stdio(server)
    await answer_http(server, longest_body, scope, receive, send)

What is offered is in tools.py. Over HTTP each request stands for itself: no session is kept, so whoever answers it has
checked its key. This module checks no key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from anyio.to_thread import run_sync
from mcp import MCPError, types
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import ValidationError

from ..errors import AppError, InvalidInput
from ..plain_text import storable
from ..rows.acting import acting_through
from .tools import INSTRUCTIONS, PROFILE, PROMPTS, TOOLS, Access, Answer, Prompt, Tool, profile

__all__ = ["answer_http", "make_server", "serve_stdio"]

log = logging.getLogger("keepsake.mcp")
NAME, TITLE = "keepsake", "Keepsake"
UNEXPECTED = "Something went wrong. Whoever runs this server finds it in the log."
LONGEST_NAME = 60  # of a wrong argument, in a sentence
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Context = ServerRequestContext[Any, Any]
Value = TypeVar("Value")


def make_server(access_of: Callable[[Any], Access]) -> Server[Any]:
    """Return the server; `access_of` is given the HTTP request of a call, or None, and says what the client reaches."""
    handlers = _Handlers(access_of)
    return Server(
        NAME,
        title=TITLE,
        version=_version(),
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_read_resource=handlers.read_resource,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
    )


class _Handlers:
    """What answers each kind of request."""

    def __init__(self, access_of: Callable[[Any], Access]) -> None:
        self._access_of = access_of

    async def list_tools(self, context: Context, _asked: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_shown(each) for each in _offered(self._access_of(context.request))])

    async def call_tool(self, context: Context, asked: types.CallToolRequestParams) -> types.CallToolResult:
        access = self._access_of(context.request)
        tool = next((each for each in _offered(access) if each.name == asked.name), None)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, _no_tool(asked.name))
        try:
            answer = await _carried_out(access, lambda: _answer(tool, access, asked.arguments or {}))
        except AppError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=answer.text)], structured_content=answer.data)

    async def list_resources(
        self, _context: Context, _asked: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=[_shown_profile()])

    async def read_resource(self, context: Context, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        access = self._access_of(context.request)
        if str(asked.uri) != PROFILE:
            raise MCPError(types.INVALID_PARAMS, f"There is only the resource {PROFILE} here.")
        text = await _told(access, lambda: profile(access))
        contents = types.TextResourceContents(uri=PROFILE, mime_type="text/markdown", text=text)
        return types.ReadResourceResult(contents=[contents])

    async def list_prompts(
        self, _context: Context, _asked: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[_shown_prompt(each) for each in PROMPTS])

    async def get_prompt(self, context: Context, asked: types.GetPromptRequestParams) -> types.GetPromptResult:
        access = self._access_of(context.request)
        prompt = next((each for each in PROMPTS if each.name == asked.name), None)
        if prompt is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no prompt {_short(asked.name)!r} here.")
        text = await _told(access, lambda: prompt.make(access, asked.arguments or {}))
        said = types.PromptMessage(role="user", content=types.TextContent(text=text))
        return types.GetPromptResult(description=prompt.description, messages=[said])


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over stdin and stdout, until it closes them."""
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def answer_http(server: Server[Any], longest_body: int, scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request of streamable HTTP, as JSON."""
    # No session is kept, so nothing outlives the request: the app that this is part of needs no lifespan for it.
    manager = StreamableHTTPSessionManager(
        server, stateless=True, json_response=True, max_request_body_size=longest_body
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)


# -- carrying out --------------------------------------------------------------------------------


def _offered(access: Access) -> list[Tool]:
    return [each for each in TOOLS if access.can_write or not each.writes]


def _no_tool(name: str) -> str:
    if any(each.name == name for each in TOOLS):
        return "This access can only read."
    return f"There is no tool {_short(name)!r} here."


def _answer(tool: Tool, access: Access, given: Mapping[str, Any]) -> Answer:
    try:
        arguments = tool.arguments.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = _short(".".join(map(str, first["loc"])))
        if first["type"] == "extra_forbidden":
            raise InvalidInput(f"{tool.name} takes no {name!r}.") from error
        raise InvalidInput(f"{name!r}: {first['msg']}.") from error
    except RecursionError as error:
        raise InvalidInput("The arguments are nested too deeply.") from error
    return tool.answer(access, arguments)


async def _told(access: Access, act: Callable[[], str]) -> str:
    """Carry out what is no tool; its errors are the protocol's, with the same sentences."""
    try:
        return await _carried_out(access, act)
    except AppError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from error


async def _carried_out(access: Access, act: Callable[[], Value]) -> Value:
    """Carry out a call in a thread. What is no error of ours is a bug: it is logged, and the client is not told it."""

    def acting() -> Value:
        with acting_through(access.key_name, access.application):
            return act()

    # As a value: the SDK would send the words of an unknown exception to the client.
    [outcome] = await asyncio.gather(run_sync(acting), return_exceptions=True)
    if isinstance(outcome, AppError):
        raise outcome
    if isinstance(outcome, Exception):
        log.error("a call failed unexpectedly", exc_info=outcome)
        raise MCPError(types.INTERNAL_ERROR, UNEXPECTED)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


# -- as the protocol has it ----------------------------------------------------------------------


def _shown(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.writes,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


def _shown_profile() -> types.Resource:
    return types.Resource(
        uri=PROFILE,
        name="profile",
        title="Profile",
        description="One page about the person, written from what is remembered.",
        mime_type="text/markdown",
    )


def _shown_prompt(prompt: Prompt) -> types.Prompt:
    return types.Prompt(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            types.PromptArgument(name=name, description=meaning, required=True)
            for name, meaning in prompt.arguments.items()
        ],
    )


def _short(name: str) -> str:
    return storable(name)[:LONGEST_NAME]


def _version() -> str:
    try:
        return version("keepsake")
    except PackageNotFoundError:  # in the repository
        return "0"
