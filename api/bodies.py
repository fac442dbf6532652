"""The forms of the bodies and queries that the calls take, as mem0's clients send them.

What mem0 has and Keepsake does not is listed, so that it is refused with a sentence instead of being ignored. Fields
that only tell mem0's server how to answer are accepted and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.calls import Form, NotHere

__all__ = [
    "AddBody",
    "AnswerBody",
    "BatchBody",
    "BatchTextsBody",
    "CompletionBody",
    "DeleteQuery",
    "EntitiesQuery",
    "FeedbackBody",
    "LimitQuery",
    "ListBody",
    "PageQuery",
    "ScopeQuery",
    "SearchBody",
    "UndoBody",
    "UpdateBody",
    "WhoseQuery",
    "refuse_not_here",
]

MOST_AT_ONCE = 100
MAX_NUMBER = 2**63 - 1
Page = Annotated[int, Field(ge=1, le=1_000_000)]
PageSize = Annotated[int, Field(ge=1, le=1_000)]


class WithScope(Form):
    """Whose memories, and of which agent, app or run."""

    user_id: str | None = Field(None, description="The key's own person, or left out")
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None
    # What mem0's clients may send along, and what is the same for every value here.
    org_id: Any = Field(None, exclude=True)
    project_id: Any = Field(None, exclude=True)
    version: Any = Field(None, exclude=True)
    api_version: Any = Field(None, exclude=True)
    output_format: Any = Field(None, exclude=True)
    async_mode: Any = Field(None, exclude=True)


class WithFilters(WithScope):
    """Which memories."""

    filters: dict[str, Any] | None = Field(None, description="Conditions, such as {'kind': 'goal'}")
    categories: Any = Field(None, description="Not offered")
    show_expired: bool | None = Field(None, description="Only false")
    latest_only: bool | None = Field(None, description="Always so here")
    as_of: str | None = Field(None, description="Keepsake's own: what was known on this day, such as 2026-03-01")


class AddBody(WithScope):
    """What to remember."""

    messages: str | dict[str, Any] | list[dict[str, Any]]
    filters: dict[str, Any] | None = Field(None, description="The same ids, as newer clients send them")
    metadata: dict[str, Any] | None = None
    infer: bool | None = Field(None, description="False keeps each message as it was said")
    timestamp: int | None = Field(None, description="When it was said, in seconds since 1970")
    expiration_date: str | None = Field(None, description="A day such as 2027-01-31")
    custom_categories: Any = Field(None, description="Not offered")
    custom_instructions: Any = Field(None, description="Not offered")
    agent_custom_instructions: Any = Field(None, description="Not offered")
    structured_data_schema: Any = Field(None, description="Not offered")
    includes: Any = Field(None, description="Not offered")
    excludes: Any = Field(None, description="Not offered")
    immutable: Any = Field(None, description="Not offered")


class ListBody(WithFilters):
    """Which memories to list."""

    page: Page | None = None
    page_size: PageSize | None = None
    start_date: str | None = None
    end_date: str | None = None


class SearchBody(WithFilters):
    """What to search for."""

    query: str
    top_k: PageSize | None = None
    limit: PageSize | None = None
    threshold: float | None = Field(None, description="Leaves out what has a lower score")
    fields: list[str] | None = Field(None, description="The fields of a result to return")
    explain: bool = Field(False, description="Keepsake's own: the parts of each score")
    episodes: bool = Field(False, description="Keepsake's own: search what was said, too")
    rerank: bool | None = Field(None, description="Whoever runs the server decides that")
    keyword_search: bool | None = Field(None, description="Always so here")
    reference_date: Any = Field(None, description="Not offered")
    metadata: Any = Field(None, description="Not offered: use filters")


class UpdateBody(Form):
    """What a memory says from now on."""

    text: str | None = None
    metadata: Any = Field(None, description="Not offered")
    timestamp: Any = Field(None, description="Not offered")
    expiration_date: Any = Field(None, description="Not offered")


class DeleteQuery(Form):
    """Options of deleting one memory."""

    delete_linked: str | None = Field(None, description="Changes nothing: what a memory replaced is in its history")


class ScopeQuery(WithScope):
    """Which memories to delete: all of the person, or those of an agent, app or run."""

    filters: str | None = None
    metadata: str | None = Field(None, description="Not offered")


class PageQuery(Form):
    """Which page."""

    page: Page | None = None
    page_size: PageSize | None = None


class EntitiesQuery(PageQuery):
    """Whose agents, apps and runs."""

    user_id: str | None = Field(None, description="With an application's key: the agents, apps and runs of this user")


class WhoseQuery(Form):
    """Whom a call is about; a person's key is about its person."""

    user_id: str | None = None
    agent_id: str | None = Field(None, description="With an application's key: what an agent has without a user")
    app_id: str | None = None
    run_id: str | None = None


