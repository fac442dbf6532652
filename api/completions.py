"""OpenAI's address with memory: any client of it gets an assistant that remembers the person of the key.

    POST /v1/chat/completions       the client's conversation, answered with what is remembered
    GET /v1/models                  the models that may be asked for

Memories are recalled and put into the prompt as in the app's chat. No chat is saved: the conversation is what the
client sends. When the reply has ended, the latest message of the person waits in the import queue to be learned from.
Errors have OpenAI's shape. Whose memories these are is decided by the key.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.answer_forms import ModelList, WrittenReply
from api.bodies import CompletionBody, refuse_not_here
from api.calls import Arrived, Call, NotHere, read_body
from chat.answering import Lookup
from chat.answering.second_look import LookingReply, SecondLook
from chat.open_replies import REPLIES_AT_ONCE, TOO_MANY
from chat.preferences import Preferences, memory_off
from chat.prompt import PromptParts, system
from chat.tree import ChatHistory, Message, Switches
from chat.turn import checked_words
from memory import Fact, Said
from memory.errors import AppError, ContentRefused, InvalidInput, LimitReached, NotFound, PicturesRefused
from memory.model import Model, RelayedMessage, Usage
from memory.model.pieces import WholeMessage
from services import OpenKey, Services

__all__ = ["OPENAI_CALLS", "completion_routes"]

OWN_MODEL = "keepsake"  # the model that the person chose in the app, or the deployment's
MAX_BODY = 20_000_000  # bytes: pictures come inside
NO_MODEL = (
    "No language model is connected. Whoever runs this server can connect one: set OPENAI_API_KEY, or CHAT_MODEL."
)
NO_PICTURES = "The model did not accept the picture: it may only read text."
USED_UP = "Today's limit of tokens is reached."
SWITCHES = {"memory_read": "reads_memory", "memory_write": "writes_memory"}
ON_OR_OFF = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
MOST_IDS = 100  # in the header
_MESSAGES = uuid.UUID("b3a8d1de-6f4e-4a51-8a4b-0c6a5b0d9f37")  # the namespace of the ids of messages
KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 503: "not_available"}
Entered = Callable[[Request], Awaitable[tuple[Services, OpenKey]]]
Statuses = Callable[[AppError], tuple[int, dict[str, str]]]


def completion_routes(entered: Entered, status_of: Statuses) -> list[Route]:
    """Return the routes; `entered` checks the key of a request, `status_of` says how an error is answered."""
    one_at_a_time = AtOnce()

    async def answer_chat(request: Request) -> Response:
        try:
            app, key = await entered(request)
            body: Any = await read_body(request, CompletionBody, MAX_BODY)
            reply = await run_in_threadpool(_begin, app, key, body, one_at_a_time)
        except AppError as error:
            return _refusal(error, status_of)
        if body.stream:
            with_usage = bool((body.stream_options or {}).get("include_usage"))
            return EventStream(reply, status_of, with_usage=with_usage)
        try:
            return JSONResponse(await run_in_threadpool(_whole, reply), headers=reply.headers)
        except AppError as error:
            return _refusal(error, status_of)

    async def list_models(request: Request) -> Response:
        try:
            app, _ = await entered(request)
            return JSONResponse(await run_in_threadpool(_models, app), headers=PRIVATE)
        except AppError as error:
            return _refusal(error, status_of)

    return [
        Route("/v1/chat/completions", answer_chat, methods=["POST"]),
        Route("/v1/models", list_models, methods=["GET"]),
    ]


PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def _refusal(error: AppError, status_of: Statuses) -> Response:
    status, headers = status_of(error)
    if isinstance(error, ContentRefused | PicturesRefused | NotHere):
        status = 400
    return JSONResponse(_shaped(error, status), status, {**PRIVATE, **headers})


def _shaped(error: AppError, status: int) -> dict[str, Any]:
    said = NO_PICTURES if isinstance(error, PicturesRefused) else error.for_person()
    kind = KINDS.get(status, "rate_limit_error" if status == 429 else "server_error" if status >= 500 else KINDS[400])
    return {"error": {"message": said, "type": kind, "param": None, "code": CODES.get(status)}}


class AtOnce:
    """The replies that are being written in this process, at most a few for each person."""

    def __init__(self) -> None:
        self._running = Counter[str]()
        self._changing = threading.Lock()

    def begin(self, user_id: str) -> None:
        """Count a reply; raise `LimitReached` if too many are being written."""
        with self._changing:
            if self._running[user_id] >= REPLIES_AT_ONCE:
                raise LimitReached(TOO_MANY, 1)
            self._running[user_id] += 1

    def end(self, user_id: str) -> None:
        """Forget a reply that has ended."""
        with self._changing:
            self._running[user_id] -= 1
            self._running += Counter()  # without those that are at zero


# -- the conversation ----------------------------------------------------------------------------


@dataclass(frozen=True)
class SentConversation:
    """The messages that a client sent, and the latest one of the person in it."""

    forms: Sequence[Mapping[str, Any]]
    history: ChatHistory  # up to the latest message of the person, without what tools said

    @property
    def asked(self) -> Message:
        """The latest message of the person."""
        return self.history.messages[-1]

    @property
    def has_tools(self) -> bool:
        """Whether tools of the client were used in it."""
        return any(form["role"] == "tool" or form.get("tool_calls") for form in self.forms)

    @property
    def is_new(self) -> bool:
        """Whether the person said something; otherwise a tool was used for what they said before."""
        return bool(self.forms[-1]["role"] == "user")


def _conversation(user_id: str, forms: Sequence[Mapping[str, Any]], switches: Switches) -> SentConversation:
    """Read the messages of a request. The same words in the same place of a conversation have the same id."""
    said: list[Message] = []
    last, digest, now = 0, hashlib.sha256(user_id.encode()), datetime.now(UTC)
    for form in forms:
        words = _words(form)
        if form["role"] not in ("user", "assistant") or (form["role"] == "assistant" and not words.strip()):
            continue
        digest.update(f"\0{form['role']}\0{words}".encode("utf-8", "replace"))
        id_ = str(uuid.uuid5(_MESSAGES, digest.hexdigest()))
        before = said[-1].id if said else None
        said.append(Message(id_, "", before, user_id, form["role"], words, "complete", now))
        last = len(said) if form["role"] == "user" else last
    if not last:
        raise InvalidInput("messages holds no message of the user.")
    return SentConversation(forms, ChatHistory(tuple(said[:last]), (), switches))


def _words(form: Mapping[str, Any]) -> str:
    """Return the words of a message; parts that are no text are checked, and left out."""
    content = form.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise InvalidInput("The content of a message is text, or a list of parts.")
    for part in content:
        if part.get("type") not in ("text", "image_url", "refusal"):
            raise NotHere("A message has text and pictures only.")
        if part["type"] == "image_url" and not _is_inside(part.get("image_url")):
            raise NotHere("Send pictures inside the message, as data:image/… addresses.")
    return "\n\n".join(str(part.get("text") or "") for part in content if part["type"] == "text")


def _is_inside(picture: object) -> bool:
    """Whether a picture comes with its bytes. An address would be fetched from within the server's network."""
    address = picture.get("url") if isinstance(picture, Mapping) else None
    return isinstance(address, str) and address.startswith("data:image/")


