"""Lists the views of the app that screenshots show and that axe checks, and who is signed in at each.

Every page of the app has at least one view here; test_accessibility.py checks that. navigation.py holds the steps that
lead to a view, sample_chats.py the chats that it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Browser

from tests.e2e import navigation, sample_accounts, sample_chats
from tests.e2e.keepsake import PATIENCE_MS, Keepsake, Visitor
from tests.model_answers import Gate, Item, Json, Reply, Request, Slow, sensible
from tests.model_server import ModelServer

__all__ = ["LIGHTS", "PLACES", "SIZES", "Place", "arrive", "come", "live", "stand_still"]

LIGHTS = ("light", "dark")
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
# The accounts that exist beforehand, and what fills them.
KNOWN = {"member": sample_accounts.fill, "doubter": sample_accounts.doubt, "old friend": sample_accounts.grow_old}
ADDRESSES = {"member": "dave@example.com", "doubter": "ines@example.com", "old friend": "rui@example.com"}


class Place(NamedTuple):
    """Somewhere in the app: the page it belongs to, who may be there, and how they go there from anywhere."""

    name: str
    page: str
    who: str  # a stranger, a newcomer who did not agree yet, a beginner who just did, or one of those known from before
    go: Callable[[Visitor], None]


def scripted(request: Request) -> Item:
    """What the model says: to Dave his replies and what is worth keeping, to everybody else something sensible."""
    if request.schema and "lines" in request.schema.get("properties", {}):
        return Json({"lines": sample_chats.page_of(request.said("user"))})
    if request.schema:
        told = sample_chats.told_of(request.said("user"))
        return sensible(request) if told is None else Json({"operations": told})
    if request.streams and navigation.AT_LENGTH in request.said("user"):
        begun = Slow([f"{each}\n\n" for each in sample_chats.STORY], Gate())
        begun.gate.let(len(sample_chats.STORY) - 1)
        return begun
    return Reply(sample_chats.reply_to(request.said("user")) or "I do not know that yet.")


def come(browser: Browser, keepsake: Keepsake, light: str = "light", size: str = "wide") -> Visitor:
    """Somebody at the welcome page."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=light)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(keepsake.address)
    page.get_by_label("Password", exact=True).locator("visible=true").first.wait_for()
    return Visitor(page)


def live(browser: Browser, keepsake: Keepsake, model: ModelServer) -> None:
    """Make the accounts of those who are known from before, and fill them; Dave's last chat is had at the browser."""
    model.unscripted = scripted
    model.enqueue_names(Json({"name": sample_chats.NOW}))
    for who, fill in KNOWN.items():
        person = come(browser, keepsake)
        person.sign_up(ADDRESSES[who])
        fill(keepsake, model.base_url)
        if who == "member":
            for turn in sample_chats.TODAYS:
                person.says(turn.said)
                person.sees(turn.reply[-20:])
            person.page.get_by_role("button", name="Learned:").wait_for()
            person.page.get_by_role("button", name=sample_chats.NOW).wait_for()
        person.page.context.close()


def arrive(person: Visitor, who: str, once: str) -> None:
    """Become this kind of person; `once` makes a newcomer's address new."""
    if who in KNOWN:
        person.sign_in(ADDRESSES[who])
        person.arrives()
    elif who == "newcomer":
        person.begins_account(f"{once}@example.com")
    elif who == "beginner":
        person.sign_up(f"beginner-{once}@example.com")


def stand_still(person: Visitor) -> None:
    """Wait until nothing is drawn and nothing moves any more: half-way, colours are none that stay."""
    page = person.page
    # A reply that is being written is being drawn as long.
    page.locator("[data-testid=stApp]:is([data-test-script-state=notRunning], :has(.st-key-stop-reply))").wait_for()
    page.wait_for_function("() => document.getAnimations().every((each) => each.playState !== 'running')")
    page.wait_for_function("() => document.fonts.status === 'loaded'")


PLACES = (
    Place("welcome", "welcome", "stranger", navigation.sign_in),
    Place("welcome-sign-up", "welcome", "stranger", navigation.sign_up),
    Place("welcome-mail", "welcome", "stranger", navigation.mail),
    Place("welcome-code", "welcome", "stranger", navigation.code),
    Place("consent", "chat", "newcomer", navigation.consent),
    Place("first-chat", "chat", "beginner", navigation.new_chat),
    Place("memories-empty", "memories", "beginner", navigation.nothing_yet("Memories")),
    Place("health-empty", "health", "beginner", navigation.nothing_yet("Health")),
    Place("chat-writing", "chat", "beginner", navigation.writing),
    Place("new-chat", "chat", "member", navigation.new_chat),
    Place("chat", "chat", "member", navigation.chat),
    Place("chat-receipt", "chat", "member", navigation.receipt),
    Place("chat-learned", "chat", "member", navigation.learned),
    Place("chat-models", "chat", "member", navigation.models),
    Place("chat-reworded", "chat", "member", navigation.reworded),
    Place("chat-attachment", "chat", "member", navigation.attachment),
    Place("chat-menu", "chat", "member", navigation.chat_menu),
    Place("chat-temporary", "chat", "member", navigation.temporary),
    Place("chat-shortcuts", "chat", "member", navigation.shortcuts),
    Place("chat-search", "chat", "member", navigation.search),  # the search stays, so what opens a chat comes before it
    Place("chat-archived", "chat", "member", navigation.archived),
    Place("chat-which-is-right", "chat", "doubter", navigation.which_is_right),
    Place("chat-still-so", "chat", "old friend", navigation.still_so),
    Place("memories", "memories", "member", navigation.memories),
    Place("memories-details", "memories", "member", navigation.details),
    Place("memories-several", "memories", "member", navigation.several),
    Place("memories-timeline", "memories", "member", navigation.timeline),
    Place("memories-graph", "memories", "member", navigation.graph),
    Place("memories-profile", "memories", "member", navigation.memories_tab("Profile", "Moinho Novo")),
    Place("memories-files", "memories", "member", navigation.memories_tab("Files", "All your current memories")),
    Place("health", "health", "member", navigation.health),
    Place("health-look", "health", "member", navigation.says_the_same),
    Place("health-checks", "health", "member", navigation.health_tab("Recall checks", "2 of 2 passed")),
    Place("health-refused", "health", "member", navigation.health_tab("Not stored", "Contains a secret")),
    Place("settings", "settings", "member", navigation.settings),
    Place("language-model", "connect", "member", navigation.language_model),
    Place("account", "account", "member", navigation.account),
    Place("account-open", "account", "member", navigation.account_open),
)
