"""Draws how the owner of a machine connects a model: programs on the machine, or an address with a key.

The key is typed into a form that is emptied when it is sent, stays on the server, and is never drawn. Each step asks
`services` for leave again, which refuses on a hosted app and to everybody but the machine's owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st

from auth.guard import User
from chat.answering.without_model.wording import NO_MODEL
from memory.errors import TELL, AppError, InvalidInput
from memory.model import PromptMessage
from memory.model.catalog import for_chat
from memory.model.connection import Connection, LocalServer, address_of, find_local_servers
from services import services
from ui.elements import as_code, escape, plural
from ui.frame import MARK, show_error, show_errors
from ui.safe_text import safe_markdown_stream

__all__ = ["draw_connected", "draw_connecting", "draw_local_servers", "may_connect"]

OWNER, CHOSEN, SERVERS, NOTE = "model_owner", "model_chosen", "model_servers", "model_note"
PROXIED = ("X-Forwarded-For", "Forwarded")
TRIAL = "Say hello in one short sentence."


@dataclass(frozen=True)
class Offer:
    """An address that was asked which models it has."""

    base_url: str | None
    api_key: str | None
    models: tuple[str, ...]

    def connection(self, model: str) -> Connection:
        """Return the connection to one of its models."""
        return Connection(model, self.base_url, self.api_key)


def may_connect(user: User) -> bool:
    """Return whether this person may connect a model from here: the machine's owner, at the machine itself."""
    if not services().settings.local or not _at_this_machine():
        return False
    # Asked once in a browser session; whatever is done asks again.
    if st.session_state.get(OWNER, ("", False))[0] != user.id:
        st.session_state[OWNER] = (user.id, services().may_connect(user.id))
    return bool(st.session_state[OWNER][1])


def _at_this_machine() -> bool:
    """Return whether the browser runs on this machine; a proxy in between says that it may not."""
    if any(st.context.headers.get(each) for each in PROXIED):
        return False
    address = st.context.ip_address  # Streamlit gives none for this machine
    try:
        return address is None or ip_address(address).is_loopback
    except ValueError:
        return False


def draw_connected(user: User) -> None:
    """Draw which model replies now, and the button that removes it."""
    app = services()
    if note := st.session_state.pop(NOTE, None):
        st.success(escape(note), icon=":material/check:")
    if not app.settings.has_model:
        st.markdown(f"{NO_MODEL}.")
        return
    address = app.settings.openai_base_url
    where = f" at {as_code(_host(address))}" if address else " at OpenAI"
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="model-connected"):
        st.markdown(f"**{escape(app.settings.chat_model)}**{where} replies.", width="stretch")
        if app.connectable and not app.settings.model_was_found:
            icon = ":material/power_off:"
            st.button("Disconnect", key="model-disconnect", icon=icon, on_click=_disconnect, args=(user,))
    if not app.connectable:
        st.caption(
            "The settings of this app name this model (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, `CHAT_MODEL`). They come "
            "first: to choose another model here, remove them and start the app again."
        )


def draw_local_servers(user: User) -> None:
    """Draw the programs on this machine that serve models, each with a choice of its models."""
    found: list[LocalServer] | None = st.session_state.get(SERVERS)
    if found is None:
        with st.spinner("Looking for Ollama and LM Studio…"):
            found = st.session_state[SERVERS] = find_local_servers()
    for server in found:
        offer = Offer(server.base_url, None, server.models)
        with st.container(border=True, key=f"model-server-{server.name.replace(' ', '-').lower()}"):
            number = plural(len(server.models), "1 model", "{number} models")
            st.markdown(f"**{escape(server.name)}** is running, with {number}.")
            _draw_choice(user, offer, server.name)
    if not found:
        links = "[Ollama](https://ollama.com) or [LM Studio](https://lmstudio.ai)"
        st.markdown(f"No {links} with a model answers on this machine. Start one, and look again.")
    st.button("Look again", key="model-look", icon=":material/refresh:", type="tertiary", on_click=_look_again)


def draw_connecting(user: User) -> None:
    """Draw the form for an address and a key, and then the models that the address has."""
    # Emptied when it is sent, so that the browser does not keep the key.
    with st.form("model-address", clear_on_submit=True):
        typed = st.text_input(
            "Address", key="model-url", placeholder="https://api.openai.com/v1", help="Leave empty for OpenAI."
        )
        key = st.text_input("API key", key="model-key", type="password", autocomplete="off")
        submitted = st.form_submit_button("Find models", icon=":material/search:")
    if submitted:
        st.session_state.pop(CHOSEN, None)
        with _explaining():
            st.session_state[CHOSEN] = _ask(user, typed, key)
    if offer := st.session_state.get(CHOSEN):
        with st.container(border=True, key="model-offer"):
            st.markdown(f"Models at {as_code(_host(offer.base_url) if offer.base_url else 'api.openai.com')}")
            _draw_choice(user, offer, "address")


def _ask(user: User, typed: str, key: str) -> Offer:
    """Return which models an address has; raise an `AppError` that says what is wrong with it."""
    address, api_key = address_of(typed), key.strip() or None
    if address is None and api_key is None:
        raise InvalidInput("Enter an address, or the key for OpenAI.")
    host = _host(address) if address else "api.openai.com"
    with closing(services().model_at(user.id, Connection(host, address, api_key))) as place:
        models = tuple(for_chat(place.listed()))
    if not models:
        raise InvalidInput(f"{host} lists no model for chats.")
    return Offer(address, api_key, models)


def _draw_choice(user: User, offer: Offer, name: str) -> None:
    """Draw the models of an address, the button that tries one, and the button that connects it."""
    model = st.selectbox("Model", offer.models, key=f"model-of-{name}")
    row = st.container(horizontal=True, gap="small")
    tries = row.button("Try it", key=f"model-try-{name}", icon=":material/play_arrow:")
    connects = row.button("Connect", key=f"model-connect-{name}", icon=":material/power:", type="primary")
    if tries:
        _try(user, offer.connection(model))
    if connects:
        try:
            services().connect(user.id, offer.connection(model))
        except AppError as error:
            show_error(error)
        else:
            st.session_state.pop(CHOSEN, None)
            st.session_state[NOTE] = f"{model} is connected."
            st.rerun()


def _try(user: User, connection: Connection) -> None:
    """Let a model say a sentence, drawn as it comes."""
    with _explaining(), closing(services().model_at(user.id, connection)) as model:
        with st.chat_message("assistant", avatar=MARK):
            st.write_stream(safe_markdown_stream(model.stream([PromptMessage("user", TRIAL)])))
        st.caption(f":material/check: {escape(connection.model)} answers.")


@contextmanager
def _explaining() -> Iterator[None]:
    """Show an error with what to check: here the reader is who runs the app."""
    try:
        yield
    except AppError as error:
        st.error(escape(error.for_deployer().replace(f" {TELL}", "")), icon=":material/error:")


def _disconnect(user: User) -> None:
    with show_errors():
        services().connect(user.id, None)


def _look_again() -> None:
    st.session_state.pop(SERVERS, None)


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2] or address