def _switches(metadata: Mapping[str, Any] | None) -> Switches:
    """Return what `metadata` says of reading and writing memory; the rest of it is the client's own."""
    chosen: dict[str, bool] = {}
    for name, value in (metadata or {}).items():
        if not name.startswith("memory"):
            continue
        switched = ON_OR_OFF.get(str(value).lower())
        if name not in SWITCHES or switched is None:
            raise InvalidInput("In metadata, memory_read and memory_write are true or false.")
        chosen[SWITCHES[name]] = switched
    return Switches(**chosen)


def _with_system(forms: Sequence[Mapping[str, Any]], words: str) -> list[Mapping[str, Any]]:
    """Put the instructions first: into the client's own system message, since some models take only one."""
    first, rest = forms[0], forms[1:]
    if first["role"] not in ("system", "developer"):
        return [{"role": "system", "content": words}, *forms]
    content = first.get("content")
    if isinstance(content, list):
        return [{**first, "content": [{"type": "text", "text": words}, *content]}, *rest]
    return [{**first, "content": f"{words}\n\n{content or ''}".strip()}, *rest]


def _relayed(form: Mapping[str, Any]) -> RelayedMessage:
    counted = {name: value for name, value in form.items() if name != "content"} | {"content": _words(form)}
    return RelayedMessage(form["role"], json.dumps(counted, ensure_ascii=False), form=form)


# -- the reply -----------------------------------------------------------------------------------


