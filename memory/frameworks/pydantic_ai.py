"""PydanticAI: the memory of one person as a toolset.

    agent = Agent(model)
    await agent.run(message, toolsets=[memory_toolset(memory.for_user("dave"))])

The tools are those of MCP (memory/mcp/tools.py): search, add, list, update, delete, undo, explain and changes. None of
them has an argument that names a user, and an argument that a tool does not know is refused.
"""

from __future__ import annotations

from typing import Any

from ..errors import AppError
from ..facade import AsyncMemory, Memory
from ..mcp.tools import INSTRUCTIONS, TOOLS, Access, Tool
from . import bound, missing

try:
    from pydantic import ValidationError
    from pydantic_ai import FunctionToolset, ModelRetry
    from pydantic_ai import Tool as AgentTool
except ModuleNotFoundError as error:
    raise missing("pydantic-ai", "pydantic_ai", error) from error

__all__ = ["memory_toolset"]


def memory_toolset(
    memory: Memory | AsyncMemory, *, user_id: str | None = None, can_write: bool = True
) -> FunctionToolset[Any]:
    """Return tools that search and change what is remembered about one person, with instructions for the model.

    Make it for each request, after you have checked who asks. With `can_write=False` no tool changes anything.
    """
    owned, owner = bound(memory, user_id)
    access = Access(lambda: owned, owner, can_write=can_write)
    offered = [_tool(each, access) for each in TOOLS if can_write or not each.writes]
    return FunctionToolset(offered, id="keepsake", instructions=INSTRUCTIONS)


def _tool(tool: Tool, access: Access) -> AgentTool[Any]:
    def answer(**arguments: Any) -> str:
        try:
            return tool.answer(access, tool.arguments.model_validate(arguments)).text
        except ValidationError as error:
            raise ModelRetry("; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors())) from error
        except AppError as error:  # the reply goes on without it
            return str(error)

    schema = tool.arguments.model_json_schema()
    # Writes wait for each other, so that a model's calls are carried out in the order in which it made them.
    return AgentTool.from_schema(answer, tool.name, tool.description, schema, sequential=tool.writes)


def _place(names: tuple[int | str, ...]) -> str:
    return ".".join(map(str, names)) or "arguments"