class LimitQuery(WhoseQuery):
    """How many."""

    limit: PageSize = 50


class TextOf(Form):
    """A memory and its new text."""

    memory_id: str
    text: str | None = None
    metadata: Any = Field(None, description="Not offered")


class IdOf(Form):
    """A memory."""

    memory_id: str


class BatchTextsBody(Form):
    """Several memories and their new texts."""

    memories: list[TextOf] = Field(min_length=1, max_length=MOST_AT_ONCE)


class BatchBody(Form):
    """Several memories."""

    memories: list[IdOf] = Field(min_length=1, max_length=1_000)


class FeedbackBody(Form):
    """Whether a memory is right."""

    memory_id: str
    feedback: Literal["POSITIVE", "NEGATIVE", "VERY_NEGATIVE"] | None = None
    feedback_reason: str | None = None


class UndoBody(Form):
    """Which change to undo: its number, or the run of several."""

    change: Annotated[int, Field(ge=0, le=MAX_NUMBER)] | str


class AnswerBody(Form):
    """Which statement is right."""

    answer: Literal["new", "old", "both", "neither"]


class SentMessage(BaseModel):
    """One message of a conversation, with whatever OpenAI's protocol has in it."""

    model_config = {"extra": "allow"}
    role: Literal["system", "developer", "user", "assistant", "tool"]


class CompletionBody(Form):
    """A conversation to answer, in OpenAI's form."""

    messages: list[SentMessage] = Field(min_length=1, max_length=10_000)
    model: str = Field("keepsake", description="One of GET /v1/models")
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = Field(None, description="memory_read and memory_write: true or false")
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    n: Literal[1] | None = None
    # What clients may send along, and what changes nothing here.
    user: Any = Field(None, exclude=True)
    safety_identifier: Any = Field(None, exclude=True)
    prompt_cache_key: Any = Field(None, exclude=True)
    prompt_cache_retention: Any = Field(None, exclude=True)
    service_tier: Any = Field(None, exclude=True)
    store: Literal[False] | None = Field(None, exclude=True)
    logprobs: Literal[False] | None = Field(None, exclude=True)
    audio: Any = Field(None, description="Not offered")
    modalities: Any = Field(None, description="Not offered")
    prediction: Any = Field(None, description="Not offered")
    web_search_options: Any = Field(None, description="Not offered")
    functions: Any = Field(None, description="Not offered")
    function_call: Any = Field(None, description="Not offered")
    top_logprobs: Any = Field(None, description="Not offered")

    def options(self) -> dict[str, Any]:
        """Return what is handed on to the model beside the messages."""
        ours = {"messages", "model", "stream", "stream_options", "metadata", "n"}
        return self.model_dump(exclude=ours, exclude_none=True)


def refuse_not_here(body: Form) -> None:
    """Raise `NotHere` if a body asks for what mem0 has and Keepsake does not."""
    fields: Mapping[str, Any] = type(body).model_fields
    for name, field in fields.items():
        if str(field.description).startswith("Not offered") and getattr(body, name) is not None:
            raise NotHere(f"Keepsake has no {name} here: leave it out.")
    if getattr(body, "show_expired", None):
        raise NotHere("Expired memories are not shown here: leave show_expired out.")