@dataclass
class RelayedReply:
    """A reply while it is written: its receipt, and the pieces that the model's server sends."""

    app: Services
    key: OpenKey
    conversation: SentConversation
    learns: bool
    at_once: AtOnce
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    pieces: Iterator[dict[str, Any]] = field(default_factory=lambda: iter(()))
    _opened: ExitStack = field(default_factory=ExitStack)
    _ended: bool = False

    def begin(self, pieces: Iterator[dict[str, Any]]) -> None:
        """Ask the model; return when the first piece is there, so that a refusal is known before anything is sent."""
        pieces = self._opened.enter_context(closing(_generator(pieces)))
        try:
            first = next(pieces, None)
        except LimitReached as error:
            # The sentence of the chat says that the message is saved there.
            raise LimitReached(USED_UP, error.retry_after) from error
        self.pieces = iter(()) if first is None else chain([first], pieces)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer: the ids of the memories that the reply was given."""
        ids = [each["id"] for each in self.receipt.get("memories", ())][:MOST_IDS]
        return {
            **PRIVATE,
            "x-keepsake-memories": ",".join(each for each in ids if each.isascii() and each.isprintable()),
        }

    def end(self) -> None:
        """End the call of the model, and let the person's message be learned from, however the reply ended."""
        if self._ended:
            return
        self._ended = True
        try:
            self._opened.close()
        finally:
            self.at_once.end(self.key.user_id)
            self._learn()

    def _learn(self) -> None:
        asked = self.conversation.asked
        if self.learns and self.conversation.is_new and asked.content:
            said = Said("user", asked.content, asked.created_at, asked.id)
            with self.key.acting():
                self.app.memory.import_queue.add(self.key.user_id, [said], "learn")
            self.app.worker.wake()


def _begin(app: Services, key: OpenKey, body: CompletionBody, at_once: AtOnce) -> RelayedReply:
    """Recall memories and ask the model."""
    refuse_not_here(body)
    if app.chat.model is None:
        raise AppError(NO_MODEL)
    forms = _sendable([each.model_dump(exclude_unset=True) for each in body.messages])
    conversation = _checked(_conversation(key.user_id, forms, _switches(body.metadata)))
    preferences = app.preferences.get(key.user_id)
    learns = key.can_write and preferences.writes_memory and conversation.history.switches.writes
    at_once.begin(key.user_id)
    reply = RelayedReply(app, key, conversation, learns, at_once)
    with _ending_at_errors(reply):
        if conversation.is_new:
            app.limits.may_say(key.user_id, conversation.asked.content)
        model = _model(app, key.user_id, body.model, preferences)
        reply.begin(_pieces(reply, model, body, _parts(reply, preferences)))
    return reply


def _sendable(value: Any) -> Any:
    """Return what came as JSON as it can be sent: half a surrogate pair becomes a question mark."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _checked(conversation: SentConversation) -> SentConversation:
    """Return the conversation with the latest message as it may be stored; raise `InvalidInput` if it is too long."""
    history = conversation.history
    asked = replace(history.messages[-1], content=checked_words(history.messages[-1].content, with_files=True))
    return replace(conversation, history=replace(history, messages=(*history.messages[:-1], asked)))


@contextmanager
def _ending_at_errors(reply: RelayedReply) -> Iterator[None]:
    """End a reply that cannot be begun; nothing of it is learned if a limit or the request was the reason."""
    try:
        yield
    except (LimitReached, InvalidInput, NotFound, NotHere):
        reply.learns = False
        reply.end()
        raise
    except BaseException:
        reply.end()
        raise


def _generator(pieces: Iterator[dict[str, Any]]) -> Generator[dict[str, Any], None, None]:
    """Return pieces that can be closed, whatever kind of model they come from."""
    yield from pieces


def _model(app: Services, user_id: str, name: str, preferences: Preferences) -> Model:
    chosen = preferences.model if name == OWN_MODEL else name
    model = app.chat.model_for(user_id, chosen)
    if model is None and name == OWN_MODEL:  # the one that the person chose is gone
        model = app.chat.model_for(user_id)
    if model is None:
        raise NotFound(
            f"There is no model of this name here: GET /v1/models lists them, and {OWN_MODEL!r} always works."
        )
    return model


def _parts(reply: RelayedReply, preferences: Preferences) -> PromptParts:
    """Return what the instructions are made of, with what is remembered as in the app; note it in the receipt."""
    app, history = reply.app, reply.conversation.history
    zone = app.memory.people.get(reply.key.user_id).zone
    off = memory_off(preferences, history.switches)
    parts = PromptParts(history.messages, preferences=preferences, memory_off=off, zone=zone)
    if off:
        reply.receipt["memory_off"] = True
        return parts
    lookup = Lookup(app.memory, reply.conversation.asked, history)
    return replace(parts, memories=lookup.for_prompt(reply.receipt))


def _pieces(reply: RelayedReply, model: Model, body: CompletionBody, parts: PromptParts) -> Iterator[dict[str, Any]]:
    """Return the reply in pieces; the model may search the memories meanwhile, if the client has no tools of its own.

    Beside the client's tools, ours could have the name of one of them, and one message could call both: the client
    would be handed a call that it does not know, or would wait for an answer that only we can give.
    """
    chat, conversation, options = reply.app.chat, reply.conversation, _sendable(body.options())
    now = datetime.now(parts.zone)

    def written(found: Sequence[Fact], may_search: bool) -> list[RelayedMessage]:
        told = replace(parts, memories=[*parts.memories, *found], may_search=may_search)
        return [_relayed(each) for each in _with_system(conversation.forms, system(told, now))]

    theirs = {"tools", "tool_choice", "response_format"} & options.keys() or conversation.has_tools
    knows = chat.offers is None or chat.offers.takes_tools(model.name)
    if theirs or parts.memory_off or not knows or not chat.second_looks:
        return model.relay(written((), False), options, reply.usage)
    lookup = Lookup(reply.app.memory, conversation.asked, conversation.history)
    look = SecondLook(lookup, parts.zone, reply.receipt, parts.memories, chat.second_looks)
    return LookingReply(model, written, look, reply.usage, options, chat.offers).pieces()


def _models(app: Services) -> dict[str, Any]:
    if app.chat.model is None:
        raise AppError(NO_MODEL)
    names = dict.fromkeys([OWN_MODEL, *(app.offers.names())])
    about = {"object": "model", "created": 0, "owned_by": "keepsake"}
    return {"object": "list", "data": [{"id": each, **about} for each in names]}


# -- the two forms of an answer ------------------------------------------------------------------


def _whole(reply: RelayedReply) -> dict[str, Any]:
    """Return the reply as one object, put together from its pieces."""
    message = WholeMessage()
    whole: dict[str, Any] = {"id": "", "object": "chat.completion", "created": int(time.time())}
    finish = None
    try:
        for piece in reply.pieces:
            whole |= {name: piece[name] for name in ("id", "created", "model", "usage") if piece.get(name)}
            for choice in piece.get("choices") or []:
                message.add(choice.get("delta") or {})
                finish = choice.get("finish_reason") or finish
    finally:
        reply.end()
    choice = {"index": 0, "message": message.form, "finish_reason": finish, "logprobs": None}
    return {**whole, "choices": [choice], "keepsake": reply.receipt}


class EventStream(StreamingResponse):
    """The reply as it is written; whatever ends it, also a client that is gone, ends the call of the model."""

    def __init__(self, reply: RelayedReply, status_of: Statuses, *, with_usage: bool) -> None:
        self._reply, self._status_of, self._with_usage = reply, status_of, with_usage
        super().__init__(self._events(), media_type="text/event-stream", headers=reply.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._reply.end)

    async def _events(self) -> AsyncIterator[str]:
        told: dict[str, Any] | None = None
        try:
            while (piece := await run_in_threadpool(next, self._reply.pieces, None)) is not None:
                if piece.get("choices") or self._with_usage:
                    receipt = dict(self._reply.receipt)
                    if told is None:
                        piece = _first(piece)
                    # With the first piece, and once more after a search.
                    yield _event(piece if receipt == told else piece | {"keepsake": receipt})
                    told = receipt
        except AppError as error:
            yield _event(_shaped(error, self._status_of(error)[0]))
        else:
            yield "data: [DONE]\n\n"


def _first(piece: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first piece with the role of its message: OpenAI's clients need it, and not every server sends it."""
    choices = piece.get("choices") or []
    spoken = [{**each, "delta": {"role": "assistant", **(each.get("delta") or {})}} for each in choices]
    return {**piece, "choices": spoken}


def _event(value: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def complete(call: Arrived) -> Any:
    """Answer a conversation with what is remembered; `metadata` switches memory_read and memory_write."""
    raise NotImplementedError  # the routes above answer, since an answer may be a stream


def models(call: Arrived) -> Any:
    """Return the models that may be asked for; `keepsake` is the one that is chosen in the app."""
    raise NotImplementedError


OPENAI_CALLS = (
    Call(
        "POST",
        "/v1/chat/completions",
        "Chat with memory",
        complete,
        body=CompletionBody,
        of="OpenAI",
        returns=WrittenReply,
    ),
    Call("GET", "/v1/models", "The models", models, of="OpenAI", returns=ModelList),
)
